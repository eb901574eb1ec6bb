"""The server as a process: started, asked, stopped, killed, started again."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509

from hopsartifacts.rest.certificates import self_signed
from tests.rest.servers import CLI, Process, make_key

API = "/hopsworks-api/api"
Start = Callable[..., Process]

SLOW = """
import asyncio, sys, time
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from hopsartifacts.rest.listener import Listening, listen
from hopsartifacts.rest.server_process import ApiServer

async def large(request):
    async def pieces():
        for _ in range(20):
            await asyncio.sleep(0.1)
            yield b"x" * 1000
    return StreamingResponse(pieces())

async def endless(request):
    await asyncio.sleep(3600)

def stuck(request):
    time.sleep(3600)

routes = [Route(f"/{it.__name__}", it) for it in (large, endless, stuck)]
listening = Listening(is_plain=True, drain_s=float(sys.argv[1]))
sockets = listen("127.0.0.1", 0)
print(sockets[0].getsockname()[1], flush=True)
from hopsartifacts.rest import server_process
server_process._STUCK_S = 1.0
limit = server_process.connection_limit()
ApiServer(Starlette(routes=routes), listening, None, limit).run(sockets)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return (tmp_path / "demo").as_uri()


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    """Start servers of the project, each of which is ended."""
    started: list[Process] = []

    def run(*options: object) -> Process:
        started.append(Process(url, *options))
        return started[-1]

    yield run
    for process in started:
        process.end()


def client(process: Process, key: str) -> httpx.Client:
    """Return a client that trusts the server, and bears a key."""
    return httpx.Client(
        base_url=process.url,
        verify=ssl.create_default_context(cafile=process.certificate),
        headers={"authorization": f"ApiKey {key}"},
    )


def test_a_client_that_trusts_it_logs_in(start: Start, url: str) -> None:
    process = start()
    assert process.started["has_keys"] is False
    key = make_key(url)
    with client(process, key) as asking:
        answer = asking.get(f"{API}/project/getProjectInfo/demo")
    assert answer.json()["projectName"] == "demo"
    code, error = process.end()
    assert code == 0
    (line,) = [json.loads(it) for it in error.splitlines()]
    assert (line["status"], line["key"]) == (200, key.partition(".")[0])
    assert key.partition(".")[2] not in error


def test_a_key_that_is_revoked_ends_at_once(start: Start, url: str) -> None:
    key = make_key(url)
    process = start()
    assert process.started["has_keys"] is True
    with client(process, key) as asking:
        assert asking.get(f"{API}/project").status_code == 200
        subprocess.run([*CLI, "keys", "revoke", "tester", "--url", url], check=True)
        assert asking.get(f"{API}/project").status_code == 401


def test_who_listens_with_a_key_that_is_revoked_hears_no_more(
    start: Start, url: str
) -> None:
    key = make_key(url)
    process = start()
    with client(process, key) as asking, asking.stream("GET", "/api/v1/events") as it:
        said = it.iter_bytes()
        next(said)
        subprocess.run([*CLI, "keys", "revoke", "tester", "--url", url], check=True)
        began = time.monotonic()
        for _ in said:
            pass
        assert time.monotonic() - began < 5


def test_failed_logins_are_slowed_down(start: Start, url: str) -> None:
    key = make_key(url)
    process = start()
    with client(process, "wrong.key") as guessing:
        answers = [guessing.get(f"{API}/project") for _ in range(12)]
    assert [it.status_code for it in answers] == [401] * 10 + [429] * 2
    assert set(answers[-1].json()) == {"errorCode", "errorMsg", "usrMsg"}
    assert int(answers[-1].headers["retry-after"]) > 0
    with client(process, key) as asking:
        assert asking.get(f"{API}/project").status_code == 429
        # Needs no key, and so says nothing of one.
        assert asking.get("/health").status_code == 200


def test_two_servers_do_not_share_a_folder(start: Start, tmp_path: Path) -> None:
    start()
    with pytest.raises(ChildProcessError, match="another server uses"):
        start()
    start("--state-dir", tmp_path / "other")


def test_a_port_that_is_taken_is_told(start: Start, tmp_path: Path) -> None:
    port = start().url.rpartition(":")[2]
    with pytest.raises(ChildProcessError, match=f"127.0.0.1:{port} is in use"):
        start("--state-dir", tmp_path / "other", "--port", port)


