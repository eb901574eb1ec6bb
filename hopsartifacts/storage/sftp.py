"""SFTP: creation by the plain rename, which OpenSSH implements as a hard link.

All threads share a few channels of one connection. Each channel carries one request at
a time, because paramiko mixes up the responses of concurrent requests.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import fsspec.config
import paramiko
from fsspec.implementations.sftp import SFTPFileSystem
from fsspec.utils import infer_storage_options
from paramiko.sftp import CMD_EXTENDED

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.rename_storage import RenamingStorage

Result = TypeVar("Result")

_CHANNELS = 4
"""OpenSSH allows ten channels per connection by default."""
_READ_BYTES = 4 * 1024 * 1024
_REQUEST_BYTES = 32 * 1024
"""The request size that every server supports."""
_ANSWER_S = 60
_DEFAULTS = {"timeout": 10, "banner_timeout": 10, "auth_timeout": 10}
"""Without these timeouts, an unreachable server blocks as long as the system allows."""


def sftp_storage(path: str, options: Mapping[str, Any]) -> RenamingStorage:
    """Return the storage at ``[<user>@]<host>[:<port>]/<absolute path>``.

    *options* are those of fsspec's SFTP file system: the arguments of paramiko's
    ``connect``, and ``host_key_policy``. They take precedence over the URL.

    Raises:
        InvalidInputError: the URL names no host or no folder.
    """
    parts = infer_storage_options(f"sftp://{path}")
    host, root = parts.get("host"), parts["path"].strip("/")
    if not host or not root:
        raise InvalidInputError(
            f"the project URL names host {host!r} and path {root!r}: give the server "
            "and an absolute path on it, as in sftp://<host>/<path>"
        )
    named = {it: parts[it] for it in ("port", "username", "password") if it in parts}
    # fsspec's configuration, which has the variables FSSPEC_SFTP_*, is the same for all
    # hosts. fsspec itself adds it only to its own classes.
    usual = fsspec.config.conf.get("sftp", {})
    server = _Sftp(host, {**_DEFAULTS, **usual, **named, **options})
    port = server.options.get("port", 22)
    place = host if port == 22 else f"{host}:{port}"  # noqa: PLR2004 - SSH's default
    return RenamingStorage(server, root, f"sftp://{place}/{root}", _CHANNELS)


class _Channel(NamedTuple):
    """One SFTP session; hold its lock while using it."""

    session: paramiko.SFTPClient
    lock: Lock


class _Sftp:
    """An SFTP server: see ``hopsartifacts.storage.rename_storage``."""

    def __init__(self, host: str, options: dict[str, Any]) -> None:
        self._host = host
        self.options = options
        self._connecting = Lock()
        self._connection: Any = None
        self._channels: list[_Channel] = []
        self._turn = 0
        self._can_sync = True

    def put(self, path: str, chunks: Iterable[bytes], mode: int) -> None:
        """Write the file, sync it if the server can, and set its mode."""
        channel = self._channel()
        sftp = channel.session
        file = self._on(channel, sftp.open, path, "wx")
        try:
            for chunk in chunks:
                self._on(channel, _send, file, chunk)
            self._on(channel, self._sync, sftp, file)
            self._on(channel, sftp.chmod, path, mode)
        finally:
            self._on(channel, file.close)

    def chunks(self, path: str, start: int, size_bytes: int) -> Iterator[bytes]:
        """Request all parts of a chunk before the first response arrives."""
        channel = self._channel()
        file = self._on(channel, channel.session.open, path, "rb")
        try:
            for first in range(start, size_bytes, _READ_BYTES):
                end = min(first + _READ_BYTES, size_bytes)
                yield self._on(channel, _receive, file, first, end)
        finally:
            self._on(channel, file.close)

    def rename(self, source: str, target: str) -> None:
        """Send the protocol's plain rename."""
        self._do(lambda sftp: sftp.rename(source, target))

    def replace(self, source: str, target: str) -> None:
        """Send OpenSSH's rename extension, which replaces an existing file."""
        self._do(lambda sftp: sftp.posix_rename(source, target))

    def stat(self, path: str) -> paramiko.SFTPAttributes | None:
        try:
            return self._do(lambda sftp: sftp.lstat(path))
        except FileNotFoundError:
            return None

    def children(self, path: str) -> dict[str, paramiko.SFTPAttributes]:
        try:
            listed = self._do(lambda sftp: sftp.listdir_attr(path))
        except FileNotFoundError:
            return {}
        return {entry.filename: entry for entry in listed}

    def make_folder(self, path: str) -> None:
        """Make the missing folders, from the top down."""
        if self.stat(path) is not None:
            return
        self.make_folder(path.rpartition("/")[0] or "/")
        try:
            self._do(lambda sftp: sftp.mkdir(path, 0o755))
        except OSError:
            # Another process may have made it first.
            if self.stat(path) is None:
                raise

    def set_mode(self, path: str, mode: int) -> None:
        self._do(lambda sftp: sftp.chmod(path, mode))

    def remove_file(self, path: str) -> None:
        self._do(lambda sftp: sftp.remove(path))

    def remove_folder(self, path: str) -> None:
        self._do(lambda sftp: sftp.rmdir(path))

    def _sync(self, sftp: paramiko.SFTPClient, file: paramiko.SFTPFile) -> None:
        if not self._can_sync:
            return
        try:
            sftp._request(CMD_EXTENDED, "fsync@openssh.com", file.handle)  # noqa: SLF001 - paramiko has no public method
        except OSError as error:
            if "unsupported" not in str(error).lower():
                raise
            self._can_sync = False

    def _do(self, act: Callable[[paramiko.SFTPClient], Result]) -> Result:
        channel = self._channel()
        return self._on(channel, act, channel.session)

    def _on(self, channel: _Channel, act: Callable[..., Result], *args: Any) -> Result:
        try:
            with channel.lock:
                return act(*args)
        except (EOFError, OSError, paramiko.SSHException) as error:
            # An OSError without an errno is a response of the server, or says that
            # the socket is closed.
            if (
                not isinstance(error, OSError)
                or isinstance(error, ConnectionError | TimeoutError)
                or (error.errno is None and "closed" in str(error).lower())
            ):
                self._forget()
            raise

    def _forget(self) -> None:
        with self._connecting:
            connection, self._connection, self._channels = self._connection, None, []
        with suppress(Exception):  # it is None, or closed already
            connection.client.close()

    def _channel(self) -> _Channel:
        """Return the next channel; connect on the first call."""
        with self._connecting:
            if self._connection is None:
                self._connection = SFTPFileSystem(
                    self._host, **self.options, skip_instance_cache=True
                )
                self._channels = [_Channel(self._connection.ftp, Lock())]
            self._turn += 1
            if self._turn % _CHANNELS >= len(self._channels):
                # Some servers have a lower limit: then use the channels that exist.
                with suppress(paramiko.ChannelException):
                    session = self._connection.client.open_sftp()
                    self._channels.append(_Channel(session, Lock()))
            chosen = self._channels[self._turn % len(self._channels)]
            chosen.session.get_channel().settimeout(_ANSWER_S)
            return chosen


def _send(file: paramiko.SFTPFile, chunk: bytes) -> None:
    """Send *chunk* without waiting, except for its last byte, whose response is last.

    paramiko reports a failed write only when it waits for a response.
    """
    file.set_pipelined(True)
    file.write(chunk[:-1])
    file.set_pipelined(False)
    file.write(chunk[-1:])


def _receive(file: paramiko.SFTPFile, first: int, end: int) -> bytes:
    wanted = [
        (offset, min(_REQUEST_BYTES, end - offset))
        for offset in range(first, end, _REQUEST_BYTES)
    ]
    return b"".join(file.readv(wanted))
