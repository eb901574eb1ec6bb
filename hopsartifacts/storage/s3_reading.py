"""Objects on their way from S3: ranges asked for ahead, all of one and the same object.

The first range tells the object's size and ETag; the others are asked for only of an
object with that ETag, so what is replaced in mid-read is never mixed.
"""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.in_flight import Budget, InFlight
from hopsartifacts.storage.s3_requests import Body, Requests, error_code

RANGE_BYTES = 8 * 1024 * 1024
_MOST_AT_ONCE = 6


def ranges(
    requests: Requests, key: str, start: int, budget: Budget, *, may_ask_if_match: bool
) -> Generator[bytes, None, None]:
    """Yield the bytes of *key* from *start* on.

    Raises:
        StorageError: another object has taken its place in the meantime.
    """
    try:
        first = requests.get(Key=key, Range=_range(start))
    except Exception as error:
        # There is an object, and it ends here; an empty one has no range at all.
        if error_code(error) == "InvalidRange":
            return
        raise
    yield first.data
    condition = {"IfMatch": first.etag} if may_ask_if_match and first.etag else {}
    behind = start + len(first.data)
    untried = deque(range(behind, first.total_bytes, RANGE_BYTES))

    def begin() -> "Future[Body]":
        range_ = _range(untried.popleft())
        return requests.submit_get(Key=key, Range=range_, **condition)

    under_way: InFlight[Body] = InFlight(budget, _MOST_AT_ONCE)
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


def _range(start: int) -> Any:
    return f"bytes={start}-{start + RANGE_BYTES - 1}"
