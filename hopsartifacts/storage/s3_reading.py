"""Objects on their way from S3: ranges asked for ahead, all of one and the same object.

The first range tells the object's size and ETag; the others are asked for only of an
object with that ETag, so what is replaced in mid-read is never mixed.
"""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future

import msgspec

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.in_flight import Budget, InFlight
from hopsartifacts.storage.s3_requests import Body, Requests, error_code
from hopsartifacts.storage.s3_wire import Wire

RANGE_BYTES = 8 * 1024 * 1024
_MOST_AT_ONCE = 6


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What all reading from one storage shares."""

    requests: Requests
    wire: Wire
    budget: Budget
    asks_if_match: bool
    """Whether the server takes a condition with a GET."""


def ranges(reading: Reading, key: str, start: int) -> Generator[bytes, None, None]:
    """Yield the bytes of *key* from *start* on.

    Raises:
        StorageError: another object has taken its place in the meantime.
    """
    try:
        first = reading.requests.get(Key=key, Range=_range(start))
    except Exception as error:
        # There is an object, and it ends here; an empty one has no range at all.
        if error_code(error) == "InvalidRange":
            return
        raise
    yield first.data
    asks = reading.asks_if_match and first.etag
    condition = {"If-Match": first.etag} if asks else {}
    behind = start + len(first.data)
    untried = deque(range(behind, first.total_bytes, RANGE_BYTES))

    def begin() -> "Future[Body]":
        return reading.wire.get(key, {"Range": _range(untried.popleft()), **condition})

    under_way: InFlight[Body] = InFlight(reading.budget, _MOST_AT_ONCE)
    with under_way:
        while untried or under_way:
            while untried and under_way.start(RANGE_BYTES, begin):
                pass
            yield _next(under_way, first, key)


def _next(under_way: "InFlight[Body]", first: Body, key: str) -> bytes:
    try:
        body = under_way.oldest()
    except Exception as error:
        if error_code(error) == "PreconditionFailed":
            raise _changed(key) from error
        raise
    if body.etag != first.etag:
        raise _changed(key)
    return body.data


def _changed(key: str) -> StorageError:
    return StorageError(
        f"object {key!r} was replaced while it was being read: read it again"
    )


def _range(start: int) -> str:
    return f"bytes={start}-{start + RANGE_BYTES - 1}"
