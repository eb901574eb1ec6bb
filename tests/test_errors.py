"""The error tree: as drawn, and whole after a journey between processes."""

import copy
import inspect
import pickle
import re
from collections.abc import Callable

import pytest

from hopsartifacts import errors
from hopsartifacts.errors import (
    CommitUncertainError,
    HopsArtifactsError,
    PredictionError,
)

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, HopsArtifactsError)
]


def one_of(kind: type[HopsArtifactsError]) -> HopsArtifactsError:
    if issubclass(kind, CommitUncertainError):
        return kind("what 'x' was", "token")
    if issubclass(kind, PredictionError):
        return kind("what 'x' was", 500, "detail")
    return kind("what 'x' was")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "travel",
    [lambda it: pickle.loads(pickle.dumps(it)), copy.copy],  # noqa: S301 - our own
    ids=["pickle", "copy"],
)
def test_an_error_arrives_as_it_left(
    kind: type[HopsArtifactsError], travel: Callable[[object], object]
) -> None:
    error = one_of(kind)
    arrived = travel(error)
    assert type(arrived) is kind
    assert str(arrived) == str(error) == "what 'x' was"
    assert vars(arrived) == vars(error)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Parent, children and builtin bases, each line."""
    drawn: dict[str, tuple[str, ...]] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"    ([│├└─ ]*)(\w+Error)(?: \((\w+)\))?", line)
        if not found:
            continue
        depth, name, builtin = len(found[1]), found[2], found[3]
        while above and above[-1][0] >= depth:
            above.pop()
        parents = ([above[-1][1]] if above else []) + ([builtin] if builtin else [])
        drawn[name] = tuple(parents or ["Exception"])
        above.append((depth, name))
    real = {
        kind.__name__: tuple(base.__name__ for base in kind.__bases__)
        for kind in CLASSES
    }
    assert drawn == real


def test_a_hint_can_be_added_to_a_prediction_error() -> None:
    error = PredictionError("it failed.", 500, "boom").with_hint("Look there.")
    assert str(error) == "it failed. Look there."
    assert (error.status, error.detail) == (500, "boom")


def test_an_uncertain_commit_says_which() -> None:
    error = CommitUncertainError("unknown", token="abc")  # noqa: S106 - no secret
    assert error.token.startswith("abc")
