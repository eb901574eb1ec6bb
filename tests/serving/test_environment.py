import os
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.errors import InvalidDeploymentError
from hopsartifacts.serving import process_environment
from hopsartifacts.serving.contract import Limits
from hopsartifacts.serving.local import capabilities
from hopsartifacts.serving.process_environment import (
    HANG_SECONDS,
    MAX_REQUEST_BYTES,
    deployment_variables,
    hang_seconds,
    keeper_environment,
    max_request_bytes,
    worker_environment,
)


def test_every_variable_of_the_guide_is_set(make_launch: Any) -> None:
    launch = make_launch("", "", config_file="configfile-c.json")
    files = launch.artifact_files_path
    assert deployment_variables(launch) == {
        "PROJECT_NAME": "iris",
        "DEPLOYMENT_NAME": "flowers",
        "DEPLOYMENT_VERSION": "3",
        "MODEL_NAME": "iris_model",
        "MODEL_VERSION": "2",
        "ARTIFACT_VERSION": "1",
        "MODEL_FILES_PATH": launch.model_files_path,
        "ARTIFACT_FILES_PATH": files,
        "CONFIG_FILE_PATH": f"{files}/configfile-c.json",
        "SCRIPT_PATH": f"{files}/predictor-script.py",
        "SCRIPT_NAME": "predictor-script.py",
        "IS_PREDICTOR": "true",
        "IS_TRANSFORMER": "true",
    }


def test_what_a_deployment_lacks_is_not_set(make_launch: Any) -> None:
    absent = {"CONFIG_FILE_PATH", "SCRIPT_PATH", "SCRIPT_NAME", "IS_TRANSFORMER"}
    assert not absent & deployment_variables(make_launch()).keys()


def test_the_limit_of_a_request_can_be_set() -> None:
    assert max_request_bytes({}) == 64 * 1024 * 1024
    assert max_request_bytes({MAX_REQUEST_BYTES: "10"}) == 10


@pytest.mark.parametrize("text", ["", "0", "-1", "1e6", "64MB", "²"])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidDeploymentError, match="positive whole number"):
        max_request_bytes({MAX_REQUEST_BYTES: text})


def test_how_long_an_event_loop_may_stand_still_can_be_set() -> None:
    assert hang_seconds({}, 30) == 30
    assert hang_seconds({HANG_SECONDS: "120.5"}, 30) == 120.5
    passed_on = keeper_environment({HANG_SECONDS: "7"}, "r1")
    assert hang_seconds(passed_on, 30) == 7


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1 min"])
def test_a_time_that_makes_no_sense_is_refused(make_launch: Any, text: str) -> None:
    launch = make_launch("", env_vars={HANG_SECONDS: text})
    with pytest.raises(InvalidDeploymentError, match=r"positive number; .* is 30"):
        capabilities.check(launch)


def test_a_worker_gets_what_it_needs_and_no_secrets(make_launch: Any) -> None:
    ours = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "7",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "DEPLOYMENT_NAME": "of another one",
    }
    launch = make_launch(env_vars={"COLOUR": "red", "MODEL_NAME": "not mine"})
    environ = worker_environment(keeper_environment(ours, "r1"), launch, {"MARK": "1"})
    assert environ.keys() >= {"PATH", "LC_ALL"}
    assert "AWS_SECRET_ACCESS_KEY" not in environ
    assert environ["DEPLOYMENT_NAME"] == "flowers"
    assert (environ["COLOUR"], environ["MODEL_NAME"]) == ("red", "iris_model")
    assert environ["MARK"] == "1"
    assert environ["OMP_NUM_THREADS"] == "7", "there is no limit"


def test_numeric_libraries_start_as_many_threads_as_there_are_cores(
    make_launch: Any,
) -> None:
    launch = make_launch(limits=Limits(cores=1.2), env_vars={"MKL_NUM_THREADS": "5"})
    environ = worker_environment({"OMP_NUM_THREADS": "7"}, launch, {})
    threads = {name: environ[name] for name in environ if name.endswith("_THREADS")}
    assert threads == {
        "OPENBLAS_NUM_THREADS": "2",
        "OMP_NUM_THREADS": "7",
        "MKL_NUM_THREADS": "5",
    }


def test_a_package_found_by_path_alone_is_found_by_the_server_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process_environment, "PACKAGE_HOME", "/code")
    path = keeper_environment({"PYTHONPATH": "/other"}, "r1")["PYTHONPATH"]
    assert path.split(os.pathsep) == ["/code", "/other"]
    again = keeper_environment({"PYTHONPATH": path}, "r1")["PYTHONPATH"]
    assert again == path


def test_where_modules_are_searched_does_not_depend_on_the_working_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process_environment, "PACKAGE_HOME", "/code")
    given = os.pathsep.join(["src", "", "/other", "../x"])
    path = keeper_environment({"PYTHONPATH": given}, "r1")["PYTHONPATH"]
    beside = str(tmp_path.parent / "x")
    expected = ["/code", str(tmp_path / "src"), str(tmp_path), "/other", beside]
    assert path.split(os.pathsep) == expected
    # Python takes no notice of an empty one.
    assert keeper_environment({"PYTHONPATH": ""}, "r1")["PYTHONPATH"] == "/code"


def test_an_installed_package_needs_no_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_environment, "PACKAGE_HOME", str(tmp_path))
    monkeypatch.setattr("site.getsitepackages", lambda: [str(tmp_path)])
    assert "PYTHONPATH" not in keeper_environment({}, "r1")
