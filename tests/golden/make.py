"""Make the golden project of the current format: `python tests/golden/make.py`.

Run it only when a format gets a new number, and say so in the changelog: every release
has to read the old ones as they are.
"""

import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import hopsartifacts
from hopsartifacts.documents import FORMAT

HERE = Path(__file__).parent


def main() -> None:
    """Write the project; refuse if it is there."""
    target = HERE / f"format-{FORMAT}"
    if target.exists():
        raise SystemExit(f"{target} exists: a format does not change")
    work = Path(tempfile.mkdtemp())
    (work / "model" / "sub").mkdir(parents=True)
    (work / "model" / "weights.bin").write_bytes(bytes(range(256)))
    (work / "model" / "sub" / "empty").write_bytes(b"")
    (work / "predict.py").write_text("class Predictor:\n    pass\n")
    (work / "big.bin").write_bytes(b"0123456789abcdef" * 17_000)
    (work / "settings.yaml").write_text("a: 1\n")

    project = hopsartifacts.login(target)
    registry = project.get_model_registry()
    first = registry.python.create_model(
        "golden",
        metrics={"auc": 0.5, "runs": 3},
        description="the first",
        input_example=[[1, 2.5, "x"]],
        model_schema=hopsartifacts.ModelSchema(
            hopsartifacts.Schema([{"name": "age", "type": "int"}])
        ),
        tags={"stage": {"name": "test"}},
    )
    first.save(work / "model")
    registry.python.create_model("golden").save(work / "model").delete()
    third = registry.sklearn.create_model("golden", metrics={"auc": 0.75})
    third.save(work / "model" / "weights.bin")
    third.set_tag("stage", "prod")
    third.set_description("the third")
    first.set_alias("champion", why="the first")
    third.set_alias("champion", why="a better one")

    deployment = first.deploy("one", script_file=work / "predict.py")
    deployment.config_file = work / "settings.yaml"
    deployment.files = [work / "big.bin"]
    deployment.save()
    third.deploy("gone").delete()
    third.deploy("two", resources={"limits": {"cores": -1}})
    shutil.rmtree(work)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # as a clone has them


if __name__ == "__main__":
    with (
        mock.patch.dict(os.environ, LOGNAME="golden"),
        mock.patch("socket.gethostname", return_value="host"),
    ):
        main()
