"""The error tree: one root, grouped by what the caller can do about an error.

    HopsArtifactsError
    ├── InvalidInputError (ValueError)      change what you passed
    │   ├── InvalidNameError                a name or path that breaks the rules
    │   ├── InvalidModelError               model files, metrics, schema, example
    │   ├── InvalidScriptError              a script that cannot be served
    │   ├── InvalidBundleError              a bundle that is damaged or unsafe
    │   ├── InvalidDeploymentError          a combination the rules forbid
    │   └── UnknownSettingError (AttributeError)  a setting that does not exist
    ├── NotFoundError (LookupError)         choose another one, or create it
    │   ├── ModelNotFoundError
    │   ├── ArtifactNotFoundError
    │   ├── DeploymentNotFoundError
    │   └── PathNotFoundError (FileNotFoundError)
    ├── ConflictError                       another writer was first
    │   ├── AlreadyExistsError (FileExistsError)
    │   ├── InUseError                      a deployment still needs it
    │   └── SourceChangedError              the files changed while being saved
    ├── ManagedPathError (PermissionError)  a managed path changes only through the API
    ├── IntegrityError                      stored bytes differ from what was committed
    ├── FormatError                         a document this release cannot read
    ├── StorageError (OSError)              the file system failed; see __cause__
    │   ├── CommitUncertainError            it is unknown whether the commit succeeded
    │   ├── StorageRefusedError             nothing was done: no space, no permission
    │   └── UnsafeStorageError              it lacks a guarantee that the store needs
    └── ServingError                        a deployment operation failed
        ├── UnsupportedHereError            this machine cannot run it
        ├── PortTakenError
        ├── DeploymentFailedError           it did not become ready, or died
        ├── NotRunningError
        └── PredictionError                 the server answered with an error

Each message says what was wrong, shows the value, and says what to do. Exceptions of
other libraries are kept as ``__cause__``.

An error can say which part of the input is at fault: see ``Problem``.

Warnings point at a line of the user's code: see ``warn``.
"""

import re
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Self, TypeVar

import msgspec

Answer = TypeVar("Answer")

