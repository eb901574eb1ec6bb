"""Artifact versions: what a deployment runs besides the model."""
