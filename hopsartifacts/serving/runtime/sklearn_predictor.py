"""The predictor of scikit-learn deployments without a script."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.contract import ModelInput
from hopsartifacts.serving.runtime.columns import Columns
from hopsartifacts.serving.runtime.model_files import chosen
from hopsartifacts.serving.runtime.protocol import RequestError


class SklearnPredictor:
    """Answers with ``model.predict`` of the only model file.

    Args:
        model_files: the folder of the model's files.
        found: the candidates among the sealed files; None: search *model_files*.
        columns: the names of the inputs in the model's schema, in order.
    """

    def __init__(
        self,
        model_files: Path,
        found: Sequence[str] | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        # Imported late: only these deployments need it, and the import takes a second.
        import joblib  # noqa: PLC0415 - see above

        path = chosen("SKLEARN", model_files, found)
        self._model = joblib.load(path)
        if not callable(getattr(self._model, "predict", None)):
            raise InvalidModelError(
                f"{path.name} holds a {type(self._model).__name__} without a method "
                "predict; provide a predictor script"
            )
        self._columns = Columns(self._model, columns)

    def takes(self, inputs: Sequence[ModelInput]) -> bool:
        """Tell whether the model takes requests with these *inputs*."""
        return self._columns.takes(inputs)

    def predict(self, inputs: list[Any]) -> Any:
        """Return the model's predictions; its ValueError or TypeError becomes a 400."""
        try:
            rows = self._columns.arranged(inputs)
            return self._model.predict(rows).tolist()
        except (ValueError, TypeError) as error:
            raise RequestError(400, f"the model refuses the input: {error}") from error
