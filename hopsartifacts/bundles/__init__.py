"""Bundles: models, artifacts and deployments as one file for sites without a network."""