def test_killed_and_started_again_it_is_the_same(start: Start, url: str) -> None:
    key = make_key(url)
    first = start()
    certificate = Path(first.certificate).read_bytes()
    first.send(signal.SIGKILL)
    assert first.ended()[0] == -signal.SIGKILL
    second = start()
    assert Path(second.certificate).read_bytes() == certificate
    with client(second, key) as asking:
        assert asking.get(f"{API}/project").status_code == 200


@pytest.mark.parametrize(
    "path", ["files/Resources%2Fa.bin/content", "models/m/versions"]
)
def test_a_killed_server_leaves_nothing_of_what_it_was_sent(
    start: Start, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Half a body must not fill the disk: the next start deletes it."""
    scratch, folder = tmp_path / "scratch", tmp_path / "server"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    key = make_key(url, "--state-dir", folder)
    process = start("--state-dir", folder, "--plain-http")
    bodies = folder / "uploads" / "bodies"
    method, head, content = "PUT", "", b"x" * 10_000_000
    if path.startswith("models"):
        method, head = "POST", "content-type: multipart/form-data; boundary=B\r\n"
        content = (
            b'--B\r\ncontent-disposition: form-data; name="framework"\r\n\r\nPYTHON'
            b'\r\n--B\r\ncontent-disposition: form-data; name="file"; filename="a"'
            b"\r\n\r\n" + content
        )
    with socket.create_connection(
        ("127.0.0.1", int(process.url.rpartition(":")[2]))
    ) as half:
        half.sendall(
            f"{method} /api/v1/{path} HTTP/1.1\r\nhost: a\r\n{head}"
            f"authorization: ApiKey {key}\r\ncontent-length: 20000000\r\n\r\n".encode()
            + content
        )
        time.sleep(1)
        held = [*bodies.rglob("*.bin")]
        process.send(signal.SIGKILL)
        process.ended()
    assert len(held) == (method == "PUT")
    assert not [*scratch.iterdir()]
    start("--state-dir", folder)
    assert not [*bodies.iterdir()]


def test_a_damaged_file_of_keys_is_told_before_anything_is_served(
    start: Start, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "server"
    make_key(url, "--state-dir", folder)
    (folder / "keys.json").write_text("{}")
    with pytest.raises(ChildProcessError, match="is damaged"):
        start("--state-dir", folder)


def test_idle_connections_do_not_keep_it(start: Start, url: str) -> None:
    key = make_key(url)
    process = start()
    context = ssl.create_default_context(cafile=process.certificate)
    port = int(process.url.rpartition(":")[2])
    with (
        client(process, key) as asking,
        socket.create_connection(("127.0.0.1", port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as silent,
    ):
        asking.get("/health")
        began = time.monotonic()
        assert process.end()[0] == 0
        assert time.monotonic() - began < 15
        assert silent.version()


def test_who_listens_to_events_does_not_keep_it(start: Start, url: str) -> None:
    key = make_key(url)
    process = start()
    with client(process, key) as asking, asking.stream("GET", "/api/v1/events") as it:
        assert it.status_code == 200
        began = time.monotonic()
        assert process.end()[0] == 0
        assert time.monotonic() - began < 15


def shown(process: Process) -> str:
    """Return the certificate that a server shows."""
    port = int(process.url.rpartition(":")[2])
    return ssl.get_server_certificate(("127.0.0.1", port)).strip()


def shown_after(process: Process, before: str) -> str:
    """Return the certificate that it shows once that is another one."""
    deadline = time.monotonic() + 20
    while (now := shown(process)) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


def test_a_certificate_is_renewed_while_it_runs(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    process = start("--state-dir", folder, "--chores", "0.2s")
    first = shown(process)
    (folder / "server.pem").unlink()
    second = shown_after(process, first)
    assert second != first
    assert second == Path(process.certificate).read_text().strip()


def test_a_new_certificate_of_ones_own_is_shown(start: Start, tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made.append(self_signed(tmp_path / name, []).file)
    own = tmp_path / "own.pem"
    own.write_bytes(made[0].read_bytes())
    process = start("--cert", own, "--chores", "0.2s")
    assert process.started["certificate"] is None
    first = shown(process)
    own.write_text("nonsense")
    time.sleep(1)
    assert shown(process) == first
    own.write_bytes(made[1].read_bytes())
    second = shown_after(process, first)
    assert second == (tmp_path / "b" / "certificate.pem").read_text().strip()
    _, error = process.end()
    assert "not PEM" in error


def test_it_makes_a_certificate_for_its_names(start: Start) -> None:
    process = start("--host", "localhost", "--name", "models.example")
    assert process.url.startswith("https://localhost:")
    with client(process, "none") as asking:
        assert asking.get("/health").status_code == 200
    found = x509.load_pem_x509_certificate(Path(process.certificate).read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert "models.example" in names.value.get_values_for_type(x509.DNSName)


def test_behind_a_proxy_it_speaks_http_and_believes_the_proxy(
    start: Start, url: str
) -> None:
    key = make_key(url)
    process = start("--plain-http", "--proxy", "127.0.0.1")
    assert process.url.startswith("http://")
    assert process.started["certificate"] is None
    headers = {"authorization": f"ApiKey {key}", "x-forwarded-for": "192.0.2.7"}
    asked = httpx.get(f"{process.url}{API}/project", headers=headers)
    assert asked.status_code == 200
    _, error = process.end()
    assert json.loads(error)["client"] == "192.0.2.7"


def test_nobody_else_is_believed_about_who_he_is(start: Start, url: str) -> None:
    key = make_key(url)
    process = start()
    with client(process, key) as asking:
        asking.get("/health", headers={"x-forwarded-for": "192.0.2.7"})
    assert json.loads(process.end()[1])["client"] == "127.0.0.1"


def test_the_inference_port_is_announced(start: Start, url: str) -> None:
    key = make_key(url)
    process = start("--inference-port", "0")
    inference = httpx.URL(process.started["inference"])
    with client(process, key) as asking:
        number = asking.get(f"{API}/project").json()[0]["project"]["id"]
        endpoints = asking.get(f"{API}/project/{number}/inference/endpoints").json()
        assert endpoints["items"][0]["ports"][0]["number"] == inference.port
        headers = dict(asking.headers)
    answer = httpx.get(inference.join("/v1/models/none"), headers=headers)
    assert (answer.status_code, answer.content) == (404, b"")
    assert process.end()[0] == 0


class Slow:
    """A server with answers that take long, and how it ends."""

    def __init__(self, drain_s: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SLOW, str(drain_s)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.answer: Any = None
        self._thread: threading.Thread | None = None

    def ask(self, path: str) -> None:
        """Ask on a thread, until the request is under way."""
        self._thread = threading.Thread(target=self._ask, args=(path,))
        self._thread.start()
        time.sleep(1)

    def stop(self) -> int:
        """End it with a signal; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if self._thread:
            self._thread.join()
        self.process.communicate()
        return code

    def _ask(self, path: str) -> None:
        try:
            url = f"http://127.0.0.1:{self.port}/{path}"
            self.answer = httpx.get(url, timeout=60)
        except httpx.HTTPError as error:
            self.answer = error


@pytest.fixture
def slow() -> Iterator[Callable[[float], Slow]]:
    made: list[Slow] = []

    def make(drain_s: float) -> Slow:
        made.append(Slow(drain_s))
        return made[-1]

    yield make
    for server in made:
        server.process.kill()
        server.process.communicate()


def test_a_download_under_way_is_finished(slow: Callable[[float], Slow]) -> None:
    server = slow(30)
    server.ask("large")
    assert server.stop() == 0
    assert len(server.answer.content) == 20_000


def test_what_does_not_end_is_cut_in_time(slow: Callable[[float], Slow]) -> None:
    server = slow(1)
    server.ask("endless")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20
    assert (
        isinstance(server.answer, httpx.HTTPError) or server.answer.status_code >= 500
    )


def test_a_thread_that_does_not_end_does_not_keep_it(
    slow: Callable[[float], Slow],
) -> None:
    server = slow(1)
    server.ask("stuck")
    began = time.monotonic()
    assert server.stop() == 1
    assert time.monotonic() - began < 20


def test_an_interrupt_from_the_keyboard_is_no_failure(start: Start) -> None:
    process = start()
    process.send(signal.SIGINT)
    assert process.ended()[0] == 0
