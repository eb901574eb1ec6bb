"""The back ends that run deployments: their contract, and a package for each."""
