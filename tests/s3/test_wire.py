"""The quick way of ranges and parts, plain sockets; and the ordinary way behind it."""

import os
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from urllib3.exceptions import SSLError

from hopsartifacts.errors import PathNotFoundError, StorageError
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from tests.s3.conftest import Server
from tests.s3.content import IS_PART, PLACE, SEVERAL, content, digest
from tests.s3.proxy import Harm, Proxy, Rule

pytestmark = pytest.mark.usefixtures("small_parts")

PLAIN = r"^python-urllib3/"
"""What a plain request calls its client."""
FEW = 32
"""So many reads come in the ordinary way before small objects come in the quick one."""


def behind(proxy: Proxy, bucket: str, **more: Any) -> Storage:
    return connect(f"s3://{bucket}/p", Server(proxy.endpoint).options(**more))


def moved(storage: Storage) -> None:
    storage.write(PLACE, content(SEVERAL))
    assert digest(storage.chunks(PLACE)) == digest(content(SEVERAL))


def warmed(storage: Storage) -> Storage:
    """Let *storage* read as much as it takes to read in the quick way."""
    storage.write("warm", [b"x"])
    for _ in range(FEW):
        assert storage.read("warm") == b"x"
    return storage


@pytest.fixture
def warm(storage: Storage, proxy: Proxy) -> Storage:
    """A place behind the proxy with "small" and "empty", after many reads."""
    storage.write("small", [b"some bytes"])
    storage.write("empty", [])
    warmed(storage)
    assert not proxy.seen(agent=PLAIN)
    proxy.plan()
    return storage


def test_large_things_move_by_plain_requests(storage: Storage, proxy: Proxy) -> None:
    moved(storage)

    assert proxy.seen("PUT", IS_PART, PLAIN) == proxy.seen("PUT", IS_PART) != []
    # The first range is asked for in the ordinary way.
    assert len(proxy.seen("GET", PLACE)) == len(proxy.seen("GET", PLACE, PLAIN)) + 1


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_plain_requests_that_are_refused_are_not_tried_for_ever(
    storage: Storage, proxy: Proxy, method: str
) -> None:
    for _ in range(2):
        proxy.plan(Rule(do="refuse", method=method, agent=PLAIN, status=403))
        moved(storage)
    proxy.plan()
    moved(storage)

    assert not proxy.seen(method, agent=PLAIN)
    other = {"PUT": "GET", "GET": "PUT"}[method]
    assert proxy.seen(other, agent=PLAIN)


@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [
        ("small", 0, b"some bytes"),
        ("small", 5, b"bytes"),
        ("small", 10, b""),
        ("empty", 0, b""),
    ],
    ids=str,
)
def test_a_small_object_comes_by_one_plain_request(
    warm: Storage, proxy: Proxy, name: str, start: int, expected: bytes
) -> None:
    assert b"".join(warm.chunks(name, start)) == expected
    assert len(proxy.seen()) == len(proxy.seen("GET", agent=PLAIN)) == 1
    proxy.plan()
    assert warm.read(name)[start:] == expected
    assert len(proxy.seen()) == len(proxy.seen("GET", agent=PLAIN)) == 1


def test_what_is_absent_takes_one_plain_request_each_time(
    warm: Storage, proxy: Proxy
) -> None:
    """It is an ordinary answer, not a failure after which this way is given up."""
    for _ in range(20):
        with pytest.raises(PathNotFoundError, match="'absent' does not exist"):
            warm.read("absent")
    assert len(proxy.seen()) == len(proxy.seen(agent=PLAIN)) == 20


@pytest.mark.parametrize("name", ["a b", "a+b", "ä/é~", "a%20b", "a&b=c", "a'b(c)*!"])
def test_any_name_is_found_by_plain_requests(
    warm: Storage, proxy: Proxy, name: str
) -> None:
    warm.write(name, [name.encode()])
    proxy.plan()
    assert warm.read(name) == name.encode()
    assert len(proxy.seen()) == len(proxy.seen(agent=PLAIN)) == 1


