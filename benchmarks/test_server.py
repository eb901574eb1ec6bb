"""The server with many clients at once, each on a connection that it keeps.

``HOPSARTIFACTS_BENCH_CLIENTS`` is how many. Clients and server share the machine: what
is seen is of both.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.rest.crowd import (
    API,
    Answer,
    allow_files,
    crowd,
    download,
    listing,
    resident_bytes,
)
from tests.rest.servers import Process, make_key

CLIENTS = int(os.environ.get("HOPSARTIFACTS_BENCH_CLIENTS", "1000"))
ROUNDS = 3


def test_many_clients_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "demo" / "Resources"
    folder.mkdir(parents=True)
    for number in range(100):
        (folder / f"{number}.bin").write_bytes(os.urandom(64 * 1024))
    url = str(tmp_path / "demo")
    allow_files(2 * CLIENTS + 100)
    process = Process(url, "--access-log", tmp_path / "access.log")
    try:
        key = make_key(url)
        (who,) = crowd(process, key, 1, [f"{API}/project"]).answers
        project = json.loads(who[0].body)[0]["project"]["id"]
        print(f"\n{resident_bytes(process) / 1e6:.0f} MB held with one")
        for name, target in (
            ("health", "/health"),
            ("login", f"{API}/project"),
            ("list 100", listing(project, "Resources")),
            ("download 64 KiB", download(project, "Resources/1.bin")),
        ):
            found = crowd(process, key, CLIENTS, [target] * ROUNDS)
            answers = [it for each in found.answers for it in each]
            assert {it.status for it in answers} == {200}
            print(f"{name:16} {_figures(answers, found.seconds)}")
            held = resident_bytes(process) / 1e6
            print(f"    connected in {found.connecting_s:.1f} s, {held:.0f} MB held")
    finally:
        process.end()


def _figures(answers: Sequence[Answer], seconds: float) -> str:
    half, most = _at((it.seconds for it in answers), 0.5, 0.99)
    rate = len(answers) / seconds
    return f"{rate:6.0f} requests/s, p50 {half:.2f} s, p99 {most:.2f} s"


def _at(values: Iterable[float], *parts: float) -> list[float]:
    ordered = sorted(values)
    return [ordered[int(len(ordered) * it)] for it in parts]
