"""The storage contract under concurrent threads, as tests."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event

from hopsartifacts.errors import PathNotFoundError
from hopsartifacts.storage.contract import Storage

_WRITERS = 8
_WATCHED = 3
_WATCHED_BYTES = 9 * 1024 * 1024
_REPLACEMENTS = 20
_REPLACED_BYTES = 64 * 1024


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
