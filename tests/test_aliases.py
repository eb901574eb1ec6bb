"""Aliases point at versions, with a journal; descriptions can be edited."""

import gzip
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from hopsartifacts import ModelRegistry, Project, layout
from hopsartifacts.errors import (
    IntegrityError,
    InUseError,
    InvalidInputError,
    InvalidModelError,
    InvalidNameError,
    ModelNotFoundError,
)
from hopsartifacts.registry.model import Model

SaveModel = Callable[..., Model]
NAME = "my_model"


@pytest.fixture
def three(save_model: SaveModel) -> list[Model]:
    return [save_model() for _ in range(3)]


def journal(mr: ModelRegistry, alias: str = "champion") -> list[tuple[int | None, str]]:
    return [(it.version, it.why) for it in mr.get_alias_history(NAME, alias)]


def test_an_alias_points_at_one_version(three: list[Model], mr: ModelRegistry) -> None:
    three[0].set_alias("champion", why="the first")
    three[0].set_alias("stable")
    assert mr.get_model(NAME, alias="champion").version == 1
    assert three[0].aliases == ["champion", "stable"]
    mr.set_alias(NAME, "champion", 3, why="better auc")
    assert mr.get_model(NAME, alias="champion").id == three[2].id
    assert mr.get_aliases(NAME) == {"champion": 3, "stable": 1}
    assert (three[0].aliases, three[2].aliases) == (["stable"], ["champion"])
    assert mr.get_aliases("absent") == {}


def test_the_journal_says_who_when_and_why(
    three: list[Model], mr: ModelRegistry
) -> None:
    before = datetime.now(UTC)
    three[0].set_alias("champion", why="the first")
    three[1].set_alias("champion")
    mr.delete_alias(NAME, "champion", why="recalled")
    records = mr.get_alias_history(NAME, "champion")
    assert journal(mr) == [(None, "recalled"), (2, ""), (1, "the first")]
    times = [datetime.fromisoformat(record.when) for record in records]
    assert before <= times[2] <= times[1] <= times[0] <= datetime.now(UTC)
    assert all("@" in record.by for record in records)
    assert mr.get_alias_history(NAME, "never") == []


def test_setting_it_where_it_points_writes_nothing(
    three: list[Model], mr: ModelRegistry, project: Project
) -> None:
    three[0].set_alias("champion")
    before = [entry.path for entry in project.storage.find("")]
    three[0].set_alias("champion", why="again")
    assert [entry.path for entry in project.storage.find("")] == before
    assert len(journal(mr)) == 1


def test_a_rollback_is_one_step_and_then_another(
    three: list[Model], mr: ModelRegistry
) -> None:
    for model in three:
        model.set_alias("champion")
    assert mr.rollback_alias(NAME, "champion", why="it drifts").version == 2
    assert mr.rollback_alias(NAME, "champion").version == 1
    with pytest.raises(ModelNotFoundError, match="nothing to roll back to"):
        mr.rollback_alias(NAME, "champion")
    assert journal(mr) == [(1, ""), (2, "it drifts"), (3, ""), (2, ""), (1, "")]
    three[2].set_alias("champion")
    assert mr.rollback_alias(NAME, "champion").version == 1


def test_a_rollback_undoes_a_deletion_of_the_alias(
    three: list[Model], mr: ModelRegistry
) -> None:
    three[1].set_alias("champion")
    mr.delete_alias(NAME, "champion")
    assert mr.get_aliases(NAME) == {}
    assert mr.rollback_alias(NAME, "champion").version == 2


def test_a_rollback_to_a_deleted_version_is_refused(
    three: list[Model], mr: ModelRegistry
) -> None:
    three[0].set_alias("champion")
    three[1].set_alias("champion")
    three[0].delete()
    with pytest.raises(ModelNotFoundError, match=r"it was deleted"):
        mr.rollback_alias(NAME, "champion")
    assert mr.get_aliases(NAME) == {"champion": 2}


def test_an_alias_at_a_time(three: list[Model], mr: ModelRegistry) -> None:
    times = [datetime.now(UTC)]
    for model in three[:2]:
        time.sleep(0.002)
        model.set_alias("champion")
        time.sleep(0.002)
        times.append(datetime.now(UTC))
    mr.delete_alias(NAME, "champion")

    def at(moment: Any) -> int | None:
        return mr.get_model(NAME, alias="champion", at=moment).version

    assert [at(moment) for moment in times[1:]] == [1, 2]
    assert at(times[1].astimezone().replace(tzinfo=None)) == 1
    assert at(times[1].isoformat()) == at(pd.Timestamp(times[1])) == 1
    with pytest.raises(InvalidInputError, match="at is 'yesterday'"):
        at("yesterday")
    for moment in (times[0], times[2] + timedelta(hours=1)):
        with pytest.raises(ModelNotFoundError, match="did not exist at"):
            at(moment)


