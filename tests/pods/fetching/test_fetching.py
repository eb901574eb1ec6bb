"""An intact version ends up in the volume, from every kind of store."""

import os
import signal
import stat
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from hopsartifacts.digests import digest_of
from hopsartifacts.pods.fetching.guarded_storage import CallClock, GuardedStorage
from hopsartifacts.pods.fetching.model_parts import model_folder, model_parts
from hopsartifacts.pods.fetching.version import pinned_version
from hopsartifacts.pods.fetching.volume import fill
from hopsartifacts.serving.contract import SealedVersion
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.transfer import part_of
from tests.pods.fetching.conftest import (
    FILES,
    PREDICTOR,
    Fetch,
    Seal,
    Store,
    command,
    content_of,
    is_refused,
    own_environ,
    s3_environ,
    s3_store,
)
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy, Rule


class Counting(GuardedStorage):
    """A storage that notes from where each file is read."""

    def __init__(self, storage: Storage, clock: CallClock) -> None:
        super().__init__(storage, clock)
        self.starts = defaultdict[str, list[int]](list)

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        self.starts[path.rpartition("/")[2]].append(start)
        return super().chunks(path, start)


STORES = ["mounted", "s3", "gcs", "azure"]
every_store = pytest.mark.parametrize("store", STORES, indirect=True)


@pytest.mark.parametrize("store", [*STORES, "sftp", "hdfs"], indirect=True)
def test_an_intact_version_is_complete(store: Store, seal: Seal, fetch: Fetch) -> None:
    sealed = seal(store)
    before = sealed.content()
    outcome = fetch(sealed)
    assert outcome.code == 0, outcome
    assert outcome.message == ""
    assert outcome.model_files() == FILES
    launch = outcome.launch()
    assert launch.specification == sealed.address.specification
    assert launch.deployment_version == 1
    scripts = Path(launch.artifact_files_path)
    assert scripts == outcome.folder / "Artifacts" / "1"
    assert content_of(scripts) == {"predictor-predict.py": PREDICTOR.encode()}
    # Nothing at all was written to the store.
    assert sealed.content() == before


