"""The log of a model: its entries, and the seals that no entry has taken in yet.

An entry says which numbers are reserved. What became of them since is said by their
seals, which lie beside the entries, so that one listing shows both.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from hopsartifacts import layout
from hopsartifacts.documents import decode
from hopsartifacts.errors import IntegrityError
from hopsartifacts.registry.documents import ModelState, Newest, VersionState
from hopsartifacts.registry.seals import Seal, find_seal, new_seal, put_seal
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Body, Draft, Head
from hopsartifacts.store.log import Log
from hopsartifacts.store.workers import each_result

NEWEST_LIMIT_BYTES = 16 * 1024
"""A manifest larger than that is read from its seal."""


class ModelLog(Log[ModelState]):
    """The log of *model*: a log whose newest state is as entries and seals have it."""

    def __init__(self, storage: Storage, model: str) -> None:
        super().__init__(storage, layout.model_log(model), ModelState)
        self.model = model
        self._seals: dict[int, Seal] = {}

    def as_known(self, newest: int) -> Head[ModelState] | None:
        """Return the newest entry with the state that the seals make of it.

        Returns:
            None if there turned out to be a newer one.

        Raises:
            IntegrityError: an entry or a seal is damaged, or an entry is gone.
        """
        is_seen = self._seen is not None and self._seen.seq == newest
        head = (self._seen if is_seen else self._told(newest)) or self.entry(newest)
        if head.is_compacted:
            return head
        state = head.state
        if not self._sealed_versions() <= state.versions.keys():
            self._refuse_hole(newest + 1)
            return None
        for seal in self._open_seals(state):
            if seal.known.seq > newest:
                self._refuse_hole(seal.known.seq)
                return None
            if seal.known.seq == newest:
                self._check_followed(head, seal.known.sha256)
            state = state.replaced(seal.version, seal.fate)
        return msgspec.structs.replace(head, decoded=self._with_newest(state))

    def state(self) -> ModelState:
        """Look for the newest state and return it; empty if the model never existed.

        Raises:
            IntegrityError: an entry or a seal is damaged, or an entry is gone.
        """
        head = self.head()
        return head.state if head else ModelState()

    def audit(self) -> Head[ModelState] | None:
        """Check every entry and every link, and return the newest entry as it is known.

        Raises:
            IntegrityError: an entry is missing, damaged, or not the one its
                successor followed.
        """
        read, head = super().audit(), self.head()
        if read and head and read.seq == head.seq:
            self._check_followed(read, head.sha256)
        return head

    def append(
        self, decide: Callable[[ModelState | None, int], Draft[ModelState] | None]
    ) -> Head[ModelState] | None:
        """Commit what *decide* wants; the entry also copies the seals it takes in.

        See ``Log.append``.
        """

        def copying(state: ModelState | None, seq: int) -> Draft[ModelState] | None:
            draft = decide(state, seq)
            return draft and self._copying(draft, seq)

        return super().append(copying)

    def seals(self) -> list[Seal]:
        """Return all seals, in the order of their versions.

        Raises:
            IntegrityError: one is damaged.
        """
        self.head()
        numbers = sorted(self._sealed_versions())
        workers = self.storage.capabilities.workers
        found = each_result(lambda number, _: self.seal(number), numbers, workers)
        return [seal for seal in found if seal]

    def seal(self, version: int) -> Seal | None:
        """Return the seal of a version, None if it has none."""
        if version not in self._seals:
            found = find_seal(self.storage, self.model, version)
            if found is None:
                return None
            self._seals[version] = found
        return self._seals[version]

    def newest_manifest(self, version: int) -> bytes | None:
        """Return the manifest of *version* if the state as last seen carries it."""
        state = self._seen.decoded if self._seen else None
        if state and state.newest and state.newest.version == version:
            return bytes(state.newest.manifest)
        return None

    def copy_of(self, version: int, state: VersionState) -> bytes | None:
        """Return the manifest of a version as the log has copied it; None if not."""
        if state.copied is None:
            return None
        entry = self.entry(state.copied)
        copies = decode(bytes(entry.body.payload), dict[int, msgspec.Raw], self.path)
        return bytes(copies[version]) if version in copies else None

    def sealed_at(self, version: int, state: VersionState) -> float | None:
        """Return when a version was sealed, by the clock of the back end.

        As the last look for the newest entry has shown it; None if it has not.
        """
        if state.seal:
            return self.modified(state.seal)
        entry = self.listed.get(layout.seal_name(version))
        return entry.modified if entry else None

    def commit_seal(
        self, version: int, fate: VersionState, token: str, manifest: bytes = b"null"
    ) -> Seal:
        """Let *version*, which is reserved, be *fate*, unless that is decided already.

        Returns:
            The seal that counts: it has *token* if it is the caller's.

        Raises:
            CommitUncertainError: the storage failed, and it is unknown which one does.
        """
        head = self.seen()
        if head is None:
            raise IntegrityError(f"the log {self.path} has lost its entries")
        seal = new_seal(head, self.model, version, fate, token, manifest)
        counts = put_seal(self.storage, seal)
        self._seals[version] = counts
        return counts

    def _copying(self, draft: Draft[ModelState], seq: int) -> Draft[ModelState]:
        """Let *draft* copy the manifests that no entry has, of those at hand."""
        state, copies = draft.state, {}
        for number, version in draft.state.live().items():
            if version.seal is None and version.copied is None:
                seal = self._seals.get(number)
                if seal:
                    copies[number] = seal.manifest
                    copied = msgspec.structs.replace(version, copied=seq)
                    state = state.replaced(number, copied)
        if not copies:
            return draft
        return msgspec.structs.replace(draft, state=state, payload=copies)

    def _told(self, newest: int) -> Head[ModelState] | None:
        """Return entry *newest* as the last seal tells of it, if that was later."""
        times = {
            number: self.listed[layout.seal_name(number)].modified or 0.0
            for number in self._sealed_versions()
        }
        last = max(times, key=lambda number: (times[number], number), default=0)
        # Clocks only say which of the two is worth being read first.
        if not last or times[last] < (self.modified(newest) or 0.0):
            return None
        seal: Seal | None = None
        with suppress(IntegrityError):  # which is raised where it matters
            seal = self.seal(last)
        state = seal.model_state if seal and seal.known.seq == newest else None
        if seal is None or state is None:
            return None
        body = Body(
            seq=newest,
            token=seal.known.token,
            time=seal.time,
            writer=seal.writer,
            op={},
            state=msgspec.Raw(b"null"),
            compacted=seal.known.compacted,
        )
        return Head(body=body, decoded=state, sha256=seal.known.sha256, is_told=True)

    def _open_seals(self, state: ModelState) -> list[Seal]:
        """Return the seals of versions that are reserved according to *state*."""
        numbers = [
            number
            for number, version in state.versions.items()
            if version.status == "reserved" and self._is_sealed(number)
        ]
        workers = self.storage.capabilities.workers if len(numbers) > 1 else 1
        found = each_result(lambda number, _: self.seal(number), numbers, workers)
        return [
            self._checked(seal, state.versions[number])
            for number, seal in zip(numbers, found, strict=True)
            if seal
        ]

    def _with_newest(self, state: ModelState) -> ModelState:
        """Let *state* carry the manifest of its newest version, if that is at hand."""
        newest = max(state.live(), default=0)
        if state.newest and state.newest.version == newest:
            return state
        seal = self._seals.get(newest)
        carried: Newest | None = None
        if seal and len(bytes(seal.manifest)) <= NEWEST_LIMIT_BYTES:
            carried = Newest(version=newest, manifest=seal.manifest)
        return msgspec.structs.replace(state, newest=carried)

    def _sealed_versions(self) -> set[int]:
        """Return the versions whose seals the last look has shown."""
        return {it for name in self.listed if (it := layout.sealed_version(name))}

    def _refuse_hole(self, seq: int) -> None:
        """See that an entry is there that a seal knows.

        A listing may show the second of two things made meanwhile, not the first.
        """
        path = layout.log_entry(self.path, seq)
        if self.storage.stat(path) is None:
            raise IntegrityError(
                f"log entry {path} is missing, though there is a seal that was made "
                "after it: somebody deleted it; restore it from a backup"
            )

    def _is_sealed(self, version: int) -> bool:
        if layout.seal_name(version) in self.listed:
            return True
        if self.storage.local_path("") is None:
            return False
        # A network mount may list from a cache; asked for a name, it looks.
        return self.storage.stat(layout.version_seal(self.model, version)) is not None

    def _check_followed(self, head: Head[ModelState], known: str) -> None:
        if head.sha256 != known:
            raise IntegrityError(
                f"{layout.log_entry(self.path, head.seq)} is not the entry that the "
                "last seal follows: one of the two was replaced; restore the log from "
                "a backup"
            )

    def _checked(self, seal: Seal, reserved: VersionState) -> Seal:
        if seal.fate.id != reserved.id:
            raise IntegrityError(
                f"{layout.version_seal(self.model, seal.version)} is not of the writer "
                "that has the number: it was put there by hand; take it away"
            )
        return seal
