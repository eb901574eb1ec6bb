"""Writers that do the same thing concurrently, in threads and in separate processes.

If processes cannot share the storage, or only one may write, threads are used.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.storage.contract import Storage
from hopsartifacts.testing.checker import check
from hopsartifacts.testing.children import Work, children_for
from hopsartifacts.testing.jobs import MODEL, SCRIPT, project_at, registry
from hopsartifacts.testing.places import Connecting, Place, Reconnect

_WRITERS = 8
_WATCHED = 3
_WATCHED_BYTES = 9 * 1024 * 1024
_REPLACEMENTS = 20
_REPLACED_BYTES = 64 * 1024

Race = Callable[[Sequence[Work]], list[Any]]


class ThreadConformance:
    """Concurrent writers and readers; part of ``StorageConformance``.

    Attributes:
        race_rounds: how many races are run; use fewer where a round takes seconds.
    """

    race_rounds = 10

    def test_exactly_one_of_many_threads_creates(self, storage: Storage) -> None:
        """One of several concurrent callers succeeds, and its content is stored."""
        start = Barrier(_WRITERS)

        def create(path: str, number: int) -> bool:
            start.wait()
            return storage.create(path, b"%d" % number * 1000)

        with ThreadPoolExecutor(_WRITERS) as pool:
            for turn in range(self.race_rounds):
                path = f"race/{turn}"
                told = list(pool.map(create, [path] * _WRITERS, range(_WRITERS)))
                assert told.count(True) == 1
                assert storage.read(path) == b"%d" % told.index(True) * 1000

    def test_a_reader_sees_the_whole_object_or_none(self, storage: Storage) -> None:
        """Reads during a creation return the complete object or nothing."""
        data, is_done = bytes(range(256)) * (_WATCHED_BYTES // 256), Event()

        def watch() -> bytes:
            while not is_done.is_set():
                with suppress(PathNotFoundError):
                    return storage.read("watched")
            return storage.read("watched")

        for turn in range(_WATCHED):
            is_done.clear()
            with ThreadPoolExecutor(1) as pool:
                seen = pool.submit(watch)
                try:
                    assert storage.create("watched", data)
                finally:
                    is_done.set()
            assert seen.result() == data, f"a partial object was read in round {turn}"
            storage.delete_tree("watched")

    def test_a_reader_sees_the_old_object_or_the_new(self, storage: Storage) -> None:
        """Reads during a replacement return old or new, except with a single writer."""
        if storage.capabilities.is_single_writer:
            return
        contents = [bytes([turn]) * _REPLACED_BYTES for turn in range(_REPLACEMENTS)]
        is_done = Event()
        storage.write("watched", [contents[0]])

        def watch() -> None:
            while not is_done.is_set():
                try:
                    assert storage.read("watched") in contents, (
                        "a partial object was read"
                    )
                except PathNotFoundError:
                    raise AssertionError(
                        "the object was missing for a moment"
                    ) from None

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                for content in contents:
                    storage.write("watched", [content])
            finally:
                is_done.set()
            watching.result()

    def test_one_of_many_threads_moves_its_tree(self, storage: Storage) -> None:
        """The target contains the files of exactly one thread."""
        if not storage.capabilities.moves_trees:
            return
        for number in range(_WRITERS):
            storage.write(f"s{number}/{number}", [b"%d" % number])
        start = Barrier(_WRITERS)

        def move(number: int) -> bool:
            start.wait()
            return storage.move_tree(f"s{number}", "target")

        with ThreadPoolExecutor(_WRITERS) as pool:
            told = list(pool.map(move, range(_WRITERS)))
        assert told.count(True) == 1
        winner = told.index(True)
        assert [entry.path for entry in storage.find("target")] == [f"target/{winner}"]


class Racing(Connecting):
    """The base of parts that race writers."""

    @pytest.fixture
    def race(self, reconnect: Reconnect) -> Race:
        """A function that runs all works concurrently and returns their results."""
        capabilities = reconnect().capabilities
        if capabilities.is_shared and not capabilities.is_single_writer:
            children = children_for(reconnect)
            return lambda works: [ended.answer for ended in children.run(works)]
        return _race_threads


class RaceConformance(Racing):
    """Each concurrent writer gets its own version numbers, with its own content.

    Attributes:
        writers: how many writers there are.
        saves: how many versions each writer saves.
        creations: how often the writers race to create one object.
    """

    writers = 4
    saves = 5
    creations = 10

    def test_exactly_one_of_many_processes_creates(
        self, race: Race, new_place: Callable[[], Place]
    ) -> None:
        """One writer succeeds, and its content is stored."""
        place = new_place()
        for turn in range(self.creations):
            path = f"race/{turn}"
            works = [partial(_create, place, path, who) for who in range(self.writers)]
            told = race(works)
            assert told.count(True) == 1
            assert place().read(path) == _bytes_of(told.index(True))

    def test_numbers_are_given_once_and_files_are_their_savers(
        self, race: Race, new_place: Callable[[], Place], tmp_path: Path
    ) -> None:
        """The numbers have no gaps, and every version contains its writer's files."""
        place = new_place()
        folders = [tmp_path / f"saver{who}" for who in range(self.writers)]
        given = race([partial(_save, place, folder, self.saves) for folder in folders])
        everything = [number for numbers in given for number in numbers]
        assert sorted(everything) == list(range(1, self.writers * self.saves + 1))
        models = registry(place())
        for folder, numbers in zip(folders, given, strict=True):
            # Each writer sees its own saves in order.
            assert numbers == sorted(numbers)
            for turn, number in enumerate(numbers):
                model = models.get_model(MODEL, number)
                assert model.get_tags() == {"who": folder.name, "turn": turn}
                top = Path(model.download(tmp_path / "down" / str(number)))
                [file] = top.iterdir()
                assert file.read_text() == _content(folder, turn)
        checked = check(place())
        assert checked.ok, checked
        report = project_at(place()).verify()
        assert report.ok, report

    @pytest.mark.parametrize("kind", ["one script", "many scripts"])
    def test_a_script_is_one_artifact_version(
        self, race: Race, new_place: Callable[[], Place], tmp_path: Path, kind: str
    ) -> None:
        """Equal files deployed concurrently share a number; different ones do not."""
        scripts = 1 if kind == "one script" else self.writers
        place = new_place()
        _save(place, tmp_path / "saver", 1, lambda: None)
        works = []
        for who in range(self.writers):
            script = tmp_path / f"of{who}" / "predict.py"
            script.parent.mkdir()
            script.write_text(_script(who % scripts))
            works.append(partial(_deploy, place, script, f"d{who}"))
        given = race(works)
        assert sorted(set(given)) == list(range(1, scripts + 1))
        serving = project_at(place()).get_model_serving()
        artifacts = serving.get_artifacts(registry(place()).get_model(MODEL, 1))
        assert list(artifacts.list()) == list(range(scripts + 1))
        for who, number in enumerate(given):
            [content] = artifacts.read(number).values()
            assert content.decode() == _script(who % scripts)
            assert serving.get_deployment(f"d{who}").artifact_version == number
        checked = check(place())
        assert checked.ok, checked


