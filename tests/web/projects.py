"""A project with some of everything, as a team has after some weeks."""

import json
from pathlib import Path

from hopsartifacts import InferenceBatcher, InferenceLogger, Transformer
from hopsartifacts.project import Project

PREDICTOR = '''"""Scores transactions."""

import json
import os


class Predictor:
    def __init__(self):
        path = os.path.join(os.environ["MODEL_FILES_PATH"], "weights.json")
        with open(path) as file:
            self.weights = json.load(file)

    def predict(self, inputs):
        return [sum(w * x for w, x in zip(self.weights, row)) for row in inputs]
'''
TRANSFORMER = '''"""Scales the inputs."""


class Transformer:
    def preprocess(self, inputs):
        rows = [[value / 100 for value in row] for row in inputs["instances"]]
        return {**inputs, "instances": rows}

    def postprocess(self, outputs):
        return outputs
'''
DESCRIPTION = "Scores card transactions; retrained every night on 90 days of data."
SOMEWHERE = "模型_número_один_🚀 <script>alert(1)</script> نموذج"


def fill(project: Project, folder: Path) -> None:
    """Save models, artifacts, deployments and files in *project*.

    Args:
        project: an empty project.
        folder: where to make the files that are saved.
    """
    registry = project.get_model_registry()
    for number, auc in enumerate((0.902, 0.931, 0.958, 0.949), 1):
        files = folder / f"fraud-{number}"
        (files / "images").mkdir(parents=True)
        (files / "weights.json").write_text(json.dumps([number, 0.5, -1.25]))
        (files / "notes.md").write_text(f"# Run {number}\n\nTrained on *cards*.\n")
        model = registry.python.create_model(
            "fraud_detector",
            metrics={"auc": auc, "logloss": round(0.2 - number / 100, 3), "rows": 1e6},
            description=DESCRIPTION if number < 4 else SOMEWHERE,
            input_example=[[1.0, 2.0, 3.0]],
        )
        model.save(str(files), keep_original_files=True)
        model.set_tag("reviewed", {"by": "ops", "ok": number != 2})
    registry.set_alias("fraud_detector", "champion", 3, why="beats 2 offline")
    registry.set_alias("fraud_detector", "challenger", 4)
    (folder / "iris").mkdir()
    (folder / "iris" / "model.json").write_text("{}")
    registry.tensorflow.create_model("iris", metrics={"accuracy": 0.97}).save(
        str(folder / "iris"), keep_original_files=True
    )
    script, transformer = folder / "predictor.py", folder / "transformer.py"
    script.write_text(PREDICTOR)
    transformer.write_text(TRANSFORMER)
    dataset = project.get_dataset_api()
    dataset.mkdir("Resources/serving")
    for path in (script, transformer):
        dataset.upload(str(path), "Resources/serving")
    champion = registry.get_model("fraud_detector", 3)
    champion.deploy(
        "frauddetector",
        script_file=str(script),
        transformer=Transformer(str(transformer)),
        inference_logger=InferenceLogger(mode="ALL"),
    )
    script.write_text(PREDICTOR.replace("* x for", "* x * 1.5 for"))
    champion.deploy(
        "frauddetector",
        description="Scores what the shop asks",
        script_file=str(script),
        transformer=Transformer(str(transformer)),
        inference_logger=InferenceLogger(mode="ALL"),
        inference_batcher=InferenceBatcher(enabled=True, max_batch_size=16),
    )
    script.write_text(PREDICTOR.replace("weights.json", "coefficients.json"))
    registry.get_model("fraud_detector", 4).deploy("broken", script_file=str(script))
    registry.get_model("iris", 1).deploy("iris")
