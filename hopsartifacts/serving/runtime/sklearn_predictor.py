"""The predictor of scikit-learn deployments that bring no script."""

import importlib.util
from pathlib import Path
from typing import Any

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.runtime.protocol import RequestError

SUFFIXES = (".joblib", ".pkl", ".pickle")


class SklearnPredictor:
    """Answers with ``model.predict`` of the one model file."""

    def __init__(self, model_files: Path) -> None:
        # Imported late: only these deployments need it, and it takes a second.
        import joblib  # noqa: PLC0415 - see above

        path = find_model_file(model_files)
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


def find_model_file(model_files: Path) -> Path:
    """Return the only model file that lies directly in the folder."""
    found = sorted(
        path
        for path in model_files.iterdir()
        if path.suffix in SUFFIXES and path.is_file()
    )
    if len(found) == 1:
        return found[0]
    wanted = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
    names = ", ".join(path.name for path in found) or "none"
    raise InvalidModelError(
        "without a predictor script the model's files must include exactly one of "
        f"{wanted}; there are {len(found)}: {names}. Provide a predictor script that "
        "loads the right one"
    )


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
