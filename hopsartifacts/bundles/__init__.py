"""Bundles: models, artifacts and deployments as one file, for sites off the net."""
