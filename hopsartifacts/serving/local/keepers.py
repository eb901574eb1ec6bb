"""Keepers from the outside: their start, and their moves to another version."""

import errno
import os
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from hopsartifacts.errors import (
    DeploymentFailedError,
    InvalidInputError,
    PortTakenError,
)
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local.control import (
    LENGTH_BYTES,
    Helper,
    KeeperOrder,
    Patience,
    Reply,
    Update,
    ask,
)
from hopsartifacts.serving.local.log_files import drop_old_runs, log_end, log_name
from hopsartifacts.serving.local.processes import created_s, newest_state, start_child
from hopsartifacts.serving.local.runs import (
    REASON_CHARS,
    Run,
    RunFolder,
    transformer_log,
)
from hopsartifacts.serving.process_environment import interpreter, keeper_environment
from hopsartifacts.serving.runtime.failures import sayable

PATIENCE = Patience()

# -P: do not search the working folder for modules; -u: unbuffered output.
_FLAGS = ("-P", "-u", "-X", "faulthandler", "-m", "hopsartifacts.serving.local.keeper")
_BUSY_POLL_S = 0.2


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens on the loopback interface; any free port if None.

    It listens before anything is started, so that no other process can take the port
    meanwhile.

    Raises:
        PortTakenError: the port is in use.
        DeploymentFailedError: the system does not let this user listen on the port.
        InvalidInputError: the port is not a valid number.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Otherwise the port stays in use for a minute after its last server ended.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port or 0))
        listener.listen(2048)
    except OverflowError as error:
        listener.close()
        raise InvalidInputError(
            f"port {port} does not exist; name one from 1 to 65535"
        ) from error
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"port {port} is in use; name another one, or none to get a free one"
            ) from error
        raise DeploymentFailedError(
            f"cannot listen on port {port}: {error.strerror}"
        ) from error
    return listener


def spawn(
    launch: Launch,
    folder: RunFolder,
    listener: socket.socket,
    *,
    logs: Sequence[Path],
    notes: Sequence[str] = (),
    detach: bool,
    helper: Helper | None = None,
) -> Run:
    """Start a keeper on *listener* and record its run.

    Args:
        launch: the deployment version to keep.
        folder: the folder of its run files.
        listener: the socket on which its workers accept requests.
        logs: folders for its log in order of preference; a later one is used if those
            before it are not writable.
        notes: the first lines of its log.
        detach: whether it outlives this process.
        helper: a process to run beside its workers.
    """
    revision = secrets.token_hex(4)
    command = [interpreter(), *_FLAGS]
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    for place in logs:
        drop_old_runs(place)
    log = _open_log(logs, log_name(stamp, launch.deployment_id, revision), notes)
    log_path = Path(log.name)
    parent_pid = None if detach else os.getpid()
    go_read, go_write = os.pipe()
    try:
        order_path = folder.write_order(
            KeeperOrder(
                launch=launch,
                revision=revision,
                folder=str(folder.path),
                report_path=str(folder.report_path(revision)),
                control_path=str(folder.control_path(revision)),
                log_path=str(log_path),
                transformer_log_path=str(transformer_log(log_path)),
                spool_path=str(folder.spool_path(launch.deployment_id)),
                listen_fd=listener.fileno(),
                go_fd=go_read,
                parent_pid=parent_pid,
                patience=PATIENCE,
            )
        )
        with log:
            pid = start_child(
                [*command, str(order_path)],
                revision,
                environ=keeper_environment(os.environ, revision),
                folder=folder.path,
                log=log,
                fds=(listener.fileno(), go_read, *launch.held),
                ends_with_us=not detach,
            )
        run = Run(
            deployment=launch.key,
            revision=revision,
            pid=pid,
            created_s=created_s(pid),
            port=listener.getsockname()[1],
            parent_pid=parent_pid,
            log_path=str(log_path),
            order_path=str(order_path),
        )
        folder.write_run(run)
        told = msgspec.json.encode(helper)
        length = len(told).to_bytes(LENGTH_BYTES, "big")
        with suppress(BrokenPipeError), os.fdopen(go_write, "wb", closefd=False) as go:
            go.write(b"1" + length + told)
    finally:
        # Without the byte the keeper exits by itself when this end closes.
        os.close(go_read)
        os.close(go_write)
    return run


def _open_log(folders: Sequence[Path], name: str, notes: Sequence[str]) -> IO[bytes]:
    """Create the log *name* in the first writable folder and return it.

    Raises:
        OSError: no folder is writable; the error is that of the last one.
    """
    *better, last = folders
    for folder in better:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _begun(folder / name, notes)
        except OSError as error:
            why = f"{str(folder)!r} cannot be written: {error.strerror}"
            notes = [*notes, f"the log is in this file, since {why}"]
    return _begun(last / name, notes)


def _begun(path: Path, notes: Sequence[str]) -> IO[bytes]:
    log = path.open("xb", buffering=0)
    with suppress(OSError):  # a full disk
        log.write("".join(f"keeper: {note}\n" for note in notes).encode())
    return log


def move(folder: RunFolder, run: Run, update: Update) -> None:
    """Have the keeper move to another version.

    Raises:
        DeploymentFailedError: it did not start; the previous version keeps running.
    """
    launch = update.launch
    name = f"deployment {launch.deployment!r} version {launch.deployment_version}"
    try:
        reply = _tell(folder.control_path(run.revision), update)
    except OSError as error:
        raise DeploymentFailedError(
            f"{name} did not start: the process that keeps the deployment does not "
            f"answer ({error.strerror or error}); its state and its log say more"
        ) from error
    if reply.reason is not None:
        before = newest_state(folder, run).deployment_version
        goes_on = f"; version {before} keeps running" if before else ""
        raise DeploymentFailedError(
            f"{name} did not start: {sayable(reply.reason, REASON_CHARS)}"
            f"{goes_on}\n{log_end(Path(run.log_path))}"
        )


def _tell(path: Path, update: Update) -> Reply:
    """Send *update*, again while another move is under way and there is time."""
    deadline = time.monotonic() + update.await_running_s
    while True:
        reply = ask(path, update)
        if not reply.is_busy or time.monotonic() > deadline:
            return reply
        time.sleep(_BUSY_POLL_S)
