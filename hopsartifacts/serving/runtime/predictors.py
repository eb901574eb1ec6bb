"""The predictors of deployments without a script, and the model file that each loads.

TensorFlow models are a SavedModel, or a Keras model. Their rows and predictions have
the form of TensorFlow Serving: with one input a row is its value, with several inputs
it is an object with their names as keys. The same holds for outputs. Bytes are
``{"b64": …}``.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.contract import ModelInput
from hopsartifacts.serving.runtime.model_rows import Columns, check_alike
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.tensors import DATATYPES

_SAVED_MODEL = "saved_model.pb"
_SHOWN = 5
_KERAS = ".keras"
_SIGNATURE = "serving_default"


class _Rule(NamedTuple):
    suffixes: tuple[str, ...]
    """Of files directly in the folder of the model's files."""
    folder_of: str | None
    """Name of a file whose folder is loaded: the folder of the model's files or one
    directly in it, as in TensorFlow Serving."""
    wanted: str
    advice: str = ""


_RULES: Mapping[str, _Rule] = {
    "SKLEARN": _Rule(
        (".joblib", ".pkl", ".pickle"),
        None,
        "without a predictor script the model's files must include exactly one of "
        "*.joblib, *.pkl, *.pickle",
        ". Provide a predictor script that loads the right one",
    ),
    "TENSORFLOW": _Rule(
        (".keras",),
        _SAVED_MODEL,
        "the model's files must include exactly one SavedModel (a folder with "
        f"{_SAVED_MODEL}) or one *.keras",
    ),
}

WITHOUT_SCRIPT = frozenset(_RULES)
"""Frameworks whose models can be served without a script."""


