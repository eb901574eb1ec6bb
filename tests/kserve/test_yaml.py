"""Objects as YAML: what any reader gets back, and how it looks."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.serving.kserve.yaml_text import yaml_of

TEXTS = st.text(st.characters(codec="utf-8"))
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_a_reader_gets_back_what_was_written(document: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_of(document)) == document


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("kserve-container", "kserve-container"),
        ("sha256:00ab", "sha256:00ab"),
        ("s3://bucket/projects/iris", "s3://bucket/projects/iris"),
        ("--port=8080", "--port=8080"),
        ("128Mi", "128Mi"),
        ("- a", '"- a"'),
        ("---", '"---"'),
        ("3", '"3"'),
        ("1e3", '"1e3"'),
        ("12:30:45", '"12:30:45"'),
        ("true", '"true"'),
        ("No", '"No"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("two\nlines", '"two\\nlines"'),
        ("*anchor", '"*anchor"'),
        ("{{x}}", '"{{x}}"'),
        (3, "3"),
        (False, "false"),
        (None, "null"),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_texts_are_in_quotes_where_yaml_needs_them(value: object, written: str) -> None:
    assert yaml_of({"key": value}) == f"key: {written}\n"


def test_it_looks_like_what_kubectl_prints() -> None:
    document = {
        "spec": {"containers": [{"name": "a", "args": ["c", "d"]}, {"name": "b"}]}
    }
    assert yaml_of(document) == (
        "spec:\n  containers:\n  - name: a\n    args:\n    - c\n    - d\n  - name: b\n"
    )


def test_several_objects_are_several_documents() -> None:
    text = yaml_of({"kind": "A"}, {"kind": "B"})
    assert [*yaml.safe_load_all(text)] == [{"kind": "A"}, {"kind": "B"}]


def test_the_same_value_twice_is_written_twice() -> None:
    shared = {"cpu": "1"}
    assert "&" not in yaml_of({"requests": shared, "limits": shared})


def test_what_objects_cannot_contain_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        yaml_of({"key": {1}})
