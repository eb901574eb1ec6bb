"""Where deployments run: a contract, and one package a place."""
