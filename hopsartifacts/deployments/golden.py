"""The golden request of a deployment: a request with its recorded answer."""

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
"""Every specification contains the request, so it should have few rows."""


class GoldenRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request, and the answer that a version must give before it counts as ready.

    Args:
        request: the whole request, as for ``predict(data=…)``, or rows.
        answer: the recorded answer (``{"predictions": […]}``). While it is None,
            nothing is compared; ``deployment.record_golden()`` records it.
        tolerance: largest relative difference of two numbers that count as equal.

    Raises:
        InvalidDeploymentError: the request is not valid, not JSON, or too large.
    """

    request: Any
    answer: Any = None
    tolerance: float = DEFAULT_TOLERANCE

    def for_launch(self) -> Golden | None:
        """Return the request and answer for the server; None if there is no answer."""
        if self.answer is None:
            return None
        return Golden(
            request=self.request, answer=self.answer, tolerance=self.tolerance
        )


def request_of(given: Any) -> dict[str, Any]:
    """Return rows or a whole request as a V1 body, also for the protocol GRPC.

    Raises:
        InvalidInputError: it is neither.
    """
    is_whole = isinstance(given, Mapping) and bool({"instances", "inputs"} & {*given})
    body = payload(given, None) if is_whole else payload(None, given)
    # In V1 both keys mean the same, but in V2 "inputs" has another meaning.
    return {"instances" if key == "inputs" else key: it for key, it in body.items()}


def check_runs(name: str, running: int | None, active: int) -> None:
    """Refuse to record an answer unless the active version runs.

    Raises:
        NotRunningError: another version runs, or none.
    """
    if running != active:
        runs = f"runs version {running}" if running else "does not run"
        raise NotRunningError(
            f"deployment {name!r} {runs}: start version {active} first, as its "
            "answer will be recorded"
        )


def request_to_record(
    name: str, given: Any, golden: GoldenRequest | None, model: Callable[[], Model]
) -> dict[str, Any]:
    """Return *given*, or by default the golden request, or the model's input example.

    The result is a V1 body.

    Raises:
        InvalidInputError: none of the three exists, or the request is not valid.
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
    """Return the ``golden_request`` that a user passed; raises as ``GoldenRequest``."""
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
    # In the form in which it is read back, so that a save sees that nothing changed.
    return GoldenRequest(
        msgspec.json.decode(request), msgspec.json.decode(answer), tolerance
    )
