"""Where things lie: the paths that may never change, and which are managed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts import layout
from hopsartifacts.errors import InvalidNameError


def test_the_paths_that_hopsworks_users_know() -> None:
    assert layout.files_dir("m", 2) == "Models/m/2/Files"
    assert layout.artifact_dir("m", 2, 0) == "Models/m/2/Artifacts/0"
    assert layout.artifact_dir("m", 2, 11) == "Models/m/2/Artifacts/11"


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("predictor", "predictor-x.py"),
        ("transformer", "transformer-x.py"),
        ("configfile", "configfile-x.py"),
        ("file", "x.py"),
    ],
)
def test_scripts_bear_their_role(role: layout.Role, name: str) -> None:
    assert layout.artifact_file(role, "x.py") == name


@given(st.integers(1, 10**8 - 2))
def test_a_log_entry_tells_its_number(seq: int) -> None:
    path = layout.log_entry("some/_log", seq)
    assert layout.log_entry_seq("some/_log", path) == seq
    assert layout.log_of(path) == "some/_log"


@given(st.integers(1, 10**8 - 3))
def test_the_newest_log_entry_sorts_first(seq: int) -> None:
    assert layout.log_entry("l", seq) > layout.log_entry("l", seq + 1)


@pytest.mark.parametrize(
    "name",
    [
        *["99/99/99/98.json", "99/99/99/98", "99/99/99/9a.json.gz", ""],
        *["99/99/98.json.gz", "99/99/99/98.json.gz.tmp", "99999998.json.gz"],
        # Entry 0 there is none.
        *["\u0669\u0669/99/99/98.json.gz", "99/99/99/99.json.gz", "000000000001.json"],
    ],
)
def test_other_names_are_no_log_entries(name: str) -> None:
    assert layout.log_entry_seq("some/_log", f"some/_log/{name}") is None


def test_twins_share_a_claim() -> None:
    assert layout.model_name_claim("Iris") == layout.model_name_claim("iris")
    assert layout.model_name_claim("iris") != layout.model_name_claim("iris2")
    assert layout.deployment_name_claim("Iris") == layout.deployment_name_claim("iRIS")
    assert layout.deployment_name_claim("1a") == layout.deployment_name_claim("D1A")


@pytest.mark.parametrize(
    "path",
    [
        *["", "Models", "Models/x", "models/x", "DEPLOYMENTS", ".hopsartifacts/x"],
        *["Models/x.d/y.py", "models/x.py", "Deployments/x.py", "Models/x/1/y.py"],
        *["Models/", "Models/README", "Models/x.py/"],
    ],
)
def test_managed_paths(path: str) -> None:
    assert layout.is_managed(path)
    assert layout.is_managed(path, is_folder=True)


@pytest.mark.parametrize("path", ["Resources", "Logs/x", "Modelsx/y", "x/Models"])
def test_paths_of_the_user(path: str) -> None:
    assert not layout.is_managed(path)
    assert not layout.is_managed(path, is_folder=True)


@pytest.mark.parametrize("path", ["Models/x.py", "Models/.keep", "Models/a b.tar.gz"])
def test_a_file_in_models_that_no_model_can_be_called_is_the_users(path: str) -> None:
    assert not layout.is_managed(path)
    assert layout.is_managed(path, is_folder=True)


@pytest.mark.parametrize(
    ("given_path", "path"),
    [
        ("Resources/x.py", "Resources/x.py"),
        ("Resources/", "Resources"),
        ("/Projects/iris/Resources/x.py", "Resources/x.py"),
        ("/Projects/iris", ""),
        ("/Projects/iris/", ""),
        ("/Projects/iris/Projects/x", "Projects/x"),
        ("/Resources/x.py", "Resources/x.py"),
        ("/Resources/", "Resources"),
        ("/", ""),
        ("/etc/passwd", "etc/passwd"),
        ("hdfs:///Projects/iris/Resources/x.py", "Resources/x.py"),
        ("hdfs:/Projects/iris/Resources/x.py", "Resources/x.py"),
        ("hdfs://rpc.namenode:8020/Projects/iris/Resources/x", "Resources/x"),
        ("hdfs:///Projects/iris/", ""),
        ("", ""),
    ],
)
def test_absolute_and_relative_paths_are_one(given_path: str, path: str) -> None:
    assert layout.relative("iris", given_path) == path
    absolute = layout.absolute("iris", path)
    assert layout.relative("iris", absolute) == path


@pytest.mark.parametrize(
    "path",
    [
        "/Projects/other/x",
        "hdfs:///Projects/other/x",
        "hdfs:///Resources/x",
        "hdfs://Projects/iris/x",
        "hdfs:///Projects/iris/../other",
        "hdfs:///Projects/iris//x",
        "hdfs:",
        "file:///Projects/iris/x",
        "//Resources",
        "/Projects/irisx/x",
        "/Projects",
        "//",
        "../x",
        "Resources/../../x",
        "/Projects/iris/../other",
        "a//b",
        "./a",
        "a\\..\\b",
    ],
)
def test_paths_that_lead_out_are_refused(path: str) -> None:
    with pytest.raises(InvalidNameError):
        layout.relative("iris", path)
