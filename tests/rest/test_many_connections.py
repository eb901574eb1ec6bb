"""A thousand clients at once, each on a connection that it keeps."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rest.crowd import API, allow_files, crowd, download, listing
from tests.rest.servers import Process, make_key

CLIENTS = 1000
FILE = bytes(range(256)) * 256


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    (folder / "Resources").mkdir(parents=True)
    (folder / "Resources" / "a.bin").write_bytes(FILE)
    return folder


@pytest.fixture
def process(project: Path, tmp_path: Path) -> Iterator[Process]:
    process = Process(str(project), "--access-log", tmp_path / "access.log")
    yield process
    process.end()


def test_a_thousand_list_and_download_at_once(
    process: Process, project: Path, tmp_path: Path
) -> None:
    allow_files(2 * CLIENTS)
    key = make_key(str(project))
    (who,) = crowd(process, key, 1, [f"{API}/project"]).answers
    number = json.loads(who[0].body)[0]["project"]["id"]
    targets = [listing(number, "Resources"), download(number, "Resources/a.bin")] * 2
    found = crowd(process, key, CLIENTS, targets)
    for listed, loaded, listed_again, loaded_again in found.answers:
        assert loaded[:2] == loaded_again[:2] == (200, FILE)
        assert listed.status == listed_again.status == 200
        assert json.loads(listed.body)["count"] == 1
    assert process.end()[0] == 0
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert len(lines) == 1 + CLIENTS * len(targets)
    assert all(json.loads(it)["whole"] for it in lines)
