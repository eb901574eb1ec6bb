"""The golden request: answered and compared once before a server counts as ready."""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from hopsartifacts.errors import DeploymentFailedError
from hopsartifacts.serving.contract import Golden
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.failures import said_by
from hopsartifacts.serving.runtime.protocol import PredictCall

_STEP = "answering the golden request"
_SHOWN = 3
_SHOWN_CHARACTERS = 60


async def check_golden(chain: Chain, golden: Golden) -> None:
    """Send the golden request through *chain* and compare the answer.

    Call it on the event loop that will serve: objects that a script creates on its
    first call belong to that loop.

    Raises:
        DeploymentFailedError: the answer is not the recorded one, or there is none.
    """
    try:
        call = PredictCall(msgspec.json.encode(golden.request))
        answer = msgspec.json.decode(call.write(await chain.answer(call)))
    except Exception as error:
        raise DeploymentFailedError(f"{_STEP} failed: {said_by(error)}") from error
    found = list(differences(golden.answer, answer, golden.tolerance))
    if found:
        shown = "; ".join(found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise DeploymentFailedError(
            f"{_STEP} gave an answer other than the recorded one: {shown}{more}. If "
            "it is right, record it with record_golden(); otherwise, roll back"
        )


def differences(
    recorded: Any, answered: Any, tolerance: float, where: str = "the answer"
) -> Iterator[str]:
    """Yield a description of each difference between *answered* and *recorded*.

    Two numbers are equal if they differ by no more than *tolerance* times the larger
    one. Two NaN, which are null in JSON, are equal.
    """
    if isinstance(recorded, dict) and isinstance(answered, dict):
        yield from _of_objects(recorded, answered, tolerance, where)
    elif isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            length = len(recorded)
            yield f"{where} has length {len(answered)}, but {length} was recorded"
            return
        for at, (old, new) in enumerate(zip(recorded, answered, strict=True)):
            yield from differences(old, new, tolerance, f"{where}[{at}]")
    elif not _is_same(recorded, answered, tolerance):
        yield f"{where} is {_words(answered)}, but {_words(recorded)} was recorded"


def _of_objects(
    recorded: dict[str, Any], answered: dict[str, Any], tolerance: float, where: str
) -> Iterator[str]:
    for key in {**recorded, **answered}:
        place = key if where == "the answer" else f"{where}.{key}"
        if key not in answered:
            yield f"{place} is missing"
        elif key not in recorded:
            yield f"{place} is {_words(answered[key])} and was not recorded"
        else:
            yield from differences(recorded[key], answered[key], tolerance, place)


def _is_same(recorded: Any, answered: Any, tolerance: float) -> bool:
    if not (_is_number(recorded) and _is_number(answered)):
        # Otherwise True would equal 1.
        return type(recorded) is type(answered) and recorded == answered
    if recorded == answered or (recorded != recorded and answered != answered):  # noqa: PLR0124 - NaN
        return True
    try:
        return math.isclose(recorded, answered, rel_tol=tolerance)
    except OverflowError:  # an integer beyond the range of a double
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _words(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return f"{text[:_SHOWN_CHARACTERS]}…" if len(text) > _SHOWN_CHARACTERS else text
