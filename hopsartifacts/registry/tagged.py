"""The user's API for tags, shared by all objects that have tags."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from hopsartifacts.names import tag_name
from hopsartifacts.registry.given import checked_tag

Tags = dict[str, Any]


class Tagged(ABC):
    """The base class of saved objects whose tags can be changed after saving."""

    def add_tag(self, name: str, value: Any) -> None:
        """Set the tag *name* to *value*, any JSON value; replace an existing value.

        Raises:
            InvalidNameError: the name breaks its rule.
            InvalidModelError: *value* cannot be written as JSON.
            NotFoundError: the tagged object was deleted, or never saved.
        """
        tag, checked = tag_name(name), checked_tag(name, value)
        self._change_tags(lambda tags: {**tags, tag: checked})

    set_tag = add_tag

    def get_tag(self, name: str) -> Any:
        """Return the value of a tag; None if it is not set."""
        return self.get_tags().get(name)

    @abstractmethod
    def get_tags(self) -> Tags:
        """Return the current tags.

        Raises:
            NotFoundError: the tagged object was deleted, or never saved.
        """

    def delete_tag(self, name: str) -> None:
        """Remove a tag; do nothing if it is not set."""
        self._change_tags(lambda tags: {tag: tags[tag] for tag in tags if tag != name})

    @abstractmethod
    def _change_tags(self, change: Callable[[Tags], Tags]) -> None:
        """Replace the tags by the result of *change*."""
