"""Several clients that save the same model name at the same moment."""

import time
from pathlib import Path

import pytest

from tests.clients.conftest import Client, finished, result_of
from tests.clients.servers import Server
from tests.clients.starter import Script
from tests.clients.test_generations import files_of

pytestmark = pytest.mark.race
WRITERS = 6


def race(
    client: Client, server: Server, folder: Path, writers: list[int], version: str
) -> dict[int, int]:
    """Let the writers save at once; return who got which version."""
    barrier = folder / "now"
    processes: dict[int, Script] = {
        writer: client.start(
            server,
            folder / f"writer{writer}",
            "rival.py",
            "raced",
            str(writer),
            version,
            str(barrier),
        )
        for writer in writers
    }
    deadline = time.monotonic() + 120
    while not all(Path(f"{barrier}.{writer}").exists() for writer in writers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    barrier.touch()
    got = {}
    for writer, process in processes.items():
        word, *rest = result_of(finished(process, server))
        if word == "VERSION":
            got[writer] = int(rest[0])
    barrier.unlink()
    return got


def check(server: Server, got: dict[int, int]) -> None:
    """See that each version is one writer's, whole, and that there are no others."""
    project = server.open()
    report = project.verify()
    assert report.ok, str(report)
    registry = project.get_model_registry()
    assert sorted(got.values()) == [it.version for it in registry.get_models("raced")]
    assert len(set(got.values())) == len(got)
    for writer, version in got.items():
        mark = f"writer {writer} ".encode()
        model = registry.get_model("raced", version)
        assert model.training_metrics == {"writer": writer}
        expected = {f"{it}.bin": mark * 3000 for it in range(4)}
        expected[f"only-{writer}/mark.bin"] = mark
        assert files_of(project, "raced", version) == expected


def test_each_gets_a_version_of_his_own(
    client: Client, server: Server, tmp_path: Path
) -> None:
    """Who is refused tries again, as people do; all land in the end."""
    got: dict[int, int] = {}
    waiting = list(range(WRITERS))
    for _ in range(WRITERS):
        won = race(client, server, tmp_path, waiting, "any")
        assert won, "one of them wins each time"
        got.update(won)
        check(server, got)
        waiting = [writer for writer in waiting if writer not in got]
        if not waiting:
            break
    assert not waiting


def test_one_alone_gets_a_number_that_all_want(
    client: Client, server: Server, tmp_path: Path
) -> None:
    got = race(client, server, tmp_path, list(range(WRITERS)), "3")
    assert list(got.values()) == [3]
    check(server, got)
