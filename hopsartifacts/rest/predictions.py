"""Predictions through this server, for both APIs."""

from functools import partial
from typing import Any

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from starlette.responses import Response

from hopsartifacts.documents import without_bom
from hopsartifacts.errors import InvalidInputError, InvalidNameError, NotRunningError
from hopsartifacts.rest.bodies import read_body
from hopsartifacts.rest.dispatch import encoded
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.values import misspelt

_AT_ONCE = 64
_LIMITER: RunVar[CapacityLimiter] = RunVar("hopsartifacts-predictions")
"""A thread pool for predictions, so that slow models do not delay other requests."""


async def predicted(call: OperationCall) -> Response:
    """Send the body to the deployment in the path, and return its answer.

    Raises:
        NotRunningError: no deployment of this name runs.
        PredictionError: the model server answered with an error.
    """
    data = await read_body(call.request, call.hosted.settings.max_prediction_bytes)
    answer = await anyio.to_thread.run_sync(partial(_ask, call, data), limiter=_limit())
    return Response(answer, media_type="application/json")


def _ask(call: OperationCall, data: bytes) -> bytes:
    name = call.path["name"]
    try:
        request = msgspec.json.decode(without_bom(data), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(misspelt(data, "body") or f"body: {error}") from error
    serving = call.hosted.project.get_model_serving()
    try:
        return encoded(serving.ask(name, request))
    except InvalidNameError as error:
        raise NotRunningError(f"there is no deployment {name!r}") from error


def _limit() -> CapacityLimiter:
    limiter = _LIMITER.get(None)
    if limiter is None:
        limiter = CapacityLimiter(_AT_ONCE)
        _LIMITER.set(limiter)
    return limiter
