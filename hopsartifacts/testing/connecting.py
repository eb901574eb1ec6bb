"""How the parts of the kit get at the storage they try: anew, and in empty folders."""

import itertools
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.state_folder import STATE_DIR_VARIABLE
from hopsartifacts.testing.cases import Place
from hopsartifacts.testing.folders import StorageFolder

Reconnect = Callable[[], Storage]


class Connecting:
    """The fixtures of the parts; a test class gives the fixture ``storage``.

    Attributes:
        folder_of: what makes a folder a storage of its own.
    """

    folder_of: Callable[[Storage, str], Storage] = StorageFolder

    @pytest.fixture
    def reconnect(self, storage: Storage) -> Reconnect:
        """How another process opens the storage: by a copy, if it can be pickled.

        To be overridden, by a function of a module with arguments that can be pickled,
        where it cannot.
        """
        if not storage.capabilities.is_shared:
            return lambda: storage
        try:
            return partial(pickle.loads, pickle.dumps(storage))
        except Exception as error:  # noqa: BLE001 - pickling may raise anything
            pytest.fail(
                f"{type(storage).__name__} cannot be pickled ({error}), so no other "
                "process can open it: make it so, or override the fixture 'reconnect' "
                "with functools.partial of a function that opens it"
            )

    @pytest.fixture
    def new_place(self, reconnect: Reconnect) -> Callable[[], Place]:
        """Makes an empty folder of the storage at each call, to be opened anew."""
        numbers = itertools.count(1)
        make = type(self).folder_of
        return lambda: partial(_open, reconnect, make, f"place{next(numbers)}")

    @pytest.fixture(autouse=True)
    def _own_journals(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # So that no save continues one of another test.
        monkeypatch.setenv(STATE_DIR_VARIABLE, str(tmp_path / "state"))

    @pytest.fixture(autouse=True)
    def _without_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # No other writer is at work when verify looks.
        monkeypatch.setattr("hopsartifacts.guard.verify._SECOND_LOOK_S", 0)


def _open(
    reconnect: Reconnect, folder_of: Callable[[Storage, str], Storage], folder: str
) -> Storage:
    return folder_of(reconnect(), folder)
