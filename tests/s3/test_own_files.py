"""The user's own files on a server that knows no folders."""

from collections.abc import Callable
from pathlib import Path

import pytest

import hopsartifacts
from hopsartifacts.datasets import DatasetApi
from tests.s3.conftest import Server


@pytest.fixture
def api(s3: Server, make_files: Callable[..., Path]) -> DatasetApi:
    """Files of a project that has a folder with files and an empty one."""
    url = f"s3://{s3.bucket()}/team"
    project = hopsartifacts.login(url, storage_options=s3.options())
    api = project.get_dataset_api()
    api.upload(make_files({"a": b"a", "deep/b": b"b"}))
    api.mkdir("Resources/model/empty/er")
    return api


def test_an_empty_folder_is_there(api: DatasetApi) -> None:
    assert api.list("Resources/model") == [
        f"Resources/model/{name}" for name in ("a", "deep", "empty")
    ]
    assert api.list("Resources/model/empty") == ["Resources/model/empty/er"]
    assert api.exists("Resources/model/empty/er")
    assert api.list("Resources/model/empty/er") == []
    api.remove("Resources/model/empty")
    assert not api.exists("Resources/model/empty/er")


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_a_tree_is_taken_elsewhere(api: DatasetApi, verb: str) -> None:
    getattr(api, verb)("Resources/model", "Other/place")
    assert api.read_content("Other/place/deep/b") == b"b"
    assert api.exists("Other/place/empty/er")
    for path in ("a", "deep/b", "empty/er"):
        assert api.exists(f"Resources/model/{path}") is (verb == "copy")
    assert api.exists("Resources/model") is (verb == "copy")


def test_what_was_packed_is_unpacked(api: DatasetApi) -> None:
    assert api.zip("Resources/model", "Other") == "Other/model.zip"
    assert api.unzip("Other/model.zip") == "Other/model"
    assert api.read_content("Other/model/deep/b") == b"b"
    assert api.exists("Other/model/empty/er")