def test_a_mounted_project_is_only_read(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    """Not even a mode changes, although a copied project may have other modes."""
    sealed = seal(mounted)
    root = Path(mounted.url)
    (root / ".hopsartifacts/project.json").chmod(0o644)

    def seen() -> dict[Path, tuple[int, int]]:
        found = {path: path.lstat() for path in (root, *root.rglob("*"))}
        return {path: (it.st_mode, it.st_mtime_ns) for path, it in found.items()}

    before = seen()
    assert fetch(sealed).code == 0
    assert seen() == before


def test_a_mounted_model_is_not_copied(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(mounted)
    outcome = fetch(sealed)
    files = Path(mounted.url) / "Models/shown_model/1/Files"
    assert outcome.launch().model_files_path == str(files)
    # Servers of others find it in the volume.
    assert (outcome.folder / "Files").readlink() == files


def test_all_paths_of_a_remote_model_are_in_the_volume(
    s3: Server, seal: Seal, fetch: Fetch
) -> None:
    outcome = fetch(seal(s3_store(s3)))
    assert outcome.launch().model_files_path == str(outcome.folder / "Files")


@every_store
def test_a_second_run_changes_nothing(store: Store, seal: Seal, fetch: Fetch) -> None:
    sealed = seal(store)
    first = fetch(sealed)
    before = {it: it.stat().st_ino for it in first.folder.rglob("*.bin")}
    again = fetch(sealed)
    assert again.code == 0
    assert {it: it.stat().st_ino for it in again.folder.rglob("*.bin")} == before
    assert again.launch() == first.launch()


def test_an_older_version_is_fetched_too(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    """A rollout has not ended yet when the next version is active."""
    sealed = seal(mounted)
    deployment = sealed.project.get_model_serving().get_deployment("shown")
    deployment.description = "another"
    deployment.save()
    assert deployment.version == 2
    outcome = fetch(sealed)
    assert outcome.code == 0
    assert outcome.launch().deployment_version == 1


def test_scripts_that_only_the_log_has_are_fetched(
    mounted: Store, seal: Seal, fetch: Fetch
) -> None:
    """A writer that was killed leaves an artifact without its folder."""
    sealed = seal(mounted)
    sealed.storage.delete_tree("Models/shown_model/1/Artifacts/1")
    outcome = fetch(sealed)
    assert outcome.code == 0, outcome
    scripts = content_of(Path(outcome.launch().artifact_files_path))
    assert scripts == {"predictor-predict.py": PREDICTOR.encode()}
    assert sealed.storage.stat("Models/shown_model/1/Artifacts/1") is None


def test_a_transformer_gets_no_model_files(
    s3: Server, seal: Seal, fetch: Fetch, tmp_path: Path
) -> None:
    script = tmp_path / "transform.py"
    store = s3_store(s3)
    script.write_text("")
    sealed = seal(store, transformer={"script_file": str(script)})
    environ = {**store.environ, "HOPSARTIFACTS_COMPONENT": "transformer"}
    outcome = fetch(sealed, environ=environ)
    assert outcome.code == 0, outcome
    assert not (outcome.folder / "Files").exists()
    assert len(content_of(Path(outcome.launch().artifact_files_path))) == 2


@pytest.mark.parametrize("umask", [0o077, 0o022])
def test_another_user_can_read_everything(
    s3: Server, seal: Seal, fetch: Fetch, tmp_path: Path, umask: int
) -> None:
    sealed = seal(s3_store(s3))
    volume = tmp_path / "volume"
    volume.mkdir()
    assert fetch(sealed, umask=umask).code == 0
    for path in volume.rglob("*"):
        mode = path.stat().st_mode
        assert mode & stat.S_IROTH
        assert path.is_file() or mode & stat.S_IXOTH


READ_ONLY_ROOT = """
mount --make-rprivate / && mount --bind "$1" "$1" || exit 99
mount -o remount,ro,bind / || exit 99
touch /written 2>/dev/null && exit 98
shift
exec setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make such mounts")
def test_a_pod_without_rights_can_fetch(
    s3: Server, seal: Seal, fetch: Fetch, tmp_path: Path
) -> None:
    """Root's file system is read-only, the user is not root, and there is no home."""
    sealed = seal(s3_store(s3))
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o011)
    before = ("unshare", "--mount", "sh", "-c", READ_ONLY_ROOT, "sh", str(volume))
    outcome = fetch(sealed, before=before)
    if outcome.code == 99 or "unshare:" in outcome.stderr:
        pytest.skip(f"no such mounts here: {outcome.stderr}")
    assert outcome.code == 0, outcome
    assert outcome.model_files() == FILES
    assert {it.stat().st_uid for it in volume.rglob("*")} == {1000}


def test_an_interrupted_fetch_is_continued(
    s3: Server, proxy: Proxy, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3))
    environ = s3_environ(proxy.endpoint)
    proxy.plan(Rule(do="refuse", path="deep/config", status=403))
    is_refused(fetch(sealed, environ=environ), "deep/config.json")
    proxy.plan()
    assert fetch(sealed, environ=environ).code == 0
    assert proxy.seen("GET", "deep/config")
    assert not proxy.seen("GET", "weights.bin")


def test_an_unfinished_file_is_continued(
    s3: Server, seal: Seal, tmp_path: Path
) -> None:
    sealed = seal(s3_store(s3))
    volume, clock = tmp_path / "volume", CallClock()
    weights = FILES["weights.bin"]
    part = part_of(volume / "Files" / "weights.bin", digest_of(weights))
    part.parent.mkdir(parents=True)
    part.write_bytes(weights[:-1000])
    (volume / "Files" / f".{'0' * 32}.part").write_bytes(b"of a process that is gone")
    storage = Counting(sealed.storage, clock)
    pinned = pinned_version(storage, sealed.address)
    fill(storage, pinned, volume, "predictor")
    assert content_of(volume / "Files") == FILES
    assert storage.starts["weights.bin"] == [len(weights) - 1000]


def test_a_file_that_was_damaged_since_is_fetched_again(
    s3: Server, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3))
    first = fetch(sealed)
    weights = first.folder / "Files" / "weights.bin"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert fetch(sealed).model_files() == FILES