def test_a_version_with_an_alias_is_not_deleted(
    three: list[Model], mr: ModelRegistry, project: Project
) -> None:
    three[1].set_alias("champion")
    with pytest.raises(InUseError, match="alias 'champion'"):
        three[1].delete()
    assert mr.get_model(NAME, 2).id == three[1].id
    assert project.verify().ok
    mr.delete_alias(NAME, "champion")
    three[1].delete()
    with pytest.raises(ModelNotFoundError, match="was deleted"):
        mr.set_alias(NAME, "champion", 2)


def test_a_long_journal_is_kept(
    three: list[Model], mr: ModelRegistry, project: Project
) -> None:
    """Nothing thins it out; a page has fifty numbers, and an entry one record."""
    for turn in range(60):
        mr.set_alias(NAME, "champion", 1 + turn % 2, why=str(turn))
    before = journal(mr)
    assert project.gc(grace_s=0).freed == ()
    assert journal(mr) == before
    assert len(before) == 60
    assert mr.rollback_alias(NAME, "champion").version == 1
    assert mr.get_model(NAME, 3).description
    assert three[2].download()
    assert project.verify().ok


@pytest.mark.parametrize(
    "alias", ["", "1", "1a", "a/b", "latest", "a" * 65, "é", None, " a"]
)
def test_aliases_have_a_rule(three: list[Model], mr: ModelRegistry, alias: str) -> None:
    with pytest.raises(InvalidNameError, match="alias"):
        three[0].set_alias(alias)
    with pytest.raises(InvalidNameError, match="alias"):
        mr.get_alias_history(NAME, alias)


def test_what_is_not_there_is_named(three: list[Model], mr: ModelRegistry) -> None:
    three[0].set_alias("champion")
    with pytest.raises(ModelNotFoundError, match=r"no alias 'best'.*champion"):
        mr.get_model(NAME, alias="best")
    with pytest.raises(ModelNotFoundError, match="no version 9"):
        mr.set_alias(NAME, "champion", 9)
    with pytest.raises(ModelNotFoundError, match="no alias 'best'"):
        mr.delete_alias(NAME, "best")
    with pytest.raises(ModelNotFoundError, match="no alias 'best'"):
        mr.rollback_alias(NAME, "best")
    with pytest.raises(InvalidInputError, match="one of the two"):
        mr.get_model(NAME, 1, alias="champion")
    with pytest.raises(InvalidInputError, match="alias="):
        mr.get_model(NAME, 1, at=datetime.now(UTC))
    with pytest.raises(InvalidInputError, match="why"):
        three[0].set_alias("champion", why=3)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(InvalidInputError, match="1001 characters: use at most 1000"):
        three[0].set_alias("champion", why="é" * 1001)


def test_a_description_can_be_edited(save_model: SaveModel, mr: ModelRegistry) -> None:
    model = save_model(description="as saved")
    model.set_description("edited")
    assert model.description == "edited"
    assert mr.get_model(NAME).description == "edited"
    assert mr.get_models(NAME)[0].description == "edited"
    assert model.manifest.description == "as saved"
    model.set_description("")
    assert not mr.get_model(NAME, 1).description
    with pytest.raises(InvalidModelError, match="not valid text"):
        model.set_description(None)  # type: ignore[arg-type]  # on purpose


def test_a_seal_that_was_edited_is_not_believed(
    save_model: SaveModel, mr: ModelRegistry, project: Project
) -> None:
    """The entry is the only proof of a version: no edit of it may go unnoticed."""
    log = f"Models/{NAME}/_log"
    save_model(metrics={"auc": 0.5})
    other = save_model(metrics={"auc": 0.7})
    path = layout.log_entry(log, 2)
    sound = project.storage.read(path)
    project.storage.delete_tree(layout.version_manifest(NAME, 1))
    text = gzip.decompress(sound)
    for wrong in (
        gzip.compress(text.replace(b"0.5", b"0.9")),
        text,
        sound[:-1],
        b"",
        b"{}",
        project.storage.read(layout.log_entry(log, 4)),
    ):
        project.storage.write(path, [wrong])
        with pytest.raises(IntegrityError, match=path):
            mr.get_model(NAME, 1)
        assert mr.get_model(NAME).id == other.id
        assert [it.path for it in project.verify().findings] == [f"Models/{NAME}"]
    project.storage.write(path, [sound])
    assert project.repair().ok
    assert mr.get_model(NAME, 1).training_metrics == {"auc": 0.5}
    assert project.verify().ok


def test_a_copy_of_a_manifest_that_was_edited_is_not_believed(
    save_model: SaveModel, mr: ModelRegistry, project: Project
) -> None:
    save_model(metrics={"auc": 0.5})
    path = layout.version_manifest(NAME, 1)
    sound = project.storage.read(path)
    save_model(metrics={"auc": 0.7})
    for wrong in (
        sound.replace(b"0.5", b"0.9"),
        sound[:-1],
        b"",
        b"{}",
        project.storage.read(layout.version_manifest(NAME, 2)),
    ):
        project.storage.write(path, [wrong])
        assert mr.get_model(NAME, 1).training_metrics == {"auc": 0.5}
        assert [it.path for it in project.verify().findings] == [path]
    assert project.repair().ok
    assert project.storage.read(path) == sound
    assert project.verify().ok
