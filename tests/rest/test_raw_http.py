"""Raw requests, as clients of every kind send them, at every port that answers HTTP.

A request is one line of ``REQUESTS``, a port one of ``PORTS``. Nothing may hang.
"""

import gzip
import http.client
import json
import shutil
import socket
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hopsartifacts
from tests.rest.servers import Process, make_key

JAVA = shutil.which("java")
LONGEST_S = 20
MANY = 1000
BODY = b'{"instances": [[1, 2]]}'
BOM = b"\xef\xbb\xbf"
ANSWER = {"predictions": [[1, 2]]}
SCRIPT = """
class Predict:
    def predict(self, inputs):
        return inputs
"""
BOMB = gzip.compress(b'{"instances": [[' + b"1," * 50_000_000, 1)

JAVA_SENDS = (
    b"POST $PATH HTTP/1.1\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"Content-Length: 23\r\n"
    b"Host: 127.0.0.1:$PORT\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n"
    b"Upgrade: h2c\r\n"
    b"User-Agent: Java-http-client/17.0.15\r\n"
    b"Authorization: ApiKey $KEY\r\n"
    b"Content-Type: application/json\r\n"
    b"\r\n" + BODY
)
"""What the HTTP client of Java 17 sends first, if nobody tells it to speak HTTP/1.1."""


def request(
    *headers: str,
    body: bytes = BODY,
    line: str = "POST $PATH HTTP/1.1",
    length: bool = True,
) -> bytes:
    """Return a request as it goes over the wire, with the length of its body."""
    sized = [f"Content-Length: {len(body)}"] if length else []
    head = [line, "Host: a", "Authorization: ApiKey $KEY", *sized, *headers, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def coded(coding: str, body: bytes) -> bytes:
    return request(f"Content-Encoding: {coding}", body=body)


def chunked(*headers: str, end: bytes = b"0\r\n\r\n", extension: bytes = b"") -> bytes:
    pieces = b"".join(
        b"%x%b\r\n%b\r\n" % (len(piece), extension, piece)
        for piece in (BODY[:5], BODY[5:])
    )
    return request(
        "Transfer-Encoding: chunked", *headers, body=pieces + end, length=False
    )


GZIP, DEFLATE = gzip.compress(BODY), zlib.compress(BODY)
H2C = (
    "Upgrade: h2c",
    "Connection: Upgrade, HTTP2-Settings",
    "HTTP2-Settings: AAMAAABk",
)
WEBSOCKET = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)

