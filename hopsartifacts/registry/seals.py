"""Seals: one object for each version, which decides what became of its number.

It is created once, if absent, at a name made from the version: by the writer that
reserved the number, with the manifest, or by whoever gives the number up in its stead.
So one of them comes first, and no log has to be asked. Who knows the number needs this
object only. The next entry of the log takes in what it says.

While the state of the model is small, the seal carries it and says after which entry it
is, so that the next writer reads nothing else.

A version that is being deleted has its seal *buried*: replaced, for good, by one that
sends readers to the log. It keeps the manifest, should the deletion be withdrawn. None
is buried where a back end cannot replace in one step: see
``hopsartifacts.registry.deletion``.
"""

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import (
    FORMAT,
    check_format,
    decode,
    encode,
    is_checked,
    with_check,
)
from hopsartifacts.errors import IntegrityError, PathNotFoundError
from hopsartifacts.registry.documents import ModelState, VersionState
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Head
from hopsartifacts.store.identity import now, writer
from hopsartifacts.store.once import create_once

STATE_LIMIT_BYTES = 64 * 1024
"""A state larger than that is looked for in the log."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Which log entry the writer of a seal knew, and what the next one has to know."""

    seq: int
    token: str
    sha256: str
    compacted: int


class _Any(msgspec.Struct):
    """A seal of any format."""

    format: int


class Seal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a number; ``state`` and ``manifest`` are decoded on demand."""

    format: int
    model: str
    version: int
    token: str
    """Of the attempt: no other seal has it."""
    time: str
    writer: str
    fate: VersionState
    """What the version is in the log's state from then on."""
    known: Known
    state: msgspec.Raw = msgspec.Raw(b"null")
    """The model's state after *known* and this seal; null where it is not small."""
    manifest: msgspec.Raw = msgspec.Raw(b"null")
    """As it was sealed; null where the number was given up."""
    is_buried: bool = False

    @property
    def path(self) -> str:
        """Where it lies."""
        return layout.version_seal(self.model, self.version)

    @property
    def model_state(self) -> ModelState | None:
        """The state it carries, if it does."""
        if bytes(self.state) == b"null":
            return None
        return decode(bytes(self.state), ModelState, self.path)


def new_seal(
    head: Head[ModelState],
    model: str,
    version: int,
    fate: VersionState,
    token: str,
    manifest: bytes = b"null",
) -> Seal:
    """Return the seal that makes *version* be *fate* for all who know *head*."""
    after = head.state.replaced(version, fate)
    state = encode(msgspec.structs.replace(after, newest=None))
    return Seal(
        format=FORMAT,
        model=model,
        version=version,
        token=token,
        time=now(),
        writer=writer(),
        fate=fate,
        known=Known(
            seq=head.seq,
            token=head.token,
            sha256=head.sha256,
            compacted=head.body.compacted,
        ),
        state=msgspec.Raw(state if len(state) <= STATE_LIMIT_BYTES else b"null"),
        manifest=msgspec.Raw(manifest),
    )


def find_seal(storage: Storage, model: str, version: int) -> Seal | None:
    """Return the seal of a version, None if there is none (yet).

    Raises:
        IntegrityError: what lies there is not its seal.
        FormatError: it is of a later release.
    """
    path = layout.version_seal(model, version)
    try:
        data = storage.read(path)
    except PathNotFoundError:
        return None
    if not is_checked(data):
        raise _damaged(path, "was changed since it was written")
    check_format(decode(data, _Any, path).format, path)
    seal = decode(data, Seal, path)
    if (seal.model, seal.version) != (model, version):
        whose = f"model {seal.model!r} version {seal.version}"
        raise _damaged(path, f"holds the seal of {whose}")
    return seal


def put_seal(storage: Storage, seal: Seal) -> Seal:
    """Let *seal* decide, unless another one has.

    Returns:
        The one that counts.

    Raises:
        CommitUncertainError: the storage failed, and it is unknown which one does.
    """
    data = with_check(encode(seal))
    found = create_once(
        lambda: storage.create(seal.path, data),
        lambda: find_seal(storage, seal.model, seal.version),
        seal.path,
        seal.token,
    )
    return found or seal


def bury(storage: Storage, seal: Seal) -> None:
    """Send the readers of a version to the log from now on."""
    if not seal.is_buried:
        storage.write(seal.path, [buried(seal)])
        storage.protect(seal.path)


def buried(seal: Seal) -> bytes:
    """Return what sends readers to the log and yet has the manifest of *seal*."""
    after = msgspec.structs.replace(seal, is_buried=True, state=msgspec.Raw(b"null"))
    return with_check(encode(after))


def _damaged(path: str, how: str) -> IntegrityError:
    return IntegrityError(
        f"{path} {how}: project.repair() restores it if the log has a copy of what it "
        "says; else restore it from a backup"
    )
