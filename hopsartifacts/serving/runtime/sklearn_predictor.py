"""The predictor of scikit-learn deployments that bring no script."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.runtime.columns import Columns
from hopsartifacts.serving.runtime.protocol import RequestError

SUFFIXES = (".joblib", ".pkl", ".pickle")


class SklearnPredictor:
    """Answers with ``model.predict`` of the one model file.

    Args:
        model_files: the folder of the model's files.
        columns: the names that the model's schema gives to its inputs, in order.
    """

    def __init__(self, model_files: Path, columns: Sequence[str] = ()) -> None:
        # Imported late: only these deployments need it, and it takes a second.
        import joblib  # noqa: PLC0415 - see above

        path = find_model_file(model_files)
        self._model = joblib.load(path)
        if not callable(getattr(self._model, "predict", None)):
            raise InvalidModelError(
                f"{path.name} holds a {type(self._model).__name__} without a method "
                "predict; provide a predictor script"
            )
        self._columns = Columns(self._model, columns)

    def predict(self, inputs: list[Any]) -> Any:
        """Return the model's predictions; its complaints become a 400."""
        try:
            rows = self._columns.arranged(inputs)
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
