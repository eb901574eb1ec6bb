"""The server dies while a client uploads, and comes back."""

import time
from pathlib import Path

import pytest

from tests.clients.conftest import Client, finished, result_of
from tests.clients.servers import Server
from tests.clients.starter import Script
from tests.clients.test_generations import files_of

MIB = 1024 * 1024
SECONDS = 20
"""How long a client may be told to wait before its number is free again."""


def killed_amid(server: Server, process: Script, least: int = 20 * MIB) -> None:
    """Kill the server once that much of an upload has arrived."""
    deadline = time.monotonic() + 120
    while _size(server.folder) < least:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"no upload was seen: {process.communicate()[-4000:]}")
        time.sleep(0.002)
    server.kill()


def _size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.stat().st_blocks * 512
        except OSError:
            continue
    return size


def result(printed: str) -> tuple[int, float]:
    """Return the version, and after how many seconds it was there."""
    word, version, seconds = result_of(printed)
    assert word == "VERSION"
    return int(version), float(seconds)


def check(server: Server, folder: Path, name: str, version: int) -> None:
    project = server.open()
    report = project.verify()
    assert report.ok, str(report)
    models = project.get_model_registry().get_models(name)
    assert [it.version for it in models] == [version]
    place = folder / "large"
    given = {it.name: it.read_bytes() for it in place.iterdir()}
    assert files_of(project, name, version) == given


@pytest.mark.parametrize("version", ["any", "1"])
def test_another_process_saves_again(
    version: str, client: Client, server: Server, tmp_path: Path
) -> None:
    signal = str(tmp_path / "again")
    command = ("interrupted.py", "broken", version)
    process = client.start(server, tmp_path / "first", *command, "break", signal)
    killed_amid(server, process)
    assert "BROKEN" in finished(process, server)
    server.start()
    folder = tmp_path / "second"
    number, seconds = result(client.run(server, folder, *command, "save", signal))
    assert seconds < SECONDS + 10, "the save itself takes some of it"
    if version != "any":
        assert number == int(version)
    check(server, folder, "broken", number)


def test_the_same_object_is_saved_again(
    client: Client, server: Server, tmp_path: Path
) -> None:
    """It remembers the number it took, and asks for that one."""
    signal, folder = tmp_path / "again", tmp_path / "first"
    command = ("interrupted.py", "broken", "any", "retry", str(signal))
    process = client.start(server, folder, *command)
    killed_amid(server, process)
    server.start()
    signal.touch()
    number, seconds = result(finished(process, server))
    assert number == 1
    assert seconds < SECONDS + 10
    check(server, folder, "broken", number)
