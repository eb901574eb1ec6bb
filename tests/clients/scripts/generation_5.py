"""The client of 4.6 to 5.2: deployment versions, scripts of this machine, tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import deployments
import login
import models
import refusals
import tutorials
from common import RELEASE, missing, refused, run
from deployments import PREDICTOR, TRANSFORMER, WHILE_STARTING, saved_model, script
from hsml.transformer import Transformer

HAS_VERSIONS = RELEASE >= (5, 2)
IS_5 = RELEASE >= (5,)


def versions_and_rollback(project: Any) -> None:
    if not HAS_VERSIONS:
        return
    serving = project.get_model_serving()
    model = saved_model(project, "rolled")
    first = script(project, "times2.py", PREDICTOR.format(factor=2))
    deployment = model.deploy(name="rolled", script_file=first)
    assert deployment.version == 1
    assert [it.version for it in deployment.get_versions()] == [1]
    deployment.start(await_running=WHILE_STARTING)
    second = script(project, "times3.py", PREDICTOR.format(factor=3))
    deployment.script_file = second
    deployment.save(await_update=WHILE_STARTING, new_version=True)
    assert deployment.version == 2
    assert deployment.predict(inputs=[[1]]) == {"predictions": [[3]]}
    found = deployment.get_versions()
    assert [it.version for it in found] == [2, 1]
    assert [it.active for it in found] == [True, False]
    assert all(it.created and it.created_by for it in found)
    assert found[0].model_name == "rolled"
    assert Path(found[1].predictor).name == "times2.py"
    deployment.rollback(1, await_update=WHILE_STARTING)
    assert deployment.version == 1
    assert Path(deployment.script_file).name == "times2.py"
    assert deployment.predict(inputs=[[1]]) == {"predictions": [[2]]}
    assert [it.version for it in deployment.get_versions() if it.active] == [1]
    deployment.rollback(deployment.get_versions()[0], await_update=WHILE_STARTING)
    assert deployment.predict(inputs=[[1]]) == {"predictions": [[3]]}
    assert serving.get_deployment("rolled").version == 2
    with refused():
        deployment.rollback(99)
    deployment.delete(force=True)


def deployment_tags(project: Any) -> None:
    if not IS_5:
        return
    model = saved_model(project, "tagged")
    path = script(project, "times2.py", PREDICTOR.format(factor=2))
    deployment = model.deploy(name="tagged", script_file=path)
    assert deployment.get_tags() == {}
    deployment.add_tag("owner", {"team": "ä", "since": 2024})
    deployment.add_tag("stage", "test")
    assert deployment.get_tags() == {
        "owner": {"team": "ä", "since": 2024},
        "stage": "test",
    }
    assert deployment.get_tag("stage") == "test"
    deployment.delete_tag("stage")
    assert deployment.get_tag("stage") is None
    assert deployment.get_tag("never") is None
    deployment.delete()


def a_model_with_tags(project: Any) -> None:
    if not HAS_VERSIONS:
        return
    place = Path("tagged-model")
    place.mkdir()
    (place / "model.bin").write_text("m")
    registry = project.get_model_registry()
    model = registry.python.create_model("born_tagged", tags={"name": "a", "value": 1})
    model.save(str(place))
    assert registry.get_model("born_tagged", 1).get_tags() == {"a": 1}


def scripts_of_the_working_directory(project: Any) -> None:
    """A bare name is a file of this machine, and later the server's."""
    if not IS_5:
        return
    serving = project.get_model_serving()
    model = saved_model(project, "local")
    Path("here.py").write_text(PREDICTOR.format(factor=5))
    Path("round.py").write_text(TRANSFORMER)
    deployment = model.deploy(
        name="local",
        script_file="here.py",
        transformer=Transformer(script_file="./round.py"),
    )
    assert Path(deployment.script_file).name == "here.py"
    # The same name again, with the file still there and changed meanwhile.
    Path("here.py").write_text(PREDICTOR.format(factor=6))
    found = serving.get_deployment("local")
    found.script_file = "here.py"
    found.save()
    # And with the file gone: what the server has stays.
    Path("here.py").unlink()
    Path("round.py").unlink()
    found = serving.get_deployment("local")
    found.save()
    found.start(await_running=WHILE_STARTING)
    assert found.predict(inputs=[[1]]) == {"predictions": [[112]]}
    found.delete(force=True)


def settings_of_this_generation(project: Any) -> None:
    if not HAS_VERSIONS:
        return
    serving = project.get_model_serving()
    model = saved_model(project, "settled")
    code = PREDICTOR.format(factor=2).replace(
        "print(", "print(os.environ['GREETING'], "
    )
    predictor = serving.create_predictor(
        model,
        name="settled",
        script_file=script(project, "greeting.py", code),
        env_vars={"GREETING": "good = morning"},
        scaling_configuration={"min_instances": 1},
    )
    predictor.deploy()
    found = serving.get_deployment("settled")
    assert found.env_vars == {"GREETING": "good = morning"}, found.env_vars
    assert found.scaling_configuration.min_instances == 1
    found.start(await_running=WHILE_STARTING)
    assert "good = morning loaded" in found.read_logs(tail=1000)
    found.restart()
    assert found.predict(inputs=[[1]]) == {"predictions": [[2]]}
    found.delete(force=True)
    assert missing(lambda: serving.get_deployment("settled"))


TOPICS = {
    "login": login.STEPS,
    "datasets": datasets.STEPS,
    "models": (*models.STEPS, a_model_with_tags),
    "deployments": (
        *deployments.STEPS,
        versions_and_rollback,
        deployment_tags,
        scripts_of_the_working_directory,
        settings_of_this_generation,
    ),
    "refusals": refusals.STEPS,
    "tutorials": tutorials.STEPS,
}

if __name__ == "__main__":
    run(TOPICS)
