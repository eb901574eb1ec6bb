"""What operations cost: requests on S3, calls of the storage elsewhere.

Each runs in a project that was just opened, with nothing known. On S3 a proxy counts.
The budgets are the same for a model with 10 versions and for one with 20,000. The logs
are real; of a long one only those entries are there that its newest one names.
"""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol, cast
from uuid import uuid4

import pytest

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.artifacts.documents import RequestedVersion
from hopsartifacts.artifacts.versions import ArtifactStore
from hopsartifacts.registry.versions import (
    model_log,
    model_state,
    projected,
    set_tags,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import Fault, FaultyStorage, StorageCall
from tests.in_place import InPlace
from tests.long_logs import (
    ALIAS,
    MODEL,
    Dictionary,
    artifact_entries,
    model_entries,
    named_by_newest,
    script,
)
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy

pytestmark = pytest.mark.xdist_group("s3")  # the long log is made once

FILES = 5
NEW = "another"
"""A model, and a deployment, that are not there yet."""
LONG = 20_000
ARTIFACTS = {10: 10, 49: 49, LONG: 2_000}
"""How many artifact versions there are, by the number of model versions. The next
version after 49 opens a page."""
LISTED = 1_000
LOG_BYTES = 10_000
"""What a version may take in its log on average."""
TRIP_S = 0.25
CODE = "class Predictor:\n    def predict(self, inputs): return inputs\n"


class Step(NamedTuple):
    """One operation, and the most requests that it may take."""

    what: str
    bucket: int
    local: int
    """Here a folder is prepared aside and moved in, files are made read-only, and it is
    looked for an entry that the listing of a network mount may not show yet."""
    ready: Callable[[Project, Path], Callable[[], object]]
    """Prepares it, and returns what is counted."""


def save(
    name: str, *, is_changed: bool
) -> Callable[[Project, Path], Callable[[], Model]]:
    """Save five files; those that are changed have new sizes, so none is there."""

    def ready(project: Project, folder: Path) -> Callable[[], Model]:
        for path in (folder / "model").iterdir() if is_changed else ():
            path.write_bytes(path.read_bytes() + os.urandom(50))
        model = project.get_model_registry().python.create_model(name)
        return lambda: model.save(folder / "model")

    return ready


def tag(version: int) -> Callable[[Project, Path], Callable[[], None]]:
    """Tag a version; 0 is the latest."""

    def ready(project: Project, _: Path) -> Callable[[], None]:
        number = version or model_state(project.storage, MODEL).head.latest
        tags = {"stage": uuid4().hex}
        return lambda: set_tags(project.storage, MODEL, number, lambda _: tags)

    return ready


def artifact(
    number: int, asked: RequestedVersion = None
) -> Callable[[Project, Path], Callable[[], object]]:
    """Save an artifact of one script, which differs from number to number."""

    def ready(project: Project, _: Path) -> Callable[[], object]:
        artifacts = ArtifactStore(project.storage, MODEL, 1)
        return lambda: artifacts.save(script(number), asked)

    return ready


def deploy(project: Project, folder: Path) -> Callable[[], object]:
    model = project.get_model_registry().get_model(NEW, 1)
    return lambda: model.deploy(NEW, script_file=folder / "predict.py")


def newest(project: Project, _: Path) -> Callable[[], object]:
    def listed() -> None:
        state = model_state(project.storage, MODEL)
        last = state.head.last
        found = state.records.newest(LISTED)
        assert list(found) == [*range(max(last - LISTED, 0) + 1, last + 1)]
        assert all(record.metrics for record in found.values())

    return listed


STEPS = (
    Step(
        "a version by its number",
        *(1, 1),
        lambda project, _: lambda: project.get_model_registry().get_model(MODEL, 1),
    ),
    Step(
        "the latest version",
        *(3, 3),
        lambda project, _: lambda: project.get_model_registry().get_model(MODEL),
    ),
    Step(
        "where an alias points",
        *(2, 3),
        lambda project, _: lambda: project.get_model_registry().get_aliases(MODEL),
    ),
    Step(
        "the names of all models",
        *(3, 4),
        lambda project, _: project.get_model_registry().list_models,
    ),
    Step("the newest 1,000 versions", 24, 25, newest),
    Step(
        "an alias",
        *(4, 5),
        lambda project, _: (
            lambda: project.get_model_registry().set_alias(MODEL, ALIAS, 1)
        ),
    ),
    Step("a tag on the oldest version", 4, 5, tag(1)),
    Step("a tag on the latest version", 4, 5, tag(0)),
    Step("a save", FILES + 5, FILES + 10, save(MODEL, is_changed=True)),
    Step("one more", FILES + 5, FILES + 10, save(MODEL, is_changed=True)),
    # Whether the files are as they were sealed costs a listing and a look.
    Step("the same files", FILES + 7, 2 * FILES + 10, save(MODEL, is_changed=False)),
    Step("the first save", FILES + 6, FILES + 14, save(NEW, is_changed=True)),
    Step("an artifact whose folder is gone", 3, 10, artifact(3)),
    Step("an artifact that is found again", 3, 5, artifact(3)),
    Step("an artifact that is made", 5, 7, artifact(-1)),
    Step("an artifact that is made again", 5, 7, artifact(-1, "CREATE")),
    Step("the first save of a deployment", 11, 12, deploy),
    Step("the same deployment", 7, 9, deploy),
    Step(
        "an unchanged deployment",
        *(7, 8),
        lambda project, _: project.get_model_serving().get_deployment(NEW).save,
    ),
)


class Place(Protocol):
    """Where a project lies, and how its requests are counted."""

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Put objects there."""

    def opened(self) -> Project:
        """Open the project again."""

    def count(self) -> Callable[[], list[str]]:
        """Begin to count; return what names the requests since then."""


class Counted:
    """A project on a storage that counts its calls."""

    def __init__(self, made: Callable[[], Storage]) -> None:
        self._made = made
        self._calls: list[StorageCall] = []

    def put(self, objects: Mapping[str, bytes]) -> None:
        storage = self._made()
        for path, data in objects.items():
            if there := storage.local_path(path):
                there.parent.mkdir(parents=True, exist_ok=True)
                there.write_bytes(data)
            else:
                storage.write(path, [data])

    def opened(self) -> Project:
        storage = FaultyStorage(self._made())
        self._calls = storage.calls
        return hopsartifacts.login(storage=storage)

    def count(self) -> Callable[[], list[str]]:
        self._calls.clear()
        # Where there are no modes to set this is no request.
        free = set() if self._made().capabilities.has_modes else {"protect"}
        return lambda: [
            f"{it.method} {it.path}" for it in self._calls if it.method not in free
        ]


class OnS3:
    """A project on an S3 server behind a proxy that counts."""

    def __init__(self, s3: Server, proxy: Proxy) -> None:
        self._s3 = s3
        self._proxy = proxy
        self._url = f"s3://{s3.bucket()}/p"

    def put(self, objects: Mapping[str, bytes]) -> None:
        options = self._s3.options()
        storage = hopsartifacts.login(self._url, storage_options=options).storage
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda it: storage.write(it[0], [it[1]]), objects.items()))

    def opened(self) -> Project:
        options = Server(self._proxy.endpoint).options()
        return hopsartifacts.login(self._url, storage_options=options)

    def count(self) -> Callable[[], list[str]]:
        self._proxy.plan()
        return lambda: [f"{it.method} {it.target}" for it in self._proxy.seen()]


@pytest.fixture(params=["local", "bucket", "s3"])
def kind(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)


@pytest.fixture
def place(
    request: pytest.FixtureRequest,
    kind: str,
    tmp_path: Path,
    clear_memory: None,  # noqa: ARG001 - a fixture
) -> Place:
    """A disk, memory that saves as buckets do, and S3."""
    if kind == "local":
        return Counted(lambda: LocalStorage(tmp_path / "project"))
    if kind == "bucket":
        return Counted(lambda: InPlace("budgets"))
    return OnS3(request.getfixturevalue("s3"), request.getfixturevalue("proxy"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of five files, and a script."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "model").mkdir()
    for number in range(FILES):
        (tmp_path / "model" / f"{number}.bin").write_bytes(os.urandom(100 + number))
    (tmp_path / "predict.py").write_text(CODE)
    return tmp_path


class Long(NamedTuple):
    """A log of many versions."""

    objects: dict[str, bytes]
    """What there is of it, and whatever belongs to version 1."""
    bytes_per_version: float
    """In the first half of the log."""
    largest: int
    """Size of its largest entry."""


@cache
def long(versions: int) -> Long:
    storage = Dictionary()
    storage.entries = model_entries(versions)
    log = model_log(storage, MODEL)
    sizes = [len(data) for data in storage.entries.values()]
    half = sizes[: len(sizes) // 2]
    return Long(
        objects={
            **named_by_newest(storage.entries),
            **named_by_newest(artifact_entries(ARTIFACTS[versions]), 3),
            f"Models/{MODEL}/1/manifest.json": projected(log, log.state().records[1]),
        },
        bytes_per_version=sum(half) / (versions / 2),
        largest=max(sizes),
    )


@pytest.mark.parametrize("versions", ARTIFACTS)
def test_everything_takes_few_requests(
    kind: str, place: Place, folder: Path, versions: int
) -> None:
    # Begun, so that the root is marked.
    place.opened().get_dataset_api().mkdir("Resources/begun")
    place.put(long(versions).objects)
    over = []
    for step in STEPS:
        run = step.ready(place.opened(), folder)
        requests = place.count()
        run()
        taken, most = requests(), step.local if kind == "local" else step.bucket
        if len(taken) > most:
            over.append(f"{step.what}: {len(taken)}, not {most}: " + "\n  ".join(taken))
    assert not over, "\n".join(over)
    last = model_state(place.opened().storage, MODEL).head.last
    assert last == versions + 3


def test_a_thousand_versions_are_listed_in_three_round_trips(
    kind: str, place: Place
) -> None:
    """Requests that wait for each other are what takes long on a distant server."""
    if kind == "bucket":
        pytest.skip("memory answers one request at a time")
    place.put(long(LONG).objects)
    near = place.opened().storage
    model_state(near, MODEL).records.newest(LISTED)  # there are connections

    began: dict[int, float] = {}
    waits: list[tuple[float, float]] = []

    def wait(call: StorageCall) -> None:
        began[call.number] = time.monotonic()
        time.sleep(TRIP_S)

    def note(call: StorageCall) -> None:
        waits.append((time.monotonic(), began[call.number]))

    far = FaultyStorage(near, lambda _: Fault(before=wait, after=note))
    found = model_state(far, MODEL).records.newest(LISTED)
    assert len(found) == LISTED
    # A trip begins when the one before has ended, whatever is calculated in between.
    trips, last = 0, 0.0
    for ended, start in sorted(waits):
        if start >= last:
            trips, last = trips + 1, ended
    assert trips == (4 if kind == "local" else 3)


def test_a_log_grows_by_little_however_long_it_is() -> None:
    """With an alias that moves and a tag on some older version at each tenth save."""
    found = long(LONG)
    assert found.bytes_per_version <= LOG_BYTES
    assert found.largest <= 2 * LOG_BYTES