# Name, what is sent, and the status of each answer. ENDED: the connection is closed.
ENDED = 0
REQUESTS: list[tuple[str, bytes, Any]] = [
    ("plain", request(), [200]),
    # Offers of another protocol.
    ("h2c", request(*H2C), [200]),
    ("h2c-java", JAVA_SENDS, [200]),
    ("h2c-no-settings", request("Upgrade: h2c", "Connection: Upgrade"), [200]),
    ("h2c-other-case", request("UPGRADE: H2C", "CONNECTION: UPGRADE"), [200]),
    ("h2c-two-lines", request(*H2C, "Connection: keep-alive"), [200]),
    (
        "h2c-and-close",
        request("Upgrade: h2c", "Connection: upgrade, close"),
        [200, ENDED],
    ),
    ("h2c-not-named", request("Upgrade: h2c"), [200]),
    ("h2c-chunked", chunked(*H2C), [200]),
    ("h2c-expect", request(*H2C, "Expect: 100-continue"), [200]),
    ("h2c-gzip", request(*H2C, "Content-Encoding: gzip", body=GZIP), [200]),
    ("h2c-pipelined", request(*H2C) + request(*H2C) + request(), [200, 200, 200]),
    ("h2c-no-body", request(*H2C, body=b"", line="GET $STATE HTTP/1.1"), [200]),
    ("h2c-http-1.0", request(*H2C, line="POST $PATH HTTP/1.0"), [200, ENDED]),
    ("websocket", request(*WEBSOCKET), [200]),
    ("websocket-get", request(*WEBSOCKET, body=b"", line="GET $STATE HTTP/1.1"), [200]),
    ("upgrade-tls", request("Upgrade: TLS/1.3", "Connection: Upgrade"), [200]),
    ("upgrade-many", request("Upgrade: a, b/1", "Connection: upgrade"), [200]),
    # Content codings.
    ("gzip", coded("gzip", GZIP), [200]),
    ("GZIP", coded("GZIP", GZIP), [200]),
    ("x-gzip", coded("x-gzip", GZIP), [200]),
    ("deflate", coded("deflate", DEFLATE), [200]),
    ("identity", coded("identity", BODY), [200]),
    ("no-coding", coded("", BODY), [200]),
    ("gzip-identity", coded("gzip, identity", GZIP), [200]),
    ("gzip-twice", coded("gzip, gzip", gzip.compress(GZIP)), [415]),
    ("zstd", coded("zstd", b"(\xb5/\xfd"), [415]),
    ("br", coded("br", b"\x0b"), [415]),
    ("unknown-coding", coded("nonsense", BODY), [415]),
    ("not-gzip", coded("gzip", BODY), [400]),
    ("half-gzip", coded("gzip", GZIP[:-9]), [400]),
    ("no-gzip", coded("gzip", b""), [400]),
    ("bomb", coded("gzip", BOMB), [413]),
    # Texts.
    ("bom", request(body=BOM + BODY), [200]),
    ("bom-gzip", coded("gzip", gzip.compress(BOM + BODY)), [200]),
    ("bom-alone", request(body=BOM), [400]),
    ("utf-16", request(body='{"instances": [1]}'.encode("utf-16")), [400]),
    ("latin-1", request(body=b'{"instances": ["\xe9"]}'), [400]),
    ("surrogate", request(body=b'{"instances": ["\\ud800"]}'), [400]),
    ("nan", request(body=b'{"instances": [[NaN]]}'), [400]),
    ("no-json", request(body=b"instances=1"), [400]),
    ("empty", request(body=b""), [400]),
    ("deep", request(body=b'{"instances": ' + b"[" * 100_000), [400]),
    # How a body is sent.
    ("expect", request("Expect: 100-continue"), [200]),
    ("expect-other", request("Expect: something"), [200]),
    ("chunked", chunked(), [200]),
    (
        "chunked-case",
        request("Transfer-Encoding: Chunked", body=b"0\r\n\r\n", length=False),
        [400],
    ),
    (
        "chunked-trailers",
        chunked("Trailer: X-Sum", end=b"0\r\nX-Sum: 1\r\n\r\n"),
        [200],
    ),
    ("chunked-extension", chunked(extension=b";a=b"), [200]),
    ("chunked-nonsense", chunked(end=b"zz\r\n"), [400, ENDED]),
    ("pipelined", request() + request(), [200, 200]),
    ("pipelined-mixed", chunked() + coded("gzip", GZIP) + request(), [200, 200, 200]),
    ("http-1.0", request(line="POST $PATH HTTP/1.0"), [200, ENDED]),
    ("close", request("Connection: close"), [200, ENDED]),
    ("quoted-path", request(line="POST $QUOTED HTTP/1.1"), [200]),
    ("query", request(line="POST $PATH?a=b HTTP/1.1"), [200]),
    ("absolute", request(line="POST http://a$PATH HTTP/1.1"), [200]),
    ("form", request("Content-Type: application/x-www-form-urlencoded"), [200]),
    ("json-type", request("Content-Type: application/json; charset=utf-8"), [200]),
    ("no-length", request(body=b"", length=False), [400]),
    ("short", request("Content-Length: 100", length=False), [ENDED]),
    (
        "announced-long",
        request(
            "Content-Length: 999999999999",
            "Expect: 100-continue",
            body=b"",
            length=False,
        ),
        [413],
    ),
    ("blank-lines-before", b"\r\n\r\n" + request(), [200]),
    # What is no request, or is not read alike by everybody.
    ("two-lengths", request("Content-Length: 5"), [400, ENDED]),
    ("length-and-chunked", request("Transfer-Encoding: chunked"), [400, ENDED]),
    ("no-number", request("Content-Length: x", length=False), [400, ENDED]),
    ("negative", request("Content-Length: -1", length=False), [400, ENDED]),
    ("lone-lf", request().replace(b"\r\n", b"\n"), [400, ENDED]),
    ("nul", request("X-A: a\0b"), [400, ENDED]),
    ("space-before-colon", request("X-A : b"), [400, ENDED]),
    ("no-http", b"hello\r\n\r\n", [400, ENDED]),
    ("http-9", request(line="POST $PATH HTTP/9.9"), [400, ENDED]),
    ("no-version", request(line="POST $PATH"), [200, ENDED]),
    ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), [400, ENDED]),
    # Methods.
    ("head", request(body=b"", line="HEAD $STATE HTTP/1.1"), [200]),
    ("options", request(body=b"", line="OPTIONS $STATE HTTP/1.1"), [405]),
    ("get", request(body=b"", line="GET $STATE HTTP/1.1"), [200]),
    ("get-with-body", request(line="GET $STATE HTTP/1.1"), [200]),
    ("put", request(line="PUT $PATH HTTP/1.1"), [405]),
    ("trace", request(body=b"", line="TRACE $PATH HTTP/1.1"), [405]),
    ("options-all", request(body=b"", line="OPTIONS * HTTP/1.1"), [404]),
    ("connect", request(body=b"", line="CONNECT a:443 HTTP/1.1"), [400]),
]


class Port(NamedTuple):
    """A port, and where a deployment is asked there."""

    number: int
    path: str
    quoted: str
    state: str
    key: str


class Answer(NamedTuple):
    status: int
    body: bytes


