"""The server's certificate: its own, or the user's."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.certificates import (
    Certificate,
    fingerprint,
    own,
    self_signed,
    tls,
)

DAY = timedelta(days=1)


@contextmanager
def listening(certificate: Certificate) -> Iterator[int]:
    """Shake hands with one client after the other, and give the port."""
    context = tls(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(1)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def shake_hands(port: int, name: str, context: ssl.SSLContext) -> str | None:
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        context.wrap_socket(connection, server_hostname=name) as secure,
    ):
        return secure.version()


def trusting(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate.for_clients))
    # What later Pythons ask for by themselves.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "::1", socket.gethostname(), "models.example"]
)
def test_a_client_that_trusts_it_is_content(tmp_path: Path, name: str) -> None:
    certificate = self_signed(tmp_path, ["models.example"])
    with listening(certificate) as port:
        assert shake_hands(port, name, trusting(certificate)) == "TLSv1.3"


def test_others_and_other_names_are_not(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, [])
    with listening(certificate) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(port, "localhost", ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(port, "models.example", trusting(certificate))


def test_old_protocols_are_refused(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with listening(certificate) as port, pytest.raises(ssl.SSLError):
        shake_hands(port, "localhost", context)


def test_its_key_is_for_nobody_else(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, [])
    assert certificate.file.stat().st_mode & 0o777 == 0o600
    assert certificate.for_clients is not None
    assert b"PRIVATE" not in certificate.for_clients.read_bytes()


def test_it_is_kept_until_it_will_no_longer_do(tmp_path: Path) -> None:
    def made(names: list[str], days: int = 0) -> str:
        return fingerprint(self_signed(tmp_path, names, datetime.now(UTC) + days * DAY))

    first = made(["a.example"])
    assert made(["a.example"]) == made([]) == made([], days=690) == first
    renewed = made([], days=710)
    assert renewed != first
    other = made(["b.example", "10.1.2.3"])
    assert other not in {first, renewed}
    assert made(["10.1.2.3"]) == other


@pytest.mark.parametrize("name", ["server.pem", "certificate.pem"])
@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_one_is_made_again(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    self_signed(tmp_path, [])
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    certificate = self_signed(tmp_path, [])
    with listening(certificate) as port:
        shake_hands(port, "localhost", trusting(certificate))


@pytest.mark.parametrize("name", ["", "a b", "a/b", "https://a", "a..b", "x" * 64])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a host name"):
        self_signed(tmp_path, [name])


class Authority:
    """Makes certificates, as a company's authority does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name.from_rfc4514_string("CN=authority")
        self.file = self._written("authority.pem", self._name, self._key, ca=True)

    def makes(self, start: timedelta = -DAY, end: timedelta = DAY) -> tuple[Path, Path]:
        """Return the files of a certificate, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name.from_rfc4514_string("CN=models.example")
        file = self._written("own.pem", name, key, start=start, end=end)
        return file, self.key_file(key)

    def key_file(
        self,
        key: ec.EllipticCurvePrivateKey,
        lock: serialization.KeySerializationEncryption | None = None,
    ) -> Path:
        path = self._folder / f"key-{bool(lock)}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                lock or serialization.NoEncryption(),
            )
        )
        return path

    def _written(
        self,
        file: str,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool = False,
        start: timedelta = -DAY,
        end: timedelta = DAY,
    ) -> Path:
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.DNSName("models.example")])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + start)
            .not_valid_after(now + end)
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=ca)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / file
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_users_own_is_shown(authority: Authority, tmp_path: Path) -> None:
    file, key = authority.makes()
    together = tmp_path / "together.pem"
    together.write_bytes(file.read_bytes() + key.read_bytes())
    context = ssl.create_default_context(cafile=str(authority.file))
    for certificate in (own(file, key), own(together, None)):
        assert certificate.for_clients is None
        with listening(certificate) as port:
            assert shake_hands(port, "models.example", context)


def test_what_is_no_use_is_told(authority: Authority, tmp_path: Path) -> None:
    file, key = authority.makes()
    other = ec.generate_private_key(ec.SECP256R1())
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("nonsense")
    lock = serialization.BestAvailableEncryption(b"password")
    locked = authority.key_file(other, lock)
    for certificate, its_key, words in (
        (tmp_path / "none", key, "No such file"),
        (file, tmp_path / "none", "No such file"),
        (tmp_path, key, "cannot be used"),
        (nonsense, key, "not PEM"),
        (file, nonsense, "not PEM"),
        (file, None, "not PEM"),
        (file, locked, "has a password"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            own(certificate, its_key)
    with pytest.raises(InvalidInputError, match="does not belong to the certificate"):
        own(file, authority.key_file(other))


def test_one_that_is_not_valid_now_is_refused(authority: Authority) -> None:
    with pytest.raises(InvalidInputError, match="ended on"):
        own(*authority.makes(start=-2 * DAY, end=-DAY))
    with pytest.raises(InvalidInputError, match="begins only on"):
        own(*authority.makes(start=DAY, end=2 * DAY))
