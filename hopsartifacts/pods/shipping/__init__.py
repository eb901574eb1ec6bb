"""The sidecar that takes the inference log of a pod into the project, or to Kafka."""
