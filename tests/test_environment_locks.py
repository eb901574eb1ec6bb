"""An environment lock is kept with the version, and compared before it starts."""

import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import hopsartifacts
from hopsartifacts import Deployment, GoldenRequest, Model, ModelServing, Project
from hopsartifacts.deployments import environment
from hopsartifacts.deployments.environment import (
    OtherPackage,
    Pin,
    differences,
    freeze,
    in_words,
    name_of_text,
    read_lock,
)
from hopsartifacts.errors import (
    InvalidDeploymentError,
    InvalidInputError,
    InvalidScriptError,
    UnsupportedHereError,
)
from hopsartifacts.testing.states_only import StatesOnly

pytest.importorskip("packaging", reason="needs the extra serving")
pytest.importorskip("yaml", reason="needs the extra serving")

Deploy = Callable[..., Deployment]

HERE = f"msgspec=={metadata.version('msgspec')}\n"
OTHER = "msgspec==0.1\nno-such-package==1.5\n"

UV = """
version = 1
requires-python = ">=3.11"

[[package]]
name = "mine"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "direct", extra = ["fast"] },
    { name = "elsewhere", marker = "sys_platform == 'nowhere'" },
    { name = "forked", version = "2.0" },
]

[[package]]
name = "direct"
version = "1.0"
source = { registry = "index" }
dependencies = [{ name = "Indirect_One" }, { name = "direct" }]

[package.optional-dependencies]
fast = [{ name = "faster" }]
slow = [{ name = "slower" }]

[[package]]
name = "Indirect_One"
version = "3.1"

[[package]]
name = "faster"
version = "0.5"

[[package]]
name = "slower"
version = "0.6"

[[package]]
name = "elsewhere"
version = "9"

[[package]]
name = "forked"
version = "1.0"

[[package]]
name = "forked"
version = "2.0"
"""

CONDA = """
name: mine
channels: [conda-forge]
dependencies:
  - python=3.11.7
  - conda-forge::Some_Lib=1.2.3=h123_0
  - other==4.5
  - pip:
    - from-pip==6.0
"""


def pins(name: str, text: str) -> dict[str, str | None]:
    return {name: pin.version for name, pin in read_lock(name, text).items()}


def test_requirements_pin_what_their_markers_want_here() -> None:
    text = (
        "# by hand\n"
        "--index-url https://example.org/simple\n"
        "-e git+https://example.org/x.git#egg=x\n"
        "Some.Name[extra]==1.0 ; python_version >= '3' \\\n"
        "    --hash=sha256:00 \\\n"
        "    --hash=sha256:01\n"
        "elsewhere==2 ; sys_platform == 'nowhere'\n"
        "local==2.1+cpu  # from an index of its own\n"
        "exact===2022a\n"
        "built @ https://example.org/built-1.whl\n"
    )
    assert pins("requirements.txt", text) == {
        "some-name": "1.0",
        "local": "2.1+cpu",
        "exact": "2022a",
        "built": None,
    }


def test_a_uv_lock_wants_what_its_project_needs_here() -> None:
    assert pins("uv.lock", UV) == {
        "direct": "1.0",
        "indirect-one": "3.1",
        "faster": "0.5",
        "forked": "2.0",
    }


def test_an_environment_of_conda_pins_both_kinds() -> None:
    assert pins("environment.yml", CONDA) == {
        "python": "3.11.7",
        "some-lib": "1.2.3",
        "other": "4.5",
        "from-pip": "6.0",
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [(UV, "uv.lock"), (CONDA, "environment.yml"), (HERE, "requirements.txt")],
)
def test_a_text_tells_what_it_is(text: str, name: str) -> None:
    assert name_of_text(text) == name


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("requirements.txt", "numpy>=1\n", "line 1 'numpy>=1' does not pin"),
        ("requirements.txt", "a==1\nnumpy\n", "line 2 'numpy' does not pin"),
        ("requirements.txt", "numpy==1.*\n", "does not pin a version with =="),
        ("requirements.txt", "a==1,==1.0\n", "does not pin a version with =="),
        ("requirements.txt", "no requirement\n", "line 1 .* is not a requirement"),
        ("requirements.txt", "-r other.txt\n", "names another file"),
        ("requirements.txt", "# nothing\n", "pins no package"),
        ("uv.lock", "[[package]\n", "environment lock 'uv.lock'"),
        ("uv.lock", "a = 1\n", r"no \[\[package\]\] with a name"),
        ("uv.lock", "[[package]]\nversion = '1'\n", "with a name"),
        ("environment.yml", "a: [1\n", "it is not YAML"),
        ("environment.yml", "a: 1\n", "no list of dependencies"),
        ("environment.yml", "- a\n", "no list of dependencies"),
        ("environment.yml", "dependencies: [numpy]\n", "'numpy' does not pin"),
        ("environment.yml", "dependencies: ['a>=1']\n", "'a>=1' does not pin"),
        ("environment.yml", "dependencies: ['a=1.*']\n", "does not pin"),
    ],
)
def test_what_is_no_lock_is_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(InvalidDeploymentError, match=words):
        read_lock(name, text)


