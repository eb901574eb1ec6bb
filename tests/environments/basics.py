"""What every user does first, as a program of its own; prints nothing that matters.

It is run with an order (JSON) on its command line, in the environment to be tried, and
writes to the file named there how it went: there may be no stdout and no stderr.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import hopsartifacts
from hopsartifacts import Deployment, Project

PREDICTOR = """
import helper
{imports}

class Predictor:
    def __init__(self):
        print("the script was loaded", flush=True)

    def predict(self, inputs):
        return [helper.double(each) for each in inputs]
"""
HELPER = "def double(value):\n    return 2 * value\n"
REST = {"instances": [1, 2]}
TENSOR = {"name": "x", "shape": [2], "datatype": "INT64", "data": [1, 2]}


def save(project: Project, order: dict[str, Any]) -> None:
    """Save a model and a deployment with a script and a package, twice."""
    work = Path(order["work"])
    files = {
        "model/weights.bin": "weights",
        "predict.py": PREDICTOR.format(imports=order["imports"]),
        "helper/__init__.py": HELPER,
    }
    for name, text in files.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text)
    registry = project.get_model_registry()
    model = registry.python.create_model("m").save(work / "model")
    assert registry.get_model("m").version == model.version == 1
    settings = {
        "script_file": work / "predict.py",
        "files": [work / "helper"],
        "api_protocol": order["protocol"],
    }
    first = model.deploy(name="d", **settings)
    # Python may leave bytecode in the package: it stays the same artifact.
    sys.path.insert(0, str(work))
    importlib.import_module("helper")
    again = model.deploy(name="d", **settings)
    assert (first.artifact_version, first.version) == (1, 1)
    assert (again.artifact_version, again.version) == (1, 1)


def serve(project: Project, order: dict[str, Any]) -> None:
    """Read all that was saved, and run the deployment twice."""
    assert project.verify().ok
    model = project.get_model_registry().get_model("m")
    assert (Path(model.download()) / "weights.bin").read_text() == "weights"
    deployment = project.get_model_serving().get_deployment("d")
    assert deployment.get_state().status == "Created"
    for _ in range(2):
        deployment.start()
        assert deployment.is_running()
        predict(deployment, order["protocol"])
        assert "the script was loaded" in deployment.read_logs(tail=100)
        deployment.get_logs()
        deployment.stop()
        assert deployment.is_stopped()
    assert project.verify().ok


def predict(deployment: Deployment, protocol: str) -> None:
    """Ask for predictions in the deployment's own way."""
    if protocol == "REST":
        assert deployment.predict(data=REST) == {"predictions": [2, 4]}
    else:
        [answer] = deployment.predict(inputs=[TENSOR])
        assert [*answer.data] == [2, 4]


STEPS = {"save": save, "serve": serve}


def main(order: dict[str, Any]) -> None:
    """Do the steps of *order* and write how it went."""
    try:
        project = hopsartifacts.login(order["project"])
        for step in order["steps"]:
            STEPS[step](project, order)
    except BaseException:
        Path(order["report"]).write_text(traceback.format_exc())
        raise
    Path(order["report"]).write_text("well")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
