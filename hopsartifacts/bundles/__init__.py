"""Bundles: models, artifacts and deployments in one file, for sites without network."""