@pytest.mark.parametrize(
    ("wanted", "found", "is_met"),
    [
        ("1.0", "1.0", True),
        ("1.0", "1.0.0", True),
        ("2.1", "2.1+cpu", True),
        ("2.1+cpu", "2.1", False),
        ("1.0", "1.1", False),
        ("1.0rc1", "1.0rc1", True),
        (None, "7", True),
        ("1.0", None, False),
        (None, None, False),
        ("2022a_odd", "2022a_odd", True),
        ("2022a_odd", "1", False),
    ],
)
def test_versions_are_compared_as_pip_does(
    monkeypatch: pytest.MonkeyPatch,
    wanted: str | None,
    found: str | None,
    is_met: bool,
) -> None:
    here = {"p": found} if found else {}
    monkeypatch.setattr(environment, "installed", lambda: here)
    others = differences({"p": Pin("p", wanted)})
    expected = [] if is_met else [OtherPackage(name="p", wanted=wanted, found=found)]
    assert others == expected


@pytest.mark.parametrize(
    ("wanted", "is_met"), [("3.11", True), ("3.11.7", True), ("3.1", False)]
)
def test_python_is_one_of_the_packages_of_conda(
    monkeypatch: pytest.MonkeyPatch, wanted: str, is_met: bool
) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: "3.11.7")
    assert (not differences({"python": Pin("python", wanted)})) == is_met


def test_what_conda_has_installed_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "some_lib-c-1.2-h0_1.json").touch()
    (tmp_path / "conda-meta" / "history").touch()
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert environment.installed()["some-lib-c"] == "1.2"


def test_differences_are_a_table_for_people() -> None:
    others = [
        OtherPackage(name="numpy", wanted="1.26.4", found="2.0"),
        OtherPackage(name="torch", wanted=None, found=None),
    ]
    assert in_words(others).splitlines() == [
        "  package  locked  here",
        "  numpy    1.26.4  2.0",
        "  torch    any     not installed",
    ]


def test_what_is_frozen_is_met(tmp_path: Path, ms: ModelServing) -> None:
    text = freeze(tmp_path / "lock.txt")
    assert (tmp_path / "lock.txt").read_text() == text == ms.freeze_environment()
    assert text.startswith(f"# Python {platform.python_version()}\n")
    assert HERE in text
    assert differences(read_lock("lock.txt", text)) == []
    with pytest.raises(InvalidInputError, match="cannot be written"):
        freeze(tmp_path)


@pytest.fixture
def project(project: Project) -> Project:
    return Project(project.storage, backend=StatesOnly())


@pytest.fixture
def model(save_model: Callable[..., Model]) -> Model:
    return save_model("m", framework="sklearn")


@pytest.fixture
def lock(tmp_path: Path) -> Callable[..., Path]:
    def make(text: str, name: str = "requirements.txt") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return make


