"""Which URL leads to which back end, and why some lead nowhere."""

import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

import hopsartifacts
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.connect import connect


@pytest.mark.parametrize("protocol", ["http", "https", "zip", "github"])
def test_what_can_only_be_read_is_refused_as_that(protocol: str) -> None:
    for opted_in in (False, True):
        with pytest.raises(InvalidInputError, match="is read-only"):
            hopsartifacts.login(f"{protocol}://x/y", unsafe_single_writer=opted_in)


@pytest.mark.parametrize("url", ["simplecache::s3://b/p", "filecache://x", "dir://x"])
def test_what_wraps_another_file_system_is_refused(url: str) -> None:
    for opted_in in (False, True):
        with pytest.raises(InvalidInputError, match="wraps another file system"):
            hopsartifacts.login(url, unsafe_single_writer=opted_in)


@pytest.mark.parametrize("protocol", ["webdav", "smb", "ftp", "dropbox", "webhdfs"])
def test_what_cannot_tell_writers_apart_has_to_be_asked_for(protocol: str) -> None:
    with pytest.raises(
        InvalidInputError,
        match=rf"'{protocol}' cannot tell two writers apart.*unsafe_single_writer=True",
    ):
        hopsartifacts.login(f"{protocol}://host/p")


@pytest.mark.parametrize(
    "url", ["a\0b", "x" * 300, "\ud800", 5, None.__class__, b"path"]
)
def test_what_no_directory_can_be_called_is_refused(url: object) -> None:
    with pytest.raises(InvalidInputError, match="project URL"):
        hopsartifacts.login(url)  # type: ignore[arg-type]


def test_a_file_url_may_name_this_machine(tmp_path: Path) -> None:
    project = hopsartifacts.login(f"file://localhost{tmp_path}/p")
    assert project.storage.local_path("") == tmp_path / "p"


def test_unknown_protocols_are_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInputError, match=r"'s4' is not supported.*gs://.*az://"):
        hopsartifacts.login("s4://bucket/p", unsafe_single_writer=True)


def test_a_registered_file_system_is_taken_for_one_writer(
    tmp_path: Path,
) -> None:
    class Attic(DirFileSystem):  # type: ignore[misc]  # fsspec has no types
        """A file system of the user: a folder of this machine."""

        protocol = "attic"

        def __init__(self, **options: Any) -> None:
            super().__init__(path=str(tmp_path), fs=LocalFileSystem(), **options)

    fsspec.register_implementation("attic", Attic, clobber=True)
    with pytest.raises(InvalidInputError, match="'attic' cannot tell two writers"):
        hopsartifacts.login("attic://p")
    project = hopsartifacts.login("attic://p", unsafe_single_writer=True)
    project.get_dataset_api().upload(__file__)
    assert (tmp_path / "p" / "Resources" / Path(__file__).name).exists()


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("s3://bucket/p", "s3fs", "s3"),
        ("gs://bucket/p", "gcsfs", "gs"),
        ("gcs://bucket/p", "gcsfs", "gs"),
        ("az://container/p", "adlfs", "az"),
        ("abfs://container/p", "adlfs", "az"),
        ("sftp://host/p", "paramiko", "sftp"),
        ("ssh://host/p", "paramiko", "sftp"),
        ("hdfs://host/p", "hdfs_native", "hdfs"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    url: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget(package, monkeypatch)

    with pytest.raises(
        InvalidInputError,
        match=rf'needs {package}.*pip install "hopsartifacts\[{extra}\]"',
    ):
        hopsartifacts.login(url)


def test_a_missing_package_of_the_fallback_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _forget("webdav4", monkeypatch)

    with pytest.raises(InvalidInputError, match=r"'webdav://p'.*webdav4"):
        connect("webdav://p", unsafe_single_writer=True)


@pytest.mark.parametrize(
    ("url", "package"),
    [("gs://", "gcsfs"), ("az://", "adlfs"), ("s3://", "s3fs")],
)
def test_a_bucket_has_to_be_named(url: str, package: str) -> None:
    pytest.importorskip(package)
    with pytest.raises(InvalidInputError, match=r"names no (bucket|container)"):
        connect(url)


def test_passwords_are_not_repeated() -> None:
    for url in ("http://me:secret@host/p", "smb://me:secret@host/p"):
        with pytest.raises(InvalidInputError, match="me@host") as caught:
            connect(url)
        assert "secret" not in str(caught.value)


def _forget(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the package absent, for the modules of ours that import it too."""
    loaded = [name for name in sys.modules if name.partition(".")[0] == package]
    ours = [name for name in sys.modules if name.startswith("hopsartifacts.storage.")]
    for name in loaded:
        monkeypatch.delitem(sys.modules, name)
    for name in ours:
        if not name.endswith((".connect", ".contract", ".local", ".memory")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.parametrize("url", ["file://{}", "{}", "memory://{}"])
def test_options_that_would_have_no_effect_are_refused(
    url: str, tmp_path: Path
) -> None:
    place = url.format(tmp_path / "p")
    with pytest.raises(
        InvalidInputError, match=r"takes no storage_options.*given key, secret:"
    ) as caught:
        hopsartifacts.login(place, storage_options={"secret": "s3cr3t", "key": "k"})
    assert "s3cr3t" not in str(caught.value)
    assert hopsartifacts.login(place, storage_options={}).url
