"""The processes inside the pods of a deployment on a Kubernetes cluster."""
