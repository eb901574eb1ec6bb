"""Deployments: what may be combined, how it is sealed, and where it runs."""
