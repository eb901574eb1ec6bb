"""Arrow tables of all models, metrics, artifacts and deployments, cached as Parquet."""
