"""The predictor of scikit-learn deployments that bring no script."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.runtime.model_files import chosen
from hopsartifacts.serving.runtime.protocol import RequestError


class SklearnPredictor:
    """Answers with ``model.predict`` of the one model file.

    Args:
        model_files: the folder that it lies in.
        found: what qualifies among the sealed files; None: look in the folder.
    """

    def __init__(self, model_files: Path, found: Sequence[str] | None = None) -> None:
        # Imported late: only these deployments need it, and it takes a second.
        import joblib  # noqa: PLC0415 - see above

        path = chosen("SKLEARN", model_files, found)
        self._model = joblib.load(path)
        if not callable(getattr(self._model, "predict", None)):
            raise InvalidModelError(
                f"{path.name} holds a {type(self._model).__name__} without a method "
                "predict; provide a predictor script"
            )

    def predict(self, inputs: list[Any]) -> Any:
        """Return the model's predictions; its complaints become a 400."""
        try:
            rows = _rows(inputs)
            return self._model.predict(rows).tolist()
        except (ValueError, TypeError) as error:
            raise RequestError(400, f"the model refuses the input: {error}") from error


def _rows(inputs: list[Any]) -> Any:
    objects = sum(isinstance(row, dict) for row in inputs)
    if 0 < objects < len(inputs):
        raise RequestError(400, "send all rows as objects, or none")
    if not objects:
        import numpy as np  # noqa: PLC0415 - only these deployments need it

        return np.asarray(inputs)
    if importlib.util.find_spec("pandas") is None:
        raise RequestError(
            400,
            "rows as objects need pandas, which is not installed here; "
            "send each row as a list",
        )
    import pandas as pd  # noqa: PLC0415 - optional, and slow to import

    return pd.DataFrame(inputs)
