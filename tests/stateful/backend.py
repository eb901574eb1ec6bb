"""A serving back end that only knows states: the kit's."""

from hopsartifacts.testing.states_only import StatesOnly

__all__ = ["StatesOnly"]