def test_connections_that_break_are_retried(
    s3: Server, proxy: Proxy, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3))
    proxy.plan(
        Rule(do="cut answer", path="weights.bin", times=2),
        Rule(do="refuse", path="Deployments", times=2, status=503),
    )
    outcome = fetch(sealed, environ=s3_environ(proxy.endpoint))
    assert outcome.code == 0, outcome
    assert outcome.model_files() == FILES


def test_a_request_that_is_not_answered_is_sent_again(
    s3: Server, proxy: Proxy, seal: Seal, fetch: Fetch
) -> None:
    sealed = seal(s3_store(s3))
    proxy.plan(Rule(do="hang", path="weights.bin", times=1))
    environ = {**s3_environ(proxy.endpoint), "HOPSARTIFACTS_REQUEST_SECONDS": "1"}
    outcome = fetch(sealed, environ=environ)
    assert outcome.code == 0, outcome
    assert outcome.seconds < 30


def test_a_signal_ends_it_at_once(
    s3: Server, proxy: Proxy, seal: Seal, tmp_path: Path
) -> None:
    sealed = seal(s3_store(s3))
    proxy.plan(Rule(do="hang", path="weights.bin"))
    log, volume = tmp_path / "log", tmp_path / "volume"
    environ = {**own_environ(log), **s3_environ(proxy.endpoint)}
    process = subprocess.Popen(command(sealed.address.uri, str(volume)), env=environ)
    while not proxy.seen("GET", "weights.bin"):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 128 + signal.SIGTERM
    assert "SIGTERM" in log.read_text()
    assert not (volume / "launch.json").exists()


SAVED_MODEL = {"saved_model.pb": b"graph", "variables/variables.index": b"i"}


@pytest.mark.parametrize("store", ["mounted", "s3"], indirect=True)
@pytest.mark.parametrize(
    ("inside", "seen"),
    [("", ["1"]), ("export/", ["1"]), ("7/", ["7"])],
    ids=["the model itself", "one folder", "a number"],
)
def test_tensorflow_serving_finds_its_layout(
    store: Store, inside: str, seen: list[str], seal: Seal, fetch: Fetch
) -> None:
    files = {f"{inside}{path}": data for path, data in SAVED_MODEL.items()}
    outcome = fetch(seal(store, files, "tensorflow"))
    assert outcome.code == 0, outcome
    numbers = [it for it in outcome.folder.iterdir() if it.name.isdecimal()]
    assert [it.name for it in numbers] == seen
    assert content_of(numbers[0]) == SAVED_MODEL


@pytest.mark.parametrize(
    ("paths", "loadable", "folder", "placed"),
    [
        (["saved_model.pb"], ["."], "3", {"3": ["saved_model.pb"]}),
        (
            ["1/saved_model.pb", "2/saved_model.pb", "notes.md"],
            ["1", "2"],
            "",
            {"1": ["saved_model.pb"], "2": ["saved_model.pb"], "Files": ["notes.md"]},
        ),
        (
            ["e/saved_model.pb", "e/v/x", "ex/y", "z"],
            ["e"],
            "3",
            {"3": ["saved_model.pb", "v/x"], "Files": ["ex/y", "z"]},
        ),
        (["12"], [], "3", {"3": ["12"]}),
    ],
)
def test_where_the_files_of_a_tensorflow_model_go(
    paths: list[str], loadable: list[str], folder: str, placed: dict[str, list[str]]
) -> None:
    sealed = SealedVersion(
        project="p",
        project_url="file:///p",
        deployment="d",
        deployment_id="1",
        deployment_version=1,
        specification="sha256:0",
        model="m",
        model_version=3,
        artifact_version=0,
        framework="TENSORFLOW",
        model_server="TENSORFLOW_SERVING",
        serving_tool="KSERVE",
        api_protocol="REST",
        loadable=tuple(loadable),
    )
    files = {path: digest_of(path.encode()) for path in paths}
    parts = model_parts(sealed, files)
    assert {it.target: sorted(it.files) for it in parts} == placed
    assert model_folder(sealed, files) == folder
    sources = {f"{it.source}/{path}" for it in parts for path in it.files}
    assert sources == {f"Models/m/3/Files/{path}" for path in paths}
