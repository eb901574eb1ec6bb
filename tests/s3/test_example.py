"""The example about buckets, on a real server."""

import runpy
import sys
from pathlib import Path

import pytest

from tests.s3.conftest import KEYS, Server

EXAMPLE = Path(__file__).parents[2] / "examples" / "s3_bucket.py"


def test_the_example_runs(
    s3: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["secret"])
    url = f"s3://{s3.bucket()}/team"
    monkeypatch.setattr(sys, "argv", [EXAMPLE.name, url, s3.endpoint])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"saved version 1 in {url}",
        "downloaded: ['weights.bin']",
        "intact: True",
    ]
