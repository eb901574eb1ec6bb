"""Errors as HTTP answers: the status, and the body in each surface's format."""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec

from hopsartifacts import errors
from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidInputError,
    PredictionError,
    Problem,
)

UNKNOWN = 120000
NO_KEY = 320001
NO_SCOPE = 320004
UPLOAD_FULL = 110055
UPLOAD_NOT_ALLOWED = 110056
SERVING_NOT_FOUND = 240000
SERVING_ILLEGAL = 240001
SERVING_EXISTS = 240011
NOT_RUNNING = 250001
MODEL_NOT_FOUND = 360000
TAG_NOT_FOUND = 370002
_PATH_NOT_FOUND = 110018
_PATH_MANAGED = 110050
_EXISTS = 110011

_ANSWERS: tuple[tuple[type[HopsArtifactsError], int, int], ...] = (
    (errors.ModelNotFoundError, 404, MODEL_NOT_FOUND),
    (errors.DeploymentNotFoundError, 404, SERVING_NOT_FOUND),
    (errors.PathNotFoundError, 404, _PATH_NOT_FOUND),
    (errors.NotFoundError, 404, UNKNOWN),
    (errors.InvalidDeploymentError, 400, SERVING_ILLEGAL),
    (errors.InvalidScriptError, 400, SERVING_ILLEGAL),
    (errors.InvalidInputError, 400, UNKNOWN),
    (errors.ManagedPathError, 403, _PATH_MANAGED),
    (errors.AlreadyExistsError, 409, _EXISTS),
    (errors.ConflictError, 409, UNKNOWN),
    (errors.UnsupportedHereError, 422, SERVING_ILLEGAL),
    (errors.PortTakenError, 409, UNKNOWN),
    (errors.DeploymentFailedError, 409, SERVING_ILLEGAL),
    (errors.NotRunningError, 404, NOT_RUNNING),
    (errors.StorageError, 503, UNKNOWN),
)
"""HTTP status and Hopsworks' error code by type; the first match counts."""


_AT = " - at `"
"""What precedes the path in a message of msgspec: ``… - at `$.files[0]```."""
_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]")
_MEMBER = re.compile(r"(?:required|unknown) field `([^`]*)`")


class RefusedError(HopsArtifactsError):
    """An error that is answered with its own status and error code.

    Attributes:
        status: the HTTP status.
        code: Hopsworks' error code.
        headers: headers of the answer.
    """

    def __init__(
        self,
        message: str,
        status: int,
        code: int = UNKNOWN,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, status, code, headers)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def __str__(self) -> str:
        return str(self.args[0])


def too_long(limit: int) -> RefusedError:
    """Return the error for a body of more than *limit* bytes."""
    return RefusedError(
        f"body: it is longer than {limit} bytes, the most allowed here", 413
    )


def broken_off() -> RefusedError:
    """Return the error for a request whose client disconnected."""
    return RefusedError("body: the connection ended before it was whole", 400)


def scope_missing(key: str, scope: str) -> RefusedError:
    """Return the error for a request that needs *scope*, which the key has not."""
    return RefusedError(
        f"API key {key!r} does not allow this: it needs the scope {scope!r}, see "
        "'hopsartifacts keys create --help'",
        403,
        NO_SCOPE,
    )


def only_reading() -> RefusedError:
    """Return the error for a change on a server that only lets callers read."""
    return RefusedError(
        "this server was started with --read-only: it shows the project and changes "
        "nothing",
        403,
        NO_SCOPE,
    )


def no_such_tag(name: str, known: Iterable[str]) -> RefusedError:
    """Return the error for a tag that is not set, with the code that clients expect."""
    names = ", ".join(map(repr, sorted(known))) or "none"
    return RefusedError(
        f"tag {name!r} is not set here; the tags that are set: {names}",
        404,
        TAG_NOT_FOUND,
    )


def status_and_code(error: HopsArtifactsError) -> tuple[int, int]:
    """Return the HTTP status and Hopsworks' error code of *error*."""
    if isinstance(error, RefusedError):
        return error.status, error.code
    if isinstance(error, PredictionError):
        return error.status, UNKNOWN
    for kind, status, code in _ANSWERS:
        if isinstance(error, kind):
            return status, code
    return 500, UNKNOWN


def hopsworks_body(message: str, code: int) -> dict[str, Any]:
    """Return an error in the format that the official client reads."""
    return {"errorCode": code, "errorMsg": message, "usrMsg": message}


def problem_body(
    message: str, status: int, title: str, problems: Iterable[Problem] = ()
) -> dict[str, Any]:
    """Return an error as a problem document (RFC 9457).

    Its member ``problems`` lists all that is wrong with the request. It is left out of
    errors that no part of the request is at fault for.
    """
    listed = [*problems]
    body = {"type": "about:blank", "title": title, "status": status, "detail": message}
    is_bad = status == HTTPStatus.BAD_REQUEST
    if is_bad or any(it.pointer for it in listed):
        body["problems"] = listed or [Problem(detail=message)]
    return body


def unfit(message: str, error: msgspec.MsgspecError | ValueError) -> InvalidInputError:
    """Return the refusal of a document that does not have the type that it must have.

    Args:
        message: the message of the refusal.
        error: why msgspec could not convert the document. Its text names the part.
    """
    text, _, path = str(error).partition(_AT)
    steps: list[str | int] = []
    for name, index in _STEP.findall(path.partition("[...]")[0]):
        steps.append(int(index) if index else name)
    if member := _MEMBER.search(text):
        steps.append(member[1])
    # Our own types check themselves, and say which of their parts is at fault.
    problems: tuple[Problem, ...] = (Problem(detail=text),)
    if isinstance(inner := error.__cause__, HopsArtifactsError):
        problems = inner.problems
    return InvalidInputError.of(*(it.at(*steps) for it in problems), message=message)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and its chain of causes."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__
