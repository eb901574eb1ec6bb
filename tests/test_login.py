"""Opening a project: where it is, and what is no project of this release."""

from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.errors import FormatError, InvalidInputError
from hopsartifacts.storage.memory import MemoryStorage

MARKER = ".hopsartifacts/project.json"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOPSARTIFACTS_URL", raising=False)
    return tmp_path


def test_the_default_is_a_folder_of_the_working_directory(cwd: Path) -> None:
    project = hopsartifacts.login()
    assert project.url == (cwd / "hopsartifacts-project").as_uri()
    assert project.name == "hopsartifacts-project"
    assert list(cwd.iterdir()) == []


def test_the_variable_names_the_project(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_URL", str(cwd / "elsewhere"))
    assert hopsartifacts.login().name == "elsewhere"
    assert hopsartifacts.login("given").name == "given"
    monkeypatch.setenv("HOPSARTIFACTS_URL", "")
    assert hopsartifacts.login().name == "hopsartifacts-project"


def test_one_place_has_one_url(cwd: Path) -> None:
    place = cwd / "iris"
    ways: list[Any] = [place, str(place), "iris", "./iris/", place.as_uri()]
    assert {hopsartifacts.login(way).url for way in ways} == {place.as_uri()}
    assert {hopsartifacts.login(way).name for way in ways} == {"iris"}


def test_a_home_directory_is_understood(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(cwd))
    assert hopsartifacts.login("~/iris").url == (cwd / "iris").as_uri()


def test_a_project_is_called_as_its_folder(cwd: Path) -> None:
    """Not as its URL, which has %20 and %C3 in it."""
    project = hopsartifacts.login(cwd / "größe 100%25 of it")
    assert project.name == "größe 100%25 of it"
    again = hopsartifacts.login(project.url)
    assert (again.name, again.url) == (project.name, project.url)


@pytest.mark.usefixtures("clear_memory")
def test_memory_projects() -> None:
    project = hopsartifacts.login("memory://team/iris")
    assert (project.url, project.name) == ("memory://team/iris", "iris")
    assert hopsartifacts.login("memory:///team/iris/").url == project.url
    assert hopsartifacts.login("memory://").name == "project"
    assert repr(project) == "Project('memory://team/iris')"


@pytest.mark.usefixtures("clear_memory")
def test_a_storage_of_ones_own() -> None:
    storage = MemoryStorage("mine")
    assert hopsartifacts.login(storage=storage).storage is storage


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s4://bucket/x", "'s4'.*file://, memory://"),
        ("http://example.com/x", "'http'"),
        ("simplecache::memory://x", "'simplecache::memory'"),
        ("  ", "empty"),
    ],
)
def test_urls_that_cannot_be_used(url: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        hopsartifacts.login(url)


def test_a_file_is_no_project(cwd: Path) -> None:
    (cwd / "file").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"file' is a file: give a directory"):
        hopsartifacts.login(cwd / "file")


def test_the_first_thing_stored_marks_the_project(project: Project, model: Any) -> None:
    assert b'"format": 1' in project.storage.read(MARKER)
    again = hopsartifacts.login(storage=project.storage)
    assert again.get_model_registry().get_model("my_model").id == model.id


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        (b'{"format": 3, "created": "", "writer": ""}', "format 3.*upgrade"),
        (b'{"format": 0, "created": "", "writer": ""}', "format 0.*pre-release"),
        (b'{"format": "1"}', "project.json"),
        (b"not json", "project.json.*damaged"),
        (b"", "project.json.*damaged"),
    ],
)
def test_a_format_of_another_release_is_refused(
    project: Project, marker: bytes, words: str
) -> None:
    project.storage.write(MARKER, [marker])
    with pytest.raises(FormatError, match=words):
        hopsartifacts.login(storage=project.storage)


def test_a_format_that_changes_meanwhile_is_refused(
    project: Project, save_model: Any
) -> None:
    project.storage.write(MARKER, [b'{"format": 9, "created": "", "writer": ""}'])
    with pytest.raises(FormatError, match="format 9"):
        save_model()
    assert [entry.path for entry in project.storage.find("")] == [MARKER]


def test_registry_and_serving_know_their_project(project: Project) -> None:
    assert project.get_model_registry().project_name == project.name
    assert project.get_model_serving().project_name == project.name
