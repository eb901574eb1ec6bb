"""Pages, books and leaves so small that a few entries open and close many of them."""

import sys

import pytest

SMALL = {
    "PAGE_NUMBERS": 2,
    "BOOK_PAGES": 2,
    "LEAF_IDENTITIES": 2,
    "SHORT_BYTES": 120,
}


def make_pages_small(monkeypatch: pytest.MonkeyPatch, **others: int) -> None:
    """Set the sizes of pages in every module that uses them, by whatever import.

    Args:
        monkeypatch: puts them back.
        others: sizes that are to differ from ``SMALL``.
    """
    for size, value in {**SMALL, **others}.items():
        users = [
            module
            for name, module in list(sys.modules.items())
            if name.startswith("hopsartifacts.") and hasattr(module, size)
        ]
        assert users, f"no module has {size}"
        for module in users:
            monkeypatch.setattr(module, size, value)
