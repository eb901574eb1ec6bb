"""The decision to reuse or create an artifact version, with its explanation."""

from typing import Literal

import msgspec

from hopsartifacts.artifacts.documents import CREATE, RequestedVersion

Action = Literal["none", "keep", "reuse", "create"]
"""``none``: version 0, without files. ``keep``: the version that a deployment has.
``reuse``: another version that exists. ``create``: a new version."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact version that a save uses, and why; ``str()`` explains it."""

    version: int
    is_new: bool
    asked: RequestedVersion
    identity: str
    files: tuple[str, ...]
    compared: int
    """The highest version compared, by identity, starting at 1; 0 if there was none."""
    is_kept: bool = False
    """The deployment has this version already, and none of its files was changed."""

    @property
    def action(self) -> Action:
        """What a save does with the artifact version."""
        if self.is_new:
            return "create"
        if self.is_kept:
            return "keep"
        return "reuse" if self.version else "none"

    def __str__(self) -> str:
        names = ", ".join(self.files)
        if self.is_kept:
            return (
                f"Artifact version {self.version} is kept: the deployment has it "
                "already, and none of its files was changed since."
            )
        if isinstance(self.asked, int):
            return f"Artifact version {self.version} was requested by its number."
        if not self.files:
            return (
                "Artifact version 0: no script or file was given, and 0 is the shared "
                "version without files."
            )
        compared = (
            f"versions 1 to {self.compared}" if self.compared > 1 else "version 1"
        )
        if not self.is_new:
            return (
                f"Artifact version {self.version} is reused: it is the lowest that "
                f"contains the same files ({names}) with the same bytes "
                f"({_short(self.identity)}; compared: {compared})."
            )
        if self.asked == CREATE:
            return f"Artifact version {self.version} is new: CREATE was requested."
        reason = (
            f"no version contains the same files ({names}) with the same bytes "
            f"({_short(self.identity)}; compared: {compared})"
            if self.compared
            else f"it is the first version with files ({names})"
        )
        return f"Artifact version {self.version} is new: {reason}."


def _short(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}…"
