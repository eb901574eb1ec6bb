"""Bytes to and from a real S3 server: requests counted, faults got over or told."""

import hashlib
import os
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from hopsartifacts.errors import PathNotFoundError, StorageError
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.contract import Storage
from tests.s3.conftest import Server
from tests.s3.content import (
    IS_PART,
    LARGE,
    MIB,
    PART,
    PLACE,
    SEVERAL,
    content,
    digest,
)
from tests.s3.proxy import Proxy, Rule


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART])
def test_what_was_written_is_read(storage: Storage, size: int) -> None:
    storage.write(PLACE, content(size))

    assert digest(storage.chunks(PLACE)) == digest(content(size))
    assert len(storage.read(PLACE)) == size
    assert list(storage.unfinished("")) == []


def test_small_things_take_one_request_each(storage: Storage, proxy: Proxy) -> None:
    storage.write("a/b", [b"some ", b"bytes"])
    storage.create("a/c", b"")
    for work in (
        lambda: storage.write("a/b", [b"other", b"bytes"]),
        lambda: storage.create("a/c", b""),
        lambda: storage.read("a/b"),
        lambda: list(storage.chunks("a/b")),
        lambda: list(storage.chunks("a/c")),
        lambda: storage.stat("a/b"),
        lambda: storage.list("a"),
        lambda: storage.list("absent"),
        lambda: list(storage.find("")),
        lambda: list(storage.find("absent")),
        lambda: storage.copy("a/b", "a/d"),
        lambda: list(storage.unfinished("a")),
    ):
        proxy.plan()
        work()
        assert len(proxy.seen()) == 1, proxy.seen()


