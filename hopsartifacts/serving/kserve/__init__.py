"""Deployments as objects of KServe: pure functions that connect to nothing."""
