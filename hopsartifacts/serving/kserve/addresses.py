"""The address of a sealed deployment version, as one text in a manifest."""

from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from hopsartifacts.errors import InvalidInputError, quoted, without_secrets
from hopsartifacts.names import deployment_name, version_number

SCHEME = "hops"
_PARAMETERS = ("project", "specification")


class SealedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sealed version is, and the digest that it must have.

    Attributes:
        project_url: the URL of the project, without credentials.
        deployment: the name of the deployment.
        version: the number of its version.
        specification: the digest of the version's specification.
    """

    project_url: str
    deployment: str
    version: int
    specification: str

    @property
    def uri(self) -> str:
        """The address as a URI, which ``parse`` reads."""
        project = quote(without_secrets(self.project_url), safe="")
        return (
            f"{SCHEME}://{self.deployment}/{self.version}"
            f"?project={project}&specification={self.specification}"
        )

    @classmethod
    def parse(cls, text: str) -> "SealedAddress":
        """Return the address in *text*.

        Raises:
            InvalidInputError: it is no such address.
        """
        try:
            parts = urlsplit(text)
            given = dict(parse_qsl(parts.query, strict_parsing=True))
        except ValueError as error:
            raise _wrong(text, str(error)) from error
        digest = given.get("specification", "")
        if parts.scheme != SCHEME:
            raise _wrong(text, f"it does not start with {SCHEME}://")
        if missing := [it for it in _PARAMETERS if not given.get(it)]:
            raise _wrong(text, f"it has no {missing[0]!r}")
        if not _is_digest(digest):
            raise _wrong(
                text, f"{digest!r} is not a digest like sha256:<64 hex digits>"
            )
        return cls(
            project_url=given["project"],
            deployment=deployment_name(parts.netloc),
            version=version_number(parts.path.removeprefix("/")),
            specification=digest,
        )


def _is_digest(text: str) -> bool:
    algorithm, _, digits = text.partition(":")
    is_hex = set(digits) <= set("0123456789abcdef")
    return algorithm == "sha256" and len(digits) == 64 and is_hex  # noqa: PLR2004 - SHA-256


def _wrong(text: str, flaw: str) -> InvalidInputError:
    return InvalidInputError(
        f"{quoted(text)} is not the address of a sealed version: {flaw}; it looks like "
        "hops://<deployment>/<version>?project=<URL>&specification=sha256:<digits>"
    )
