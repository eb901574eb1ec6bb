from typing import Any

import numpy as np
import pandas as pd
import pytest

from hopsartifacts.serving.runtime.encoding import encode


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (np.array([[1, 2], [3, 4]]), b"[[1,2],[3,4]]"),
        (np.array([1.5, np.nan, np.inf]), b"[1.5,null,null]"),
        ([float("nan"), float("-inf")], b"[null,null]"),
        (
            {"label": np.str_("a"), "score": np.float32(0.5)},
            b'{"label":"a","score":0.5}',
        ),
        ([np.int64(3), np.bool_(1)], b"[3,true]"),
        (pd.Series([1, 2]), b"[1,2]"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), b'[{"a":1,"b":"x"}]'),
        ([pd.NaT, pd.NA], b"[null,null]"),
        (pd.Timestamp("2026-01-02"), b'"2026-01-02T00:00:00"'),
    ],
)
def test_values_of_numerical_libraries_become_json(value: Any, json: bytes) -> None:
    assert encode(value) == json


def test_what_cannot_become_json_is_named() -> None:
    with pytest.raises(TypeError, match=r"a value of type builtins\.object"):
        encode([object()])
