"""Fixtures that reconnect to the tested storage and make empty folders in it."""

import itertools
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hopsartifacts.machine.state_folder import STATE_DIR_VARIABLE
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.cases import Place
from hopsartifacts.testing.folders import StorageFolder

Reconnect = Callable[[], Storage]


class Connecting:
    """The fixtures of all parts; a test class defines the fixture ``storage``.

    Attributes:
        folder_of: a function that presents a folder as a storage.
    """

    folder_of: Callable[[Storage, str], Storage] = StorageFolder

    @pytest.fixture
    def reconnect(self, storage: Storage) -> Reconnect:
        """A function that opens the storage as another process does.

        By default it unpickles a copy. If the storage cannot be pickled, override this
        fixture with a module-level function whose arguments can be pickled.
        """
        if not storage.capabilities.is_shared:
            return lambda: storage
        try:
            return partial(pickle.loads, pickle.dumps(storage))
        except Exception as error:  # noqa: BLE001 - pickling may raise anything
            pytest.fail(
                f"{type(storage).__name__} cannot be pickled ({error}), so no other "
                "process can open it: make it picklable, or override the fixture "
                "'reconnect' with functools.partial of a function that opens it"
            )

    @pytest.fixture
    def new_place(self, reconnect: Reconnect) -> Callable[[], Place]:
        """A function that makes an empty folder and returns how to open it."""
        numbers = itertools.count(1)
        make = type(self).folder_of
        return lambda: partial(_open, reconnect, make, f"place{next(numbers)}")

    @pytest.fixture(autouse=True)
    def _own_journals(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # Prevent saves from resuming a save of another test.
        monkeypatch.setenv(STATE_DIR_VARIABLE, str(tmp_path / "state"))

    @pytest.fixture(autouse=True)
    def _without_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # No other writer is active when ``verify`` checks a second time.
        monkeypatch.setattr("hopsartifacts.guard.verify._SECOND_LOOK_S", 0)


def _open(
    reconnect: Reconnect, folder_of: Callable[[Storage, str], Storage], folder: str
) -> Storage:
    return folder_of(reconnect(), folder)
