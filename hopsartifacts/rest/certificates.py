"""The server's TLS certificate: self-signed, or given by the user."""

import ipaddress
import socket
import ssl
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.own_folder import write_private

BOTH_FILE = "server.pem"
"""Private key and certificate in one file, so that they are replaced together."""
CERTIFICATE_FILE = "certificate.pem"
"""The certificate alone, for clients that verify it."""
_LASTS = timedelta(days=730)
_RENEWED_BEFORE = timedelta(days=30)
_CLOCKS_DIFFER = timedelta(hours=1)
_LOCAL = ("localhost", "127.0.0.1", "::1")
_LONGEST_COMMON_NAME = 64


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a certificate and its private key.

    Attributes:
        file: the certificate, followed by its intermediate certificates.
        key: None if it is in the same file.
        for_clients: what clients have to trust; None if an authority signed it.
    """

    file: Path
    key: Path | None = None
    for_clients: Path | None = None

    def load(self, context: ssl.SSLContext) -> None:
        """Load it into *context*, which presents it in handshakes from now on.

        Raises:
            InvalidInputError: it cannot be loaded.
        """
        try:
            context.load_cert_chain(self.file, self.key, password=_no_password)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            key = f" with key {str(self.key)!r}" if self.key else ""
            raise InvalidInputError(
                f"certificate {str(self.file)!r}{key} cannot be used: {_reason(error)}"
            ) from error

    def changed(self) -> tuple[int, ...]:
        """Return numbers that differ after one of the files was replaced or written."""
        stats = [it.stat() for it in (self.file, self.key) if it is not None]
        return tuple(it for stat in stats for it in (stat.st_ino, stat.st_mtime_ns))


def tls(certificate: Certificate) -> ssl.SSLContext:
    """Return a server-side TLS context with *certificate*.

    Raises:
        InvalidInputError: it cannot be loaded.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    certificate.load(context)
    return context


def own(file: Path, key: Path | None) -> Certificate:
    """Return the user's own certificate after checking it.

    Args:
        file: PEM; the server's certificate first.
        key: PEM, without a password; None if it is in *file*.

    Raises:
        InvalidInputError: it cannot be loaded, has expired, or is not valid yet.
    """
    certificate = Certificate(file=file.absolute(), key=key and key.absolute())
    tls(certificate)
    first = x509.load_pem_x509_certificates(file.read_bytes())[0]
    now = datetime.now(UTC)
    if now >= first.not_valid_after_utc:
        raise InvalidInputError(
            f"certificate {str(file)!r} ended on {first.not_valid_after_utc:%Y-%m-%d}: "
            "give a valid one"
        )
    if now + _CLOCKS_DIFFER < first.not_valid_before_utc:
        raise InvalidInputError(
            f"certificate {str(file)!r} begins only on "
            f"{first.not_valid_before_utc:%Y-%m-%d}: give a valid one, or look at this "
            "machine's clock"
        )
    return certificate


def self_signed(
    folder: Path, names: Collection[str], now: datetime | None = None
) -> Certificate:
    """Return the server's self-signed certificate, which is kept in *folder*.

    A new one is made if it expires soon, is damaged, or lacks one of the names.

    Args:
        folder: the server's own folder.
        names: host names and addresses, in addition to those of this machine.
        now: the current time.

    Raises:
        InvalidInputError: a name is not a host name or address.
        StorageError: the files cannot be written.
    """
    now = now or datetime.now(UTC)
    wanted = [_general_name(it) for it in dict.fromkeys((*_LOCAL, *_machine(), *names))]
    both, alone = folder / BOTH_FILE, folder / CERTIFICATE_FILE
    certificate = _kept(both)
    if certificate is None or not _will_do(certificate, wanted, now):
        certificate, key = _made(wanted, names, now)
        write_private(both, key + _pem(certificate))
    if not alone.exists() or alone.read_bytes() != _pem(certificate):
        write_private(alone, _pem(certificate), 0o644)
    return Certificate(file=both, for_clients=alone)


def fingerprint(certificate: Certificate) -> str:
    """Return the certificate's SHA-256 fingerprint, formatted as in browsers."""
    found = x509.load_pem_x509_certificates(certificate.file.read_bytes())[0]
    return found.fingerprint(hashes.SHA256()).hex(":").upper()


def _kept(both: Path) -> x509.Certificate | None:
    if not both.exists():
        return None
    try:
        tls(Certificate(file=both))
        return x509.load_pem_x509_certificates(both.read_bytes())[0]
    except (InvalidInputError, ValueError):
        return None


def _will_do(
    certificate: x509.Certificate, wanted: list[x509.GeneralName], now: datetime
) -> bool:
    if not (
        certificate.not_valid_before_utc
        <= now
        < certificate.not_valid_after_utc - _RENEWED_BEFORE
    ):
        return False
    named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(wanted) <= set(named.value)


def _made(
    wanted: list[x509.GeneralName], names: Collection[str], now: datetime
) -> tuple[x509.Certificate, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    common = next(iter((*names, *_machine())), _LOCAL[0])[:_LONGEST_COMMON_NAME]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = {
        it: it == "digital_signature"
        for it in (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        )
    }
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _LASTS)
        .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate, pem


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        encoded = name.encode("idna").decode().lower()
        if not encoded or set(encoded) & set(" /:@*\\"):
            raise InvalidInputError(_NO_NAME.format(name))
        return x509.DNSName(encoded)
    except ValueError as error:
        raise InvalidInputError(_NO_NAME.format(name)) from error


_NO_NAME = "{!r} is not a host name or address that a certificate can have"


def _machine() -> list[str]:
    """Return the host name of this machine, if a certificate can contain it."""
    name = socket.gethostname()
    try:
        _general_name(name)
    except InvalidInputError:
        return []
    return [name]


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _no_password() -> str:
    raise ValueError("the key has a password: give one without")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key does not belong to the certificate"
        return f"not PEM, or damaged ({error.reason or 'no certificate in it'})"
    return getattr(error, "strerror", None) or str(error)
