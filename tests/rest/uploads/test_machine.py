"""Two owners in any order of steps, against a plain model of what must come of it."""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hopsartifacts.documents import is_checked
from hopsartifacts.errors import ConflictError, InvalidModelError
from hopsartifacts.project import Project
from hopsartifacts.registry.versions import model_state
from hopsartifacts.rest.uploads import UploadLimits, Uploads
from hopsartifacts.storage.memory import MemoryStorage
from tests.rest.uploads.sending import CHUNK, ME, OTHER, seal, send_part

MEMORY = next((it for it in ["/dev/shm"] if Path(it).is_dir()), None)  # noqa: S108
"""Where syncing costs no time, and is not what is tried here."""
LIMITS = UploadLimits(min_free_bytes=0, restart_s=1e6)
CONTENTS = (b"[1,22,333]", b"[1,22x333]", b"[1, 2]", b'"some text"', b"")

owners = st.sampled_from([ME, OTHER])
versions = st.integers(1, 9)
names = st.sampled_from(["Files/a", "Files/d/b", "input_example.json"])
contents = st.sampled_from(CONTENTS)
aims = st.integers(0, 4)
"""Of five steps four go where something is open."""


def parts_of(data: bytes) -> int:
    return max(1, -(-len(data) // CHUNK))


class File(msgspec.Struct):
    """What is known of a file: its size, and the parts that came."""

    size: int
    parts: dict[int, bytes] = {}

    @property
    def is_whole(self) -> bool:
        return sum(map(len, self.parts.values())) == self.size

    @property
    def data(self) -> bytes:
        return b"".join(part for _, part in sorted(self.parts.items()))


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.storage = MemoryStorage(f"machine/{uuid4().hex}")
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.uploads = self.started()
        self.claims: dict[int, tuple[str, dict[str, File]]] = {}
        self.vacant: set[int] = set()
        self.statuses: dict[int, str] = {}
        self.sealed: dict[int, dict[str, bytes]] = {}
        self.refused: Counter[tuple[int, str]] = Counter()

    def started(self, **limits: float) -> Uploads:
        changed = msgspec.structs.replace(LIMITS, **limits)
        return Uploads(self.storage, Path(self.folder.name), changed)

    def teardown(self) -> None:
        self.uploads.close()
        assert Project(self.storage).verify().ok
        self.folder.cleanup()

    def files(self, version: int, owner: str) -> dict[str, File] | None:
        claimant, files = self.claims.get(version, ("", {}))
        return files if claimant == owner else None

    def aimed(self, aim: int, owner: str, version: int) -> tuple[str, int]:
        if not aim or not self.claims:
            return owner, version
        version = sorted(self.claims)[aim % len(self.claims)]
        return self.claims[version][0], version

    def agrees(self, error: type[Exception] | None, step: Callable[[], Any]) -> Any:
        if error is None:
            return step()
        with pytest.raises(error):
            step()
        return None

    @rule(owner=owners, version=versions)
    def claim(self, owner: str, version: int) -> None:
        is_free = version not in self.statuses or version in self.vacant
        error = None if is_free else ConflictError
        self.agrees(error, lambda: self.uploads.claim("m", version, owner))
        if is_free:
            self.vacant.discard(version)
            self.claims[version] = owner, {}
            self.statuses[version] = "reserved"
        else:
            self.refused[version, owner] += 1

    @rule(
        owner=owners,
        version=versions,
        name=names,
        data=contents,
        number=st.integers(1, 3),
        aim=aims,
    )
    def put(
        self,
        owner: str,
        version: int,
        name: str,
        data: bytes,
        number: int,
        aim: int,
    ) -> None:
        owner, version = self.aimed(aim, owner, version)
        if number <= parts_of(data):
            self.put_part(owner, version, name, data, number)

    @rule(owner=owners, version=versions, name=names, data=contents, aim=aims)
    def put_all(
        self, owner: str, version: int, name: str, data: bytes, aim: int
    ) -> None:
        owner, version = self.aimed(aim, owner, version)
        for number in range(1, parts_of(data) + 1):
            self.put_part(owner, version, name, data, number)

    def put_part(
        self, owner: str, version: int, name: str, data: bytes, number: int
    ) -> None:
        part = data[(number - 1) * CHUNK : number * CHUNK]
        files = self.files(version, owner)
        there = files.get(name) if files is not None else None
        is_other = there is not None and (
            there.size != len(data) or there.parts.get(number, part) != part
        )
        error = ConflictError if files is None or is_other else None
        path = f"Models/m/{version}/{name}"
        self.agrees(error, lambda: send_part(self.uploads, path, data, number, owner))
        if error is None and files is not None:
            file = files.setdefault(name, File(len(data)))
            file.parts[number] = part

    @rule(owner=owners, version=versions, name=names, aim=aims)
    def remove_file(self, owner: str, version: int, name: str, aim: int) -> None:
        owner, version = self.aimed(aim, owner, version)
        files = self.files(version, owner) or {}
        is_gone = self.uploads.remove(f"Models/m/{version}/{name}", owner)
        assert is_gone == (files.pop(name, None) is not None)

    @rule(owner=owners, version=versions)
    def remove_version(self, owner: str, version: int) -> None:
        is_refused = self.refused[version, owner] > 0
        is_own = self.files(version, owner) is not None
        is_done = self.uploads.remove(f"Models/m/{version}", owner)
        assert is_done == (is_refused or is_own)
        if is_refused:
            self.refused[version, owner] -= 1
        elif is_own:
            del self.claims[version]
            self.vacant.add(version)

    @rule(owner=owners, version=versions, aim=aims)
    def seal(self, owner: str, version: int, aim: int) -> None:
        owner, version = self.aimed(aim, owner, version)
        files = self.files(version, owner)
        if files is None:
            self.agrees(ConflictError, lambda: seal(self.uploads, version, owner))
            if version not in self.claims and version not in self.vacant:
                self.refused[version, owner] += 1
            return
        example = files.get("input_example.json")
        is_sound = (
            all(file.is_whole for file in files.values())
            and any(name.startswith("Files/") for name in files)
            and (example is None or example.data in (CONTENTS[0], *CONTENTS[2:4]))
        )
        error = None if is_sound else InvalidModelError
        manifest = self.agrees(error, lambda: seal(self.uploads, version, owner))
        if is_sound:
            assert (manifest.model, manifest.version) == ("m", version)
            self.sealed[version] = {name: it.data for name, it in files.items()}
            self.statuses[version] = "sealed"
            del self.claims[version]

    @rule()
    def restart(self) -> None:
        self.uploads.close()
        self.uploads = self.started()
        self.refused.clear()

    @rule(owner=owners, version=versions, aim=aims)
    def take_over_after_a_restart(self, owner: str, version: int, aim: int) -> None:
        owner, version = self.aimed(aim, owner, version)
        self.uploads.close()
        self.uploads = self.started(restart_s=0)
        self.refused.clear()
        is_own = self.files(version, owner) is not None
        is_free = is_own or version not in self.statuses or version in self.vacant
        error = None if is_free else ConflictError
        self.agrees(error, lambda: self.uploads.claim("m", version, owner))
        self.restart()
        if is_free:
            self.vacant.discard(version)
            self.claims[version] = owner, {}
            self.statuses[version] = "reserved"

    @invariant()
    def the_store_holds_what_was_sealed(self) -> None:
        state = model_state(self.storage, "m")
        found = {number: it.status for number, it in state.records.items()}
        assert found == self.statuses
        files: dict[int, dict[str, bytes]] = {}
        for entry in self.storage.find("Models"):
            _, _, version, *name = entry.path.split("/")
            if version != "_log":
                data = self.storage.read(entry.path)
                files.setdefault(int(version), {})["/".join(name)] = data
        for number in self.sealed:
            assert is_checked(files[number].pop("manifest.json"))
        assert files == self.sealed

    @invariant()
    def each_owner_sees_his_own(self) -> None:
        newest = max(self.sealed, default=0)
        assert self.uploads.numbers("m") == {
            number
            for number, status in self.statuses.items()
            if status != "sealed" and number > newest and number not in self.vacant
        }
        for owner in (ME, OTHER):
            for version in self.statuses:
                seen = {
                    entry.path: entry.size_bytes
                    for folder in ("", "/Files", "/Files/d")
                    for entry in self.uploads.list(f"Models/m/{version}{folder}", owner)
                    if entry.kind == "file"
                }
                files = self.files(version, owner) or {}
                assert seen == {
                    f"Models/m/{version}/{name}": file.size
                    for name, file in files.items()
                    if file.is_whole
                }


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
