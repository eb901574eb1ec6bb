"""The processes inside the pods of a cluster.

Each is started by its own command, which the manifest of a deployment names.
"""