def loadable(framework: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that a predictor without a script could load, sorted.

    Args:
        framework: the framework of the model.
        names: the model's files, relative to their folder.

    Returns:
        Names of files or of folders, which may be ``.``; empty for frameworks that need
        a script.
    """
    rule = _RULES.get(framework)
    if rule is None:
        return ()
    found = []
    for path in map(PurePosixPath, names):
        depth = len(path.parts)
        if depth == 1 and path.suffix in rule.suffixes:
            found.append(str(path))
        elif path.name == rule.folder_of and depth in {1, 2}:
            found.append(str(path.parent))
    return tuple(sorted(found))


def chosen(framework: str, folder: Path, found: Sequence[str] | None = None) -> Path:
    """Return the path that a predictor without a script loads from *folder*.

    Args:
        framework: the framework of the model.
        folder: the folder of the model's files.
        found: the result of ``loadable`` for the sealed files; None: search *folder*.

    Raises:
        InvalidModelError: see ``only_one``.
    """
    if found is None:
        files = (path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
        found = loadable(framework, names)
    return folder / only_one(framework, found)


def only_one(framework: str, found: Sequence[str]) -> str:
    """Return the only item of *found*, which is the result of ``loadable``.

    Raises:
        InvalidModelError: there is none, or more than one, or the framework needs a
            script.
    """
    rule = _RULES.get(framework)
    if rule is None:
        raise InvalidModelError(
            f"models of framework {framework} need a predictor script"
        )
    if len(found) == 1:
        return found[0]
    names = ", ".join(found[:_SHOWN]) or "none"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise InvalidModelError(
        f"{rule.wanted}; there are {len(found)}: {names}{more}{rule.advice}"
    )


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
                f"{path.name} contains a {type(self._model).__name__} without a method "
                "predict; provide a predictor script"
            )
        self._columns = Columns(self._model, columns)

    def takes(self, inputs: Sequence[ModelInput]) -> bool:
        """Return whether the model takes requests with these *inputs*."""
        return self._columns.takes(inputs)

    def predict(self, inputs: list[Any]) -> Any:
        """Return the model's predictions; its ValueError or TypeError becomes a 400."""
        try:
            rows = self._columns.arranged(inputs)
            return self._model.predict(rows).tolist()
        except (ValueError, TypeError) as error:
            raise RequestError(400, f"the model refuses the input: {error}") from error


class _Input(NamedTuple):
    """An input of the model: its numpy type, and its shape with None for any length."""

    kind: Any
    shape: tuple[int | None, ...] | None
    """None means any shape."""


class _Model(NamedTuple):
    """A loaded model: its inputs and a function that calls it."""

    inputs: Mapping[str, _Input]
    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    owner: Any
    """The object to keep alive, since a signature does not own its variables."""


class TensorflowPredictor:
    """Answers with the signature ``serving_default``, or with the Keras model.

    Args:
        model_files: the folder of the model's files.
        found: the candidates among the sealed files; None: search *model_files*.
    """

    def __init__(self, model_files: Path, found: Sequence[str] | None = None) -> None:
        path = chosen("TENSORFLOW", model_files, found)
        is_keras = path.suffix == _KERAS
        self._model = _load_keras(path) if is_keras else _load_saved_model(path)

    def inputs(self) -> tuple[ModelInput, ...]:
        """Return the inputs by signature; empty if one has no V2 datatype or shape."""
        found = [_described(name, it) for name, it in self._model.inputs.items()]
        known = tuple(it for it in found if it is not None)
        return known if len(known) == len(found) else ()

    def predict(self, inputs: list[Any]) -> Any:
        """Return the predictions; inputs that the model cannot take become a 400."""
        import tensorflow as tf  # noqa: PLC0415 - only these deployments have it

        arrays = self._arrays(inputs)
        try:
            outputs = self._model.call(arrays)
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            raise RequestError(400, f"the model refuses the input: {error}") from error
        if len(outputs) == 1:
            return next(iter(outputs.values()))
        if all(len(array) == len(inputs) for array in outputs.values()):
            return [
                dict(zip(outputs, row, strict=True))
                for row in zip(*outputs.values(), strict=True)
            ]
        return outputs

    def _arrays(self, rows: list[Any]) -> dict[str, Any]:
        import numpy as np  # noqa: PLC0415 - only these deployments need it

        arrays = {}
        for name, column in _columns(rows, [*self._model.inputs]).items():
            kind, shape = self._model.inputs[name]
            try:
                check_alike(column)
                values = _decoded(column) if kind is object else column
                array = np.asarray(values, dtype=kind)
            except (ValueError, TypeError, OverflowError) as error:
                raise RequestError(
                    400, f"input {name!r} is not an array of {np.dtype(kind)}: {error}"
                ) from error
            if not _fits(array.shape, shape):
                wanted = " x ".join(str(size or "any") for size in shape or ())
                raise RequestError(
                    400,
                    f"input {name!r} has shape {list(array.shape)}; the model takes "
                    f"{wanted}",
                )
            arrays[name] = array
        return arrays


def _load_saved_model(path: Path) -> _Model:
    import tensorflow as tf  # noqa: PLC0415 - only these deployments have it

    loaded = tf.saved_model.load(str(path))
    signatures = loaded.signatures
    if _SIGNATURE not in signatures:
        raise InvalidModelError(
            f"the SavedModel has no signature {_SIGNATURE!r}, only "
            f"{sorted(signatures) or 'none'}; save it with one"
        )
    signature = signatures[_SIGNATURE]
    _, specs = signature.structured_input_signature

    def call(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        tensors = {
            name: tf.constant(array, dtype=specs[name].dtype)
            for name, array in arrays.items()
        }
        return {name: out.numpy() for name, out in signature(**tensors).items()}

    inputs = {
        name: _Input(
            spec.dtype.as_numpy_dtype,
            None if spec.shape.rank is None else tuple(spec.shape.as_list()),
        )
        for name, spec in specs.items()
    }
    return _Model(inputs, call, loaded)


def _load_keras(path: Path) -> _Model:
    import keras  # noqa: PLC0415 - only these deployments have it

    model = keras.models.load_model(path, compile=False)
    names = [tensor.name for tensor in model.inputs]
    inputs = {
        tensor.name: _Input(tensor.dtype, tensor.shape) for tensor in model.inputs
    }

    def call(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        given = arrays if len(names) > 1 else arrays[names[0]]
        outputs = model.predict_on_batch(given)
        if isinstance(outputs, Mapping):
            return outputs
        if isinstance(outputs, list | tuple):
            return dict(zip(model.output_names, outputs, strict=True))
        return {"output-0": outputs}

    return _Model(inputs, call, model)


def _described(name: str, taken: _Input) -> ModelInput | None:
    import numpy as np  # noqa: PLC0415 - only these deployments need it

    kind, shape = taken
    dtype = np.dtype(kind)
    datatype = (
        "BYTES"
        if dtype.kind in "OSU"
        else dtype.name.upper().replace("BFLOAT", "BF").replace("FLOAT", "FP")
    )
    if shape is None or datatype not in DATATYPES:
        return None
    axes = tuple(-1 if length is None else length for length in shape)
    return ModelInput(name=name, datatype=datatype, shape=axes)


def _columns(rows: list[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of all rows for each input."""
    if not all(isinstance(row, dict) and row.keys() != {"b64"} for row in rows):
        if len(names) == 1:
            return {names[0]: rows}
        raise RequestError(
            400, f"the model has the inputs {', '.join(names)}: send rows as objects"
        )
    wanted = set(names)
    for number, row in enumerate(rows):
        if row.keys() != wanted:
            raise RequestError(
                400,
                f"row {number} has {', '.join(sorted(row)) or 'nothing'}; the model "
                f"has the inputs {', '.join(names)}",
            )
    return {name: [row[name] for row in rows] for name in names}


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...] | None) -> bool:
    return wanted is None or (
        len(shape) == len(wanted)
        and all(
            size in {None, found} for found, size in zip(shape, wanted, strict=True)
        )
    )


def _decoded(value: Any) -> Any:
    """Return *value* with each ``{"b64": …}`` in nested lists decoded to bytes."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict) and value.keys() == {"b64"}:
        return base64.b64decode(value["b64"], validate=True)
    return value
