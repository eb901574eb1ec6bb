"""The golden request of a deployment: what has to be answered as it was recorded."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from hopsartifacts.deployments.requests import payload
from hopsartifacts.documents import encode
from hopsartifacts.errors import InvalidDeploymentError, InvalidInputError
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
