"""Random storage calls, compared with a model made of a plain dictionary.

Names of folders and files differ, so that no path is ever both: back ends may handle
that case differently.
"""

from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hopsartifacts.errors import AlreadyExistsError, PathNotFoundError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.places import Connecting, Place

_TOPS = ("d", "d-e", "größe 数")
_FOLDERS = (*_TOPS, *(f"{top}/{below}" for top in _TOPS for below in ("d", "e")))
_FILES = tuple(
    f"{folder}/{name}" for folder in _FOLDERS for name in ("x", "x-y", "z [1].bin")
)

_LONG_BYTES = 20_000

folders = st.sampled_from(_FOLDERS)
files = st.sampled_from(_FILES)
sizes = st.sampled_from([0, 1, 7, _LONG_BYTES])
marks = st.integers(0, 9)


class _File(msgspec.Struct):
    data: bytes
    is_read_only: bool | None
    """None where the contract leaves it open."""


class _CallsMachine(RuleBasedStateMachine):
    """Calls of one storage; its model state is ``known`` and ``closed``."""

    new_place: Callable[[], Place]

    def __init__(self) -> None:
        super().__init__()
        self.storage: Storage = type(self).new_place()()
        self.known: dict[str, _File] = {}
        self.closed: set[str] = set()
        """Folders that are read-only where the back end supports modes."""
        self.been: set[str] = set()
        """Folders that once had content; some may still exist, empty."""

    def teardown(self) -> None:
        for path, file in self.known.items():
            assert self.storage.read(path) == file.data
        self.storage.delete_tree("")

    # What writers do --------------------------------------------------------------

    @rule(path=files, size=sizes, mark=marks)
    def create(self, path: str, size: int, mark: int) -> None:
        data = _bytes_of(size, mark)
        if path not in self.known and not self.is_open(path):
            return
        is_new = path not in self.known
        assert self.storage.create(path, data) == is_new
        if is_new:
            self.known[path] = _File(data, is_read_only=True)
        assert self.storage.read(path) == self.known[path].data

    @rule(path=files, size=sizes, mark=marks, pieces=st.integers(1, 3))
    def write(self, path: str, size: int, mark: int, pieces: int) -> None:
        if self.is_open(path):
            data, step = _bytes_of(size, mark), size // pieces + 1
            self.storage.write(
                path, (data[at : at + step] for at in range(0, size, step))
            )
            self.known[path] = _File(data, is_read_only=False)

    @rule(path=files, size=sizes)
    def write_what_breaks_off(self, path: str, size: int) -> None:
        if self.is_open(path):
            self.been |= _above(path)
            with pytest.raises(ZeroDivisionError):
                self.storage.write(path, _broken_off(size))

    @rule(source=files, to=files)
    def copy(self, source: str, to: str) -> None:
        source = self.likely(source)
        if source not in self.known or not self.is_free(to):
            return
        if self.storage.copy(source, to):
            self.known[to] = _File(self.known[source].data, is_read_only=None)

    @rule(source=files, to=files)
    def move(self, source: str, to: str) -> None:
        source = self.likely(source)
        if source not in self.known or source == to:
            return
        if to in self.known:
            with pytest.raises(AlreadyExistsError):
                self.storage.move(source, to)
        elif self.is_open(to):
            self.storage.move(source, to)
            self.known[to] = self.known.pop(source)

    @precondition(lambda self: self.storage.capabilities.moves_trees)
    @rule(source=folders, to=folders)
    def move_tree(self, source: str, to: str) -> None:
        source = self.likely_folder(source)
        moved = {it: to + it.removeprefix(source) for it in self.below(source)}
        is_inside = f"{to}/".startswith(f"{source}/")
        if not moved or is_inside or not set(_FILES).issuperset(moved.values()):
            return
        # Moving a folder that is itself read-only needs permissions that differ.
        if source in self.closed or not self.is_open(f"{to}/"):
            return
        is_moved = self.storage.move_tree(source, to)
        # An empty folder at the target may be in the way.
        assert is_moved or to in self.been
        if is_moved:
            assert not self.below(to)
            for path, there in moved.items():
                self.known[there] = self.known.pop(path)
            inner = {it for it in self.closed if it.startswith(f"{source}/")}
            self.closed -= inner
            self.closed |= {to + it.removeprefix(source) for it in inner}

    @rule(path=folders)
    def protect(self, path: str) -> None:
        path = self.likely_folder(path)
        if self.below(path):
            self.storage.protect(path)
            for file in self.below(path):
                self.known[file].is_read_only = True
            self.closed |= {it for it in _FOLDERS if f"{it}/".startswith(f"{path}/")}

    @rule(path=folders)
    def unprotect(self, path: str) -> None:
        if self.below(path):
            self.storage.unprotect(path)
            self.closed.discard(path)

    @rule(path=files | folders)
    def delete_tree(self, path: str) -> None:
        if not self.is_open(path):
            return
        self.storage.delete_tree(path)
        self.known.pop(path, None)
        for file in self.below(path):
            del self.known[file]
        self.closed -= {it for it in self.closed if f"{it}/".startswith(f"{path}/")}

    # What readers do --------------------------------------------------------------

    @rule(path=files | folders, start=st.integers(0, 25) | st.just(_LONG_BYTES - 1))
    def read(self, path: str, start: int) -> None:
        path = self.likely(path)
        if path not in self.known:
            for read in (self.storage.read, lambda it: list(self.storage.chunks(it))):
                with pytest.raises(PathNotFoundError):
                    read(path)
            return
        data = self.known[path].data
        assert self.storage.read(path) == data
        assert b"".join(self.storage.chunks(path, start)) == data[start:]

    @rule(path=files | folders)
    def stat(self, path: str) -> None:
        path = self.likely(path)
        found = self.storage.stat(path)
        if path in self.known:
            assert found is not None
            assert (found.path, found.kind) == (path, "file")
            assert found.size_bytes == len(self.known[path].data)
            assert self.storage.first(path) is None
            self.check_mode(path, found.is_read_only)
        elif self.below(path):
            assert found is not None
            assert (found.path, found.kind) == (path, "directory")
            has_modes = self.storage.capabilities.has_modes
            assert found.is_read_only == (has_modes and path in self.closed)
        else:
            # An empty folder may remain.
            assert found is None or (found.kind == "directory" and path in _FOLDERS)

    @rule(path=folders)
    def list_folder(self, path: str) -> None:
        listed = self.storage.list(path)
        assert [entry.path for entry in listed] == sorted({it.path for it in listed})
        found = {entry.path for entry in listed if entry.kind == "file"}
        below = {it: it.removeprefix(f"{path}/") for it in self.below(path)}
        assert found == {it for it, name in below.items() if "/" not in name}
        inner = {entry.path for entry in listed if entry.kind == "directory"}
        tops = {f"{path}/{it.split('/')[0]}" for it in below.values() if "/" in it}
        # Other folders may remain, empty.
        assert tops <= inner

    @rule(path=folders)
    def find_below(self, path: str) -> None:
        below = self.below(path)
        assert [entry.path for entry in self.storage.find(path)] == below
        assert self.storage.first(path) == next(iter(below), None)

    # What must hold ---------------------------------------------------------------

    @invariant()
    def everything_is_found(self) -> None:
        found = list(self.storage.find(""))
        assert [entry.path for entry in found] == sorted(self.known)
        for entry in found:
            self.been |= _above(entry.path)
            assert entry.kind == "file"
            assert entry.size_bytes == len(self.known[entry.path].data)
            self.check_mode(entry.path, entry.is_read_only)

    # How --------------------------------------------------------------------------

    def check_mode(self, path: str, is_read_only: bool) -> None:
        expected = self.known[path].is_read_only
        if expected is not None:
            has_modes = self.storage.capabilities.has_modes
            assert is_read_only == (expected and has_modes), path

    def below(self, path: str) -> list[str]:
        return sorted(it for it in self.known if it.startswith(f"{path}/"))

    def is_open(self, path: str) -> bool:
        """Return whether no folder above *path* is read-only."""
        return not any(path.startswith(f"{folder}/") for folder in self.closed)

    def is_free(self, path: str) -> bool:
        return path not in self.known and self.is_open(path)

    def likely(self, path: str) -> str:
        """Return an existing file in place of some missing ones."""
        there = sorted(self.known)
        is_hit = path.endswith("x") and there
        return there[len(path) % len(there)] if is_hit else path

    def likely_folder(self, path: str) -> str:
        """Return a folder with content in place of some empty ones."""
        there = [it for it in _FOLDERS if self.below(it)]
        is_hit = path in _TOPS and there
        return there[len(path) % len(there)] if is_hit else path


class RandomCallsConformance(Connecting):
    """Calls in any order have the effects that the contract defines.

    Attributes:
        call_steps: how many calls each round makes.
        call_rounds: how many rounds there are.
    """

    call_steps = 30
    call_rounds = 30

    def test_random_calls_do_what_they_do_to_a_dictionary(
        self, new_place: Callable[[], Place]
    ) -> None:
        """After each call, exactly the expected files are found."""
        machine = type(
            "Calls", (_CallsMachine,), {"new_place": staticmethod(new_place)}
        )
        run_state_machine_as_test(
            machine, settings=bounded(self.call_rounds, self.call_steps)
        )


def bounded(rounds: int, steps: int) -> settings:
    """Return settings for *rounds* examples of *steps* steps, without time limits."""
    return settings(
        max_examples=rounds,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def _above(path: str) -> set[str]:
    return {folder for folder in _FOLDERS if path.startswith(f"{folder}/")}


def _bytes_of(size: int, mark: int) -> bytes:
    return (b"%d" % mark) * size


def _broken_off(size: int) -> Iterator[bytes]:
    yield _bytes_of(size, 0)
    raise ZeroDivisionError
