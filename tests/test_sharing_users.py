"""Two users share a project through a group: neither locks the other out."""

import multiprocessing
import os
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import GcReport
from hopsartifacts.machine.identity import new_token
from hopsartifacts.machine.posix import modes_like
from hopsartifacts.storage.local import LocalStorage
from tests.conftest import PREDICTOR

ONE, OTHER, GROUP = 1001, 1002, 2001
UMASKS = [0o002, 0o022, 0o027, 0o077]
Work = Callable[[Path, Path], Any]
Act = Callable[..., Any]


def save(root: Path, own: Path) -> int | None:
    """Save, and use all that a writer may use."""
    project = hopsartifacts.login(root)
    model = project.get_model_registry().python.create_model("m").save(own / "w")
    model.add_tag("by", own.name)
    model.set_alias("newest")
    model.deploy(f"d{own.name}", script_file=own / "predict.py")
    return model.version


def work(root: Path, own: Path) -> None:
    """Read and change what everybody has saved."""
    project = hopsartifacts.login(root)
    for model in project.get_model_registry().get_models("m"):
        model.download(own / new_token())
        model.add_tag("seen", own.name)
        model.set_description(f"as {own.name} sees it")
        model.set_alias("seen")
    for deployment in project.get_model_serving().get_deployments():
        deployment.add_tag("seen", own.name)
    project.catalog()
    assert project.gc(grace_s=0).ok
    report = project.verify()
    assert report.ok, report


def delete(root: Path, own: Path) -> GcReport:
    """Delete version 1 with all that uses it."""
    del own
    project = hopsartifacts.login(root)
    models = project.get_model_registry()
    for alias in models.get_aliases("m"):
        models.delete_alias("m", alias)
    for deployment in project.get_model_serving().get_deployments():
        deployment.delete()
    models.get_model("m", 1).delete()
    return project.gc(grace_s=0)