def test_large_things_go_in_parts_and_come_in_ranges(
    storage: Storage, proxy: Proxy
) -> None:
    storage.write(PLACE, content(LARGE))
    parts = len(proxy.seen("PUT", IS_PART))
    assert parts == 7
    # Unfinished ones are looked for; begun; completed.
    assert len(proxy.seen()) == parts + 3

    proxy.plan()
    assert digest(storage.chunks(PLACE)) == digest(content(LARGE))
    assert {one.method for one in proxy.seen()} == {"GET"}
    assert len(proxy.seen()) == -(-LARGE // (8 * MIB))


@pytest.mark.usefixtures("small_parts")
def test_a_slow_part_holds_up_no_other(storage: Storage, proxy: Proxy) -> None:
    proxy.plan(Rule(do="hold", path=r"partNumber=1(&|$)", times=1))
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(storage.write, PLACE, content(SEVERAL))
        try:
            wait_until(
                lambda: [it.status for it in proxy.seen("PUT", IS_PART)].count(200) == 6
            )
        finally:
            proxy.plan()
        writing.result()
    assert digest(storage.chunks(PLACE)) == digest(content(SEVERAL))


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_memory_stays_bounded_however_large_it_is(s3: Server, bucket: str) -> None:
    storage = connect(f"s3://{bucket}/p", s3.options())
    storage.write("warm", [b""])
    peaks = []
    for size in (12 * PART, 24 * PART):
        tracemalloc.start()
        storage.write(PLACE, content(size))
        for _ in storage.chunks(PLACE):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 12 * PART
    assert peaks[1] < peaks[0] + 2 * PART


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(
    storage: Storage, proxy: Proxy, status: int
) -> None:
    proxy.plan(Rule(do="refuse", status=status, times=3))
    storage.write("a/b", [b"bytes"])
    proxy.plan(Rule(do="refuse", status=status, times=2))
    assert storage.read("a/b") == b"bytes"
    assert len(proxy.seen()) == 3


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(
    ("harm", "method"),
    [
        ("cut request", "PUT"),
        ("lose answer", "PUT"),
        ("cut answer", "GET"),
        ("truncate", "GET"),
        ("lose answer", "GET"),
    ],
)
def test_cut_connections_are_made_again(
    storage: Storage, proxy: Proxy, harm: str, method: str
) -> None:
    rule = Rule(do=harm, method=method, path=r"weights", times=6, chance=0.5)  # type: ignore[arg-type]
    proxy.plan(rule, seed=1)
    storage.write(PLACE, content(SEVERAL))
    assert digest(storage.chunks(PLACE)) == digest(content(SEVERAL))
    assert [one.done for one in proxy.seen() if one.done]


def test_a_conflict_on_creation_is_tried_again(storage: Storage, proxy: Proxy) -> None:
    proxy.plan(
        Rule(do="refuse", status=409, code="ConditionalRequestConflict", times=2)
    )
    assert storage.create("a/b", b"one")
    assert storage.read("a/b") == b"one"


def test_a_creation_whose_answer_was_lost_is_never_made_twice(
    storage: Storage, proxy: Proxy
) -> None:
    proxy.plan(Rule(do="lose answer", method="PUT", times=1))
    # It is there, and who created it is told no: what lies there tells that it is his.
    assert not storage.create("a/b", b"mine")
    assert storage.read("a/b") == b"mine"


def test_what_is_refused_for_good_is_not_tried_again(
    storage: Storage, proxy: Proxy
) -> None:
    proxy.plan(Rule(do="refuse", status=403, code="AccessDenied"))
    words = r"cannot write 'a/b': bucket .* denies access"
    with pytest.raises(StorageError, match=words):
        storage.write("a/b", [b"bytes"])
    assert len(proxy.seen()) == 1


def test_patience_ends(storage: Storage, proxy: Proxy) -> None:
    proxy.plan(Rule(do="refuse", status=503))
    started = time.monotonic()
    with pytest.raises(StorageError, match="failed repeatedly"):
        storage.read("a/b")
    assert time.monotonic() - started < 25
    assert 5 <= len(proxy.seen()) <= 10


def test_the_number_of_attempts_can_be_set(proxy: Proxy, bucket: str) -> None:
    once = {"retries": {"total_max_attempts": 2}}
    options = Server(proxy.endpoint).options(config_kwargs=once)
    storage = connect(f"s3://{bucket}/p", options)
    proxy.plan(Rule(do="refuse", status=503))
    with pytest.raises(StorageError):
        storage.read("a/b")
    assert len(proxy.seen()) == 2


def test_an_object_that_is_replaced_in_mid_read_is_told(
    storage: Storage, s3: Server, bucket: str
) -> None:
    storage.write(PLACE, content(LARGE))
    chunks = storage.chunks(PLACE)
    next(chunks)
    other = connect(f"s3://{bucket}/p", s3.options())
    other.write(PLACE, content(LARGE, seed=1))
    with pytest.raises(StorageError, match="replaced while it was being read"):
        list(chunks)


def test_a_reader_may_stop_in_the_middle(storage: Storage, proxy: Proxy) -> None:
    storage.write(PLACE, content(LARGE))
    proxy.plan()
    chunks = storage.chunks(PLACE)
    for _ in range(2):
        next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert len(proxy.seen("GET")) < LARGE // (8 * MIB)
    # What it held is given back.
    for _ in range(20):
        assert next(storage.chunks(PLACE))
    assert digest(storage.chunks(PLACE)) == digest(content(LARGE))


def test_readers_that_wait_for_each_other_all_go_on(storage: Storage) -> None:
    storage.write(PLACE, content(LARGE))
    readers = [storage.chunks(PLACE) for _ in range(12)]
    found = [hashlib.sha256() for _ in readers]
    for chunks in zip(*readers, strict=True):
        for one, chunk in zip(found, chunks, strict=True):
            one.update(chunk)
    assert {one.hexdigest() for one in found} == {digest(content(LARGE))}


@pytest.mark.usefixtures("small_parts")
def test_what_is_too_large_for_one_copy_is_copied_in_parts(
    storage: Storage, proxy: Proxy
) -> None:
    storage.write(PLACE, content(SEVERAL))
    proxy.plan(
        Rule(do="refuse", method="PUT", status=400, code="InvalidRequest", times=1)
    )
    assert storage.copy(PLACE, "Models/m/2/Files/weights.bin")
    assert len(proxy.seen("PUT", IS_PART)) == 1
    found = digest(storage.chunks("Models/m/2/Files/weights.bin"))
    assert found == digest(content(SEVERAL))
    with pytest.raises(PathNotFoundError, match="absent"):
        storage.copy("absent", "there")


def test_thousands_of_objects_are_deleted_in_batches(
    storage: Storage, proxy: Proxy, s3: Server, bucket: str
) -> None:
    import s3fs  # noqa: PLC0415 - only where a server runs

    files = s3fs.S3FileSystem(**s3.options(skip_instance_cache=True))
    names = [f"{bucket}/p/many/{number}" for number in range(2300)]
    files.pipe(dict.fromkeys(names, b"x"), batch_size=16)
    storage.write("many-not", [b"kept"])
    proxy.plan()

    storage.delete_tree("many")
    assert len(proxy.seen("POST", "delete")) == 3
    assert len(proxy.seen()) == 7
    assert [entry.path for entry in storage.find("")] == ["many-not"]


def test_a_missing_bucket_is_named_at_once(s3: Server) -> None:
    storage = connect("s3://there-is-no-such-bucket/p", s3.options())
    for work in (
        lambda: storage.read("a"),
        lambda: list(storage.chunks("a")),
        lambda: storage.list("a"),
    ):
        with pytest.raises(
            StorageError, match=r"'there-is-no-such-bucket' at http.* does not exist"
        ):
            work()


def test_an_unreachable_server_is_given_up_soon(bucket: str) -> None:
    storage = connect(f"s3://{bucket}/p", Server("http://127.0.0.1:9").options())
    started = time.monotonic()
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9 cannot be reached"):
        storage.read("a")
    first = time.monotonic() - started
    assert first < 20
    # Who asks again at once learns it at once.
    with pytest.raises(StorageError, match="cannot be reached"):
        storage.list("a")
    assert time.monotonic() - started - first < 3


def test_random_content_survives_random_harm(storage: Storage, proxy: Proxy) -> None:
    data = {f"Models/m/1/Files/{n}": os.urandom(n * 700_001) for n in range(12)}
    proxy.plan(
        Rule(do="refuse", status=503, chance=0.1),
        Rule(do="cut request", method="PUT", chance=0.1),
        Rule(do="cut answer", method="GET", chance=0.1),
        Rule(do="lose answer", chance=0.05),
        seed=3,
    )
    for path, one in data.items():
        storage.write(path, [one])
    assert {path: b"".join(storage.chunks(path)) for path in data} == data
    assert {entry.path for entry in storage.find("")} == set(data)
    storage.delete_tree("Models")
    assert list(storage.find("")) == []
