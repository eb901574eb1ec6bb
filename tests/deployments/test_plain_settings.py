"""A field of ``PlainSettings`` is all that makes a setting known everywhere.

Each goes through Python, the JSON API, the command line and a bundle, with its own name
and a value that is made from its type. So these are the tests of a new one, too.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

import hopsartifacts
from hopsartifacts import Model, ModelServing, Project
from hopsartifacts.cli.app import app
from hopsartifacts.deployments.settings import PLAIN, PlainSetting
from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.keys import Caller
from tests.deployments.plain_examples import EXAMPLES, option_of

SCRIPT = "class Predictor:\n    def predict(self, inputs): return inputs\n"
IN_PROJECT = "Resources/predict.py"
WRONG = {"no": "text, number or bool"}

pytestmark = pytest.mark.parametrize("setting", PLAIN.values(), ids=PLAIN.keys())


class OneKey:
    """A key that may do everything."""

    def find(self, secret: str) -> Caller | None:
        assert secret
        return Caller("admin", "admin", frozenset({"admin"}))


@pytest.fixture
def model(project: Project, save_model: Callable[..., Model], tmp_path: Path) -> Model:
    """A model, and beside it a script in the project."""
    script = tmp_path / "predict.py"
    script.write_text(SCRIPT)
    project.get_dataset_api().upload(script)
    return save_model("m", framework="sklearn")


@pytest.fixture
def client(project: Project) -> Iterator[TestClient]:
    """A client of the server."""
    hosted = Hosted(project, OneKey(), None)
    headers = {"authorization": "ApiKey admin.secret"}
    with TestClient(create_app(hosted), headers=headers) as made:
        yield made


def saved(ms: ModelServing, name: str, setting: PlainSetting) -> Any:
    """Return the value of a setting that is stored."""
    return getattr(ms.get_deployment(name).specification, setting.name)


def test_python(ms: ModelServing, model: Model, setting: PlainSetting) -> None:
    value = EXAMPLES[setting.name]
    given: dict[str, Any] = {"script_file": IN_PROJECT, setting.name: value}
    ms.create_predictor(model, "one", **given).deploy()
    assert saved(ms, "one", setting) == value
    deployment = model.deploy("two", **given)
    assert getattr(deployment, setting.name) == value
    assert getattr(ms.get_deployment("two").predictor, setting.name) == value
    setattr(deployment, setting.name, None)
    deployment.save()
    assert saved(ms, "two", setting) == setting.default
    for give in (
        lambda: ms.create_predictor(model, **{**given, setting.name: WRONG}),
        lambda: setattr(deployment, setting.name, WRONG),
    ):
        with pytest.raises(InvalidDeploymentError, match=f"^{setting.name} {{'no': "):
            give()


def test_changes(ms: ModelServing, model: Model, setting: PlainSetting) -> None:
    deployment = model.deploy("d", script_file=IN_PROJECT)
    deployment.change(**{setting.name: EXAMPLES[setting.name]})
    deployment.save()
    assert saved(ms, "d", setting) == EXAMPLES[setting.name]
    with pytest.raises(InvalidDeploymentError, match=f"^{setting.name} {{'no': "):
        deployment.change(files=["nothing"], **{setting.name: WRONG})
    assert deployment.files == ()
    deployment.change(**{setting.name: None})
    deployment.save()
    assert saved(ms, "d", setting) == setting.default


def test_the_json_api(
    ms: ModelServing, model: Model, client: TestClient, setting: PlainSetting
) -> None:
    value = EXAMPLES[setting.name]
    body = {"model": model.name, "model_version": 1, "script_file": IN_PROJECT}
    made = client.put("/api/v1/deployments/d", json={**body, setting.name: value})
    assert made.status_code == 201, made.text
    assert made.json()["specification"][setting.name] == value
    assert saved(ms, "d", setting) == value
    plain = client.put("/api/v1/deployments/d", json=body)
    assert plain.status_code == 200, plain.text
    assert saved(ms, "d", setting) == setting.default
    wrong = client.put("/api/v1/deployments/d", json={**body, setting.name: WRONG})
    assert wrong.status_code == 400
    assert f"$.{setting.name}" in wrong.json()["detail"]
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for schema in ("GivenDeployment", "NewDeployment"):
        described = str(schemas[schema]["properties"][setting.name])
        assert setting.meaning in described
        assert all(word in described for word in setting.words)


def test_the_command_line(
    ms: ModelServing, project: Project, model: Model, setting: PlainSetting
) -> None:
    def run(*words: str) -> Result:
        line = ["deployments", *words, "--url", project.url]
        done = CliRunner().invoke(app, line)
        assert done.exit_code == 0, done.output
        return done

    option = option_of(setting, EXAMPLES[setting.name])
    run("create", model.name, "--name", "d", "--script", IN_PROJECT, *option)
    assert saved(ms, "d", setting) == EXAMPLES[setting.name]
    assert str(EXAMPLES[setting.name]) in run("show", "d").stdout
    removal = option_of(setting, "" if setting.kind is not bool else False)
    run("update", "d", *removal)
    assert saved(ms, "d", setting) == setting.default
    assert option[0] in CliRunner().invoke(app, ["deployments", "create", "-h"]).output


def test_a_bundle(
    ms: ModelServing, project: Project, model: Model, tmp_path: Path, setting: Any
) -> None:
    value = EXAMPLES[setting.name]
    predictor = ms.create_predictor(model, "d", script_file=IN_PROJECT)
    predictor.change(**{setting.name: value})
    predictor.deploy()
    project.export_bundle(tmp_path / "all.tar")
    elsewhere = hopsartifacts.login(tmp_path / "elsewhere")
    elsewhere.import_bundle(tmp_path / "all.tar")
    assert saved(elsewhere.get_model_serving(), "d", setting) == value
    assert saved(ms, "d", setting) == value