def test_a_lock_is_part_of_the_version(
    project: Project,
    model: Model,
    ms: ModelServing,
    make_script: Callable[..., Path],
    lock: Callable[..., Path],
) -> None:
    """It stays when the user's file is gone, and a change makes a new version."""
    path = lock(HERE)
    deployment = model.deploy(
        "d", script_file=make_script(), environment_lock=str(path)
    )
    assert deployment.environment_lock == "requirements.txt"
    assert deployment.specification.environment_lock == "environment-requirements.txt"
    path.unlink()
    found = ms.get_deployment("d")
    assert found.environment_lock == "requirements.txt"
    found.description = "kept without the user's file"
    found.save()
    assert (found.version, found.artifact_version) == (2, 1)
    kept = ms.get_artifacts(model).read(1)["environment-requirements.txt"]
    assert kept == HERE.encode()
    found.environment_lock = OTHER
    assert found.artifact_version is None
    found.save()
    assert found.version == 3
    assert found.specification.artifact.version == 2
    difference = found.diff(2)
    assert "-msgspec==" in str(difference)
    assert "+no-such-package==1.5" in str(difference)
    found.environment_lock = None
    found.save()
    assert ms.get_deployment("d").specification.environment_lock is None
    assert project.verify().ok


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("numpy>=1\n", "'requirements.txt': line 1 'numpy>=1'"),
        ("a==\ud800\n", "not valid Unicode"),
        (b"a==1", "is not a path"),
    ],
)
def test_a_lock_that_is_none_is_refused(
    project: Project,
    model: Model,
    snapshot: Callable[[Project], dict[str, bytes]],
    given: Any,
    words: str,
) -> None:
    before = snapshot(project)
    with pytest.raises(InvalidDeploymentError, match=words):
        model.deploy("d", environment_lock=given)
    assert snapshot(project) == before


def test_a_lock_that_is_not_there_or_no_text_is_refused(
    model: Model, tmp_path: Path
) -> None:
    with pytest.raises(InvalidScriptError, match=r"environment_lock .*does not exist"):
        model.deploy("d", environment_lock=tmp_path / "uv.lock")
    (tmp_path / "uv.lock").write_bytes(b"\xff")
    with pytest.raises(InvalidDeploymentError, match="is not UTF-8"):
        model.deploy("d", environment_lock=tmp_path / "uv.lock")


def test_a_lock_that_is_met_starts(model: Model) -> None:
    deployment = model.deploy("d", environment_lock=HERE)
    deployment.start()
    assert deployment.is_running()


def test_a_lock_that_is_not_met_is_a_table(model: Model) -> None:
    deployment = model.deploy("d", environment_lock=OTHER)
    with pytest.raises(UnsupportedHereError) as caught:
        deployment.start()
    text = str(caught.value)
    assert text.startswith("this environment differs from the lock of deployment 'd':")
    assert f"  msgspec          0.1     {metadata.version('msgspec')}\n" in text
    assert "  no-such-package  1.5     not installed\n" in text
    assert "ignore_environment=True" in text
    assert not deployment.is_running()
    deployment.start(ignore_environment=True)
    assert deployment.is_running()
    with pytest.raises(UnsupportedHereError):
        deployment.restart()
    assert deployment.is_running()
    deployment.restart(ignore_environment=True)
    assert deployment.is_running()


def test_what_runs_is_not_moved_to_another_environment(
    model: Model, ms: ModelServing
) -> None:
    deployment = model.deploy("d", environment_lock=HERE)
    deployment.start()
    deployment.environment_lock = OTHER
    with pytest.raises(UnsupportedHereError, match="differs from the lock"):
        deployment.save()
    assert ms.get_deployment("d").version == 2
    assert deployment.get_state().deployment_version == 1
    deployment.rollback(1)
    assert deployment.get_state().deployment_version == 1
    with pytest.raises(UnsupportedHereError, match="differs from the lock"):
        deployment.rollback(2)
    deployment.rollback(1)
    deployment.rollback(2, ignore_environment=True)
    assert deployment.get_state().deployment_version == 2


def test_a_bundle_carries_what_makes_a_version_reproducible(
    project: Project, model: Model, tmp_path: Path
) -> None:
    golden = GoldenRequest([[1, 2]], {"predictions": [0.5]})
    model.deploy("d", environment_lock=HERE, env_vars={"A": "1"}, golden_request=golden)
    project.export_bundle(tmp_path / "bundle.tar")
    other = hopsartifacts.login(tmp_path / "other")
    other.import_bundle(tmp_path / "bundle.tar")
    found = other.get_model_serving().get_deployment("d")
    sealed = found.specification
    assert sealed.environment_lock == "environment-requirements.txt"
    assert (sealed.env_vars, sealed.golden_request) == (
        {"A": "1"},
        found.golden_request,
    )
    assert found.golden_request
    assert found.golden_request.answer == {"predictions": [0.5]}
    assert other.verify().ok
