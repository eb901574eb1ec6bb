"""Make the golden bundle of the current format: `python tests/golden/make_bundle.py`.

Run it only when bundles get a new format number, and say so in the changelog: every
release has to import the old ones as they are.
"""

import os
import tempfile
from pathlib import Path
from unittest import mock

import hopsartifacts
from hopsartifacts.bundles.documents import BUNDLE_FORMAT

HERE = Path(__file__).parent


def main() -> None:
    """Write the bundle; refuse if it is there."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "model" / "sub").mkdir(parents=True)
        (work / "model" / "weights.bin").write_bytes(bytes(range(256)))
        (work / "model" / "sub" / "empty").write_bytes(b"")
        (work / "predict.py").write_text("class Predictor:\n    pass\n")
        (work / "transform.py").write_text("class Transformer:\n    pass\n")
        (work / "settings.yaml").write_text("a: 1\n")
        project = hopsartifacts.login("memory://golden/golden")
        registry, serving = project.get_model_registry(), project.get_model_serving()
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
        first.deploy("one", script_file=work / "predict.py")
        deployment = first.deploy(
            "other",
            script_file=work / "predict.py",
            config_file=work / "settings.yaml",
            transformer=serving.create_transformer(work / "transform.py"),
            inference_logger="ALL",
        )
        assert deployment.artifact_version == 2
        third.deploy("two", resources={"limits": {"cores": -1}})
        project.export_bundle(HERE / f"bundle-{BUNDLE_FORMAT}.tar")


if __name__ == "__main__":
    with (
        mock.patch.dict(os.environ, LOGNAME="golden"),
        mock.patch("socket.gethostname", return_value="host"),
    ):
        main()
