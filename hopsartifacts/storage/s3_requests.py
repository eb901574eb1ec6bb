"""A single S3 request: sending, retries, and readable errors.

Retries happen only here; those of botocore and s3fs are turned off. Reading the body is
part of the request, so a truncated body is requested again.
"""

import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import aiohttp
import msgspec
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ResponseStreamingError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential

from hopsartifacts.errors import StorageError, StorageRefusedError
from hopsartifacts.storage.s3_client import S3Client, UnreadableAnswerError

Result = TypeVar("Result")

DEFAULT_ATTEMPTS = 8
_PATIENCE_S = 60.0
"""No attempt starts later than this after the first one."""
_SILENCE_S = 12.0
"""The same limit for a server that does not answer at all, after two attempts."""
_DOWN_S = 30.0
_NEVER = float("-inf")
_FAULT_OF_CLIENT = 4
"""The first digit of the status codes of rejected requests."""
_REPEATED = "RetryAttempts"
"""The field of a response that counts earlier attempts of its request."""
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_RETRIED_CODES = frozenset(
    {
        "BadDigest",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "XAmzContentSHA256Mismatch",
    }
)
_RETRIED_ERRORS = (
    ConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoConnectionError,
    ResponseStreamingError,
    TimeoutError,
    UnreadableAnswerError,
    aiohttp.ClientError,
)
_WRONG_KEYS = frozenset({"InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"})
_UNREACHABLE = (ConnectTimeoutError, EndpointConnectionError)


class CutBodyError(ConnectionError):
    """A body ended before its announced length."""


