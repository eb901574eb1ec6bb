"""The rows that a model takes: lists of the same shape, with columns in order.

Our own predictors need this. Scripts get rows unchecked: lists of tokens and time
series differ in length. JSON objects have no order, so columns are matched by name
where names are known: from the fitted model, if it kept them, or from the schema that
the model was saved with.
"""

import importlib.util
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

from hopsartifacts.serving.contract import ModelInput
from hopsartifacts.serving.runtime.protocol import RequestError


class Columns:
    """What is known about the columns of one model.

    Args:
        model: an estimator of scikit-learn, or a similar object.
        schema: the names in the model's schema, in order; empty if it has none.
    """

    def __init__(self, model: Any, schema: Sequence[str] = ()) -> None:
        fitted = getattr(model, "feature_names_in_", None)
        self._is_fitted_on_names = fitted is not None
        self._names = [*map(str, schema if fitted is None else fitted)]
        self._width: int | None = getattr(model, "n_features_in_", None)

    def takes(self, inputs: Sequence[ModelInput]) -> bool:
        """Return whether requests with these *inputs* have the columns of the model.

        Each of several inputs is a column; a single input holds all columns.
        """
        if len(inputs) > 1:
            return {it.name for it in inputs} == set(self._names)
        shape = inputs[0].shape if inputs else ()
        width = shape[1] if shape[1:] else 1
        return len(shape) in {1, 2} and self._width in {None, width}

    def arranged(self, rows: list[Any]) -> Any:
        """Return *rows* as the frame or the array that the model takes.

        Raises:
            RequestError: a column is missing or unknown, or a row has a wrong length
                (400).
            ValueError: no array can hold the rows.
        """
        objects = sum(isinstance(row, dict) for row in rows)
        if 0 < objects < len(rows):
            raise RequestError(400, "send all rows as objects, or none")
        if objects:
            return self._of_objects(rows)
        try:
            check_alike(rows)
        except UnevenError as error:
            raise RequestError(400, str(error)) from error
        if self._width == 1 and not isinstance(rows[0], list):
            rows = [[row] for row in rows]
        self._check_width(rows)
        if self._is_fitted_on_names and _has_pandas():
            import pandas as pd  # noqa: PLC0415 - optional, and slow to import

            return pd.DataFrame(rows, columns=self._names)
        return _array(rows)

    def _of_objects(self, rows: list[dict[str, Any]]) -> Any:
        names = self._names or [*rows[0]]
        wanted = set(names)
        for number, row in enumerate(rows):
            if row.keys() != wanted:
                raise RequestError(400, _difference(number, row, names))
        if self._names and self._width and not self._is_fitted_on_names:
            # The model was fitted on arrays, whose columns are known by their order.
            return _array([[row[name] for name in names] for row in rows])
        if not _has_pandas():
            raise RequestError(
                400,
                "rows as objects need pandas, which is not installed here; "
                "send each row as a list",
            )
        import pandas as pd  # noqa: PLC0415 - optional, and slow to import

        return pd.DataFrame(rows, columns=names)

    def _check_width(self, rows: list[Any]) -> None:
        if self._width is None:
            return
        is_list = isinstance(rows[0], list)
        if is_list and len(rows[0]) == self._width:
            return
        found = f"have {_count(len(rows[0]))}" if is_list else "are single values"
        width = _count(self._width)
        of = f" ({', '.join(self._names)})" if self._names else ""
        hint = "" if is_list else "; send one row as a list in a list: [[…]]"
        raise RequestError(
            400,
            f"the rows {found}; the model takes rows of {width}{of}{hint}",
        )


def _difference(number: int, row: dict[str, Any], names: list[str]) -> str:
    missing = [name for name in names if name not in row]
    unknown = [name for name in row if name not in names]
    words = [
        f"{what} {', '.join(map(repr, some))}"
        for what, some in (("lacks", missing), ("has the unknown", unknown))
        if some
    ]
    return f"row {number} {' and '.join(words)}; the columns are {', '.join(names)}"


def _count(values: int) -> str:
    return "1 value" if values == 1 else f"{values} values"


def _array(rows: list[Any]) -> Any:
    import numpy as np  # noqa: PLC0415 - only our own predictors need it

    array = np.asarray(rows)
    if array.dtype.kind == "U":
        exact = np.asarray(rows, dtype=object)
        # Keep numbers among strings as numbers.
        if not all(isinstance(item, str) for item in exact.ravel()):
            return exact
    return array


def _has_pandas() -> bool:
    return importlib.util.find_spec("pandas") is not None


class UnevenError(ValueError):
    """Lists that cannot form an array; the message says where they differ."""


def check_alike(rows: list[Any], what: str = "the rows") -> None:
    """Refuse rows that are lists of differing shapes.

    Args:
        rows: the rows of a request.
        what: what they are called in the message.

    Raises:
        UnevenError: two rows differ, or the items of one row do.
    """
    kinds = set(map(type, rows))
    if list not in kinds or (kinds == {list} and _are_flat_and_alike(rows)):
        return
    shapes = [_shape(row, (number,)) for number, row in enumerate(rows)]
    if shapes.count(shapes[0]) == len(shapes):
        return
    usual, _ = Counter(shapes).most_common(1)[0]
    for number, shape in enumerate(shapes):
        if shape != usual:
            alike = shapes.index(usual)
            raise UnevenError(
                f"{what} differ: row {alike} is {_words(usual)}, row {number} is "
                f"{_words(shape)}; rows of differing length can be sent as objects: "
                '{"values": [...]}'
            )


def _are_flat_and_alike(rows: list[list[Any]]) -> bool:
    """Check without a Python loop for the usual case of flat rows of one length."""
    is_one_length = len(set(map(len, rows))) == 1
    return is_one_length and list not in set(map(type, chain.from_iterable(rows)))


def _shape(value: Any, where: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the lengths of nested lists; None if *value* is not a list."""
    if not isinstance(value, list):
        return None
    kinds = set(map(type, value))
    if list not in kinds:
        return (len(value),)
    inner = {_shape(item, (*where, at)) for at, item in enumerate(value)}
    if len(inner) > 1:
        row, *items = where
        words = ", ".join([f"row {row}", *(f"item {item}" for item in items)])
        raise UnevenError(
            f"the items of {words} differ: "
            + " and ".join(sorted(_words(shape) for shape in inner))
            + '; lists of differing length can be sent as objects: {"values": [...]}'
        )
    return (len(value), *(inner.pop() or ()))


def _words(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "not a list"
    if len(shape) == 1:
        return f"a list of length {shape[0]}"
    return f"a list of shape {' x '.join(map(str, shape))}"
