"""The inference log of a pod: each record once in the project, whoever ends when."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hopsartifacts.serving.contract import Launch, RequestLogging
from hopsartifacts.serving.inference_log.access import read_log
from hopsartifacts.storage.connect import connect
from tests.pods.conftest import Server, ServerFactory
from tests.pods.containers import USER, Container, wait_for, write_launch

pytest.importorskip("pyarrow", reason="the log is made of Parquet files")

MODULE = "hopsartifacts.pods.shipping"
Sidecar = Callable[..., Container]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def logged(make_launch: Any, tmp_path: Path) -> Launch:
    project = tmp_path / "project"
    project.mkdir()
    if not os.geteuid():
        os.chown(project, USER, USER)
    return make_launch(  # type: ignore[no-any-return]
        """
        import time
        class Predictor:
            def predict(self, inputs):
                time.sleep(inputs[0][0])
                return inputs
        """,
        project_url=f"file://{project}",
        logging=RequestLogging(mode="ALL"),
    )


@pytest.fixture
def sidecar(tmp_path: Path, spool: Path) -> Iterator[Sidecar]:
    started: list[Container] = []

    def run(launch: Launch, *, isolated: bool = False, **env: str) -> Container:
        number = len(started)
        path = write_launch(tmp_path / f"sidecar-{number}.json", launch)
        container = Container(
            tmp_path / f"sidecar-{number}",
            MODULE,
            [str(path)],
            {"HOPSARTIFACTS_SPOOL": str(spool), **env},
            is_isolated=isolated,
            more=[str(tmp_path / "project")],
        )
        started.append(container)
        wait_for(container, lambda: "hopsartifacts: " in container.log)
        return container

    yield run
    for container in started:
        container.kill()


@pytest.fixture
def main_container(start: ServerFactory, spool: Path, logged: Launch) -> Server:
    env = {"HOPSARTIFACTS_SPOOL": str(spool)}
    return start(logged, env=env).wait_ready()


def log_of(launch: Launch) -> list[str]:
    """Return the logged answers; each row of the project is one."""
    table = read_log(
        connect(launch.project_url), launch.key, None, message_type="response"
    )
    return sorted(table["payload"].to_pylist())


def test_both_end_at_the_same_signal_and_nothing_is_lost(
    main_container: Server, sidecar: Sidecar, logged: Launch, spool: Path
) -> None:
    shipping = sidecar(logged)
    for number in range(20):
        main_container.predict([[number / 1000]])
    main_container.container.terminate()
    shipping.terminate()
    # It still answers, and the sidecar waits for that.
    assert main_container.predict([[0.777]]) == [[0.777]]
    assert main_container.container.wait() == 0
    assert shipping.wait() == 0
    assert "everything is shipped" in shipping.log
    assert len(set(log_of(logged))) == len(log_of(logged)) == 21
    assert [it.name for it in spool.iterdir()] == ["ship.lock"]


def test_what_a_killed_sidecar_did_not_ship_the_next_one_does_once(
    main_container: Server, sidecar: Sidecar, logged: Launch
) -> None:
    for round_number in range(3):
        shipping = sidecar(logged, HOPSARTIFACTS_SHIP_SECONDS="0.2")
        for number in range(5):
            main_container.predict([[round_number / 100 + number / 1000]])
        time.sleep(0.3)
        shipping.first.kill()
        shipping.wait()
    main_container.container.terminate()
    assert main_container.container.wait() == 0
    last = sidecar(logged)
    last.terminate()
    assert last.wait() == 0
    assert len(set(log_of(logged))) == len(log_of(logged)) == 15


def test_it_ships_while_the_main_container_takes_long_to_end(
    main_container: Server, sidecar: Sidecar, logged: Launch
) -> None:
    shipping = sidecar(logged)
    main_container.predict([[0.001]])
    shipping.terminate()
    wait_for(shipping, lambda: len(log_of(logged)) == 1)
    assert shipping.is_running
    main_container.container.terminate()
    assert shipping.wait() == 0


def test_it_tries_again_until_it_is_killed_and_says_so(
    main_container: Server, sidecar: Sidecar, logged: Launch, tmp_path: Path
) -> None:
    shipping = sidecar(logged)
    (tmp_path / "project").rmdir()
    (tmp_path / "project").write_text("no folder")
    main_container.predict([[0.001]])
    main_container.container.terminate()
    shipping.terminate()
    wait_for(shipping, lambda: "could not be shipped yet" in shipping.message)
    assert "the inference log is not shipped yet" in shipping.log
    (tmp_path / "project").unlink()
    (tmp_path / "project").mkdir()
    assert shipping.wait() == 0
    assert len(log_of(logged)) == 1


def test_isolated_like_in_a_pod_it_takes_over_what_a_killed_worker_left(
    start: ServerFactory, sidecar: Sidecar, logged: Launch, spool: Path
) -> None:
    env = {"HOPSARTIFACTS_SPOOL": str(spool)}
    server = start(logged, isolated=True, env=env).wait_ready()
    shipping = sidecar(logged, isolated=True)
    server.predict([[0.001]])
    server.container.first.kill()
    server.container.wait()
    shipping.terminate()
    assert shipping.wait() == 0, shipping.log
    assert len(log_of(logged)) == 1


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "seconds": ({}, {"HOPSARTIFACTS_SHIP_SECONDS": "0"}, "SHIP_SECONDS is '0'"),
    "protocol": ({"project_url": "gopher://x"}, {}, "gopher"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_it_cannot_do_it_refuses_in_words(
    sidecar: Sidecar, logged: Launch, case: str
) -> None:
    changes, env, words = REFUSED[case]
    container = sidecar(replace(logged, **changes), **env)
    assert container.wait() == 1
    assert words in container.message


def test_without_a_logger_it_waits_for_its_end(sidecar: Sidecar, echo: Launch) -> None:
    container = sidecar(echo)
    assert "has no inference logger: idle" in container.log
    container.first.send_signal(signal.SIGTERM)
    assert container.wait() == 0
