"""Tags as users hold them, on whatever has some."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from hopsartifacts.names import tag_name
from hopsartifacts.registry.given import checked_tag

Tags = dict[str, Any]


class Tagged(ABC):
    """Something that is saved, and has tags that can be changed afterwards."""

    def add_tag(self, name: str, value: Any) -> None:
        """Set the tag *name* to *value*, any JSON value, replacing what it was.

        Raises:
            InvalidNameError: the name is outside its rule.
            InvalidModelError: *value* is not JSON.
            NotFoundError: what it is a tag of was deleted, or never saved.
        """
        tag, checked = tag_name(name), checked_tag(name, value)
        self._change_tags(lambda tags: {**tags, tag: checked})

    set_tag = add_tag

    def get_tag(self, name: str) -> Any:
        """Return the value of a tag, None if it is not set."""
        return self.get_tags().get(name)

    @abstractmethod
    def get_tags(self) -> Tags:
        """Return all tags as they are now.

        Raises:
            NotFoundError: what they are tags of was deleted, or never saved.
        """

    def delete_tag(self, name: str) -> None:
        """Remove a tag; silent if it is not set."""
        self._change_tags(lambda tags: {tag: tags[tag] for tag in tags if tag != name})

    @abstractmethod
    def _change_tags(self, change: Callable[[Tags], Tags]) -> None:
        """Replace the tags by what *change* makes of them."""
