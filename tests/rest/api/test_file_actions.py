"""Files moved and copied, folders measured and taken as archives, deep lists."""

import os
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from hopsartifacts import Project
from hopsartifacts.datasets import archives
from hopsartifacts.rest.api import file_actions, files
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.files import folders
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.uploads import UploadLimits, Uploads
from hopsartifacts.storage.contract import Storage
from tests.rest.conftest import FixedKeys, bearing

V1 = "/api/v1"
TREE = {
    "a.txt": b"a" * 10,
    "ü 模型/b.txt": b"b",
    "ü 模型/deep/c.bin": bytes(3000),
    "empty": b"",
}


def folder_at(path: str, what: str) -> str:
    return f"{V1}/folders/{quote(path, safe='')}/{what}"


def fill(project: Project, top: str = "Resources/data") -> None:
    for path, data in TREE.items():
        project.storage.write(f"{top}/{path}", [data])


def below(project: Project, top: str) -> dict[str, bytes]:
    """Return the files below a folder."""
    return {
        it.path.removeprefix(f"{top}/"): project.storage.read(it.path)
        for it in project.storage.find(top)
        if it.kind == "file"
    }


@pytest.fixture
def each(storage_of_each_kind: Storage, tmp_path: Path) -> Iterator[Hosted]:
    """What a server of a project on each kind of storage serves."""
    project = Project(storage_of_each_kind)
    uploads = Uploads(project.storage, tmp_path / "s", UploadLimits(min_free_bytes=0))
    yield Hosted(project, FixedKeys(), uploads)
    uploads.close()


@pytest.fixture
def anywhere(each: Hosted) -> Iterator[TestClient]:
    """A client of a server on each kind of storage."""
    with TestClient(create_app(each), headers=bearing("writer")) as client:
        yield client


@pytest.mark.parametrize("action", ["moves", "copies"])
@pytest.mark.parametrize("is_job", [False, True])
def test_files_and_folders_are_moved_and_copied(
    anywhere: TestClient,
    each: Hosted,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    *,
    is_job: bool,
) -> None:
    if is_job:
        monkeypatch.setattr(file_actions, "LONG_BYTES", 5)
    project = each.project
    fill(project)
    for source, target in (
        ("Resources/data", "Resources/é new/data"),
        ("/Projects/x/Resources/é new/data/a.txt", "Resources/other.txt"),
    ):
        body = {"source": source.replace("/Projects/x/", ""), "target": target}
        answer = anywhere.post(f"{V1}/{action}", json=body)
        if answer.status_code == 202:
            place = answer.headers["location"]
            while (job := anywhere.get(place).json())["status"] == "running":
                pass
            assert job["result"] == {"kind": "file", "path": target}, job
            assert job["subject"] == target
        else:
            assert answer.status_code == 201, answer.text
            assert answer.json()["path"] == target
            assert anywhere.get(answer.headers["location"]).json() == answer.json()
        can_wait = action == "copies" or not project.storage.capabilities.moves_trees
        assert (answer.status_code == 202) is (is_job and can_wait)
    moved = {} if action == "moves" else TREE
    assert below(project, "Resources/data") == moved
    assert project.storage.read("Resources/other.txt") == TREE["a.txt"]
    left = {it: data for it, data in TREE.items() if it != "a.txt"}
    new = below(project, "Resources/é new/data")
    assert new == (left if action == "moves" else TREE)


