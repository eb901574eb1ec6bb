"""The predictor of TensorFlow deployments: a SavedModel, or a Keras model.

Rows and predictions have the form of TensorFlow Serving: with one input a row is its
value, with several inputs it is an object with their names as keys. The same holds for
outputs. Bytes are ``{"b64": …}``.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hopsartifacts.errors import InvalidModelError
from hopsartifacts.serving.contract import ModelInput
from hopsartifacts.serving.runtime.model_files import chosen
from hopsartifacts.serving.runtime.protocol import RequestError
from hopsartifacts.serving.runtime.rectangles import check_alike
from hopsartifacts.serving.runtime.tensors import DATATYPES

_KERAS = ".keras"
_SIGNATURE = "serving_default"


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
