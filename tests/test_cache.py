"""The cache of sealed folders: checked, shared, bounded, and never in anybody's way."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Cache, Project
from hopsartifacts.digests import Digest, digest_of, sha256_of
from hopsartifacts.errors import (
    IntegrityError,
    InvalidInputError,
    StorageError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.transfer import download

FILES = {"a": b"a" * 1000, "deep/b": b"b" * 3_000_000, "deep/empty": b""}


class Source:
    """A sealed folder in a store, and a note of what is fetched from it."""

    def __init__(
        self, storage: Storage, name: str, files: Mapping[str, bytes] = FILES
    ) -> None:
        self.storage = storage
        self.name = name
        self.digest = sha256_of(name.encode())
        self.sealed = {path: digest_of(data) for path, data in files.items()}
        self.fetched: list[str] = []
        for path, data in files.items():
            storage.write(f"{name}/{path}", [data])

    def fetch(self, missing: Mapping[str, Digest], target: Path) -> None:
        self.fetched += sorted(missing)
        download(self.storage, self.name, missing, target)

    def use(self, cache: Cache) -> Path:
        """Use the folder for a moment."""
        with cache.use(self.digest, self.sealed, self.fetch) as lease:
            return lease.path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def source(memory_project: Project) -> Source:
    return Source(memory_project.storage, "folder")


@pytest.fixture
def make_source(memory_project: Project) -> Callable[[str, int], Source]:
    def make(name: str, size: int = 1000) -> Source:
        data = {"file": name.encode().ljust(size)}
        return Source(memory_project.storage, name, data)

    return make


def found(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def open_up(path: Path) -> Path:
    """Let *path* and its folder be written to."""
    path.parent.chmod(0o755)
    path.chmod(0o755 if path.is_dir() else 0o644)
    return path


def test_a_folder_is_fetched_once_and_is_read_only(
    cache: Cache, source: Source
) -> None:
    folder = source.use(cache)
    assert found(folder) == FILES
    assert source.fetched == sorted(FILES)
    source.storage.delete_tree(source.name)
    assert source.use(cache) == folder
    assert found(folder) == FILES
    assert source.fetched == sorted(FILES)
    for path in (folder, folder / "deep", folder / "deep" / "b"):
        assert not path.stat().st_mode & 0o222, path


@pytest.mark.parametrize("edit", [b"x" * 1000, b"", b"longer" * 1000])
def test_a_damaged_file_is_fetched_again(
    cache: Cache, source: Source, edit: bytes
) -> None:
    folder = source.use(cache)
    open_up(folder / "a").write_bytes(edit)
    source.fetched.clear()
    assert found(source.use(cache)) == FILES
    assert source.fetched == ["a"]


def make_link(path: Path) -> None:
    aside = path.parents[3] / "aside"
    aside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(aside)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [Path.unlink, make_link, make_folder])
def test_what_is_not_the_file_is_replaced(
    cache: Cache, source: Source, damage: Callable[[Path], None]
) -> None:
    folder = source.use(cache)
    damage(open_up(folder / "a"))
    assert found(source.use(cache)) == FILES
    assert not (folder / "a").is_symlink()


def test_what_is_too_much_is_cleared_away(cache: Cache, source: Source) -> None:
    folder = source.use(cache)
    open_up(folder / "deep")
    (folder / "deep" / "json.py").write_text("import os")
    (folder / "link").symlink_to(cache.path)
    source.fetched.clear()
    assert found(source.use(cache)) == FILES
    assert not (folder / "link").is_symlink()
    assert source.fetched == []
    assert not (folder / "deep").stat().st_mode & 0o222


def test_a_damaged_source_is_not_cached(cache: Cache, source: Source) -> None:
    source.storage.write("folder/a", [b"edited"])
    with pytest.raises(IntegrityError, match="folder/a"):
        source.use(cache)
    assert "a" not in found(cache.path / "folders" / source.digest.partition(":")[2])


def test_what_was_used_least_goes_first(
    make_source: Callable[..., Source], tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", size_bytes=2500)
    first, second, third = map(make_source, ("first", "second", "third"))
    folders = [it.use(cache) for it in (first, second, first, third)]
    assert [folder.exists() for folder in folders] == [True, False, True, True]
    assert second.use(cache).exists()
    assert not folders[0].exists()


def test_what_is_in_use_stays(
    make_source: Callable[..., Source], tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", size_bytes=1500)
    first, second, third = map(make_source, ("first", "second", "third"))
    with cache.use(first.digest, first.sealed, first.fetch) as lease:
        assert second.use(cache).exists()
        assert third.use(cache).exists()
        assert found(lease.path) == {"file": b"first".ljust(1000)}
        assert cache.trim() == 1000
        assert lease.path.exists()
    assert cache.trim() == 1000
    assert not lease.path.exists()


def test_what_is_being_fetched_stays(
    make_source: Callable[..., Source], tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", size_bytes=1500)
    slow, quick = make_source("slow"), make_source("quick")
    begun, go_on = threading.Event(), threading.Event()

    def fetch(missing: Mapping[str, Digest], target: Path) -> None:
        slow.fetch(missing, target)
        begun.set()
        assert go_on.wait(20)

    def run() -> None:
        cache.use(slow.digest, slow.sealed, fetch).close()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(20)
    quick.use(cache)
    assert cache.trim() == 1000
    go_on.set()
    thread.join()
    assert found(slow.use(cache)) == {"file": b"slow".ljust(1000)}


def test_a_folder_larger_than_the_cache_is_used_all_the_same(
    make_source: Callable[..., Source], tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", size_bytes=100)
    assert found(make_source("big", 1000).use(cache)) == {"file": b"big".ljust(1000)}


def test_many_threads_fetch_a_folder_once(cache: Cache, source: Source) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            assert found(source.use(cache)) == FILES
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert source.fetched == sorted(FILES)


def test_a_cache_that_is_cleared_away_meanwhile_is_filled_again(
    cache: Cache, source: Source
) -> None:
    times = 0

    def fetch(missing: Mapping[str, Digest], target: Path) -> None:
        nonlocal times
        times += 1
        source.fetch(missing, target)
        if times == 1:
            shutil.rmtree(cache.path)

    with cache.use(source.digest, source.sealed, fetch) as lease:
        assert found(lease.path) == FILES
    shutil.rmtree(cache.path)
    assert found(source.use(cache)) == FILES


def test_a_cache_that_is_always_cleared_away_is_an_error(
    cache: Cache, source: Source
) -> None:
    def fetch(missing: Mapping[str, Digest], target: Path) -> None:
        source.fetch(missing, target)
        shutil.rmtree(cache.path)

    with pytest.raises(IntegrityError, match="changes while it is filled"):
        cache.use(source.digest, source.sealed, fetch)


def test_a_cache_that_cannot_be_written_to_is_named(
    users_folder: Path, memory_project: Project
) -> None:
    source = Source(memory_project.storage, "folder")
    (users_folder / "closed").mkdir(mode=0o555)
    with pytest.raises(StorageError, match=r"closed/cache.*HOPSARTIFACTS_CACHE_DIR"):
        source.use(Cache(users_folder / "closed" / "cache"))
    (users_folder / "file").touch()
    with pytest.raises(StorageError, match=r"file'.*HOPSARTIFACTS_CACHE_DIR"):
        source.use(Cache(users_folder / "file"))


def test_an_ordinary_user_mends_and_evicts_too(
    users_folder: Path, memory_project: Project
) -> None:
    source = Source(memory_project.storage, "folder")
    cache = Cache(users_folder / "cache")
    folder = source.use(cache)
    open_up(folder / "deep" / "b").write_bytes(b"edited")
    (folder / "deep").chmod(0o555)
    assert found(source.use(cache)) == FILES
    assert cache.trim() == 3_001_000
    assert not folder.exists()


def test_a_disk_without_room_is_named_before_anything_is_fetched(
    cache: Cache, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(cache.path.parent)._replace(free=3_000_999)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StorageError, match="3001000 bytes more, but only 3000999"):
        source.use(cache)
    assert source.fetched == []


def test_room_is_made_where_the_disk_is_small(
    cache: Cache, make_source: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_source("old").use(cache)
    usage = shutil.disk_usage(cache.path)

    def disk_usage(_: Path) -> Any:
        return usage._replace(free=0 if old.exists() else 1000)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert make_source("new").use(cache).exists()
    assert not old.exists()


def test_it_is_set_up_by_the_environment(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_CACHE_DIR", str(tmp_path / "there"))
    monkeypatch.setenv("HOPSARTIFACTS_CACHE_BYTES", "123")
    assert Cache().path == tmp_path / "there"
    assert Cache().size_bytes == 123
    assert source.use(Cache()).is_relative_to(tmp_path / "there")
    assert Cache(tmp_path / "here", size_bytes=5).path == tmp_path / "here"
    monkeypatch.setenv("HOPSARTIFACTS_CACHE_BYTES", "10 GB")
    with pytest.raises(InvalidInputError, match=r"CACHE_BYTES is '10 GB'"):
        Cache()
    with pytest.raises(InvalidInputError, match="size_bytes is '-1'"):
        Cache(size_bytes=-1)
    monkeypatch.delenv("HOPSARTIFACTS_CACHE_BYTES")
    monkeypatch.delenv("HOPSARTIFACTS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "users"))
    assert Cache().path == tmp_path / "users" / "hopsartifacts"


# Processes

USER = """
import sys, time
from pathlib import Path
from hopsartifacts import Cache
from hopsartifacts.digests import digest_of, sha256_of
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.store.transfer import download

