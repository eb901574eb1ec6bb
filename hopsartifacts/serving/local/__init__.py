"""Deployments as processes on this machine."""

from hopsartifacts.serving.local.backend import LocalBackend

__all__ = ["LocalBackend"]
