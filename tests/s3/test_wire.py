"""The quick way of ranges and parts: signed URLs, and the ordinary way behind them."""

from concurrent.futures import CancelledError
from threading import Event
from typing import Any

import pytest

from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from tests.s3.conftest import Server
from tests.s3.content import IS_PART, PLACE, SEVERAL, content, digest
from tests.s3.proxy import Proxy, Rule

pytestmark = pytest.mark.usefixtures("small_parts")

SIGNED = r"X-Amz-Signature="
"""What a signed URL holds, in the way that new buckets take."""


def behind(proxy: Proxy, bucket: str, **more: Any) -> Storage:
    return connect(f"s3://{bucket}/p", Server(proxy.endpoint).options(**more))


def moved(storage: Storage) -> None:
    storage.write(PLACE, content(SEVERAL))
    assert digest(storage.chunks(PLACE)) == digest(content(SEVERAL))


def test_large_things_move_by_signed_urls(storage: Storage, proxy: Proxy) -> None:
    moved(storage)

    assert all(SIGNED in it.target for it in proxy.seen("PUT", IS_PART))
    # The first range is asked for in the ordinary way.
    assert [SIGNED in it.target for it in proxy.seen("GET", PLACE)].count(False) == 1


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_signed_urls_that_are_refused_are_not_tried_for_ever(
    storage: Storage, proxy: Proxy, method: str
) -> None:
    for _ in range(2):
        proxy.plan(Rule(do="refuse", method=method, path=SIGNED, status=403))
        moved(storage)
    proxy.plan()
    moved(storage)

    assert not proxy.seen(method, SIGNED)
    other = {"PUT": "GET", "GET": "PUT"}[method]
    assert proxy.seen(other, SIGNED)


@pytest.mark.parametrize("checks", ["when_supported", "when_required"])
def test_a_part_that_was_changed_on_its_way_is_sent_again(
    proxy: Proxy, bucket: str, checks: str
) -> None:
    """By its checksum; where a server is said to know none, by its ETag."""
    config = {"request_checksum_calculation": checks}
    storage = behind(proxy, bucket, config_kwargs=config)
    proxy.plan(Rule(do="change request", path=SIGNED + "|" + IS_PART, times=2))

    moved(storage)

    assert len(proxy.seen("PUT", IS_PART)) == 7 + 2


def test_what_a_url_cannot_carry_goes_the_ordinary_way(
    proxy: Proxy, bucket: str
) -> None:
    moved(behind(proxy, bucket, requester_pays=True))

    assert len(proxy.seen("PUT", IS_PART)) == 7
    assert not proxy.seen(path=r"Signature=")


def test_a_writer_that_stopped_sends_no_more(storage: Storage, proxy: Proxy) -> None:
    storage.write("warm", [b""])
    proxy.plan()
    stopped = Event()
    stopped.set()
    place = {"Key": "p/k", "UploadId": "u", "PartNumber": 1}
    put = storage._wire.put(place, b"bytes", stopped)  # type: ignore[attr-defined]

    with pytest.raises(CancelledError):
        put.result()

    assert [it for it in proxy.seen() if it.status == 200] == []
