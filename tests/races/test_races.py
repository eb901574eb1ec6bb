"""Races the kit does not have, and the kit's own with many more writers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.errors import (
    DeploymentNotFoundError,
    HopsArtifactsError,
    ModelNotFoundError,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.testing.jobs import SCRIPT, project_at, registry
from hopsartifacts.testing.places import Place
from hopsartifacts.testing.races import Race, RaceConformance, Racing

pytestmark = pytest.mark.race

MANY = 8
Answer = dict[str, Any]


class ManyWriters(RaceConformance):
    writers = MANY
    saves = 25


class TestManyProcesses(ManyWriters):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return LocalStorage(tmp_path / "project")


@pytest.mark.usefixtures("clear_memory")
class TestManyThreads(ManyWriters):
    @pytest.fixture
    def storage(self) -> Storage:
        return MemoryStorage("races")


class TestRefusals(Racing):
    """Races that somebody has to lose."""

    @pytest.fixture(params=["processes", "threads"])
    def storage(
        self,
        request: pytest.FixtureRequest,
        tmp_path: Path,
        clear_memory: None,  # noqa: ARG002 - a fixture
    ) -> Storage:
        is_shared = request.param == "processes"
        return LocalStorage(tmp_path / "p") if is_shared else MemoryStorage("races")

    def test_one_of_several_case_twins_wins(
        self, race: Race, new_place: Callable[[], Place], tmp_path: Path
    ) -> None:
        place = new_place()
        names = [
            "".join(
                letter.upper() if who >> at & 1 else letter
                for at, letter in enumerate("mod")
            )
            for who in range(MANY)
        ]
        assert len(set(names)) == MANY
        answers = race(
            [partial(save, place, name, weights(tmp_path / name)) for name in names]
        )
        [winner] = [
            name
            for name, answer in zip(names, answers, strict=True)
            if answer["result"] == 1
        ]
        others = [answer["error"] for answer in answers if not answer["result"]]
        assert others == ["AlreadyExistsError"] * (MANY - 1), answers
        assert registry(place()).list_models() == [winner]
        report = project_at(place()).verify()
        assert report.ok, report

    @pytest.mark.parametrize("attempt", range(3))
    def test_a_model_is_deleted_or_deployed(
        self,
        race: Race,
        new_place: Callable[[], Place],
        tmp_path: Path,
        attempt: int,
    ) -> None:
        """Otherwise a deployment would be left whose model is gone."""
        place = new_place()
        assert save(place, "m", weights(tmp_path / "m"))["result"] == 1
        script = tmp_path / "predict.py"
        script.write_text(f"{SCRIPT}# {attempt}\n")
        deploys = [partial(deploy, place, f"d{who}", script) for who in range(4)]
        *deployed, deleted = race([*deploys, partial(delete, place)])
        saved = project_at(place())
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


def weights(folder: Path) -> Path:
    folder.mkdir()
    (folder / "weights.bin").write_text(folder.name)
    return folder


def answered(work: Callable[[], Any]) -> Answer:
    """Return what came of some work: its result, or the name of its error."""
    try:
        return {"result": work(), "error": None}
    except HopsArtifactsError as error:
        return {"result": None, "error": type(error).__name__, "words": str(error)}


def at_once() -> None:
    """Wait for nobody."""


def save(
    place: Place, name: str, folder: Path, wait: Callable[[], None] = at_once
) -> Answer:
    models = registry(place())
    wait()
    return answered(lambda: models.python.create_model(name).save(folder).version)


def deploy(place: Place, name: str, script: Path, wait: Callable[[], None]) -> Answer:
    model = registry(place()).get_model("m", 1)
    wait()
    return answered(lambda: model.deploy(name, script_file=script).name)


def delete(place: Place, wait: Callable[[], None]) -> Answer:
    model = registry(place()).get_model("m", 1)

    def work() -> bool:
        model.delete()
        return True

    wait()
    return answered(work)
