"""Numbers that are taken before the files exist: kept, used once, or given up."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from hopsartifacts import Project, layout
from hopsartifacts.errors import (
    AlreadyExistsError,
    ConflictError,
    HopsArtifactsError,
    InvalidNameError,
    SourceChangedError,
)
from hopsartifacts.names import HIGHEST_VERSION
from hopsartifacts.registry.documents import Manifest
from hopsartifacts.registry.reservations import Claim, claim_version, give_up_claim
from hopsartifacts.registry.save import NewVersion, save_version
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.versions import (
    model_log,
    model_state,
    sealed_manifest,
)
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.local import LocalStorage
from hopsartifacts.testing.faults import (
    KILL_BEFORE,
    LOSE_ANSWER,
    Fault,
    FaultyStorage,
    StorageCall,
)
from tests.in_place import InPlace

CLAIMANTS = 6
SEAL = layout.log_entry(layout.model_log("m"), 2)
"""The entry that seals the first version: the one before it has reserved it."""


@pytest.fixture
def storage(storage_of_each_kind: Storage) -> Storage:
    return storage_of_each_kind


@pytest.fixture
def folder(make_files: Callable[..., Path]) -> Path:
    return make_files({"a.bin": b"\x00weights", "deep/b.txt": "b"})


def new(folder: Path, **more: Any) -> NewVersion:
    return NewVersion(
        model="m", framework="PYTHON", description="d", source=source(folder), **more
    )


def save(storage: Storage, folder: Path, claim: Claim | None = None) -> Manifest:
    return save_version(storage, new(folder), claim=claim)


def statuses(storage: Storage) -> dict[int, str]:
    return {n: it.status for n, it in model_state(storage, "m").records.items()}


def check_nothing_left(storage: Storage) -> None:
    """No file lies under Models but logs, nor is anything staged."""
    left = [it.path for it in storage.find("Models") if "/_log/" not in it.path]
    staged = list(storage.find(".hopsartifacts/staging"))
    assert (left, staged) == ([], [])


def test_what_is_saved_under_a_claim_bears_its_number_and_token(
    storage: Storage, folder: Path
) -> None:
    claim = claim_version(storage, "m")
    assert statuses(storage) == {1: "reserved"}
    assert Project(storage).get_model_registry().get_models("m") == []
    manifest = save(storage, folder, claim)
    assert (
        (manifest.version, manifest.id)
        == (claim.version, claim.token)
        == (1, claim.token)
    )
    assert [file.path for file in manifest.files] == ["a.bin", "deep/b.txt"]
    assert Project(storage).verify().ok
    assert not list(storage.find(".hopsartifacts/staging"))
    model_log(storage, "m").audit()


def test_others_get_the_numbers_after_it(storage: Storage, folder: Path) -> None:
    first, second = claim_version(storage, "m"), claim_version(storage, "m")
    assert (first.version, second.version) == (1, 2)
    assert save(storage, folder).version == 3
    assert save(storage, folder, second).version == 2
    assert save(storage, folder, first).version == 1
    assert Project(storage).verify().ok


def test_a_number_is_given_once(storage: Storage, folder: Path) -> None:
    claim = claim_version(storage, "m", 4)
    with pytest.raises(AlreadyExistsError, match="is being saved by another writer"):
        claim_version(storage, "m", 4)
    save(storage, folder, claim)
    with pytest.raises(AlreadyExistsError, match=r"version 4 exists; .* to get 5"):
        claim_version(storage, "m", 4)
    given_up = claim_version(storage, "m", 7)
    assert give_up_claim(storage, "m", given_up)
    with pytest.raises(AlreadyExistsError, match="was used before and is aborted"):
        claim_version(storage, "m", 7)


def test_after_the_highest_number_there_is_none(storage: Storage, folder: Path) -> None:
    highest = claim_version(storage, "m", HIGHEST_VERSION)
    save(storage, folder, highest)
    for _ in range(2):
        with pytest.raises(
            AlreadyExistsError, match="none is higher: ask for a number"
        ):
            claim_version(storage, "m")
    assert claim_version(storage, "m", 2).version == 2
    with pytest.raises(InvalidNameError):
        claim_version(storage, "m", HIGHEST_VERSION + 1)


def test_a_twin_of_the_name_is_refused(storage: Storage) -> None:
    claim_version(storage, "m")
    with pytest.raises(AlreadyExistsError, match="too close to the existing 'm'"):
        claim_version(storage, "M")


@pytest.mark.parametrize(("model", "number"), [("a/b", 1), ("..", 1), ("m", -1)])
def test_what_is_outside_the_rules_is_refused(
    storage: Storage, model: str, number: int
) -> None:
    with pytest.raises(InvalidNameError):
        claim_version(storage, model, number)
    assert list(storage.find("")) == []


def test_a_token_takes_one_number_however_often_it_asks(storage: Storage) -> None:
    token = "0" * 32
    first = claim_version(storage, "m", 3, token)
    assert claim_version(storage, "m", 3, token) == first == Claim(token, 3)
    head = model_log(storage, "m").newest()
    assert head is not None
    assert head.seq == 1


def test_of_claimants_of_one_number_one_gets_it(storage: Storage) -> None:
    start = Barrier(CLAIMANTS)

    def claim(_: int) -> Claim | None:
        start.wait()
        try:
            return claim_version(storage, "m", 1)
        except AlreadyExistsError:
            return None

    with ThreadPoolExecutor(CLAIMANTS) as pool:
        claims = list(pool.map(claim, range(CLAIMANTS)))
    won = [it for it in claims if it]
    assert len(won) == 1
    assert model_state(storage, "m").records[1].id == won[0].token
    model_log(storage, "m").audit()


def test_a_claim_that_was_given_up_cannot_be_saved(
    storage: Storage, folder: Path
) -> None:
    claim = claim_version(storage, "m")
    assert give_up_claim(storage, "m", claim)
    assert give_up_claim(storage, "m", claim)
    with pytest.raises(ConflictError, match="was aborted while it was being saved"):
        save(storage, folder, claim)
    check_nothing_left(storage)
    assert save(storage, folder).version == 2


def test_what_is_sealed_is_not_given_up(storage: Storage, folder: Path) -> None:
    claim = claim_version(storage, "m")
    save(storage, folder, claim)
    assert not give_up_claim(storage, "m", claim)
    with pytest.raises(ConflictError, match="was sealed while it was being saved"):
        save(storage, folder, claim)
    assert Project(storage).verify().ok


def test_a_save_that_another_one_under_its_claim_overtook_is_told(
    folder: Path,
) -> None:
    storage = InPlace(f"claims/{uuid4().hex}")
    claim = claim_version(storage, "m")
    sealed: list[Manifest] = []

    def overtake(_: StorageCall) -> None:
        sealed.append(save_version(storage, new(folder, tags={"a": 1}), claim=claim))

    def plan(call: StorageCall) -> Fault | None:
        is_file = call.method == "create" and "/Files/" in call.path
        is_first = is_file and not sealed
        return Fault(before=overtake) if is_first else None

    with pytest.raises(ConflictError, match="was sealed while it was being saved"):
        save(FaultyStorage(storage, plan), folder, claim)
    assert sealed_manifest(storage, "m", 1) == sealed[0]
    assert Project(storage).verify().ok


def test_a_claim_of_which_nobody_knows_needs_no_giving_up(storage: Storage) -> None:
    assert give_up_claim(storage, "m", Claim("0" * 32, 1))
    claim_version(storage, "m")
    assert give_up_claim(storage, "m", Claim("0" * 32, 1))
    assert statuses(storage) == {1: "reserved"}


@pytest.mark.parametrize("moment", ["before", "while filling", "before the seal"])
def test_a_claim_that_gc_takes_is_refused_and_leaves_nothing(
    storage: Storage, folder: Path, moment: str
) -> None:
    claim = claim_version(storage, "m")

    def collect(_: StorageCall | None = None) -> None:
        Project(storage).gc(grace_s=0)

    def plan(call: StorageCall) -> Fault | None:
        is_file = call.method in {"create", "write"} and call.path.endswith("b.txt")
        is_seal = call.method == "create" and call.path == SEAL
        due = {"while filling": is_file, "before the seal": is_seal}
        return Fault(before=collect) if due.get(moment) else None

    if moment == "before":
        collect()
    with pytest.raises(HopsArtifactsError):
        save(FaultyStorage(storage, plan), folder, claim)
    assert statuses(storage) == {1: "aborted"}
    collect()
    check_nothing_left(storage)


def test_a_refused_save_can_be_repeated_where_it_was_put_aside(
    storage: Storage, folder: Path
) -> None:
    claim = claim_version(storage, "m")
    listed = new(folder)
    (folder / "a.bin").write_bytes(b"changed")
    with pytest.raises(SourceChangedError):
        save_version(storage, listed, claim=claim)
    check_nothing_left(storage)
    if storage.capabilities.moves_trees:
        assert save(storage, folder, claim).version == 1
    else:
        assert statuses(storage) == {1: "aborted"}


def test_a_place_that_is_taken_is_left_alone(storage: Storage, folder: Path) -> None:
    claim = claim_version(storage, "m")
    storage.write("Models/m/1/Files/a.bin", [b"not ours"])
    with pytest.raises(ConflictError, match="contains files that belong to no version"):
        save(storage, folder, claim)
    assert storage.read("Models/m/1/Files/a.bin") == b"not ours"


def killed_while_saving(storage: Storage, folder: Path, claim: Claim) -> None:
    """Save in a process that is killed right before the seal."""

    def plan(call: StorageCall) -> Fault | None:
        is_seal = call.method == "create" and call.path == SEAL
        return KILL_BEFORE if is_seal else None

    child = os.fork()
    if child == 0:
        save(FaultyStorage(storage, plan), folder, claim)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)


class LocalInPlace(LocalStorage):
    """A disk that fills versions in the place reserved for them."""

    @property
    def capabilities(self) -> Any:
        return msgspec.structs.replace(super().capabilities, moves_trees=False)


@pytest.mark.parametrize("kind", [LocalStorage, LocalInPlace])
def test_a_save_that_was_killed_is_given_up_whole(
    tmp_path: Path, folder: Path, kind: type[LocalStorage]
) -> None:
    storage = kind(tmp_path / "project")
    claim = claim_version(storage, "m")
    killed_while_saving(storage, folder, claim)
    with pytest.raises(ConflictError, match="contains files that belong to no version"):
        save(storage, folder, claim)
    assert statuses(storage) == {1: "reserved"}
    assert give_up_claim(storage, "m", claim)
    check_nothing_left(storage)
    assert save(storage, folder).version == 2
    assert Project(storage).verify().ok


def test_a_lost_answer_costs_no_number(storage: Storage) -> None:
    lost: list[StorageCall] = []

    def plan(call: StorageCall) -> Fault | None:
        if call.method == "create" and "/_log/" in call.path and not lost:
            lost.append(call)
            return LOSE_ANSWER
        return None

    claim = claim_version(FaultyStorage(storage, plan), "m")
    assert lost
    assert statuses(storage) == {1: "reserved"}
    assert model_state(storage, "m").records[1].id == claim.token
