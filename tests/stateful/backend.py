"""A serving back end that only knows states: the kit's."""

from hopsartifacts.testing.serving import StatesOnly

__all__ = ["StatesOnly"]
