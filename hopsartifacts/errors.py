"""The error tree: one root, grouped by what a caller can do about it.

    HopsArtifactsError
    ├── InvalidInputError (ValueError)      change what you passed
    │   ├── InvalidNameError                a name or path outside the rules
    │   ├── InvalidModelError               model files, metrics, schema, example
    │   ├── InvalidScriptError              a script that cannot be served
    │   ├── InvalidBundleError              a bundle that is damaged or unsafe
    │   ├── InvalidDeploymentError          a combination the rules forbid
    │   └── UnknownSettingError (AttributeError)  a setting that does not exist
    ├── NotFoundError (LookupError)         pick another one, or create it
    │   ├── ModelNotFoundError
    │   ├── ArtifactNotFoundError
    │   ├── DeploymentNotFoundError
    │   └── PathNotFoundError (FileNotFoundError)
    ├── ConflictError                       somebody or something was first
    │   ├── AlreadyExistsError (FileExistsError)
    │   ├── InUseError                      refused: a deployment needs it
    │   └── SourceChangedError              the files changed while being saved
    ├── ManagedPathError (PermissionError)  a managed path is not yours to edit
    ├── IntegrityError                      stored bytes differ from their seal
    ├── FormatError                         a document this release cannot read
    ├── StorageError (OSError)              the file system failed; see __cause__
    │   ├── CommitUncertainError            nobody knows yet whether it was done
    │   ├── StorageRefusedError             it was not done: no space, no rights
    │   └── UnsafeStorageError              it breaks a promise the store is built on
    └── ServingError                        a deployment did not do as asked
        ├── UnsupportedHereError            this machine cannot run it
        ├── PortTakenError
        ├── DeploymentFailedError           it did not become ready, or died
        ├── NotRunningError
        └── PredictionError                 the server answered with an error

Each message says what was wrong, with what value, and what to do. Foreign
exceptions are kept as ``__cause__``.
"""

import re
from typing import Self

_QUOTED_CHARS = 300
_SECRETS = (
    # A password in a URL, which may hold an "@" of its own.
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
    """Return *text* without what is secret in the URLs and connection strings in it.

    Passwords go, and so do the values of what is called a key, a token or the like.
    """
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text


def quoted(value: object) -> str:
    """Return *value* as messages quote what a user gave, cut off where it is long."""
    text = repr(value)
    return text if len(text) <= _QUOTED_CHARS else f"{text[:_QUOTED_CHARS]}…"


class HopsArtifactsError(Exception):
    """Root of every error this package raises on purpose; none shows a secret."""

    def __init__(self, *args: object) -> None:
        super().__init__(
            *(without_secrets(it) if isinstance(it, str) else it for it in args)
        )


class InvalidInputError(HopsArtifactsError, ValueError):
    """What was passed cannot be used; nothing was stored."""


class InvalidNameError(InvalidInputError):
    """A model, deployment, version or file name is outside its rule."""


class InvalidModelError(InvalidInputError):
    """Model files, metrics, schema or input example cannot be saved."""


class InvalidScriptError(InvalidInputError):
    """A predictor or transformer script is missing or cannot be served."""


class InvalidBundleError(InvalidInputError):
    """A bundle is damaged, incomplete, or not safe to import."""


class InvalidDeploymentError(InvalidInputError):
    """The deployment rules forbid this combination of settings."""


class UnknownSettingError(InvalidInputError, AttributeError):
    """A deployment, predictor or transformer has no setting of this name."""


class NotFoundError(HopsArtifactsError, LookupError):
    """What was asked for does not exist."""


class ModelNotFoundError(NotFoundError):
    """No such model or model version."""


class ArtifactNotFoundError(NotFoundError):
    """No such artifact version."""


class DeploymentNotFoundError(NotFoundError):
    """No such deployment or deployment version."""


class PathNotFoundError(NotFoundError, FileNotFoundError):
    """No such file in the project."""


class ConflictError(HopsArtifactsError):
    """Somebody or something was first."""


class AlreadyExistsError(ConflictError, FileExistsError):
    """The name or number is taken, now or in the past."""


class InUseError(ConflictError):
    """Refused because a deployment still needs it."""


class SourceChangedError(ConflictError):
    """The user's files changed while they were being saved; save again."""


class ManagedPathError(HopsArtifactsError, PermissionError):
    """The path is managed and can only change through the API."""


class IntegrityError(HopsArtifactsError):
    """Stored bytes differ from what was sealed."""


class FormatError(HopsArtifactsError):
    """A stored document is damaged or from a later release."""


class StorageError(HopsArtifactsError, OSError):
    """The file system failed; ``__cause__`` is its own error."""


class CommitUncertainError(StorageError):
    """A commit was sent and its outcome could not be learned.

    The *token* identifies the attempt: it is done if and only if the log holds
    an entry with this token.
    """

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message, token)
        self.token = token

    def __str__(self) -> str:
        return str(self.args[0])


class StorageRefusedError(StorageError):
    """The file system refused: no space, no rights, no such bucket.

    The same call would be refused again until that is mended. From a creation it says
    for certain that nothing was created.
    """


class UnsafeStorageError(StorageError):
    """The back end breaks a promise that the store is built on; nothing was stored."""


class ServingError(HopsArtifactsError):
    """A deployment did not do what was asked of it."""


class UnsupportedHereError(ServingError):
    """The serving back end at hand cannot run this deployment."""


class PortTakenError(ServingError):
    """Another process listens on the requested port."""


class DeploymentFailedError(ServingError):
    """The deployment did not become ready, or it died."""


class NotRunningError(ServingError):
    """The deployment has to be running for this."""


class PredictionError(ServingError):
    """The model server answered a prediction request with an error.

    Attributes:
        status: the HTTP status code of the answer.
        detail: the server's own words.
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
