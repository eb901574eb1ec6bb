"""All models, metrics, artifacts and deployments as Arrow tables, kept as Parquet."""
