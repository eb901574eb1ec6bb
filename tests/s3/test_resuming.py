"""Uploads to a real S3 server that are cut off, continued, dropped and discarded."""

import time
from collections.abc import Iterator

import pytest

from hopsartifacts.errors import StorageError
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from tests.s3.conftest import Server
from tests.s3.content import IS_PART, PLACE, SEVERAL, content, digest
from tests.s3.proxy import Proxy, Rule

pytestmark = pytest.mark.usefixtures("small_parts")


def test_an_upload_that_was_cut_off_is_continued(
    storage: Storage, proxy: Proxy, s3: Server, bucket: str
) -> None:
    proxy.plan(Rule(do="refuse", path=r"partNumber=[4-9]", status=403, code="Gone"))
    with pytest.raises(StorageError):
        storage.write(PLACE, content(SEVERAL))
    assert storage.stat(PLACE) is None
    assert list(storage.find("")) == []
    (left,) = storage.unfinished("Models")
    assert left.path == PLACE

    proxy.plan()
    again = connect(f"s3://{bucket}/p", Server(proxy.endpoint).options())
    again.write(PLACE, content(SEVERAL))
    assert len(proxy.seen("PUT", IS_PART)) == 4
    assert not proxy.seen("PUT", r"partNumber=[1-3](&|$)")
    direct = connect(f"s3://{bucket}/p", s3.options())
    assert digest(direct.chunks(PLACE)) == digest(content(SEVERAL))
    assert list(direct.unfinished("")) == []


def test_parts_of_other_bytes_are_sent_again(storage: Storage, proxy: Proxy) -> None:
    proxy.plan(Rule(do="refuse", path=r"partNumber=[4-9]", status=403, code="Gone"))
    with pytest.raises(StorageError):
        storage.write(PLACE, content(SEVERAL))
    proxy.plan()
    storage.write(PLACE, content(SEVERAL, seed=1))
    assert len(proxy.seen("PUT", IS_PART)) == 7
    assert digest(storage.chunks(PLACE)) == digest(content(SEVERAL, seed=1))


def test_uploads_of_the_users_own_files_are_nobodys_to_continue(
    storage: Storage, proxy: Proxy
) -> None:
    proxy.plan(Rule(do="refuse", path=r"partNumber=[4-9]", status=403, code="Gone"))
    with pytest.raises(StorageError):
        storage.write("Resources/data.bin", content(SEVERAL))
    proxy.plan()
    storage.write("Resources/data.bin", content(SEVERAL))
    assert len(proxy.seen("PUT", IS_PART)) == 7


def test_a_source_that_fails_leaves_no_upload_behind(storage: Storage) -> None:
    def failing() -> Iterator[bytes]:
        yield from content(SEVERAL)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        storage.write(PLACE, failing())
    assert list(storage.unfinished("")) == []
    assert storage.stat(PLACE) is None


def test_a_completion_whose_answer_was_lost_is_done(
    storage: Storage, proxy: Proxy
) -> None:
    # Amazon's answer to the second completion; this server's is another yes.
    proxy.plan(
        Rule(do="lose answer", method="POST", path="uploadId=", times=1),
        Rule(
            do="refuse",
            method="POST",
            path="uploadId=",
            status=404,
            code="NoSuchUpload",
        ),
    )
    storage.write(PLACE, content(SEVERAL))
    assert digest(storage.chunks(PLACE)) == digest(content(SEVERAL))


def test_an_upload_that_somebody_dropped_is_told(
    storage: Storage, proxy: Proxy
) -> None:
    storage.write(PLACE, content(SEVERAL, seed=1))
    proxy.plan(
        Rule(
            do="refuse",
            method="POST",
            path="uploadId=",
            status=404,
            code="NoSuchUpload",
        ),
    )
    with pytest.raises(StorageError, match="cannot write"):
        storage.write(PLACE, content(SEVERAL))
    assert digest(storage.chunks(PLACE)) == digest(content(SEVERAL, seed=1))


def test_discarding_drops_what_is_as_old_and_nothing_else(
    storage: Storage, proxy: Proxy
) -> None:
    for path in (PLACE, "Models/m/2/Files/weights.bin"):
        proxy.plan(Rule(do="refuse", path=r"partNumber=[4-9]", status=403, code="Gone"))
        with pytest.raises(StorageError):
            storage.write(path, content(SEVERAL))
    proxy.plan()
    first, second = storage.unfinished("")
    assert [first.path, second.path] == [PLACE, "Models/m/2/Files/weights.bin"]
    assert first.modified == pytest.approx(time.time(), abs=600)
    assert [one.path for one in storage.unfinished("Models/m/2")] == [second.path]

    storage.discard_unfinished(first)
    storage.discard_unfinished(first)
    assert list(storage.unfinished("")) == [second]
