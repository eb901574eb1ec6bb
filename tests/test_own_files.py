"""The user's own files: folders, copying, moving, packing; with folders or without."""

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

import hopsartifacts
from hopsartifacts import Project
from hopsartifacts.datasets import DatasetApi, archives
from hopsartifacts.errors import (
    AlreadyExistsError,
    HopsArtifactsError,
    InvalidInputError,
    ManagedPathError,
    PathNotFoundError,
)

Put = Callable[[str, bytes], None]


@pytest.fixture(params=["disk", "memory"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A project where folders are folders, and one where they may be prefixes."""
    urls = {
        "disk": str(tmp_path / "demo"),
        "memory": f"memory://own-{uuid4().hex}/demo",
    }
    return hopsartifacts.login(urls[request.param])


@pytest.fixture
def api(project: Project) -> DatasetApi:
    return project.get_dataset_api()


@pytest.fixture
def put(api: DatasetApi, tmp_path: Path) -> Put:
    """Upload bytes to a path."""

    def _put(path: str, data: bytes) -> None:
        folder, _, name = path.rpartition("/")
        local = tmp_path / uuid4().hex
        local.mkdir()
        (local / name).write_bytes(data)
        api.upload(local / name, folder)

    return _put


def test_an_empty_folder_is_there(project: Project, api: DatasetApi) -> None:
    assert api.mkdir("Resources/a/b") == "Resources/a/b"
    assert api.exists("Resources/a/b")
    assert api.list("Resources/a/b") == []
    assert api.list("Resources/a") == ["Resources/a/b"]
    assert api.list() == ["Resources"]
    assert project.verify().ok
    with pytest.raises(AlreadyExistsError, match="'Resources/a' exists"):
        api.mkdir("Resources/a")
    api.remove("Resources/a/b")
    assert not api.exists("Resources/a/b")


def test_a_folder_stays_when_its_last_file_goes(api: DatasetApi, put: Put) -> None:
    api.mkdir("Resources/a")
    put("Resources/a/x", b"x")
    assert api.list("Resources/a") == ["Resources/a/x"]
    api.remove("Resources/a/x")
    assert api.list("Resources") == ["Resources/a"]


def test_nothing_is_made_below_a_file(api: DatasetApi, put: Put) -> None:
    put("Resources/x", b"x")
    put("Resources/y", b"y")
    with pytest.raises(InvalidInputError, match="'Resources/x' is a file"):
        api.mkdir("Resources/x/y")
    with pytest.raises(InvalidInputError, match="'Resources/x' is a file"):
        api.copy("Resources/y", "Resources/x/y")


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_a_tree_is_taken_elsewhere(api: DatasetApi, put: Put, verb: str) -> None:
    put("Resources/a/x", b"x")
    put("Resources/a/deep/y", b"y")
    api.mkdir("Resources/a/empty/er")
    getattr(api, verb)("Resources/a", "Other/b")
    assert api.read_content("Other/b/x") == b"x"
    assert api.read_content("Other/b/deep/y") == b"y"
    assert api.exists("Other/b/empty/er")
    assert api.exists("Resources/a/empty/er") is (verb == "copy")
    assert api.exists("Resources/a/x") is (verb == "copy")


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_a_file_is_taken_elsewhere(api: DatasetApi, put: Put, verb: str) -> None:
    put("Resources/x", b"new")
    put("Resources/y", b"old")
    take = getattr(api, verb)
    with pytest.raises(AlreadyExistsError, match="'Resources/y' exists"):
        take("Resources/x", "Resources/y")
    assert api.read_content("Resources/y") == b"old"
    take("Resources/x", "Resources/y", overwrite=True)
    assert api.read_content("Resources/y") == b"new"
    assert api.exists("Resources/x") is (verb == "copy")


@pytest.mark.parametrize("verb", ["copy", "move"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_cannot_be_taken_stays(
    api: DatasetApi, put: Put, verb: str, overwrite: bool
) -> None:
    put("Resources/a/x", b"x")
    take = getattr(api, verb)
    for target in ("Resources/a", "Resources/a/b", "Resources"):
        with pytest.raises(HopsArtifactsError):
            take("Resources/a", target, overwrite=overwrite)
    with pytest.raises(PathNotFoundError):
        take("Resources/missing", "Resources/a", overwrite=overwrite)
    for managed in ("Models/m", "Deployments", ".hopsartifacts/x", "models/x"):
        with pytest.raises(ManagedPathError):
            take("Resources/a", managed, overwrite=overwrite)
        with pytest.raises(ManagedPathError):
            take(managed, "Resources/z", overwrite=overwrite)
    assert api.read_content("Resources/a/x") == b"x"


def test_a_copy_is_another_file(api: DatasetApi, put: Put, tmp_path: Path) -> None:
    put("Resources/x", b"x")
    on_disk = tmp_path / "demo/Resources/x"
    if on_disk.exists():
        on_disk.chmod(0o444)  # as a sealed file, whose bytes may be shared
    api.copy("Resources/x", "Resources/y")
    if on_disk.exists():
        assert not on_disk.samefile(tmp_path / "demo/Resources/y")


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    root = tmp_path / "demo"
    api = hopsartifacts.login(str(root)).get_dataset_api()
    api.mkdir("Resources/a")
    (root / "Resources/a/link").symlink_to(outside)
    for take in (api.copy, api.move):
        with pytest.raises(PathNotFoundError):
            take("Resources/a/link/secret", "Resources/got")
        with pytest.raises(PathNotFoundError):
            take("Resources/a/link", "Resources/got")
    with pytest.raises(InvalidInputError, match="is a link"):
        api.copy("Resources/a", "Resources/got")
    with pytest.raises(InvalidInputError, match="is a link"):
        api.zip("Resources/a")
    with pytest.raises(InvalidInputError, match="is a link"):
        api.mkdir("Resources/a/link/new")
    assert api.list("Resources") == ["Resources/a"]
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_what_was_packed_is_unpacked(api: DatasetApi, put: Put) -> None:
    put("Resources/a/x", b"x" * 3_000_000)
    put("Resources/a/deep/y", b"y")
    api.mkdir("Resources/a/empty")
    assert api.zip("Resources/a") == "Resources/a.zip"
    assert api.zip("Resources/a", "Other") == "Other/a.zip"
    with pytest.raises(AlreadyExistsError):
        api.zip("Resources/a")
    with zipfile.ZipFile(io.BytesIO(api.read_content("Other/a.zip"))) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["deep/", "deep/y", "empty/", "x"]
    with pytest.raises(AlreadyExistsError):
        api.unzip("Resources/a.zip")
    assert api.unzip("Other/a.zip") == "Other/a"
    assert api.read_content("Other/a/x") == b"x" * 3_000_000
    assert api.read_content("Other/a/deep/y") == b"y"
    assert api.exists("Other/a/empty")
    put("Resources/one.csv", b"1")
    assert api.zip("Resources/one.csv", "Other") == "Other/one.csv.zip"
    assert api.unzip("Other/one.csv.zip") == "Other/one"
    assert api.list("Other/one") == ["Other/one/one.csv"]


def archive_of(*members: tuple[str, bytes], mode: int = 0) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return data.getvalue()


UNSAFE = {
    "up": archive_of(("a", b""), ("../b", b"evil")),
    "deep up": archive_of(("a/../../b", b"evil")),
    "absolute": archive_of(("/etc/b", b"evil")),
    "windows": archive_of(("..\\b", b"evil")),
    "drive": archive_of(("C:\\b", b"evil")),
    "control": archive_of(("a\nb", b"evil")),
    "link": archive_of(("a", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777),
    "device": archive_of(("a", b""), mode=stat.S_IFCHR | 0o666),
    "twins": archive_of(("a", b"1"), ("A", b"2")),
    "file and folder": archive_of(("a", b"1"), ("a/b", b"2")),
    "none": b"PK\x05\x06 no archive",
    "empty": b"",
    "cut": archive_of(("a", b"a" * 1000))[:-30],
    "changed": archive_of(("a", bytes(range(256)))).replace(b"\x10\x11", b"\x12\x13"),
    "bomb": archive_of(*((f"{n}", b"\0" * 2_000_000) for n in range(4))).replace(
        (2_000_000).to_bytes(4, "little"), (2_000_000_000).to_bytes(4, "little")
    ),
}


@pytest.mark.parametrize("data", UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_archive_leaves_nothing(
    api: DatasetApi, put: Put, data: bytes
) -> None:
    put("Resources/bad.zip", data)
    with pytest.raises(InvalidInputError, match=r"'Resources/bad.zip' (is not|cannot)"):
        api.unzip("Resources/bad.zip")
    assert api.list("Resources") == ["Resources/bad.zip"]
    assert api.list() == ["Resources"]


def test_an_archive_has_bounds(
    api: DatasetApi, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("Resources/big.zip", archive_of(*((f"{n}", b"x") for n in range(20))))
    monkeypatch.setattr(archives, "MAX_MEMBERS", 19)
    with pytest.raises(
        InvalidInputError, match=r"more than 19 members \(20\): pack it"
    ):
        api.unzip("Resources/big.zip")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 20)
    monkeypatch.setattr(archives, "MAX_BYTES", 19)
    with pytest.raises(
        InvalidInputError, match="would unpack to 20 bytes, but at most 19"
    ):
        api.unzip("Resources/big.zip")