@pytest.mark.parametrize("action", ["moves", "copies"])
@pytest.mark.parametrize(
    ("source", "target", "status", "words"),
    [
        ("Models/my_model/1/Files/model.bin", "Resources/x", 403, "managed"),
        ("Models/my_model", "Resources/x", 403, "managed"),
        ("Resources/data/a.txt", "Models/my_model/1/Files/x", 403, "managed"),
        ("Resources/data", "Models/x", 403, "managed"),
        ("Resources/data", "Models/x.d", 403, "managed"),
        ("Resources/data", "Deployments/x", 403, "managed"),
        ("Resources/data", ".hopsartifacts/x", 403, "managed"),
        ("", "Resources/x", 403, "managed"),
        ("Resources/no", "Resources/x", 404, "does not exist"),
        ("Resources/data", "Resources/data/x", 400, "within"),
        ("Resources/data", "Resources/there", 409, "exists"),
        ("Resources/data/a.txt", "Resources/there", 409, "exists"),
        ("Resources/data/a.txt", "Resources/data", 409, "exists"),
        ("Resources/data/a.txt", "Resources/there/x", 400, "file"),
        ("Resources/data/a.txt", "x", 400, "directly in the project"),
        ("Resources/data/a.txt", "Resources/../x", 400, ".."),
        ("Resources/data/a.txt", "/Projects/other/x", 400, "project"),
        ("Resources/data/a.txt", "Resources/x.", 400, "x."),
        ("Resources/link/secret", "Resources/x", 404, "exist"),
        ("Resources/data/a.txt", "Resources/link/x", 400, "link"),
    ],
)
def test_what_cannot_be_is_refused(
    client: TestClient,
    project: Project,
    deployed: Callable[..., Any],
    tmp_path: Path,
    *,
    action: str,
    source: str,
    target: str,
    status: int,
    words: str,
) -> None:
    deployed()
    fill(project)
    project.storage.write("Resources/there", [b"old"])
    folder = project.storage.local_path("Resources")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    assert folder
    (folder / "link").symlink_to(outside)
    before = below(project, "Resources")
    answer = client.post(f"{V1}/{action}", json={"source": source, "target": target})
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert below(project, "Resources") == before
    assert os.listdir(outside) == ["secret"]  # noqa: PTH208 - names
    assert project.verify().ok


def test_a_project_keeps_its_folders(client: TestClient, project: Project) -> None:
    fill(project)
    body = {"source": "Resources", "target": "Other/x"}
    assert client.post(f"{V1}/moves", json=body).status_code == 403
    assert client.post(f"{V1}/copies", json=body).status_code == 201
    assert below(project, "Other/x/data") == below(project, "Resources/data") == TREE


def test_only_what_is_asked_for_is_replaced(
    client: TestClient, project: Project
) -> None:
    fill(project)
    project.storage.write("Resources/there", [b"old"])
    body = {"source": "Resources/data/a.txt", "target": "Resources/there"}
    assert client.post(f"{V1}/copies", json=body).status_code == 409
    assert project.storage.read("Resources/there") == b"old"
    done = client.post(f"{V1}/copies", json={**body, "overwrite": True})
    assert done.status_code == 201, done.text
    assert project.storage.read("Resources/there") == TREE["a.txt"]


@pytest.mark.parametrize("action", ["moves", "copies"])
@pytest.mark.parametrize(
    ("source", "target", "status"),
    [
        ("Resources/data", "Resources/data/ü 模型", 400),
        ("Resources/data", "Resources/data/a.txt", 400),
        ("Resources/data/a.txt", "Resources/link/secret", 400),
        ("Resources/link/secret", "Resources/there", 404),
    ],
)
def test_what_is_refused_replaces_nothing(
    client: TestClient,
    project: Project,
    tmp_path: Path,
    *,
    action: str,
    source: str,
    target: str,
    status: int,
) -> None:
    fill(project)
    project.storage.write("Resources/there", [b"old"])
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    folder = project.storage.local_path("Resources")
    assert folder
    (folder / "link").symlink_to(outside)
    before = below(project, "Resources")
    body = {"source": source, "target": target, "overwrite": True}
    answer = client.post(f"{V1}/{action}", json=body)
    assert answer.status_code == status, answer.text
    assert below(project, "Resources") == before
    assert (outside / "secret").read_text() == "secret"