def clean(root: Path, own: Path) -> bool:
    """Free what is left, and tell whether all is well."""
    del own
    project = hopsartifacts.login(root)
    return project.gc(grace_s=0).ok and project.verify().ok


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that a group shares, as made by chgrp and chmod 2775."""
    if os.geteuid():
        pytest.skip("only root can act as two users")
    with tempfile.TemporaryDirectory(prefix="hopsartifacts-test-") as name:
        top = Path(name)
        top.chmod(0o755)
        folder = top / "shared"
        folder.mkdir()
        os.chown(folder, ONE, GROUP)
        folder.chmod(0o2775)
        for user in (0, ONE, OTHER):
            own = top / str(user)
            (own / "w").mkdir(parents=True)
            (own / "w" / "weights").write_text(str(user))
            (own / "predict.py").write_text(PREDICTOR)
            for path in (own, own / "w"):
                os.chown(path, user, user)
        # What is imported late may lie where only root may read.
        for act in (save, work, delete, clean):
            act(top / "first", top / "0")
        yield folder


@pytest.fixture
def act(shared: Path) -> Act:
    """Does something as one of the users, and returns what it returned."""

    def run(user: int, umask: int, work: Work, folder: str = "") -> Any:
        own = shared.parent / str(user)

        def child(pipe: Connection) -> None:
            os.setgroups([GROUP])
            os.setgid(user)
            os.setuid(user)
            os.umask(umask)
            os.chdir(own)
            os.environ["HOPSARTIFACTS_STATE_DIR"] = str(own / "state")
            try:
                pipe.send((work(shared / folder, own), ""))
            except BaseException:  # noqa: BLE001 - the parent raises it
                pipe.send((None, traceback.format_exc()))

        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(sender,))
        process.start()
        sender.close()  # so that an end without an answer is an error, not a wait
        try:
            answer, failure = receiver.recv()
            process.join()
        finally:
            process.kill()  # if it hangs
        assert not failure, failure
        return answer

    return run


@pytest.mark.parametrize("second", UMASKS, ids=oct)
@pytest.mark.parametrize("first", UMASKS, ids=oct)
def test_users_work_with_each_others_versions(
    act: Act, shared: Path, first: int, second: int
) -> None:
    assert act(ONE, first, save) == 1
    act(OTHER, second, work)
    assert act(OTHER, second, save) == 2
    act(ONE, first, work)
    act(OTHER, second, work)
    found = [(path, path.stat()) for path in shared.rglob("*")]
    assert [path for path, it in found if it.st_gid != GROUP] == []
    assert [path for path, it in found if not it.st_mode & stat.S_IRGRP] == []


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
def test_what_is_anothers_is_named_and_the_rest_is_freed(
    act: Act, shared: Path, umask: int
) -> None:
    act(ONE, umask, save)
    left = shared / ".hopsartifacts" / "tmp" / "left"
    left.write_bytes(b"x")
    report = act(OTHER, umask, delete)
    # A sealed folder is closed to all but its owner.
    stuck = {it.garbage.path: it.reason for it in report.stuck}
    assert stuck.keys() >= {"Models/m/1/Files"}
    assert all(path.startswith("Models/m/1/") for path in stuck)
    assert all("permission denied" in reason for reason in stuck.values())
    assert not report.ok
    assert f"{len(stuck)} could not be freed" in str(report)
    assert ".hopsartifacts/tmp/left" in [it.path for it in report.freed]
    assert not left.exists()
    assert act(ONE, umask, clean)


def test_a_project_in_a_shared_folder_is_shared(act: Act, shared: Path) -> None:
    assert act(ONE, 0o077, save, "team") == 1
    assert stat.S_IMODE((shared / "team").stat().st_mode) == 0o2775
    assert act(OTHER, 0o022, save, "team") == 2
    act(ONE, 0o077, work, "team")


@pytest.mark.parametrize(
    ("root", "folder", "file", "sealed_folder", "sealed_file"),
    [
        (0o755, 0o755, 0o644, 0o555, 0o444),
        (0o700, 0o700, 0o600, 0o500, 0o400),
        (0o750, 0o750, 0o640, 0o550, 0o440),
        (0o2775, 0o2775, 0o664, 0o555, 0o444),
        (0o2770, 0o2770, 0o660, 0o550, 0o440),
        (0o1777, 0o777, 0o666, 0o555, 0o444),
        (0o711, 0o755, 0o644, 0o555, 0o444),
        (0o500, 0o700, 0o600, 0o500, 0o400),
    ],
    ids=oct,
)
def test_modes_follow_the_folder_of_the_project(
    root: int, folder: int, file: int, sealed_folder: int, sealed_file: int
) -> None:
    modes = modes_like(root)
    assert (modes.folder, modes.file) == (folder, file)
    assert (modes.sealed_folder, modes.sealed_file) == (sealed_folder, sealed_file)


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
@pytest.mark.parametrize("root", [0o700, 0o755, 0o2770, 0o2775], ids=oct)
def test_whatever_the_umask(tmp_path: Path, root: int, umask: int) -> None:
    """Modes follow the project's folder, and not the user who writes."""
    folder = tmp_path / "project"
    folder.mkdir()
    folder.chmod(root)
    before = os.umask(umask)
    try:
        storage = LocalStorage(folder)
        storage.create("log/entry", b"x")
        storage.write("users/file", [b"x"])
        storage.write(".hopsartifacts/staging/s/file", [b"x"])
        storage.move_tree(".hopsartifacts/staging/s", "v")
        storage.protect("v")
    finally:
        os.umask(before)
    modes = modes_like(root)
    wanted = {
        "log": modes.folder,
        "log/entry": modes.sealed_file,
        "users": modes.folder,
        "users/file": modes.file,
        "v": modes.sealed_folder,
        "v/file": modes.sealed_file,
    }
    found = {it: stat.S_IMODE((folder / it).stat().st_mode) for it in wanted}
    assert found == wanted
    storage.unprotect("v")
    assert stat.S_IMODE((folder / "v").stat().st_mode) == modes.folder
