"""The address of a sealed deployment version: one URI, which pins its digest.

``hops://<deployment>/<version>?project=<URL>&specification=<digest>``
"""

import re
from typing import Self
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from hopsartifacts.errors import InvalidInputError, without_secrets
from hopsartifacts.names import deployment_name, version_number

SCHEME = "hops"
FORM = f"{SCHEME}://<deployment>/<version>?project=<URL>&specification=sha256:<hex>"

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class SealedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sealed version is, and the digest that it must have.

    Attributes:
        project_url: the URL of the project; passwords and keys are removed.
        deployment: the name of the deployment.
        version: the number of the deployment version, from 1 up.
        specification: the digest of its specification, ``sha256:`` and 64 hex digits.

    Raises:
        InvalidInputError: a part is not valid.
    """

    project_url: str
    deployment: str
    version: int
    specification: str

    def __post_init__(self) -> None:
        deployment_name(self.deployment)
        url = without_secrets(self.project_url)
        msgspec.structs.force_setattr(self, "project_url", url)
        if version_number(self.version) < 1:
            raise InvalidInputError("version 0 is not a sealed version: save it first")
        if not url:
            raise InvalidInputError(f"the address names no project: use {FORM}")
        if not _DIGEST.fullmatch(self.specification):
            raise InvalidInputError(
                f"{self.specification!r} is not the digest of a specification: give "
                "sha256: and 64 hex digits"
            )

    @property
    def uri(self) -> str:
        """The address as a text, from which ``parse`` makes it again."""
        project = quote(self.project_url, safe="")
        return (
            f"{SCHEME}://{self.deployment}/{self.version}"
            f"?project={project}&specification={self.specification}"
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address that *text* is.

        Raises:
            InvalidInputError: it is not an address of this form.
        """
        try:
            parts = urlsplit(text)
            asked = dict(parse_qsl(parts.query, strict_parsing=True))
        except ValueError as error:
            raise InvalidInputError(f"address {text!r}: {error}; use {FORM}") from error
        if parts.scheme != SCHEME or {*asked} != {"project", "specification"}:
            raise InvalidInputError(
                f"{text!r} is not the address of a sealed version: use {FORM}"
            )
        return cls(
            project_url=asked["project"],
            deployment=parts.netloc,
            version=version_number(parts.path.removeprefix("/")),
            specification=asked["specification"],
        )
