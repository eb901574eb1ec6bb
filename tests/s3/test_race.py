"""Many processes at one S3 server that is often busy and loses connections."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from tests import depth
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy, Rule

WRITERS = 32
VERSIONS = depth.usually(8, 30)
MODELS = 8
"""How many models the writers share; the server lets who loses a race wait a second,
so all of them at one model take long."""
READERS = 4
ROOT = Path(__file__).parents[2]
HARM = (
    Rule(do="refuse", status=503, chance=0.03),
    Rule(do="refuse", status=500, chance=0.01),
    Rule(do="cut request", method="PUT", chance=0.01),
    Rule(do="cut answer", method="GET", chance=0.01),
    Rule(do="lose answer", chance=0.01),
)


@pytest.mark.race
def test_no_version_is_lost_or_given_twice_or_read_in_part(
    proxy: Proxy, s3: Server, tmp_path: Path
) -> None:
    url = f"s3://{s3.bucket()}/p"
    models = [f"m{number}" for number in range(MODELS)]
    common = {"url": url, "options": Server(proxy.endpoint).options()}
    proxy.plan(*HARM, seed=1)
    with ExitStack() as stack:

        def start(do: str, number: int, **more: Any) -> "subprocess.Popen[str]":
            folder = tmp_path / f"{do}{number}"
            folder.mkdir()
            order = {**common, "do": do, "folder": str(folder), **more}
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.s3.race_worker", json.dumps(order)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        readers = [start("read", n, models=models) for n in range(READERS)]
        writers = [
            start("save", n, model=models[n % MODELS], who=f"w{n}", turns=VERSIONS)
            for n in range(WRITERS)
        ]
        for process in (*readers, *writers):
            assert _line(process) == "ready\n"
        for process in (*readers, *writers):
            _say(process, "go")
        written = [json.loads(_line(process)) for process in writers]
        for process in readers:
            _say(process, "stop")
        read = [json.loads(_line(process)) for process in readers]

    assert [error for one in read for error in one["errors"]] == []
    assert min(one["reads"] for one in read) > 0
    proxied = proxy.seen()
    harmed = [one for one in proxied if one.done]
    reads = sum(one["reads"] for one in read)
    failed = sum(len(one["errors"]) for one in written)
    print(  # noqa: T201 - for who runs it with -s
        f"{len(proxied)} requests, {len(harmed)} of them harmed; {reads} versions "
        f"read; {failed} saves failed and were made again"
    )
    assert len(harmed) > len(proxied) / 100
    _check_every_version(url, s3, written)


def _check_every_version(url: str, s3: Server, written: list[dict[str, Any]]) -> None:
    project = hopsartifacts.login(url, storage_options=s3.options())
    told = {
        (one["model"], version): {"who": f"w{number}", "turn": turn}
        for number, one in enumerate(written)
        for version, turn in one["saved"]
    }
    assert len(told) == WRITERS * VERSIONS, "a number was given twice"
    registry = project.get_model_registry()
    stored = {
        (model.name, model.version): model.get_tags()
        for name in registry.list_models()
        for model in registry.get_models(name)
    }
    # What a writer was not told of may be there, if its last answer was lost.
    assert {key: stored.get(key) for key in told} == told
    uncertain = sum(len(one["errors"]) for one in written)
    assert len(told) <= len(stored) <= len(told) + uncertain
    assert project.verify().ok


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def _say(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stdin
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
