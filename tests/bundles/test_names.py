"""Aliases, edited descriptions and tags arrive too, and take nothing from any here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hopsartifacts import ModelRegistry, Project

MakeFiles = Callable[..., Path]


@pytest.fixture
def bundle(project: Project, make_files: MakeFiles, tmp_path: Path) -> Path:
    """Export two versions of a model, one with aliases, one with a description."""
    creator = project.get_model_registry().python
    first = creator.create_model("m", description="as saved").save(make_files())
    creator.create_model("m").save(make_files({"other": "x"})).set_alias("best")
    first.set_alias("champion", why="it won")
    first.set_description("as edited")
    project.export_bundle(tmp_path / "b.tar")
    return tmp_path / "b.tar"


@pytest.fixture
def there(target: Project) -> ModelRegistry:
    return target.get_model_registry()


def test_aliases_say_which_bundle_they_are_from(
    target: Project, there: ModelRegistry, bundle: Path
) -> None:
    report = target.import_bundle(bundle)

    assert there.get_aliases("m") == {"best": 2, "champion": 1}
    (record,) = there.get_alias_history("m", "champion")
    assert record.why.startswith("imported from b.tar (sha256:")
    assert "alias 'champion' of model 'm': version 1: set" in str(report)
    again = target.import_bundle(bundle)
    assert "alias 'champion' of model 'm': version 1: already there" in str(again)
    assert len(there.get_alias_history("m", "champion")) == 1


def test_an_alias_that_points_elsewhere_is_left_and_reported(
    target: Project, there: ModelRegistry, bundle: Path, make_files: MakeFiles
) -> None:
    own = there.python.create_model("m").save(make_files({"own": "o"}))
    own.set_alias("champion", why="ours")

    report = target.import_bundle(bundle)

    assert report.renumbered == {("m", 1): 3}
    assert there.get_aliases("m") == {"best": 2, "champion": 1}
    assert [record.why for record in there.get_alias_history("m", "champion")] == [
        "ours"
    ]
    assert "'champion' of model 'm': left at version 1, not set to 3" in str(report)
    left = {alias.alias: (alias.version, alias.wanted) for alias in report.aliases}
    assert left == {"best": (2, 2), "champion": (1, 3)}


def test_an_alias_that_was_deleted_points_again(
    target: Project, there: ModelRegistry, bundle: Path
) -> None:
    target.import_bundle(bundle)
    there.delete_alias("m", "best")
    report = target.import_bundle(bundle)
    assert there.get_aliases("m") == {"best": 2, "champion": 1}
    assert [it.alias for it in report.aliases if it.is_new] == ["best"]


def test_an_edited_description_arrives_and_one_here_is_left(
    target: Project, there: ModelRegistry, bundle: Path
) -> None:
    target.import_bundle(bundle)
    model = there.get_model("m", 1)
    assert model.description == "as edited"
    assert model.manifest.description == "as saved"

    model.set_description("ours")
    target.import_bundle(bundle)
    assert there.get_model("m", 1).description == "ours"


def test_a_bundle_of_one_version_has_its_aliases_only(
    project: Project, target: Project, there: ModelRegistry, bundle: Path
) -> None:
    project.export_bundle(bundle, [("m", 2)], overwrite=True)
    target.import_bundle(bundle)
    assert there.get_aliases("m") == {"best": 2}


def test_tags_of_a_deployment_arrive_beside_those_it_has(
    project: Project, target: Project, make_files: MakeFiles, tmp_path: Path
) -> None:
    model = project.get_model_registry().sklearn.create_model("m").save(make_files())
    deployment = model.deploy("d")
    deployment.add_tag("team", {"name": "risk"})
    deployment.add_tag("stage", "test")
    project.export_bundle(tmp_path / "b.tar")

    target.import_bundle(tmp_path / "b.tar")

    arrived = target.get_model_serving().get_deployment("d")
    assert arrived.get_tags() == {"team": {"name": "risk"}, "stage": "test"}
    arrived.add_tag("stage", "production")
    arrived.add_tag("site", "north")
    arrived.delete_tag("team")
    report = target.import_bundle(tmp_path / "b.tar")
    assert arrived.get_tags() == {
        "team": {"name": "risk"},
        "stage": "production",
        "site": "north",
    }
    assert [found.is_new for found in report.deployments] == [False]
