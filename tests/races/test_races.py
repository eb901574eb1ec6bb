"""Real processes (and threads, in memory) that do the same thing at the same time."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts.errors import DeploymentNotFoundError, ModelNotFoundError
from hopsartifacts.project import Project
from hopsartifacts.storage.memory import MemoryStorage
from tests.races.worker import perform
from tests.stateful.backend import StatesOnly

pytestmark = pytest.mark.race

# Last, so that the package under test stays the installed one.
WORKER = f"""
import sys
sys.path.append({str(Path(__file__).parents[2])!r})
from tests.races.worker import main
main()
"""
MANY = 8
SCRIPT = "class Predictor:\n    def predict(self, inputs):\n        return inputs\n"

Order = dict[str, Any]
Answer = dict[str, Any]
Race = Callable[[list[Order]], list[Answer]]


def race_processes(url: str, orders: list[Order]) -> list[Answer]:
    """Start a process for each order, let them all go at once, return the answers."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, json.dumps({**order, "url": url})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for order in orders
    ]
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return [
            json.loads(process.communicate(timeout=300)[0]) for process in processes
        ]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def race_threads(url: str, orders: list[Order]) -> list[Answer]:
    barrier = Barrier(len(orders))

    def work(order: Order) -> Answer:
        project = Project(hopsartifacts.login(url).storage, backend=StatesOnly())
        barrier.wait()
        return perform(project, order)

    with ThreadPoolExecutor(len(orders)) as pool:
        return list(pool.map(work, orders))


@pytest.fixture(params=["processes", "threads"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "processes":
        yield (tmp_path / "project").as_uri()
        return
    yield "memory://races"
    MemoryStorage("").delete_tree("")


@pytest.fixture
def race(url: str) -> Race:
    runner = race_threads if url.startswith("memory:") else race_processes
    return lambda orders: runner(url, orders)


@pytest.fixture
def project(url: str) -> Project:
    return Project(hopsartifacts.login(url).storage, backend=StatesOnly())


@pytest.fixture
def saved(project: Project, tmp_path: Path) -> Project:
    """A project with one version of the model ``m``."""
    weights = tmp_path / "saved" / "weights.bin"
    weights.parent.mkdir()
    weights.write_text("w")
    project.get_model_registry().python.create_model("m").save(weights.parent)
    return project


def test_numbers_are_given_once_and_files_are_their_savers(
    race: Race, project: Project, tmp_path: Path
) -> None:
    turns = 25
    answers = race(
        [
            {
                "do": "save",
                "model": "m",
                "who": f"saver{who}",
                "turns": turns,
                "folder": str(tmp_path / f"saver{who}"),
            }
            for who in range(MANY)
        ]
    )
    assert [answer["error"] for answer in answers] == [None] * MANY, answers
    given = [number for answer in answers for number in answer["result"]]
    assert sorted(given) == list(range(1, MANY * turns + 1))
    mr = project.get_model_registry()
    for who, answer in enumerate(answers):
        # Each process sees its own saves in order.
        assert answer["result"] == sorted(answer["result"])
        for turn, number in enumerate(answer["result"]):
            model = mr.get_model("m", number)
            assert model.get_tags() == {"who": f"saver{who}", "turn": turn}
            folder = Path(model.download(tmp_path / "down" / str(number)))
            [file] = folder.iterdir()
            assert file.read_text() == f"saver{who}/{turn}" * 100
    assert len(mr.get_models("m")) == MANY * turns
    report = project.verify()
    assert report.ok, report


@pytest.mark.parametrize("scripts", [1, MANY])
def test_artifact_versions_are_exact(
    race: Race, saved: Project, tmp_path: Path, scripts: int
) -> None:
    orders = []
    for who in range(MANY):
        script = tmp_path / f"of{who}" / "predict.py"
        script.parent.mkdir()
        script.write_text(f"{SCRIPT}# {who % scripts}\n")
        order = {"do": "deploy", "model": "m", "name": f"d{who}", "script": str(script)}
        orders.append(order)
    answers = race(orders)
    assert [answer["error"] for answer in answers] == [None] * MANY, answers
    given = [answer["result"][0] for answer in answers]
    assert sorted(set(given)) == list(range(1, scripts + 1))
    ms = saved.get_model_serving()
    artifacts = ms.get_artifacts(saved.get_model_registry().get_model("m"))
    assert list(artifacts.list()) == list(range(scripts + 1))
    for who, number in enumerate(given):
        [content] = artifacts.read(number).values()
        assert content.decode() == f"{SCRIPT}# {who % scripts}\n"
        assert ms.get_deployment(f"d{who}").artifact_version == number
    report = saved.verify()
    assert report.ok, report


def test_one_of_several_case_twins_wins(
    race: Race, project: Project, tmp_path: Path
) -> None:
    names = [
        "".join(
            letter.upper() if who >> at & 1 else letter
            for at, letter in enumerate("mod")
        )
        for who in range(MANY)
    ]
    assert len(set(names)) == MANY
    answers = race(
        [
            {
                "do": "save",
                "model": name,
                "who": name,
                "turns": 1,
                "folder": str(tmp_path / f"saver{who}"),
            }
            for who, name in enumerate(names)
        ]
    )
    [winner] = [
        name
        for name, answer in zip(names, answers, strict=True)
        if answer["result"] == [1]
    ]
    others = [answer["error"] for answer in answers if not answer["result"]]
    assert others == ["AlreadyExistsError"] * (MANY - 1), answers
    assert project.get_model_registry().list_models() == [winner]
    report = project.verify()
    assert report.ok, report


@pytest.mark.parametrize("attempt", range(3))
def test_a_model_is_deleted_or_deployed(
    race: Race, saved: Project, tmp_path: Path, attempt: int
) -> None:
    script = tmp_path / "predict.py"
    script.write_text(f"{SCRIPT}# {attempt}\n")
    deploys: list[Order] = [
        {"do": "deploy", "model": "m", "name": f"d{who}", "script": str(script)}
        for who in range(4)
    ]
    *deployed, deleted = race([*deploys, {"do": "delete", "model": "m"}])
    ms = saved.get_model_serving()
    live = {deployment.name for deployment in ms.get_deployments()}
    assert live == {f"d{who}" for who, it in enumerate(deployed) if it["result"]}
    if deleted["result"]:
        assert not live
        assert {answer["error"] for answer in deployed} == {"ModelNotFoundError"}, (
            deployed
        )
        with pytest.raises(ModelNotFoundError):
            saved.get_model_registry().get_model("m", 1)
        with pytest.raises(DeploymentNotFoundError):
            ms.get_deployment("d0")
    else:
        assert deleted["error"] == "InUseError", deleted
        assert live == {f"d{who}" for who in range(4)}
        saved.get_model_registry().get_model("m", 1)
    for name in live:
        ms.get_deployment(name).start()
    findings = [it for it in saved.verify().findings if it.kind != "leftover"]
    assert not findings
