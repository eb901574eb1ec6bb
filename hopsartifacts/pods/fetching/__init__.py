"""The init container of a pod: it fetches one deployment version and checks it.

Run it with ``python -m hopsartifacts.pods.fetching <uri> <folder>``.
"""
