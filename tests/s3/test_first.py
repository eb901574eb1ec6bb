"""The first file below a folder: one request where the names of folders are digits."""

from typing import Any

import pytest

from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from hopsartifacts.storage.s3_client import S3Client
from tests.s3.conftest import Server
from tests.s3.proxy import Proxy


def asked(proxy: Proxy, storage: Storage, path: str) -> tuple[str | None, int]:
    proxy.plan()
    return storage.first(path), len(proxy.seen())


def test_one_request_finds_the_first_below_digits(
    storage: Storage, proxy: Proxy
) -> None:
    assert asked(proxy, storage, "t") == (None, 1)
    for number in range(20, 0, -1):
        storage.create(f"t/{number % 2}/{number:03}.json", b"")

    assert asked(proxy, storage, "t") == ("t/0/002.json", 1)
    assert asked(proxy, storage, "t/1") == ("t/1/001.json", 1)


def test_other_names_are_looked_at_folder_by_folder(
    storage: Storage, proxy: Proxy
) -> None:
    """This server lists "a/b" before "a-b"."""
    storage.create("t/a/b", b"")
    storage.create("t/a-b", b"")

    assert asked(proxy, storage, "t") == ("t/a-b", 2)


def test_an_object_in_the_place_of_a_folder_is_no_file(
    storage: Storage, bucket: str, s3: Server
) -> None:
    storage.create("t/1/2", b"")
    other = connect(f"s3://{bucket}", s3.options())
    other._client.send("put_object", Key="p/t/1/", Body=b"")  # type: ignore[attr-defined]
    other._client.send("put_object", Key="p/t/0/", Body=b"")  # type: ignore[attr-defined]

    assert storage.first("t") == "t/1/2"
    assert storage.first("t/0") is None


def test_directory_buckets_are_never_asked_for_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They list in no order; without their real service it shows in what is asked."""
    asked: list[dict[str, Any]] = []

    def send(_: S3Client, __: str, **parameters: Any) -> dict[str, Any]:
        asked.append(parameters)
        return {}

    monkeypatch.setattr(S3Client, "send", send)
    for name in ("b--usw2-az1--x-s3", "b--usw2-az1--xa-s3", "b-x-s3"):
        storage = connect(f"s3://{name}/p", {"key": "k", "secret": "s"})
        assert storage.first("t") is None
    assert ["MaxKeys" in it for it in asked] == [False, False, True]