PORTS = ("worker", "main", "api", "inference")


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Port]]:
    folder = tmp_path_factory.mktemp("raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOPSARTIFACTS_STATE_DIR", str(folder / "state"))
        url = str(folder / "demo")
        (folder / "weights.bin").write_bytes(b"w")
        (folder / "script.py").write_text(SCRIPT)
        creator = hopsartifacts.login(url).get_model_registry().python
        model = creator.create_model("echo").save(folder / "weights.bin")
        deployment: Any = model.deploy("echo", script_file=folder / "script.py")
        deployment.start(60)
        process = Process(url, "--plain-http", "--access-log", folder / "access.log")
        key = make_key(url)

        def port(
            url: str, path: str = "/v1/models/echo", end: str = ":predict"
        ) -> Port:
            number = int(url.rpartition(":")[2].partition("/")[0])
            quoted = path.replace("echo", "%65cho") + end.replace(":", "%3A")
            return Port(number, path + end, quoted, path, key)

        try:
            yield {
                "worker": port(deployment.get_url().partition("/v1/")[0]),
                "main": port(process.url),
                "api": port(process.url, "/api/v1/deployments/echo", "/predictions"),
                "inference": port(process.started["inference"]),
            }
        finally:
            process.end()
            deployment.stop(10)


def answers(port: Port, sent: bytes, count: int, *, is_half: bool) -> list[Answer]:
    """Send it, and return the first answers, up to the end of the connection.

    That end counts as an answer whose status is ``ENDED``.
    """
    for name, value in (
        (b"$PATH", port.path),
        (b"$QUOTED", port.quoted),
        (b"$STATE", port.state),
        (b"$PORT", str(port.number)),
        (b"$KEY", port.key),
    ):
        sent = sent.replace(name, value.encode())
    has_body = not sent.startswith(b"HEAD")
    with socket.create_connection(
        ("127.0.0.1", port.number), timeout=LONGEST_S
    ) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
            if is_half:
                connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as reader:
            return [_next(reader, has_body=has_body) for _ in range(count)]


def _next(reader: BufferedReader, *, has_body: bool) -> Answer:
    try:
        line = reader.readline()
        if not line:
            return Answer(ENDED, b"")
        status = int(line.split()[1])
        headers = http.client.parse_headers(reader)
        if status == 100:
            return _next(reader, has_body=has_body)
        if not has_body:
            return Answer(status, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, b"".join(_chunks(reader)))
        return Answer(status, reader.read(int(headers["content-length"])))
    except ConnectionError:
        return Answer(ENDED, b"")


def _chunks(reader: BufferedReader) -> Iterator[bytes]:
    while size := int(reader.readline(), 16):
        yield reader.read(size)
        reader.readline()
    reader.readline()


@pytest.mark.parametrize("at", PORTS)
@pytest.mark.parametrize(
    ("sent", "expected"),
    [case[1:] for case in REQUESTS],
    ids=[case[0] for case in REQUESTS],
)
def test_a_request_is_answered(
    ports: dict[str, Port], at: str, sent: bytes, expected: list[int]
) -> None:
    is_half = expected == [ENDED]
    found = answers(ports[at], sent, len(expected), is_half=is_half)
    assert [it.status for it in found] == expected, found
    for answer in found:
        if answer.status == 200 and b"POST" in sent:
            assert json.loads(answer.body) == ANSWER


@pytest.mark.parametrize("at", PORTS)
@pytest.mark.parametrize("headers", [(), H2C], ids=["plain", "h2c"])
def test_many_requests_in_one_piece_are_all_answered(
    ports: dict[str, Port], at: str, headers: tuple[str, ...]
) -> None:
    one = request(*headers, body=b"", line="GET $STATE HTTP/1.1")
    found = answers(ports[at], one * MANY, MANY, is_half=False)
    assert {it.status for it in found} == {200}


JAVA_CLIENT = """
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Ask {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int at = 2; at < given.length; at++) {
            for (int time = 0; time < 2; time++) {
                HttpRequest request = HttpRequest.newBuilder(URI.create(given[at]))
                    .header("Authorization", "ApiKey " + given[0])
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(given[1]))
                    .build();
                HttpResponse<String> answer =
                    client.send(request, HttpResponse.BodyHandlers.ofString());
                System.out.println(answer.statusCode() + " " + answer.body());
            }
        }
    }
}
"""


@pytest.mark.skipif(
    JAVA is None or shutil.which("javac") is None,
    reason="needs a JDK; the case h2c-java sends the bytes of its client",
)
def test_the_client_of_java_is_answered(ports: dict[str, Port], tmp_path: Path) -> None:
    (tmp_path / "Ask.java").write_text(JAVA_CLIENT)
    urls = [f"http://127.0.0.1:{it.number}{it.path}" for it in ports.values()]
    key = ports["main"].key
    done = subprocess.run(
        [str(JAVA), tmp_path / "Ask.java", key, BODY.decode(), *urls],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert [line[:3] for line in lines] == ["200"] * 2 * len(urls), done.stderr
    assert all(json.loads(line[4:]) == ANSWER for line in lines)
