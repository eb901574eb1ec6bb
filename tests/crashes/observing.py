"""What a reader sees of a project: the kit's own look."""

from hopsartifacts.testing.checker import view

__all__ = ["view"]