def _race_threads(works: Sequence[Work]) -> list[Any]:
    barrier = Barrier(len(works))

    def wait() -> None:
        barrier.wait()

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result() for done in [pool.submit(it, wait) for it in works]]


def _create(place: Place, path: str, who: int, wait: Callable[[], None]) -> bool:
    storage = place()
    wait()
    return storage.create(path, _bytes_of(who))


def _save(
    place: Place, folder: Path, turns: int, wait: Callable[[], None]
) -> list[int | None]:
    folder.mkdir()
    models = registry(place())
    wait()
    numbers = []
    for turn in range(turns):
        (folder / "weights.bin").write_text(_content(folder, turn))
        model = models.python.create_model(
            MODEL, tags={"who": folder.name, "turn": turn}
        )
        numbers.append(model.save(folder).version)
    return numbers


def _deploy(
    place: Place, script: Path, name: str, wait: Callable[[], None]
) -> int | None:
    model = registry(place()).get_model(MODEL, 1)
    wait()
    number: int | None = model.deploy(name, script_file=script).artifact_version
    return number


def _bytes_of(who: int) -> bytes:
    return b"%d" % who * 1000


def _content(folder: Path, turn: int) -> str:
    return f"{folder.name}/{turn}" * 100


def _script(which: int) -> str:
    return f"{SCRIPT}# {which}\n"
