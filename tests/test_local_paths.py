"""Paths on this machine that users give: what no file can be called is refused.

One table of paths against one of calls; a new one of either is one line.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts import Cache, Model, Project, Transformer
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.machine.local_paths import user_path
from hopsartifacts.registry.sources import source

Snapshot = Callable[[Project], dict[str, bytes]]
Call = Callable[[Project, Model, Any], object]

PATHS = {
    "NUL": ("a\0b", "NUL"),
    "half of a character": ("\ud800", "lone surrogate"),
    "long name": ("x" * 256, "too long"),
    "long name inside": ("a/" + "x" * 256 + "/b", "too long"),
    "long path": ("a/" * 3000 + "b", "too long"),
    "no such user": ("~nobody-of-this-name/a", "'~'"),
    "number": (5, "give a string or a pathlib.Path"),
    "bytes": (b"a", "give a string or a pathlib.Path"),
    "path": (Path("a\0b"), "NUL"),
}
CALLS: dict[str, Call] = {
    "save": lambda project, _, path: (
        project.get_model_registry().python.create_model("new").save(path)
    ),
    "download": lambda _, model, path: model.download(path),
    "export": lambda _, model, path: model.export(path),
    "export_bundle": lambda project, _, path: project.export_bundle(path),
    "import_bundle": lambda project, _, path: project.import_bundle(path),
    "repair": lambda project, _, path: project.repair(bundle=path),
    "upload": lambda project, _, path: project.get_dataset_api().upload(path),
    "dataset download": lambda project, _, path: project.get_dataset_api().download(
        "Models/m/1/Files/model.bin", path
    ),
    "cache": lambda _, __, path: Cache(path).path,
    "script_file": lambda _, model, path: model.deploy(script_file=path),
    "config_file": lambda _, model, path: model.deploy(config_file=path),
    "transformer": lambda _, model, path: model.deploy(transformer=Transformer(path)),
    "environment_lock": lambda _, model, path: model.deploy(environment_lock=path),
    "files": lambda _, model, path: model.deploy(files=[path]),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", PATHS)
def test_a_path_that_cannot_be_is_refused_and_leaves_nothing(
    project: Project,
    save_model: Callable[..., Model],
    snapshot: Snapshot,
    kind: str,
    call: str,
) -> None:
    path, words = PATHS[kind]
    model = save_model("m", framework="sklearn")
    before = snapshot(project)
    with pytest.raises(InvalidInputError) as caught:
        CALLS[call](project, model, path)
    message = str(caught.value)
    assert message.encode()
    assert len(message) < 500
    if isinstance(path, str | Path):
        assert words in message
    assert snapshot(project) == before


def test_a_folder_that_may_not_be_entered_is_named(users_folder: Path) -> None:
    (users_folder / "closed").mkdir(mode=0)
    with pytest.raises(InvalidInputError, match="permission denied"):
        user_path(users_folder / "closed" / "model")


def test_a_path_that_is_not_there_is_one(tmp_path: Path) -> None:
    for given in ("a/b", tmp_path / "a", tmp_path / "file" / "deeper"):
        (tmp_path / "file").write_bytes(b"")
        assert user_path(given) == Path(given)
    assert user_path("~") == Path.home()


def test_the_longest_name_can_be_exported_to(
    save_model: Callable[..., Model], tmp_path: Path
) -> None:
    target = tmp_path / f"{'x' * 251}.tar"
    save_model("m").export(target)
    assert target.exists()


@pytest.mark.parametrize("depth", [1200, 1990])
def test_a_tree_may_be_deeper_than_the_stack(
    deep_folder: Path, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    monkeypatch.chdir(deep_folder)
    Path("m").mkdir()
    monkeypatch.chdir("m")
    deep = "/".join("d" * depth)
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("f").write_bytes(b"deep")
    os.chdir(deep_folder)
    top = Path("m")
    if len(f"{deep_folder}/m/{deep}/f") < os.pathconf("/", "PC_PATH_MAX"):
        (file,) = source(top).files
        assert file.path == f"{deep}/f"
        assert b"".join(file.chunks()) == b"deep"
    else:
        with pytest.raises(InvalidInputError, match="File name too long"):
            source(top)
