"""The inference port is the same after every start, and nobody else's."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import hopsartifacts
from hopsartifacts.errors import FormatError, PortTakenError
from hopsartifacts.rest.front.port import FILE, inference_listener
from tests.rest.servers import Process, make_key

HOST = "127.0.0.1"
URL = "file:///somewhere"
SCRIPT = """
class Predict:
    def predict(self, inputs):
        return inputs
"""


def listened(folder: Path, wanted: int | None = None, url: str = URL) -> int:
    """Return at which port is listened, once that is over."""
    with inference_listener(folder, HOST, wanted, url) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as other:
        yield other.getsockname()[1]


def test_it_is_the_same_after_every_start(tmp_path: Path) -> None:
    assert len({listened(tmp_path) for _ in range(5)}) == 1


def test_it_is_the_same_for_a_folder_that_was_lost(tmp_path: Path) -> None:
    first = listened(tmp_path)
    (tmp_path / FILE).unlink()
    assert listened(tmp_path) == first
    # Not where the system takes ports from for connections of its own.
    assert 10_000 <= first < 30_000


def test_two_servers_of_one_project_have_one_each(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with inference_listener(tmp_path / "a", HOST, None, URL) as first:
        second = listened(tmp_path / "b")
        assert first.getsockname()[1] != second
        assert listened(tmp_path / "b") == second


def test_projects_do_not_share_a_first_choice(tmp_path: Path) -> None:
    ports = set()
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        ports.add(listened(folder, url=f"file:///{number}"))
    assert len(ports) > 15


@pytest.mark.parametrize("again", [None, 0])
def test_one_that_is_given_is_remembered(tmp_path: Path, again: int | None) -> None:
    given = listened(tmp_path, 0)
    assert listened(tmp_path, given) == given
    assert (listened(tmp_path, again) == given) is (again is None)


def test_one_that_somebody_else_took_is_not_given_up_in_silence(
    tmp_path: Path, taken: int
) -> None:
    (tmp_path / FILE).write_text(f"{taken}\n")
    for _ in range(2):
        with pytest.raises(PortTakenError, match=r"--inference-port .* revoke") as it:
            listened(tmp_path)
        assert str(taken) in str(it.value)
    other = listened(tmp_path, 0)
    assert other != taken
    assert listened(tmp_path) == other


def test_a_given_one_that_is_taken_changes_nothing(tmp_path: Path, taken: int) -> None:
    first = listened(tmp_path)
    with pytest.raises(PortTakenError):
        listened(tmp_path, taken)
    assert listened(tmp_path) == first


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "65536", "8444.0", "\ufffd"])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(FormatError, match="delete it"):
        listened(tmp_path)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_who_is_logged_in_predicts_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int
) -> None:
    """Clients learn the address when they log in, and keep it."""
    monkeypatch.setenv("HOPSARTIFACTS_STATE_DIR", str(tmp_path / "state"))
    url = str(tmp_path / "demo")
    project = hopsartifacts.login(url)
    (tmp_path / "weights.bin").write_bytes(b"w")
    (tmp_path / "script.py").write_text(SCRIPT)
    creator = project.get_model_registry().python
    model = creator.create_model("echo").save(tmp_path / "weights.bin")
    deployment = model.deploy("echo", script_file=tmp_path / "script.py")
    deployment.start(60)
    key = make_key(url)
    asked: set[str] = set()
    try:
        for _ in range(2):
            process = Process(url)
            asked.add(process.started["inference"])
            answer = httpx.post(
                # As clients do: where they were told to when they logged in.
                f"{min(asked)}/v1/models/echo:predict",
                json={"instances": [[1]]},
                headers={"authorization": f"ApiKey {key}"},
                timeout=30,
            )
            assert answer.json() == {"predictions": [[1]]}
            process.send(end)
            process.ended()
    finally:
        deployment.stop(10)
    assert len(asked) == 1
