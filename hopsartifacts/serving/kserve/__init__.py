"""Deployments on a Kubernetes cluster with KServe."""