def test_a_copy_that_a_link_prevents_replaces_nothing(
    client: TestClient, project: Project
) -> None:
    fill(project)
    project.storage.write("Resources/there/old", [b"old"])
    folder = project.storage.local_path("Resources/data")
    assert folder
    (folder / "link").symlink_to("/etc")
    body = {"source": "Resources/data", "target": "Resources/there", "overwrite": True}
    answer = client.post(f"{V1}/copies", json=body)
    assert answer.status_code == 400, answer.text
    assert below(project, "Resources/there") == {"old": b"old"}


def opened(answer: Any) -> dict[str, bytes]:
    """Return the files in an archive, after checks of what clients see of it."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    archive = zipfile.ZipFile(BytesIO(answer.content))
    assert archive.testzip() is None
    return {it: archive.read(it) for it in archive.namelist() if it[-1] != "/"}


def test_a_folder_is_taken_as_an_archive(anywhere: TestClient, each: Hosted) -> None:
    """Its size is known before, and names in any script are kept."""
    fill(each.project)
    each.project.get_dataset_api().mkdir("Resources/data/none")
    size = anywhere.get(folder_at("Resources/data", "size")).json()
    address = folder_at("Resources/data", "archive")
    answer = anywhere.get(address)
    assert opened(answer) == TREE
    assert "none/" in zipfile.ZipFile(BytesIO(answer.content)).namelist()
    assert size == {
        "files": 4,
        "folders": 3,
        "size_bytes": sum(map(len, TREE.values())),
        "archive_bytes": len(answer.content),
        "is_whole": True,
    }
    named = answer.headers["content-disposition"]
    assert named == "attachment; filename*=UTF-8''data.zip"
    head = anywhere.head(address)
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert head.content == b""


def test_managed_folders_are_taken_too(
    client: TestClient, deployed: Callable[..., Any]
) -> None:
    deployed(files=[])
    version = client.get(folder_at("Models/my_model/1", "archive"))
    assert opened(version).keys() == {
        "Files/model.bin",
        "Artifacts/1/predictor-predict.py",
    }
    assert "my_model-1.zip" in version.headers["content-disposition"]
    artifact = client.get(folder_at("Models/my_model/1/Artifacts/1", "archive"))
    assert opened(artifact).keys() == {"predictor-predict.py"}
    everything = client.get(folder_at("Models", "archive"))
    assert "my_model/1/Files/model.bin" in opened(everything)
    assert client.get(folder_at("Deployments", "size")).json()["files"] == 1


def test_what_is_no_folder_has_no_archive(client: TestClient, project: Project) -> None:
    fill(project)
    for what in ("size", "archive"):
        for path, status in (
            ("Resources/data/a.txt", 400),
            ("Resources/no", 404),
            (".hopsartifacts", 404),
            ("Resources/..", 400),
        ):
            answer = client.get(folder_at(path, what))
            assert answer.status_code == status, answer.text
    tar = client.get(folder_at("Resources/data", "archive"), params={"format": "tar"})
    assert tar.status_code == 400


def test_an_archive_has_no_links(
    client: TestClient, project: Project, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    fill(project)
    folder = project.storage.local_path("Resources/data")
    assert folder
    (folder / "link").symlink_to(secret)
    (folder / "up").symlink_to(tmp_path)
    assert opened(client.get(folder_at("Resources/data", "archive"))) == TREE


def test_an_archive_has_a_bound(
    client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(project)
    monkeypatch.setattr(folders, "MAX_MEMBERS", 3)
    size = client.get(folder_at("Resources/data", "size")).json()
    assert (size["is_whole"], size["archive_bytes"]) == (False, None)
    answer = client.get(folder_at("Resources/data", "archive"))
    assert (answer.status_code, "3 files" in answer.text) == (413, True)


def test_a_damaged_file_ends_an_archive(
    client: TestClient, deployed: Callable[..., Any], project: Project
) -> None:
    """What differs from what was sealed never looks like a complete archive."""
    deployed()
    file = project.storage.local_path("Models/my_model/1/Files/model.bin")
    assert file
    file.parent.chmod(0o700)
    file.chmod(0o600)
    file.write_bytes(b"longer than it was")
    answer = client.get(folder_at("Models/my_model/1", "archive"))
    assert (answer.status_code, "differs" in answer.text) == (500, True)
    whole = client.get(folder_at("Models/my_model/1/Artifacts", "archive"))
    assert opened(whole).keys() == {"1/predictor-predict.py"}


def test_a_file_that_grows_ends_an_archive(
    client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(project)
    chunks = project.storage.chunks

    def grown(path: str, start: int = 0) -> Iterator[bytes]:
        yield from chunks(path, start)
        if path.endswith("c.bin"):
            yield b"more"

    monkeypatch.setattr(project.storage, "chunks", grown)
    answer = client.get(folder_at("Resources/data", "archive"))
    assert len(answer.content) < int(answer.headers["content-length"])


@pytest.mark.parametrize(
    "members",
    [
        [],
        [("a/", None), ("a/é", 5), ("empty", 0)],
        [("x" * 200, 900), ("b", 5000), ("c", 10), ("d", None)],
        [(f"é{number}", number) for number in range(60)],
    ],
)
@pytest.mark.parametrize("limit", [1000, zipfile.ZIP64_LIMIT])
@pytest.mark.parametrize("most", [2, 3, 4, zipfile.ZIP_FILECOUNT_LIMIT])
def test_the_size_of_an_archive_is_known_before(
    monkeypatch: pytest.MonkeyPatch,
    members: list[tuple[str, int | None]],
    limit: int,
    most: int,
) -> None:
    """Also of those with too many or too large files: the limits are lower here."""
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", most)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    members = [(name.removesuffix("/"), size) for name, size in members]

    def content(size: int) -> Callable[[], list[bytes]]:
        return lambda: [bytes(size)]

    packed = [
        archives.Packed(name=name, chunks=None if size is None else content(size))
        for name, size in members
    ]
    data = b"".join(archives.zipped(packed, is_compressed=False))
    assert len(data) == archives.zipped_size(members)


def test_names_are_found_at_any_depth(
    client: TestClient, get: Callable[..., Any], deployed: Callable[..., Any]
) -> None:
    deployed()
    for path in TREE:
        address = f"{V1}/files/{quote('Resources/' + path, safe='')}/content"
        assert client.put(address, content=b"x").status_code == 201
    found = get("/files", name=".TXT", deep=True)
    assert [it["path"] for it in found["items"]] == [
        "Resources/a.txt",
        "Resources/ü 模型/b.txt",
    ]
    assert "is_whole" not in found
    assert get("/files", path="Resources/ü 模型", deep=True)["total"] == 3
    models = get("/files", path="Models", name="predict", deep=True)
    assert [it["path"] for it in models["items"]] == [
        "Models/my_model/1/Artifacts/1/predictor-predict.py"
    ]
    page = get("/files", name="b", deep=True, kind="file", limit=1, sort="-size_bytes")
    rest = get(
        "/files",
        name="b",
        deep=True,
        kind="file",
        cursor=page["next"],
        limit=9,
        sort="-size_bytes",
    )
    assert page["total"] == 1 + len(rest["items"])
    answer = client.get(f"{V1}/files", params={"path": "Resources/no", "deep": "true"})
    assert answer.status_code == 404


def test_a_deep_list_has_a_bound(
    client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(project)
    address = f"{V1}/files?path=Resources&deep=true"
    assert client.get(address).json()["total"] == 7
    monkeypatch.setattr(files, "MOST_DEEP", 5)
    found = client.get(address).json()
    assert (found["total"], found["is_whole"]) == (5, False)
    monkeypatch.setattr(files, "DEEP_S", -1)
    assert client.get(address).json()["is_whole"] is False
