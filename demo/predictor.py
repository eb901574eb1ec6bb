"""A predictor script: loads the model once, answers requests."""

import os
from pathlib import Path

import joblib


class Predictor:
    """Tells benign (1) from malignant (0)."""

    def __init__(self) -> None:
        self.model = joblib.load(Path(os.environ["MODEL_FILES_PATH"], "model.joblib"))

    def predict(self, inputs: list[list[float]]) -> list[int]:
        """Return one label for each row."""
        return [int(label) for label in self.model.predict(inputs)]
