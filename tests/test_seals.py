"""What the log of a model says together with its seals, whatever a listing shows."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from hopsartifacts import ModelRegistry, Project
from hopsartifacts.errors import IntegrityError, ModelNotFoundError
from hopsartifacts.registry.claiming import claim_version
from hopsartifacts.registry.saving import NewVersion, save_version
from hopsartifacts.registry.seals import STATE_LIMIT_BYTES, find_seal
from hopsartifacts.registry.sources import source
from hopsartifacts.registry.versions import model_log, model_state
from hopsartifacts.storage.contract import Entry
from hopsartifacts.storage.memory import MemoryStorage
from hopsartifacts.store.compaction import compact
from tests.in_place import InPlace

NAME = "m"
LOG = f"Models/{NAME}/_log"


class Lagging(InPlace):
    """Its listings of the log leave one name out, as often as they are told to."""

    hidden = ""
    times = 0

    def list(self, path: str) -> list[Entry]:
        listed = super().list(path)
        if path == LOG and self.times:
            self.times -= 1
            return [entry for entry in listed if entry.name != self.hidden]
        return listed


@pytest.fixture
def storage() -> Lagging:
    return Lagging(f"seals/{uuid4().hex}")


@pytest.fixture
def mr(storage: MemoryStorage) -> ModelRegistry:
    return Project(storage).get_model_registry()


@pytest.fixture
def files(make_files: Callable[..., Path]) -> Path:
    return make_files({"weights": b"w"})


def statuses(storage: MemoryStorage) -> dict[int, str]:
    return {n: it.status for n, it in model_state(storage, NAME).versions.items()}


def check_missed(storage: MemoryStorage, entry: str) -> None:
    """See that an entry which is gone for good is told by name."""
    storage.delete_tree(f"{LOG}/{entry}")
    with pytest.raises(IntegrityError, match=f"{entry} is missing"):
        model_state(storage, NAME)


def test_a_listing_that_shows_the_seal_and_not_its_reservation_is_not_believed(
    storage: Lagging, mr: ModelRegistry, files: Path
) -> None:
    for _ in range(2):
        mr.python.create_model(NAME).save(files)
    storage.hidden, storage.times = "000000000002.json", 2
    assert statuses(storage) == {1: "sealed", 2: "sealed"}
    assert storage.times == 0
    check_missed(storage, "000000000002.json")


def test_a_listing_that_shows_the_seal_and_not_what_its_writer_knew_is_not_believed(
    storage: Lagging, mr: ModelRegistry, files: Path
) -> None:
    mr.python.create_model(NAME).save(files)
    claim = claim_version(storage, NAME)
    mr.get_model(NAME, 1).set_tag("a", 1)
    new = NewVersion(
        model=NAME, framework="PYTHON", description="", source=source(files)
    )
    save_version(storage, new, claim=claim)
    storage.hidden, storage.times = "000000000003.json", 1
    state = model_state(storage, NAME)
    assert state.versions[1].tags == {"a": 1}
    assert state.versions[2].status == "sealed"
    check_missed(storage, "000000000003.json")


def test_a_seal_tells_the_next_writer_all_while_the_state_is_small(
    storage: Lagging, mr: ModelRegistry, files: Path
) -> None:
    mr.python.create_model(NAME).save(files)
    seal = find_seal(storage, NAME, 1)
    assert seal
    assert seal.model_state
    assert seal.model_state.versions == model_state(storage, NAME).versions

    mr.get_model(NAME, 1).set_tag("long", "x" * STATE_LIMIT_BYTES)
    mr.python.create_model(NAME).save(files)
    seal = find_seal(storage, NAME, 2)
    assert seal
    assert seal.model_state is None
    assert mr.get_model(NAME, 2).version == 2
    assert mr.get_model(NAME, 1).get_tag("long")
    assert mr.python.create_model(NAME).save(files).version == 3
    assert Project(storage).verify().ok


def test_a_log_is_compacted_beside_seals(
    storage: Lagging, mr: ModelRegistry, files: Path
) -> None:
    for _ in range(6):
        mr.python.create_model(NAME).save(files)
    assert compact(model_log(storage, NAME), kept=1, worth=1) > 0
    assert mr.python.create_model(NAME).save(files).version == 7
    assert [model.version for model in mr.get_models(NAME)] == [*range(1, 8)]
    assert Project(storage).verify().ok


def test_a_seal_of_another_writer_is_found(
    storage: Lagging, mr: ModelRegistry, files: Path
) -> None:
    """As if somebody had put one project over another."""
    other = Lagging(f"seals/{uuid4().hex}")
    Project(other).get_model_registry().python.create_model(NAME).save(files)
    mr.python.create_model(NAME).save(files)
    path = f"{LOG}/v000000000001.json"
    storage.write(path, [other.read(path)])
    assert "not the entry that the last seal follows" in str(Project(storage).verify())
    with pytest.raises(IntegrityError, match="the last seal follows"):
        model_log(storage, NAME).audit()


def test_a_number_that_was_given_up_says_so_to_who_knows_it(
    storage: Lagging, mr: ModelRegistry
) -> None:
    claim_version(storage, NAME)
    with pytest.raises(ModelNotFoundError):
        mr.get_model(NAME, 1)
    Project(storage).gc(grace_s=0)
    assert statuses(storage) == {1: "aborted"}
    with pytest.raises(ModelNotFoundError):
        mr.get_model(NAME, 1)
