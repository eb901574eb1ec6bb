"""The user's own files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from common import LISTS_PATHS, PROJECT, UPLOADS_SCRIPTS, folder, refused
from hopsworks_common.client.exceptions import DatasetException, RestAPIError

MIB = 1024 * 1024
NAMES = (
    "a b.txt",
    "50%.txt",
    "a%2Fb.txt",
    "é+&=;,.txt",
    'it\'s "quoted".txt',
    "日本.txt",
    ".hidden",
    "a:b~(1).txt",
)


def fetched(files: Any, path: str) -> bytes:
    """Return what is downloaded, into a new folder: releases name the file alike."""
    with tempfile.TemporaryDirectory() as place:
        files.download(path, place)
        return Path(place, Path(path).name).read_bytes()


def standard_folders(project: Any) -> None:
    files = project.get_dataset_api()
    for name in ("Models", "Deployments", "Resources", "Logs"):
        assert files.exists(name), name
        assert files.exists(f"/Projects/{PROJECT}/{name}"), name
    assert not files.exists("Resources/nothing")
    assert not files.exists("Nothing")


def folders(project: Any) -> None:
    files = project.get_dataset_api()
    made = files.mkdir("Resources/mine")
    assert made == f"/Projects/{PROJECT}/Resources/mine", made
    assert files.exists("Resources/mine")
    files.mkdir(f"/Projects/{PROJECT}/Resources/mine/deep")
    assert files.exists("Resources/mine/deep")
    with refused():
        files.mkdir("Resources/mine")


def a_small_file(project: Any) -> None:
    files = project.get_dataset_api()
    Path("small.txt").write_text("small")
    assert files.upload("small.txt", "Resources/mine") == "Resources/mine/small.txt"
    assert fetched(files, "Resources/mine/small.txt") == b"small"
    read = files.read_content(f"/Projects/{PROJECT}/Resources/mine/small.txt")
    assert read.content == b"small"
    read = files.read_content("/Resources/mine/small.txt")
    assert read.content == b"small"


def a_file_of_many_chunks(project: Any) -> None:
    files = project.get_dataset_api()
    data = os.urandom(3 * MIB + 17) + bytes(2 * MIB)
    Path("large.bin").write_bytes(data)
    files.upload("large.bin", "Resources/mine", chunk_size=MIB // 2)
    assert fetched(files, "Resources/mine/large.bin") == data


def files_of_equal_name_and_size(project: Any) -> None:
    """The client marks both uploads with the same identifier."""
    files = project.get_dataset_api()
    for name, content in (("one", b"1" * MIB * 3), ("two", b"2" * MIB * 3)):
        files.mkdir(f"Resources/mine/{name}")
        place = folder(name, {"same.bin": content})
        files.upload(f"{place}/same.bin", f"Resources/mine/{name}", chunk_size=MIB)
    for name, digit in (("one", b"1"), ("two", b"2")):
        assert fetched(files, f"Resources/mine/{name}/same.bin") == digit * MIB * 3


def an_empty_file(project: Any) -> None:
    files = project.get_dataset_api()
    Path("empty.txt").touch()
    files.upload("empty.txt", "Resources/mine")
    # Releases before send nothing, so there is nothing.
    if files.exists("Resources/mine/empty.txt"):
        assert fetched(files, "Resources/mine/empty.txt") == b""


def overwriting(project: Any) -> None:
    files = project.get_dataset_api()
    Path("small.txt").write_text("another")
    with refused(DatasetException, says="overwrite=True"):
        files.upload("small.txt", "Resources/mine")
    files.upload("small.txt", "Resources/mine", overwrite=True)
    assert files.read_content("/Resources/mine/small.txt").content == b"another"


def odd_names(project: Any) -> None:
    files = project.get_dataset_api()
    files.mkdir("Resources/odd names & more")
    place = folder("odd", {name: f"content of {name}" for name in NAMES})
    for name in NAMES:
        remote = f"Resources/odd names & more/{name}"
        files.upload(f"{place}/{name}", "Resources/odd names & more")
        assert files.exists(remote), name
        assert files.read_content(f"/{remote}").content == f"content of {name}".encode()
    assert {Path(it).name for it in _listed(files, "odd names & more")} == set(NAMES)
    for name in NAMES:
        files.remove(f"Resources/odd names & more/{name}")
    assert _listed(files, "odd names & more") == []


def a_folder_named_like_an_operation(project: Any) -> None:
    files = project.get_dataset_api()
    files.mkdir("Resources/upload")
    files.upload("small.txt", "Resources/upload")
    assert files.read_content("/Resources/upload/small.txt").content == b"another"


def listing(project: Any) -> None:
    files = project.get_dataset_api()
    names = {Path(it).name for it in _listed(files, "mine")}
    assert {"deep", "small.txt", "large.bin", "one", "two"} <= names, names


def listing_in_pages(project: Any) -> None:
    files = project.get_dataset_api()
    files.mkdir("Resources/pages")
    for number in range(7):
        files.mkdir(f"Resources/pages/{number}")
    pages = [_page(files, offset, 3) for offset in (0, 3, 6, 9)]
    assert [len(it) for it in pages] == [3, 3, 1, 0], pages
    assert {it for page in pages for it in page} == {str(it) for it in range(7)}


def copying_and_moving(project: Any) -> None:
    files = project.get_dataset_api()
    files.copy("Resources/mine/small.txt", "Resources/mine/deep/copy.txt")
    assert files.exists("Resources/mine/small.txt")
    files.move("Resources/mine/deep/copy.txt", "Resources/mine/moved.txt")
    assert not files.exists("Resources/mine/deep/copy.txt")
    assert files.read_content("/Resources/mine/moved.txt").content == b"another"
    with refused(DatasetException):
        files.move("Resources/mine/moved.txt", "Resources/mine/small.txt")
    files.copy("Resources/mine/one", "Resources/mine/three")
    assert files.exists("Resources/mine/three/same.bin")
    with refused():
        files.copy("Resources/mine/nothing", "Resources/mine/four")


def removing(project: Any) -> None:
    files = project.get_dataset_api()
    files.remove("Resources/mine/moved.txt")
    assert not files.exists("Resources/mine/moved.txt")
    files.remove("Resources/mine/three")
    assert not files.exists("Resources/mine/three")
    with refused(status=404):
        files.remove("Resources/mine/nothing")


def zipping(project: Any) -> None:
    files = project.get_dataset_api()
    if not hasattr(files, "zip"):
        return
    files.mkdir("Resources/packed")
    files.upload("small.txt", "Resources/packed")
    assert files.zip("Resources/packed", block=True, timeout=60)
    files.remove("Resources/packed")
    assert files.unzip("Resources/packed.zip", block=True, timeout=60)
    assert files.read_content("/Resources/packed/small.txt").content == b"another"


def a_folder_at_once(project: Any) -> None:
    """Only releases from 5 on take a folder."""
    if not UPLOADS_SCRIPTS:
        return
    files = project.get_dataset_api()
    given = {f"sub/{it}.txt": str(it) for it in range(20)} | {"top.txt": "t"}
    place = folder("whole", given)
    files.upload(place, "Resources")
    for path, content in given.items():
        read = files.read_content(f"/Resources/whole/{path}")
        assert read.content == content.encode(), path


def what_is_not_there(project: Any) -> None:
    files = project.get_dataset_api()
    with refused(status=404):
        files.download("Resources/nothing.txt", "nothing.back")


def nothing_outside(project: Any) -> None:
    files = project.get_dataset_api()
    answered = []
    for path in (
        "/Projects/another/Resources/x",
        "../outside",
        "Resources/../../outside",
        f"/Projects/{PROJECT}/../../outside",
        "Resources/../../../../../../etc/passwd",
    ):
        for name, ask in (
            ("exists", lambda it: files.exists(it) or 1 / 0),
            ("read_content", lambda it: files.read_content(f"/{it}")),
            ("mkdir", lambda it: files.mkdir(f"{it}/new")),
            ("remove", files.remove),
            ("upload", lambda it: files.upload("small.txt", it)),
            ("copy", lambda it: files.copy(it, "Resources/in")),
            ("copy to", lambda it: files.copy("Resources/mine/small.txt", it)),
            ("move to", lambda it: files.move("Resources/mine/small.txt", it)),
        ):
            try:
                ask(path)
            except (RestAPIError, DatasetException, ZeroDivisionError):
                continue
            answered.append((name, path))
    assert not answered, answered


def _listed(files: Any, name: str) -> list[str]:
    if LISTS_PATHS:
        return list(files.list(f"Resources/{name}"))
    count, found = files.list_files(f"/Projects/{PROJECT}/Resources/{name}", 0, 1000)
    assert count == len(found)
    return [it.path for it in found]


def _page(files: Any, offset: int, limit: int) -> list[str]:
    path = "Resources/pages"
    if LISTS_PATHS:
        found = files.list(path, offset, limit)
    else:
        count, nodes = files.list_files(f"/Projects/{PROJECT}/{path}", offset, limit)
        assert count == 7
        found = [it.path for it in nodes]
    return [Path(it).name for it in found]


STEPS = (
    standard_folders,
    folders,
    a_small_file,
    a_file_of_many_chunks,
    files_of_equal_name_and_size,
    an_empty_file,
    overwriting,
    odd_names,
    a_folder_named_like_an_operation,
    listing,
    listing_in_pages,
    copying_and_moving,
    removing,
    zipping,
    a_folder_at_once,
    what_is_not_there,
    nothing_outside,
)