class RequestBody(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an object or a range, with the object's total size and ETag."""

    data: bytes
    total_bytes: int
    etag: str


class Requests:
    """S3 requests for the objects of one bucket.

    ``submit`` is thread-safe; the requests run on fsspec's event loop.
    """

    def __init__(self, client: S3Client, attempts: int = DEFAULT_ATTEMPTS) -> None:
        self.client = client
        self.bucket = client.bucket
        self._attempts = attempts
        self._down_since = _NEVER

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one request of the client's *method* and return its response."""
        return self.waited(self.submit(method, **parameters))

    def submit(self, method: str, **parameters: Any) -> Future[dict[str, Any]]:
        """Start one request and return its future."""
        return self._begin(lambda: self.client.call(method, parameters))

    def get(self, **parameters: Any) -> RequestBody:
        """Return an object, or a range of it, with one request."""
        return self.waited(self._begin(lambda: self._get(parameters)))

    def pages(self, method: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a listing."""
        while True:
            page = self.send(method, **parameters)
            yield page
            if not page.get("IsTruncated"):
                return
            # "NextKeyMarker" is the next page's "KeyMarker", and so on.
            found = {it[4:]: page[it] for it in page if it.startswith("Next")}
            parameters = {**parameters, **found}

    def explained(self, doing: str, path: str, error: Exception) -> StorageError:
        """Return *error* as one of our errors, with a message that says what to do."""
        kind = StorageRefusedError if is_refused(error) else StorageError
        return kind(f"cannot {doing} {path!r}: {self._words(error)}")

    def _begin(self, work: Callable[[], Awaitable[Result]]) -> "Future[Result]":
        return self.client.start(self._repeated(work))

    @staticmethod
    def waited(future: "Future[Result]") -> Result:
        """Wait for a started request and return its result."""
        try:
            return future.result()
        except BaseException:
            # This has an effect only if the wait itself was interrupted.
            future.cancel()
            raise

    async def _repeated(self, work: Callable[[], Awaitable[Result]]) -> Result:
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_passing),
            stop=self._is_enough,
            wait=wait_random_exponential(multiplier=0.2, max=3),
            reraise=True,
        )

        async def attempt() -> Result:
            return await work()

        try:
            result: Result = await retrying(attempt)
        except Exception as error:
            is_down = isinstance(error, _UNREACHABLE)
            self._down_since = time.monotonic() if is_down else _NEVER
            said = _answer(error).get("ResponseMetadata", {})
            said[_REPEATED] = retrying.statistics.get("attempt_number", 1) - 1
            raise
        self._down_since = _NEVER
        return result

    def _is_enough(self, state: RetryCallState) -> bool:
        elapsed_s = state.seconds_since_start or 0.0
        error = state.outcome.exception() if state.outcome else None
        if error and not _answer(error):
            # Soon after one call has waited in vain, other calls do not wait again.
            is_down = time.monotonic() - self._down_since < _DOWN_S
            is_late = elapsed_s >= _SILENCE_S and state.attempt_number > 1
            if is_down or is_late:
                return True
        return state.attempt_number >= self._attempts or elapsed_s >= _PATIENCE_S

    async def _get(self, parameters: Mapping[str, Any]) -> RequestBody:
        answer = await self.client.call("get_object", parameters)
        async with answer["Body"] as stream:
            data = bytes(await stream.read())
        return body_of(answer, data)

    def _words(self, error: Exception) -> str:
        place = f"bucket {self.bucket!r} at {self.client.endpoint}"
        answered = _answer(error).get("Error", {})
        words = (answered.get("Code"), answered.get("Message"))
        said = ": ".join(filter(None, words)) or str(error) or type(error).__name__
        kinds = (
            (
                error_code(error) == "NoSuchBucket",
                "does not exist: create it, or correct the project's URL",
            ),
            (
                error_code(error) in _WRONG_KEYS,
                f"rejects these keys ({said}): check key and secret",
            ),
            (
                isinstance(error, PermissionError),
                f"denies access ({said}): give the keys this permission there",
            ),
            (
                isinstance(error, NoCredentialsError | PartialCredentialsError),
                f"needs keys ({said}): give key and secret as storage_options",
            ),
            (
                isinstance(error, _UNREACHABLE),
                f"cannot be reached ({said}): check endpoint_url and the network",
            ),
            (
                is_passing(error),
                f"failed repeatedly ({said}): try again later",
            ),
        )
        return f"{place} " + next(
            (text for is_it, text in kinds if is_it), f"answered {said}"
        )


def body_of(answer: Mapping[str, Any], data: bytes) -> RequestBody:
    """Return *data* as the body of *answer*; raise if it is incomplete."""
    due, total = _lengths(answer)
    if len(data) != due:
        raise CutBodyError(f"the body has {len(data)} bytes instead of {due}")
    return RequestBody(data=data, total_bytes=total, etag=str(answer.get("ETag", "")))


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may succeed a little later."""
    if isinstance(error, SSLError):
        return False
    answer = _answer(error)
    if answer:
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in _RETRIED_STATUSES or error_code(error) in _RETRIED_CODES
    # s3fs maps responses to OSErrors too, but those have a response as their cause.
    return isinstance(error, _RETRIED_ERRORS)


def is_refused(error: BaseException) -> bool:
    """Return whether the server did nothing, and a retry would fail the same way."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return True
    said = _answer(error).get("ResponseMetadata", {})
    # An earlier attempt of this request may have been executed.
    is_first = not said.get(_REPEATED)
    is_fault_of_ours = said.get("HTTPStatusCode", 0) // 100 == _FAULT_OF_CLIENT
    return is_first and is_fault_of_ours and not is_passing(error)


def error_code(error: BaseException) -> str:
    """Return S3's error code; empty if the server did not answer."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def is_absent(error: BaseException) -> bool:
    """Return whether the object, rather than its bucket, is missing."""
    return error_code(error) in {"NoSuchKey", "404", "NoSuchVersion"}


def _answer(error: BaseException) -> dict[str, Any]:
    source = error if isinstance(error, ClientError) else error.__cause__
    return dict(source.response) if isinstance(source, ClientError) else {}


def _lengths(answer: Mapping[str, Any]) -> tuple[int, int]:
    """Return the length of this body and of the whole object."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.get("ContentRange") or "")
    if not found:
        return answer["ContentLength"], answer["ContentLength"]
    first, last, total = map(int, found.groups())
    return last - first + 1, total
