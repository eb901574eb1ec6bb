"""The golden request of a deployment: what has to be answered as it was recorded."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hopsartifacts.deployments.requests import payload
from hopsartifacts.documents import encode
from hopsartifacts.errors import (
    InvalidDeploymentError,
    InvalidInputError,
    NotRunningError,
)
from hopsartifacts.registry.model import Model
from hopsartifacts.serving.contract import Golden
from hopsartifacts.values import plain

DEFAULT_TOLERANCE = 1e-6
MAX_BYTES = 64 * 1024
"""It lies in every specification: a few rows will do."""


class GoldenRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request and the answer it has to get before a version counts as ready.

    Args:
        request: the whole request, as ``predict(data=…)`` takes it, or rows.
        answer: the recorded answer (``{"predictions": […]}``); None as long as
            ``deployment.record_golden()`` has not asked for it: then nothing is
            compared.
        tolerance: largest relative difference of two numbers that count as equal.

    Raises:
        InvalidDeploymentError: it is no request, not JSON, or too big.
    """

    request: Any
    answer: Any = None
    tolerance: float = DEFAULT_TOLERANCE

    def for_launch(self) -> Golden | None:
        """Return what a server is to compare; None if no answer was recorded."""
        if self.answer is None:
            return None
        return Golden(
            request=self.request, answer=self.answer, tolerance=self.tolerance
        )


def request_of(given: Any) -> dict[str, Any]:
    """Return rows or a whole request as a V1 body, whatever the protocol is.

    Raises:
        InvalidInputError: it is neither.
    """
    is_whole = isinstance(given, Mapping) and bool({"instances", "inputs"} & {*given})
    body = payload(given, None) if is_whole else payload(None, given)
    # The two keys mean the same to V1, but the second something else to V2.
    return {"instances" if key == "inputs" else key: it for key, it in body.items()}


def check_runs(name: str, running: int | None, active: int) -> None:
    """Refuse to record the answer of another version than the active one.

    Raises:
        NotRunningError: another version runs, or none.
    """
    if running != active:
        runs = f"runs version {running}" if running else "does not run"
        raise NotRunningError(
            f"deployment {name!r} {runs}: start version {active}, whose answer is to "
            "be recorded, first"
        )


def request_to_record(
    name: str, given: Any, golden: GoldenRequest | None, model: Callable[[], Model]
) -> dict[str, Any]:
    """Return *given*, or else the request of *golden*, or the model's input example.

    As a V1 body, whatever it was.

    Raises:
        InvalidInputError: there is none of the three, or it is no request.
    """
    if given is not None:
        return request_of(given)
    if golden is not None:
        return request_of(golden.request)
    example = model().input_example
    if example is None:
        raise InvalidInputError(
            f"deployment {name!r} has no golden request and its model no input "
            "example: give the request to record"
        )
    return request_of(example)


def checked_golden(given: Any) -> GoldenRequest | None:
    """Return what a user passed as ``golden_request``; raises as it."""
    if given is None:
        return None
    golden = given if isinstance(given, GoldenRequest) else GoldenRequest(given)
    try:
        tolerance = msgspec.convert(plain(golden.tolerance, "tolerance"), float)
        request = encode(request_of(golden.request))
        answer = encode(plain(golden.answer, "answer"))
    except (InvalidInputError, TypeError, ValueError) as error:
        raise InvalidDeploymentError(f"golden request: {error}") from error
    if not 0 <= tolerance < math.inf:
        raise InvalidDeploymentError(
            f"golden request: the tolerance is {tolerance!r}: give 0 or a small "
            "positive number"
        )
    if len(request) + len(answer) > MAX_BYTES:
        raise InvalidDeploymentError(
            f"golden request: with its answer it has {len(request) + len(answer)} "
            f"bytes, more than {MAX_BYTES}: give fewer rows"
        )
    # As it will be read again, so that an unchanged save finds it unchanged.
    return GoldenRequest(
        msgspec.json.decode(request), msgspec.json.decode(answer), tolerance
    )