_PACKAGE = str(Path(__file__).parent)
_QUOTED_CHARS = 300
_SECRETS = (
    # A password in a URL; the password itself may contain an "@".
    (re.compile(r"(://[^\s/:@]*):[^\s/'\"]*@"), r"\1@"),
    (
        re.compile(
            r"([?&;](?:[\w.%-]*(?:token|secret|passw|credential|signature|api_?key"
            r"|account_?key|access_?key)[\w.%-]*|key|sig|sas|pwd|auth)="
            r"|\b(?:AccountKey|SharedAccessSignature)=)[^\s&;,'\"]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
)


def without_secrets(text: str) -> str:
    """Return *text* without the secrets in its URLs and connection strings.

    Passwords are removed. Values of parameters named like a key or a token are masked.
    """
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text


def quoted(value: object) -> str:
    """Return the ``repr`` of a user's *value* for a message, shortened if too long."""
    text = repr(value)
    return text if len(text) <= _QUOTED_CHARS else f"{text[:_QUOTED_CHARS]}…"


def warn(message: str, category: type[Warning]) -> None:
    """Issue a warning that points at the innermost caller outside this package.

    A fixed ``stacklevel`` could point into this package, and would have to change with
    every change to the calls in between.

    Args:
        message: what happened, and what the user can do about it.
        category: the warning's class, by which users can filter it.
    """
    level, frame = 1, sys._getframe()  # noqa: SLF001 - documented, and all there is
    while frame.f_back and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an input.

    Attributes:
        pointer: the part of the input that is at fault, as a JSON pointer (RFC 6901):
            ``/transformer/script_file``; empty for the whole input.
        detail: what is wrong.
        fix: what to do about it; null if *detail* says that too.
    """

    pointer: str = ""
    detail: str
    fix: str | None = None

    def __str__(self) -> str:
        return f"{self.detail}: {self.fix}" if self.fix else self.detail

    def at(self, *steps: str | int) -> "Problem":
        """Return this problem of a part as one of the whole; *steps* lead to the part.

        Each step is the name of a member, or an index in a list.
        """
        escaped = (str(it).replace("~", "~0").replace("/", "~1") for it in steps)
        pointer = "".join(f"/{it}" for it in escaped) + self.pointer
        return msgspec.structs.replace(self, pointer=pointer)


class HopsArtifactsError(Exception):
    """The root of every error this package raises on purpose; none shows a secret."""

    _problems: tuple[Problem, ...] | None = None

    def __init__(self, *args: object) -> None:
        super().__init__(
            *(without_secrets(it) if isinstance(it, str) else it for it in args)
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong. The message is that of the first one."""
        return self._problems or (Problem(detail=str(self)),)

    def at(self, *steps: str | int) -> Self:
        """Say which part of the input is at fault; see ``Problem.at``."""
        self._problems = tuple(it.at(*steps) for it in self.problems)
        return self

    def joined(self, others: Iterable["HopsArtifactsError"]) -> Self:
        """Return this error with the problems of *others*, which its traceback names.

        The message stays the same.
        """
        more = tuple(chain.from_iterable(it.problems for it in others))
        self._problems = self.problems + more
        for problem in more:
            self.add_note(f"Also: {problem}")
        return self


class InvalidInputError(HopsArtifactsError, ValueError):
    """An argument cannot be used; nothing was stored."""

    @classmethod
    def of(cls, *problems: Problem, message: str | None = None) -> Self:
        """Return the error for several problems, of which there is at least one.

        Args:
            problems: all that is wrong.
            message: the message; by default that of the first problem.
        """
        first, *others = problems
        errors = [cls(message or str(first)), *(cls(str(it)) for it in others)]
        for error, problem in zip(errors, problems, strict=True):
            error._problems = (problem,)  # noqa: SLF001 - of this class
        return errors[0].joined(errors[1:])


class InvalidNameError(InvalidInputError):
    """A model, deployment, version or file name breaks its rule."""


class InvalidModelError(InvalidInputError):
    """Model files, metrics, schema or input example cannot be saved."""


class InvalidScriptError(InvalidInputError):
    """A predictor or transformer script is missing or cannot be served."""


class InvalidBundleError(InvalidInputError):
    """A bundle is damaged, incomplete, or not safe to import."""


class InvalidDeploymentError(InvalidInputError):
    """The deployment rules forbid this combination of settings."""


class UnknownSettingError(InvalidInputError, AttributeError):
    """An object has no setting of this name, or the setting cannot be changed."""


class NotFoundError(HopsArtifactsError, LookupError):
    """The requested object does not exist."""


class ModelNotFoundError(NotFoundError):
    """The model or model version does not exist."""


class ArtifactNotFoundError(NotFoundError):
    """The artifact version does not exist."""


class DeploymentNotFoundError(NotFoundError):
    """The deployment or deployment version does not exist."""


class PathNotFoundError(NotFoundError, FileNotFoundError):
    """The file does not exist in the project."""


class ConflictError(HopsArtifactsError):
    """Another writer or process was first."""


class AlreadyExistsError(ConflictError, FileExistsError):
    """The name or number is in use, or was used before."""


class InUseError(ConflictError):
    """The object cannot be deleted because a deployment still needs it."""


class SourceChangedError(ConflictError):
    """The user's files changed while they were being saved; save again."""


class ManagedPathError(HopsArtifactsError, PermissionError):
    """The path is managed; it can be changed only through the API."""


class IntegrityError(HopsArtifactsError):
    """Stored bytes differ from what was committed."""


class FormatError(HopsArtifactsError):
    """A stored document is damaged, or was written by a later release."""


class StorageError(HopsArtifactsError, OSError):
    """The file system failed; ``__cause__`` is the original error."""


class CommitUncertainError(StorageError):
    """A commit was sent, but its outcome is unknown.

    The *token* identifies the attempt: the commit succeeded if and only if the log
    contains an entry with this token.
    """

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message, token)
        self.token = token

    def __str__(self) -> str:
        return str(self.args[0])


class StorageRefusedError(StorageError):
    """The file system refused the call: no space, no permission, no such bucket.

    A retry fails again until the cause is fixed. If a create operation raises this
    error, nothing was created.
    """


class UnsafeStorageError(StorageError):
    """The back end lacks a guarantee that the store needs; nothing was stored."""


class ServingError(HopsArtifactsError):
    """A deployment operation failed."""


class UnsupportedHereError(ServingError):
    """The serving back end in use cannot run this deployment."""


class PortTakenError(ServingError):
    """Another process is listening on the requested port."""


class DeploymentFailedError(ServingError):
    """The deployment did not become ready, or its process died."""


class NotRunningError(ServingError):
    """The operation needs a running deployment."""


class PredictionError(ServingError):
    """The model server answered a prediction request with an error.

    Attributes:
        status: the HTTP status code of the response.
        detail: the server's error message.
    """

    def __init__(self, message: str, status: int, detail: str) -> None:
        super().__init__(message, status, detail)
        self.status = status
        self.detail = detail

    def __str__(self) -> str:
        return str(self.args[0])

    def with_hint(self, hint: str) -> Self:
        """Return the same error with *hint* appended to its message."""
        return type(self)(f"{self.args[0]} {hint}", self.status, self.detail)


@dataclass(eq=False)
class CollectedErrors:
    """Collects the refusals of several checks, so that a user sees all of them at once.

    A refusal is an error that says what is wrong with the input, as opposed to a
    failure, such as that of the storage.
    """

    errors: list[HopsArtifactsError] = field(default_factory=list)

    def of(self, check: Callable[[], Answer], *steps: str | int) -> Answer | None:
        """Return the answer of *check*; None if it refuses the input.

        Args:
            check: raises an error if the input is wrong; other errors pass through.
            steps: which part of the input it checks; see ``Problem.at``.
        """
        try:
            return check()
        except (InvalidInputError, NotFoundError, ConflictError) as error:
            self.errors.append(error.at(*steps))
        return None

    def add(self, problem: Problem) -> None:
        """Add a problem that was found without an error."""
        self.errors.append(InvalidInputError.of(problem))

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong, in the order of the checks."""
        return [*chain.from_iterable(it.problems for it in self.errors)]

    def check(self) -> None:
        """Raise the first error with the problems of the others, if there is one."""
        if self.errors:
            first, *others = self.errors
            raise first.joined(others)
