"""Artifact versions: the scripts and files that a deployment runs with its model."""
