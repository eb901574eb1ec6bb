"""The predictor script changed: says benign only when it is rather sure."""

import os
from pathlib import Path

import joblib

SURE = 0.7


class Predictor:
    """Tells benign (1) from malignant (0), in doubt malignant."""

    def __init__(self) -> None:
        self.model = joblib.load(Path(os.environ["MODEL_FILES_PATH"], "model.joblib"))

    def predict(self, inputs: list[list[float]]) -> list[int]:
        """Return one label for each row."""
        return [int(row[1] > SURE) for row in self.model.predict_proba(inputs)]