root, cache, how = sys.argv[1:]
read = LocalStorage.chunks

def slowly(self, path, start=0):
    for number, chunk in enumerate(read(self, path, start)):
        if how == "stuck" and path == "folder/deep/b" and number == 2:
            print("stuck", flush=True)
            time.sleep(60)
        yield chunk

LocalStorage.chunks = slowly
storage = LocalStorage(Path(root))
files = {"a": b"a" * 1000, "deep/b": b"b" * 3_000_000, "deep/empty": b""}
sealed = {path: digest_of(data) for path, data in files.items()}

def fetch(missing, target):
    print("fetched", *sorted(missing), flush=True)
    download(storage, "folder", missing, target)

lease = Cache(cache).use(sha256_of(b"folder"), sealed, fetch)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(
    local_project: Project, cache: Cache
) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a process that uses the folder until its input is closed."""
    root = local_project.storage.local_path("")
    started: list[subprocess.Popen[str]] = []

    def run(how: str = "use") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, str(root), str(cache.path), how]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def lines(process: subprocess.Popen[str]) -> list[str]:
    """Return what the process says until it is ready or stuck."""
    assert process.stdout is not None
    said: list[str] = []
    while not said or said[-1] not in {"ready", "stuck"}:
        said.append(process.stdout.readline().rstrip())
        assert said[-1], said
    return said


def test_many_processes_fetch_a_folder_once(
    local_project: Project, start: Callable[..., subprocess.Popen[str]], cache: Cache
) -> None:
    source = Source(local_project.storage, "folder")
    users = [start() for _ in range(4)]
    said = [lines(user) for user in users]
    assert sorted(map(len, said)) == [1, 1, 1, 2]
    assert cache.trim() == 0
    users[0].kill()
    users[0].wait()
    assert cache.trim() == 0
    for user in users[1:]:
        user.kill()
        user.wait()
    assert cache.trim() == sum(map(len, FILES.values()))
    assert found(source.use(cache)) == FILES


def test_a_killed_process_leaves_nothing_locked_and_its_part_is_used(
    local_project: Project, start: Callable[..., subprocess.Popen[str]], cache: Cache
) -> None:
    source = Source(local_project.storage, "folder")
    killed = start("stuck")
    lines(killed)
    time.sleep(0.2)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    reads: list[int] = []

    class Noting:
        def __getattr__(self, name: str) -> Any:
            return getattr(local_project.storage, name)

        def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
            if path.endswith("deep/b"):
                reads.append(start)
            return local_project.storage.chunks(path, start)

    source.storage = Noting()
    assert found(source.use(cache)) == FILES
    assert reads[0] >= 1 << 20


# Deployments

SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"


class Remote:
    """A project on another machine, and a note of what is read from it."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self.calls: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute):
            return attribute

        def call(path: str, *args: Any) -> Any:
            self.calls.append((name, path))
            return attribute(path, *args)

        return call

    def local_path(self, _: str) -> None:
        return None


