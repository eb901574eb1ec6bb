"""Files that are sent in several requests, and are in the project whole or not."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from hopsartifacts import Project
from hopsartifacts.rest.api import uploads as operations
from hopsartifacts.rest.application import create_app
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.uploads import UploadLimits, Uploads
from hopsartifacts.storage.contract import Storage
from tests.rest.conftest import FixedKeys, bearing

V1 = "/api/v1"
DATA = b"0123456789"
PATH = "Resources/ü b/data.bin"


def begun(client: TestClient, size: int = len(DATA), **more: Any) -> str:
    """Begin an upload to PATH, and return its address."""
    answer = client.post(f"{V1}/uploads", json={"path": PATH, "size": size, **more})
    assert answer.status_code == 201, answer.text
    address: str = answer.headers["location"]
    assert address == f"{V1}/uploads/{answer.json()['id']}"
    return address


def sent(client: TestClient, address: str, data: bytes, offset: int = 0) -> Any:
    """Send bytes, and return the answer."""
    return client.put(address, params={"offset": offset}, content=data)


def uploaded(client: TestClient, data: bytes = DATA, **more: Any) -> Any:
    """Upload a file in one part, and return the answer of its end."""
    address = begun(client, len(data), **more)
    if data:
        assert sent(client, address, data).status_code == 200
    return client.post(f"{address}/finish", json={})


@pytest.fixture
def limited(project: Project, tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """Start the server with limits; again: as after a restart."""
    running: list[Uploads] = []

    def start(key: str = "admin", **limits: float) -> TestClient:
        if running:
            running.pop().close()
        made = replace(UploadLimits(min_free_bytes=0), **limits)
        running.append(Uploads(project.storage, tmp_path / "limited", made))
        app = create_app(Hosted(project, FixedKeys(), running[0]))
        return TestClient(app, headers=bearing(key), raise_server_exceptions=False)

    yield start
    for uploads in running:
        uploads.close()


def test_a_file_is_sent_in_parts(client: TestClient, project: Project) -> None:
    address = begun(client)
    made = client.get(address).json()
    assert (made["path"], made["size_bytes"], made["offset"]) == (PATH, 10, 0)
    assert made["created"] < made["expires"]
    for start, end in ((0, 3), (3, 9), (9, 10)):
        answer = sent(client, address, DATA[start:end], start)
        assert (answer.status_code, answer.json()["offset"]) == (200, end)
    assert not project.get_dataset_api().exists(PATH)
    sha256 = hashlib.sha256(DATA).hexdigest()
    done = client.post(f"{address}/finish", json={"sha256": sha256})
    assert done.status_code == 201, done.text
    assert client.get(done.headers["location"]).json() == done.json()
    assert project.storage.read(PATH) == DATA
    # An answer may be lost: finishing it again says the same.
    again = client.post(f"{address}/finish", json={})
    assert (again.status_code, again.json()) == (201, done.json())
    after = client.get(address).json()
    assert (after["status"], after["offset"]) == ("finished", 10)
    assert client.get(f"{V1}/uploads").json()["total"] == 0


def test_a_file_arrives_on_each_storage(
    storage_of_each_kind: Storage, tmp_path: Path
) -> None:
    project = Project(storage_of_each_kind)
    uploads = Uploads(project.storage, tmp_path / "s", UploadLimits(min_free_bytes=0))
    app = create_app(Hosted(project, FixedKeys(), uploads))
    client = TestClient(app, headers=bearing("writer"))
    for overwrite, data in ((False, DATA), (True, b"other")):
        done = uploaded(client, data, overwrite=overwrite)
        assert (done.status_code, done.json()["size_bytes"]) == (201, len(data))
        assert project.storage.read(PATH) == data
    assert (
        client.post(f"{V1}/uploads", json={"path": PATH, "size": 1}).status_code == 409
    )
    uploads.close()


def test_an_empty_file_needs_no_part(client: TestClient, project: Project) -> None:
    assert uploaded(client, b"").status_code == 201
    assert project.storage.read(PATH) == b""


def test_unfinished_ones_are_listed_for_their_key(client: TestClient) -> None:
    first, second = begun(client), begun(client, 5)
    sent(client, second, b"abc")
    page = client.get(f"{V1}/uploads", params={"limit": 1}).json()
    assert (page["items"][0]["id"], page["total"]) == (first.rpartition("/")[2], 2)
    rest = client.get(f"{V1}/uploads", params={"cursor": page["next"]}).json()
    assert [it["offset"] for it in rest["items"]] == [3]
    writer = bearing("writer")
    assert client.get(f"{V1}/uploads", headers=writer).json()["total"] == 0
    for method, address in (
        ("GET", first),
        ("PUT", f"{first}?offset=0"),
        ("POST", f"{first}/finish"),
        ("DELETE", first),
    ):
        answer = client.request(method, address, headers=writer, content=b"{}")
        assert answer.status_code == 404, method
    assert client.delete(first).status_code == 204
    assert client.get(first).status_code == 404
    assert sent(client, first, b"a").status_code == 404
    assert client.delete(first).status_code == 404
    assert client.get(f"{V1}/uploads").json()["total"] == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"path": "Models/m/1/Files/x", "size": 1}, 403, "managed"),
        ({"path": "Deployments/d/resources/x", "size": 1}, 403, "managed"),
        ({"path": ".hopsartifacts/project.json", "size": 1}, 403, "managed"),
        ({"path": "", "size": 1}, 403, "managed"),
        ({"path": "Resources", "size": 1}, 403, "cannot"),
        ({"path": "x", "size": 1}, 400, "directly in the project"),
        ({"path": "Resources/../Models/x", "size": 1}, 400, ".."),
        ({"path": "/Projects/other/Resources/x", "size": 1}, 400, "project"),
        ({"path": "Resources/a\\b", "size": 1}, 400, "a"),
        ({"path": "Resources/x", "size": -1}, 400, "size"),
        ({"path": "Resources/x"}, 400, "size"),
        ({"path": "Resources/x", "size": 1, "colour": 1}, 400, "colour"),
        ({"path": "Resources/x", "size": 1, "modified": "now"}, 400, "modified"),
        (
            {"path": "Resources/x", "size": 1, "modified": "2030-01-01T00:00:00"},
            400,
            "modified",
        ),
        ({"path": "Resources/there", "size": 1}, 409, "exists"),
        ({"path": "Resources/folder", "size": 1, "overwrite": True}, 409, "directory"),
        ({"path": "Resources/there/x", "size": 1}, 400, "file"),
        ({"path": "Resources/link/x", "size": 1}, 400, "link"),
        ({"path": "Resources/x", "size": 6 * 1024**4}, 413, "at most"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(
    client: TestClient, project: Project, body: Any, status: int, words: str
) -> None:
    project.storage.write("Resources/there", [b"old"])
    folder = project.storage.local_path("Resources")
    assert folder
    (folder / "folder").mkdir()
    (folder / "link").symlink_to(folder)
    answer = client.post(f"{V1}/uploads", json=body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert client.get(f"{V1}/uploads").json()["total"] == 0


def test_bytes_come_in_order(client: TestClient, project: Project) -> None:
    address = begun(client)
    sent(client, address, DATA[:4])
    for offset, data, status, words in (
        (0, DATA[:4], 409, "4 bytes"),
        (5, DATA[5:], 409, "4 bytes"),
        (4, DATA[4:] + b"x", 400, "more than"),
        (-1, b"", 400, "offset"),
    ):
        answer = sent(client, address, data, offset)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert client.put(address, content=b"x").status_code == 400
    early = client.post(f"{address}/finish", json={})
    assert (early.status_code, "4 of 10" in early.text) == (409, True)
    assert not project.get_dataset_api().exists(PATH)
    assert sent(client, address, DATA[4:], 4).json()["offset"] == 10


def test_a_body_of_unknown_length_has_the_same_bounds(client: TestClient) -> None:
    address = begun(client, 3 << 20)
    part = b"x" * (1 << 20)
    answer = client.put(address, params={"offset": 0}, content=iter([part] * 4))
    assert (answer.status_code, "more than" in answer.text) == (400, True)
    assert client.get(address).json()["offset"] <= 3 << 20


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    answer = client.put(
        f"{begun(client)}?offset=0", content=b"x", headers={"content-encoding": "gzip"}
    )
    assert answer.status_code == 415


def test_a_newer_request_takes_over(hosted: Hosted, client: TestClient) -> None:
    """A client that lost its connection does not wait until the server notices it."""
    address = begun(client)
    singles, identity = hosted.uploads.single, address.rpartition("/")[2]
    cut = singles.sender(identity, "admin", 0, 0)
    cut.write(DATA[:2])
    assert sent(client, address, DATA[2:5], 2).status_code == 200
    with pytest.raises(Exception, match="newer request"):
        cut.write(b"late")
    assert client.get(address).json()["offset"] == 5


def test_a_file_is_never_replaced_unasked(client: TestClient, project: Project) -> None:
    first, second = begun(client), begun(client)
    other = begun(client, overwrite=True)
    sent(client, first, b"a" * 10)
    sent(client, second, b"b" * 10)
    sent(client, other, b"c" * 10)
    assert client.post(f"{first}/finish", json={}).status_code == 201
    late = client.post(f"{second}/finish", json={})
    assert (late.status_code, "exists" in late.text) == (409, True)
    assert project.storage.read(PATH) == b"a" * 10
    # It is still there: the user may remove the other file, and finish it.
    assert client.get(second).json()["status"] == "open"
    assert client.post(f"{other}/finish", json={}).status_code == 201
    assert project.storage.read(PATH) == b"c" * 10
    project.get_dataset_api().remove(PATH)
    assert client.post(f"{second}/finish", json={}).status_code == 201
    assert project.storage.read(PATH) == b"b" * 10


def test_a_file_that_is_complete_ends_its_other_uploads(client: TestClient) -> None:
    """Those with the same path and size by the same key, of which bytes are missing."""
    left, other_size = begun(client), begun(client, 11)
    other_path = begun(client, path="Resources/other")
    whole = begun(client)
    sent(client, left, DATA[:4])
    sent(client, whole, DATA)
    body = {"path": PATH, "size": len(DATA)}
    of_writer = client.post(f"{V1}/uploads", json=body, headers=bearing("writer"))
    assert uploaded(client).status_code == 201
    assert client.get(left).status_code == 404
    for address in (other_size, other_path, whole):
        assert client.get(address).json()["status"] == "open"
    theirs = of_writer.headers["location"]
    assert client.get(theirs, headers=bearing("writer")).status_code == 200


def test_an_upload_that_is_being_sent_is_not_ended_by_another(
    hosted: Hosted, client: TestClient
) -> None:
    address = begun(client)
    sender = hosted.uploads.single.sender(address.rpartition("/")[2], "admin", 0, 0)
    assert uploaded(client).status_code == 201
    sender.write(DATA)
    assert client.get(address).json()["offset"] == 10


def test_of_many_uploads_to_one_path_one_is_kept(
    client: TestClient, project: Project
) -> None:
    addresses = [begun(client) for _ in range(8)]
    for number, address in enumerate(addresses):
        sent(client, address, b"%d" % number * 10)
    with ThreadPoolExecutor(8) as pool:
        finish = [pool.submit(client.post, f"{it}/finish", json={}) for it in addresses]
    statuses = [it.result().status_code for it in finish]
    assert sorted(statuses) == [201] + [409] * 7
    assert project.storage.read(PATH) == b"%d" % statuses.index(201) * 10


def test_a_wrong_digest_is_refused(client: TestClient, project: Project) -> None:
    address = begun(client)
    sent(client, address, DATA)
    for sha256 in ("0" * 64, "x", "A" * 64):
        answer = client.post(f"{address}/finish", json={"sha256": sha256})
        assert (answer.status_code, "sha256" in answer.text) == (400, True), sha256
    assert not project.get_dataset_api().exists(PATH)


def test_a_large_file_is_finished_by_a_job(
    client: TestClient,
    project: Project,
    finished: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "LONG_BYTES", 9)
    address = begun(client)
    early = client.post(f"{address}/finish", json={})
    assert early.status_code == 409, early.text
    sent(client, address, DATA)
    job = finished(client.post(f"{address}/finish", json={}))
    assert (job["status"], job["subject"]) == ("done", PATH)
    assert job["result"] == {"kind": "file", "path": PATH}
    assert job["progress"] == {"done_bytes": 10, "size_bytes": 10}
    assert project.storage.read(PATH) == DATA


def test_it_goes_on_after_a_restart(
    limited: Callable[..., TestClient], project: Project
) -> None:
    client = limited()
    address = begun(client, modified="2030-01-01T02:00:00.123+02:00")
    modified = "2030-01-01T02:00:00.123000+02:00"
    assert client.get(address).json()["modified"] == modified
    sent(client, address, DATA[:4])
    client = limited()
    assert client.get(address).json()["offset"] == 4
    assert client.get(address).json()["modified"] == modified
    sent(client, address, DATA[4:], 4)
    client = limited()
    assert client.post(f"{address}/finish", json={}).status_code == 201
    assert project.storage.read(PATH) == DATA
    assert "begin a new one" in limited().get(address).json()["detail"]


def test_limits_are_told(limited: Callable[..., TestClient]) -> None:
    client = limited(max_open=2, max_file_bytes=20)
    assert begun(client) != begun(client)
    body = {"path": PATH, "size": 1}
    many = client.post(f"{V1}/uploads", json=body)
    assert (many.status_code, "2 unfinished" in many.text) == (429, True)
    other = client.post(f"{V1}/uploads", json=body, headers=bearing("writer"))
    assert other.status_code == 201
    long = client.post(f"{V1}/uploads", json={**body, "size": 21})
    assert long.status_code in {413, 429}
    full = limited(min_free_bytes=1 << 60)
    assert full.post(f"{V1}/uploads", json=body).status_code == 507


def test_a_disk_that_fills_up_loses_nothing(
    limited: Callable[..., TestClient], project: Project
) -> None:
    address = begun(limited())
    sent(limited(), address, DATA[:4])
    client = limited(min_free_bytes=1 << 60)
    answer = sent(client, address, DATA[4:], 4)
    assert (answer.status_code, "no room" in answer.text) == (507, True)
    client = limited()
    assert sent(client, address, DATA[4:], 4).status_code == 200
    assert client.post(f"{address}/finish", json={}).status_code == 201
    assert project.storage.read(PATH) == DATA


def test_what_nobody_continues_is_given_up(project: Project, tmp_path: Path) -> None:
    limits = UploadLimits(min_free_bytes=0, expiry_s=0)
    uploads = Uploads(project.storage, tmp_path / "limited", limits)
    app = create_app(Hosted(project, FixedKeys(), uploads))
    client = TestClient(app, headers=bearing("admin"))
    address = begun(client)
    sent(client, address, DATA)
    uploads.sweep()
    answer = client.get(address)
    assert (answer.status_code, "0 hours" in answer.text) == (404, True)
    assert not list((tmp_path / "limited" / "spool").iterdir())
    uploads.close()
