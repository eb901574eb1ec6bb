"""The bad input of the main job: a clear error, and nothing is left behind."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import InferenceBatcher, Model, Project, Transformer, errors

Snapshot = Callable[[Project], dict[str, bytes]]
Attempt = Callable[[], object]


@pytest.fixture
def refused(project: Project, snapshot: Snapshot) -> Callable[..., None]:
    """Check that an attempt is refused with these words, and leaves nothing."""

    def check(kind: type[Exception], words: list[str], attempt: Attempt) -> None:
        before = snapshot(project)
        with pytest.raises(kind) as caught:
            attempt()
        for word in words:
            assert word in str(caught.value)
        assert isinstance(caught.value, errors.HopsArtifactsError)
        assert snapshot(project) == before
        if before:
            assert project.verify().ok

    return check


@pytest.fixture
def save(project: Project) -> Callable[..., Model]:
    """Save a path as a model of the name ``m``."""

    def save(path: Path | str, name: str = "m", **settings: Any) -> Model:
        registry = project.get_model_registry()
        return registry.sklearn.create_model(name, **settings).save(path)

    return save


@pytest.fixture
def refused_save(
    refused: Callable[..., None],
    save: Callable[..., Model],
    make_files: Callable[..., Path],
) -> Callable[..., None]:
    """Check that a save with these settings is refused, and leaves nothing."""

    def check(kind: type[Exception], words: list[str], **settings: Any) -> None:
        refused(kind, words, lambda: save(make_files(), **settings))

    return check


@pytest.mark.parametrize("path", ["missing", "missing/deep", "empty", "hollow"])
def test_model_directories_without_a_file(
    refused: Callable[..., None],
    save: Callable[..., Model],
    tmp_path: Path,
    path: str,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "hollow" / "deep").mkdir(parents=True)
    words = [str(tmp_path / path), "does not exist" if "miss" in path else "no file"]
    refused(errors.InvalidModelError, words, lambda: save(tmp_path / path))


@pytest.mark.parametrize("name", ["", "_x", "a/b", "../x", "a b", "mödel", "x" * 129])
def test_model_names_outside_the_rule(
    refused_save: Callable[..., None],
    name: str,
) -> None:
    refused_save(
        errors.InvalidNameError,
        [repr(name), "use 1 to 128 letters"],
        name=name,
    )


@pytest.mark.parametrize("name", ["CON", "nul", "Com1"])
def test_reserved_model_names(
    refused_save: Callable[..., None],
    name: str,
) -> None:
    refused_save(
        errors.InvalidNameError,
        [repr(name), "reserved", "choose another"],
        name=name,
    )


def test_a_case_twin_of_a_model(
    refused: Callable[..., None],
    save: Callable[..., Model],
    make_files: Callable[..., Path],
) -> None:
    save(make_files(), "Iris")
    refused(
        errors.AlreadyExistsError,
        ["'iris'", "'Iris'", "differs in more than case"],
        lambda: save(make_files(), "iris"),
    )


@pytest.mark.parametrize(
    "files", [["a#b"], ["a?"], ["ends. "], ["x", "X"], ["é", "e\u0301"], ["d/x", "D/y"]]
)
def test_file_names_outside_the_rule(
    refused: Callable[..., None],
    save: Callable[..., Model],
    make_files: Callable[..., Path],
    files: list[str],
) -> None:
    folder = make_files(dict.fromkeys(files, b""))
    words = [repr(files[-1].split("/")[0]), "rename"]
    refused(errors.InvalidNameError, words, lambda: save(folder))


@pytest.mark.parametrize("value", ["good", float("nan"), float("inf"), None, [1]])
def test_a_metric_that_is_no_finite_number(
    refused_save: Callable[..., None],
    value: Any,
) -> None:
    refused_save(
        errors.InvalidModelError,
        ["'auc'", repr(value)],
        metrics={"auc": value},
    )


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_that_exists_or_was_ever_used(
    refused: Callable[..., None],
    save: Callable[..., Model],
    make_files: Callable[..., Path],
    version: int,
) -> None:
    save(make_files())
    save(make_files()).delete()
    refused(
        errors.AlreadyExistsError,
        [f"'m' version {version}", "without a version to get 3"],
        lambda: save(make_files(), version=version),
    )


@pytest.mark.parametrize("version", [0, -1, "01", 1.5, True, "latest"])
def test_a_version_that_is_none(
    refused_save: Callable[..., None],
    version: Any,
) -> None:
    refused_save(
        errors.InvalidInputError,
        [repr(version) if version != 0 else "0", "version"],
        version=version,
    )


@pytest.mark.parametrize("description", [5, b"x", "\ud800"], ids=repr)
def test_a_description_that_is_no_text(
    refused_save: Callable[..., None],
    description: Any,
) -> None:
    refused_save(
        errors.InvalidModelError,
        ["description", repr(description)],
        description=description,
    )


@pytest.fixture
def special(tmp_path: Path) -> Iterator[Callable[[str, Path], None]]:
    """Make something that is no file: a broken link, a socket, a pipe …"""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"")
    sockets: list[socket.socket] = []

    def make(kind: str, path: Path) -> None:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            sockets.append(socket.socket(socket.AF_UNIX))
            # Socket paths are short: bind beside it.
            here = Path.cwd()
            os.chdir(path.parent)
            sockets[-1].bind(path.name)
            os.chdir(here)
        else:
            target = {
                "folder out": outside,
                "relative out": Path(
                    "..", os.path.relpath(outside, path.parent.parent)
                ),
                "into a file": outside / "secret" / "deeper",
                "device": Path("/dev/null"),
                "broken": path.parent / "nowhere",
                "itself": path,
                "above": path.parent,
            }[kind]
            path.symlink_to(target)

    yield make
    for each in sockets:
        each.close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("folder out", "leaves the model directory"),
        ("relative out", "leaves the model directory"),
        ("device", "socket, pipe or device"),
        ("into a file", "broken link"),
        ("broken", "broken link"),
        ("itself", "broken link"),
        ("above", "a folder above it"),
        ("socket", "socket, pipe or device"),
        ("pipe", "socket, pipe or device"),
    ],
)
def test_what_is_no_file_inside_the_model(
    refused: Callable[..., None],
    save: Callable[..., Model],
    make_files: Callable[..., Path],
    special: Callable[[str, Path], None],
    kind: str,
    words: str,
) -> None:
    folder = make_files({"deep/a": b""})
    special(kind, folder / "deep" / "it")
    refused(
        errors.InvalidModelError,
        [str(folder / "deep" / "it"), words],
        lambda: save(folder),
    )


@pytest.mark.parametrize("kind", ["socket", "pipe", "device", "broken"])
def test_what_is_no_file_as_the_model(
    refused: Callable[..., None],
    save: Callable[..., Model],
    make_files: Callable[..., Path],
    special: Callable[[str, Path], None],
    kind: str,
) -> None:
    path = make_files().parent / "it"
    special(kind, path)
    refused(errors.InvalidModelError, [], lambda: save(path))


def test_what_cannot_be_read_is_named(users_folder: Path) -> None:
    folder = users_folder / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(b"")
    project = hopsartifacts.login(users_folder / "project")
    model = project.get_model_registry().python.create_model("m")
    (folder / "a").chmod(0)
    with pytest.raises(errors.InvalidModelError, match="model/a': Permission denied"):
        model.save(folder)
    (folder / "a").unlink()
    (folder / "deep").chmod(0)
    with pytest.raises(errors.InvalidModelError, match="deep': Permission denied"):
        model.save(folder)
    (folder / "deep").chmod(0o700)
    assert list(project.storage.find("")) == []


SCRIPTS = {
    "syntax": ("class Predictor(:", "is not Python in line 1"),
    "nothing": ("x = 1", "no class Predictor"),
    "missing": (None, "does not exist"),
}


@pytest.mark.parametrize("kind", SCRIPTS)
@pytest.mark.parametrize("role", ["script_file", "transformer"])
def test_scripts_that_cannot_be_served(
    refused: Callable[..., None],
    save: Callable[..., Model],
    make_files: Callable[..., Path],
    make_script: Callable[..., Path],
    kind: str,
    role: str,
) -> None:
    model = save(make_files())
    code, words = SCRIPTS[kind]
    path = make_script(code or "", "bad.py")
    if code is None:
        path.unlink()
    if role == "transformer":
        words = words.replace("Predictor", "Transformer")
    given: Any = Transformer(path) if role == "transformer" else path
    refused(
        errors.InvalidScriptError,
        ["bad.py", words],
        lambda: model.deploy(**{role: given}),
    )


@pytest.mark.parametrize("framework", ["PYTHON", "TORCH", "LLM"])
@pytest.mark.parametrize("tool", ["DEFAULT", "KSERVE"])
def test_deployments_without_the_script_they_need(
    refused: Callable[..., None],
    save_model: Callable[..., Model],
    framework: str,
    tool: str,
) -> None:
    model = save_model(framework=framework.lower())
    refused(
        errors.InvalidDeploymentError,
        [framework, "give script_file"],
        lambda: model.deploy(serving_tool=tool),
    )


def test_a_tensorflow_deployment_with_a_script(
    refused: Callable[..., None],
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
) -> None:
    model = save_model(framework="tensorflow")
    refused(
        errors.InvalidDeploymentError,
        ["TENSORFLOW", "leave script_file out"],
        lambda: model.deploy(script_file=make_script()),
    )


@pytest.mark.parametrize(("framework", "tool"), [("sklearn", "DEFAULT"), ("llm", None)])
def test_a_transformer_where_there_is_none(
    refused: Callable[..., None],
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
    transformer_script: Path,
    framework: str,
    tool: str | None,
) -> None:
    model = save_model(framework=framework)
    refused(
        errors.InvalidDeploymentError,
        ["has no transformer: leave it out"],
        lambda: model.deploy(
            serving_tool=tool,
            script_file=make_script(),
            transformer=Transformer(transformer_script),
        ),
    )


BAD_DEPLOYMENTS: dict[str, tuple[Any, type[Exception], list[str]]] = {
    "request over limit": (
        {"resources": {"requests": {"cores": 3}, "limits": {"cores": 2}}},
        errors.InvalidDeploymentError,
        ["cores 3.0 exceeds its limit 2.0", "raise the limit"],
    ),
    "no number": (
        {"resources": {"requests": {"cores": float("nan")}}},
        errors.InvalidDeploymentError,
        ["cores", "nan"],
    ),
    "name": ({"name": "my_name"}, errors.InvalidNameError, ["'my_name'", "1 to 45"]),
    "long name": ({"name": "x" * 46}, errors.InvalidNameError, ["x" * 46]),
    "reserved name": ({"name": "aux"}, errors.InvalidNameError, ["'aux'"]),
    "artifact": (
        {"artifact_version": 3},
        errors.ArtifactNotFoundError,
        ["artifact version 3", "it has 0"],
    ),
    "artifact word": (
        {"artifact_version": "NEW"},
        errors.InvalidDeploymentError,
        ["'NEW'", "MODEL-ONLY"],
    ),
    "description": (
        {"description": 5},
        errors.InvalidDeploymentError,
        ["description 5"],
    ),
    "environment": (
        {"environment": ["gpu"], "artifact_version": 0},
        errors.InvalidDeploymentError,
        ["environment ['gpu']"],
    ),
    "batcher": (
        {
            "inference_batcher": InferenceBatcher(enabled=True),
            "serving_tool": "DEFAULT",
        },
        errors.InvalidDeploymentError,
        ["SKLEARN"],
    ),
}


@pytest.mark.parametrize("case", BAD_DEPLOYMENTS)
def test_deployments_that_make_no_sense(
    refused: Callable[..., None], save_model: Callable[..., Model], case: str
) -> None:
    model = save_model(framework="sklearn")
    settings, kind, words = BAD_DEPLOYMENTS[case]
    refused(kind, words, lambda: model.deploy(**settings))


def test_a_case_twin_of_a_deployment(
    refused: Callable[..., None],
    save_model: Callable[..., Model],
    make_script: Callable[..., Path],
) -> None:
    model = save_model(framework="sklearn")
    model.deploy("Iris")
    refused(
        errors.AlreadyExistsError,
        ["'iris'", "'Iris'"],
        lambda: model.deploy("iris", script_file=make_script()),
    )
