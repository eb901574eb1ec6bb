"""Faults of an S3 server and of the way to it, as a project's user meets them."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import HopsArtifactsError, StorageError
from tests.s3.conftest import Server
from tests.s3.proxy import Harm, Proxy, Rule

SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"
WEIGHTS = b"w" * 18_000_000
SMALL = b"small"


@pytest.fixture
def url(s3: Server) -> str:
    return f"s3://{s3.bucket()}/p"


@pytest.fixture
def direct(s3: Server, url: str, folder: Path) -> Project:
    """The project without the proxy, with one version in it."""
    project = hopsartifacts.login(url, storage_options=s3.options())
    project.get_model_registry().python.create_model("m").save(folder)
    return project


@pytest.fixture
def project(proxy: Proxy, direct: Project, url: str) -> Project:  # noqa: ARG001 - to be there first
    """The same project through the proxy."""
    options = Server(proxy.endpoint).options()
    return hopsartifacts.login(url, storage_options=options)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(WEIGHTS)
    (folder / "sub" / "small").write_bytes(SMALL)
    (tmp_path / "predict.py").write_text(SCRIPT)
    return folder


def save(project: Project, folder: Path) -> None:
    project.get_model_registry().python.create_model("m").save(folder)


def deploy(project: Project, folder: Path) -> None:
    model = project.get_model_registry().get_model("m", 1)
    deployment = model.deploy(script_file=folder.parent / "predict.py")
    assert deployment.artifact_version == 1


def get(project: Project, folder: Path) -> None:
    del folder
    model = project.get_model_registry().get_model("m")
    assert model.version == 1


def download(project: Project, folder: Path) -> None:
    model = project.get_model_registry().get_model("m", 1)
    found = Path(model.download(folder.parent / "downloaded"))
    assert (found / "weights.bin").read_bytes() == WEIGHTS
    assert (found / "sub" / "small").read_bytes() == SMALL


WORK = [save, deploy, get, download]
Work = Callable[[Project, Path], None]


def whole(direct: Project) -> None:
    """See that every version is whole and nothing is there that belongs to none."""
    report = direct.verify()
    assert report.ok, str(report)


def numbers(project: Project) -> list[int | None]:
    return [one.version for one in project.get_model_registry().get_models("m")]


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(
    ("harm", "status"),
    [
        ("refuse", 503),
        ("refuse", 500),
        ("refuse", 429),
        ("cut request", 0),
        ("cut answer", 0),
        ("lose answer", 0),
    ],
)
def test_what_passes_is_got_over(
    project: Project,
    direct: Project,
    proxy: Proxy,
    folder: Path,
    work: Work,
    harm: Harm,
    status: int,
) -> None:
    first = Rule(do=harm, status=status, times=1)
    proxy.plan(first, Rule(do=harm, status=status, chance=0.25, times=12), seed=5)
    work(project, folder)
    assert [one for one in proxy.seen() if one.done]
    whole(direct)
    versions = [one.version for one in direct.get_model_registry().get_models("m")]
    assert versions == ([1, 2] if work is save else [1])


@pytest.mark.parametrize("work", WORK)
def test_what_does_not_pass_is_told_and_leaves_nothing(
    project: Project, direct: Project, proxy: Proxy, folder: Path, work: Work
) -> None:
    proxy.plan(Rule(do="refuse", status=503, skip=2))
    if work is get:
        proxy.plan(Rule(do="refuse", status=503))
    with pytest.raises(StorageError, match=r"repeatedly|is unknown"):
        work(project, folder)
    proxy.plan()
    whole(direct)
    assert len(direct.get_model_registry().get_models("m")) == 1
    assert direct.get_model_serving().get_deployments() == []
    work(project, folder)


def test_a_file_that_arrives_shorter_is_not_taken_for_it(
    project: Project, proxy: Proxy, folder: Path
) -> None:
    proxy.plan(Rule(do="truncate", method="GET", path="/Files/"))
    with pytest.raises(HopsArtifactsError):
        download(project, folder)
    left = [path for path in folder.parent.glob("downloaded/**/*") if path.is_file()]
    assert left == []


def test_a_server_that_vanishes_in_mid_save_costs_seconds_not_minutes(
    project: Project, direct: Project, proxy: Proxy, folder: Path
) -> None:
    proxy.plan(Rule(do="cut request", skip=8))
    started = time.monotonic()
    with pytest.raises(StorageError):
        save(project, folder)
    assert time.monotonic() - started < 60
    proxy.plan()
    assert len(direct.get_model_registry().get_models("m")) == 1
    save(project, folder)
    versions = [one.version for one in direct.get_model_registry().get_models("m")]
    assert len(versions) == 2


def test_a_failed_writer_touches_nothing_of_another(
    project: Project, direct: Project, proxy: Proxy, folder: Path, s3: Server, url: str
) -> None:
    # The second of the large file's parts never arrives, while another one saves.
    proxy.plan(Rule(do="refuse", path="partNumber=2", status=403, code="AccessDenied"))
    with pytest.raises(StorageError, match="denies access"):
        save(project, folder)
    other = hopsartifacts.login(url, storage_options=s3.options())
    # From a folder of their own: the same one would be continued.
    save(other, shutil.copytree(folder, folder.parent / "theirs"))
    whole(direct)
    assert numbers(direct) == [1, 3]
    # What has arrived of the first one's is not seen, and is gone on with.
    proxy.plan()
    save(project, folder)
    assert numbers(direct) == [1, 2, 3]
    whole(direct)