@pytest.fixture
def remote(
    local_project: Project, make_files: Callable[..., Path], tmp_path: Path
) -> Remote:
    model = local_project.get_model_registry().python.create_model("m")
    script = tmp_path / "predict.py"
    script.write_text(SCRIPT)
    model.save(make_files({"deep/weights": b"w" * 1000})).deploy(script_file=script)
    return Remote(local_project.storage)


def test_a_second_start_reads_no_file_of_a_remote_store(
    remote: Remote, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", size_bytes=1)
    project = hopsartifacts.login(storage=remote, cache=cache)
    deployment = project.get_model_serving().get_deployment("m")
    deployment.start()
    try:
        assert deployment.predict(inputs=[[1]]) == {"predictions": [[1]]}
        # The server holds what it uses, and this process does not any more.
        assert cache.trim() == 0
        deployment.stop()
        remote.calls.clear()
        deployment.start()
        assert deployment.predict(inputs=[[1]]) == {"predictions": [[1]]}
        assert {path for _, path in remote.calls if "/_log" not in path} == set()
    finally:
        deployment.stop()
    assert cache.trim() == 1000 + len(SCRIPT)


def test_a_remote_deployment_starts_when_its_cache_was_damaged(
    remote: Remote, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    project = hopsartifacts.login(storage=remote, cache=cache)
    deployment = project.get_model_serving().get_deployment("m")
    deployment.start()
    deployment.stop()
    for path in (cache.path / "folders").rglob("*.py"):
        open_up(path).write_text("edited")
    deployment.start()
    try:
        assert deployment.predict(inputs=[[1]]) == {"predictions": [[1]]}
    finally:
        deployment.stop()


def test_models_of_one_name_in_two_projects_do_not_meet(
    remote: Remote,
    tmp_path: Path,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
) -> None:
    """Both are in one cache on this machine, under names that look alike."""
    cache = Cache(tmp_path / "cache")
    other = hopsartifacts.login(tmp_path / "other" / "iris")
    model = other.get_model_registry().python.create_model("m")
    code = (
        "import os, pathlib\n"
        "class Predictor:\n"
        "    def predict(self, inputs):\n"
        "        folder = pathlib.Path(os.environ['MODEL_FILES_PATH'])\n"
        "        return [(folder / 'deep' / 'weights').read_text()]\n"
    )
    model.save(make_files({"deep/weights": b"v"})).deploy(script_file=make_script(code))
    first = hopsartifacts.login(storage=remote, cache=cache).get_model_serving()
    second = hopsartifacts.login(storage=Remote(other.storage), cache=cache)
    first.get_deployment("m").start()
    deployment = second.get_model_serving().get_deployment("m")
    try:
        deployment.start()
        assert deployment.predict(inputs=[[1]]) == {"predictions": ["v"]}
    finally:
        deployment.stop()
        first.get_deployment("m").stop()


def test_a_memory_project_leaves_nothing_in_the_users_cache(
    memory_project: Project,
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    model = memory_project.get_model_registry().python.create_model("m")
    deployment = model.save(make_files()).deploy(script_file=make_script())
    deployment.start()
    assert deployment.predict(inputs=[[1]]) == {"predictions": [[1]]}
    deployment.stop()
    assert not (tmp_path / "cache").exists()
