"""Verification and repair of one file or folder; and what a repair would do."""

from collections.abc import Callable

import pytest

from hopsartifacts import Model, Project
from hopsartifacts.errors import InvalidInputError, PathNotFoundError

FILE = "Models/m/1/Files/a"


@pytest.fixture
def saved(save_model: Callable[..., Model]) -> None:
    """Two versions with a file in common, and another model."""
    save_model("m", {"a": b"same", "deep/b": b"only"})
    save_model("m", {"c": b"same"})
    save_model("other", {"d": b"else"})


def damage(project: Project, *paths: str) -> None:
    for path in paths:
        project.storage.write(path, [b"edited"])
        project.storage.protect(path)


def everything(project: Project) -> dict[str, bytes]:
    return {it.path: project.storage.read(it.path) for it in project.storage.find("")}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {FILE, "Models/other/1/Files/d"}),
        ("Models", {FILE, "Models/other/1/Files/d"}),
        ("Models/m", {FILE}),
        ("Models/m/1", {FILE}),
        ("Models/m/1/Files", {FILE}),
        ("Models/m/1/Files/deep", set()),
        ("/Projects/demo/Models/m/1/Files/a", {FILE}),
        ("Models/m/2", set()),
        ("Deployments", set()),
    ],
)
@pytest.mark.usefixtures("saved")
def test_only_a_part_is_verified(project: Project, path: str, found: set[str]) -> None:
    damage(project, FILE, "Models/other/1/Files/d")
    path = path.replace("demo", project.name)
    report = project.verify(path=path)
    assert {it.path for it in report.findings} == found
    assert report.files >= len(found)
    dry = project.repair(path=path, dry_run=True)
    assert {it.finding.path for it in dry.repaired} == found & {FILE}


@pytest.mark.usefixtures("saved")
def test_only_the_files_of_the_part_are_read(project: Project) -> None:
    assert project.verify(path=FILE).files == 1
    assert project.verify(path="Models/m/2").size_bytes < project.verify().size_bytes


@pytest.mark.usefixtures("saved")
def test_an_extra_file_is_found_by_its_path(project: Project) -> None:
    extra = "Models/m/1/Files/extra"
    folder = "Models/m/1/Files"
    project.storage.unprotect(folder)
    project.storage.write(extra, [b"x"])
    project.storage.protect(folder)
    assert [it.kind for it in project.verify(path=extra).findings] == ["extra"]
    assert project.repair(path=extra).ok
    assert project.verify().ok


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("Resources", InvalidInputError),
        (".hopsartifacts", InvalidInputError),
        ("Models/script.py", InvalidInputError),
        ("Models/none", PathNotFoundError),
        ("Models/m/9", PathNotFoundError),
        ("Deployments/none/1", PathNotFoundError),
    ],
)
@pytest.mark.usefixtures("saved")
def test_other_paths_are_refused(
    project: Project, path: str, error: type[Exception]
) -> None:
    for check in (project.verify, project.repair):
        with pytest.raises(error, match=path):
            check(path=path)


@pytest.mark.usefixtures("saved")
def test_a_part_is_repaired_from_another_version(project: Project) -> None:
    damage(project, FILE, "Models/other/1/Files/d")
    report = project.repair(path="Models/m/1")
    assert [it.finding.path for it in report.repaired] == [FILE]
    assert report.repaired[0].action.startswith("restored from Models/m/2/Files/c")
    assert not report.dry_run
    assert [it.path for it in project.verify().findings] == ["Models/other/1/Files/d"]


@pytest.mark.usefixtures("saved")
def test_a_dry_run_says_what_is_done_and_changes_nothing(project: Project) -> None:
    folder = "Models/m/1/Files"
    project.storage.unprotect(folder)
    project.storage.write(f"{folder}/extra", [b"x"])
    project.storage.protect(folder)
    damage(project, FILE, f"{folder}/deep/b", "Models/m/1/manifest.json")
    before = everything(project)
    dry = project.repair(dry_run=True)
    assert everything(project) == before
    assert {it.finding.path: it.action for it in dry.repaired} == {
        FILE: "would be restored from Models/m/2/Files/c; the changed file would be "
        "moved to quarantine",
        f"{folder}/extra": "would be moved to quarantine",
        "Models/m/1/manifest.json": "would be restored from the log; the changed file "
        "would be moved to quarantine",
    }
    (lost,) = dry.unrepaired
    assert "no intact copy was found, so it would be moved to quarantine" in lost.detail
    assert str(dry).startswith("3 would be repaired\n")
    done = project.repair()
    assert {it.finding for it in done.repaired} == {it.finding for it in dry.repaired}
    assert [it.path for it in done.unrepaired] == [lost.path]


@pytest.mark.usefixtures("saved")
def test_a_dry_run_finds_a_copy_that_is_restored_itself(
    project: Project, save_model: Callable[..., Model]
) -> None:
    save_model("twin", {"x": b"bundled"})
    save_model("twin", {"y": b"bundled"})
    damage(project, "Models/twin/1/Files/x", "Models/twin/2/Files/y")

    def give(digest: object) -> list[bytes] | None:
        given.append(digest)
        return [b"bundled"] if len(given) == 1 else None

    for dry_run in (True, False):
        given: list[object] = []
        report = project.repair(sources=[give], dry_run=dry_run)
        assert (len(report.repaired), report.unrepaired) == (2, ())