@pytest.mark.parametrize(
    ("do", "status", "code"),
    [
        ("refuse", 503, ""),
        ("refuse", 403, "AccessDenied"),
        ("refuse", 404, "NoSuchBucket"),
        ("refuse", 301, "PermanentRedirect"),
        ("refuse", 200, ""),
        ("cut request", 0, ""),
        ("cut answer", 0, ""),
        ("truncate", 0, ""),
        ("lose answer", 0, ""),
    ],
)
def test_a_plain_read_that_fails_is_done_in_the_ordinary_way(
    warm: Storage, proxy: Proxy, do: Harm, status: int, code: str
) -> None:
    proxy.plan(Rule(do=do, status=status, code=code, agent=PLAIN, times=1))
    assert warm.read("small") == b"some bytes"
    assert [bool(it.done) for it in proxy.seen("GET")] == [True, False]
    # The next one is quick again.
    proxy.plan()
    assert warm.read("small") == b"some bytes"
    assert len(proxy.seen()) == len(proxy.seen(agent=PLAIN)) == 1


def test_plain_reads_that_always_fail_are_not_tried_for_ever(
    warm: Storage, proxy: Proxy
) -> None:
    proxy.plan(Rule(do="truncate", agent=PLAIN))
    for _ in range(20):
        assert warm.read("small") == b"some bytes"
    assert len(proxy.seen(agent=PLAIN)) == 8


def test_a_child_process_does_not_use_its_parents_sockets(warm: Storage) -> None:
    assert warm.read("small")
    child = os.fork()
    if not child:
        try:
            warm.read("small")
        except StorageError as error:
            os._exit(0 if "fork" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert warm.read("small") == b"some bytes"


def over_tls(s3: Server, bucket: str, **client: Any) -> Storage:
    options = s3._replace(endpoint=s3.secure).options()
    options["client_kwargs"].update(client)
    return connect(f"s3://{bucket}/p", options)


def test_plain_requests_over_tls(s3: Server, bucket: str) -> None:
    """Large and small ones, with the certificates that the user's options name."""
    storage = warmed(over_tls(s3, bucket, verify=s3.certificate))
    moved(storage)
    assert storage.read("warm") == b"x"
    place = {"Key": "p/warm"}
    answer = storage._client.send_plain("get_object", place, {})  # type: ignore[attr-defined]
    assert answer.data == b"x"


def test_a_server_that_is_not_trusted_is_not_asked(s3: Server, bucket: str) -> None:
    warmed(connect(f"s3://{bucket}/p", s3.options()))
    storage = over_tls(s3, bucket)
    with pytest.raises(StorageError, match="SSL"):
        storage.read("warm")
    with pytest.raises(SSLError, match="VERIFY_FAILED"):
        storage._client.send_plain("get_object", {"Key": "p/warm"}, {})  # type: ignore[attr-defined]


def test_many_threads_read_at_the_same_time(warm: Storage, proxy: Proxy) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: warm.read("small"), range(200)))
    assert found == [b"some bytes"] * 200
    assert len(proxy.seen(agent=PLAIN)) == 200


@pytest.mark.parametrize("checks", ["when_supported", "when_required"])
def test_a_part_that_was_changed_on_its_way_is_sent_again(
    proxy: Proxy, bucket: str, checks: str
) -> None:
    """By its checksum; where a server is said to know none, by its ETag."""
    config = {"request_checksum_calculation": checks}
    storage = behind(proxy, bucket, config_kwargs=config)
    proxy.plan(Rule(do="change request", path=IS_PART, times=2))

    moved(storage)

    assert len(proxy.seen("PUT", IS_PART)) == 7 + 2


def test_what_needs_options_goes_the_ordinary_way(proxy: Proxy, bucket: str) -> None:
    moved(behind(proxy, bucket, requester_pays=True))

    assert len(proxy.seen("PUT", IS_PART)) == 7
    assert not proxy.seen(agent=PLAIN)


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
