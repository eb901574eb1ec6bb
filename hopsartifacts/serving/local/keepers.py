"""Keepers from the outside: their start, moves to another version, and their end."""

import errno
import logging
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
from hopsartifacts.serving.contract import (
    ENDED,
    UP,
    Condition,
    DeploymentKey,
    Launch,
    RunState,
)
from hopsartifacts.serving.local.control import (
    LENGTH_BYTES,
    Helper,
    KeeperOrder,
    Patience,
    Reply,
    Update,
    ask,
)
from hopsartifacts.serving.local.log_files import (
    STAMP,
    drop_old_runs,
    log_end,
    log_name,
)
from hopsartifacts.serving.local.processes import (
    created_s,
    end_tree,
    find_server,
    is_orphan,
    is_over,
    key_of,
    newest_state,
    start_child,
)
from hopsartifacts.serving.local.runs import (
    REASON_CHARS,
    Report,
    Run,
    RunFolder,
    stopped,
    transformer_log,
)
from hopsartifacts.serving.process_environment import interpreter, keeper_environment
from hopsartifacts.serving.runtime.failures import sayable

PATIENCE = Patience()
STOP_GRACE_S = 10.0
"""The least time a keeper gets to end its workers, which finish their requests."""
_FAILURE_GRACE_S = 3.0

# -P: do not search the working folder for modules; -u: unbuffered output.
_FLAGS = ("-P", "-u", "-X", "faulthandler", "-m", "hopsartifacts.serving.local.keeper")
_BUSY_POLL_S = 0.2
_LOG = logging.getLogger("hopsartifacts.serving")


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
    stamp = datetime.now(UTC).strftime(STAMP)
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
                traffic_path=str(folder.traffic_path(launch.deployment_id)),
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


def end_others(folder: RunFolder, key: DeploymentKey) -> list[str]:
    """End a run in *folder* that is of another deployment than *key*.

    Another deployment may have had the name before. Return notes on what was ended, for
    the log of the next run: none if no keeper was alive.
    """
    run = folder.read_run()
    if run is None or is_over(folder, run):
        return []
    whose = key_of(run, folder.read_report(run))
    if whose.is_of(key):
        return []
    is_up = find_server(run) is not None
    end_tree(run, STOP_GRACE_S)
    if not is_up:
        return []
    words = (
        f"ended a run of another deployment that had the name {key.name!r}: "
        f"version {whose.version} of id {whose.id}"
    )
    _LOG.warning("%s", words)
    return [words]


def reuse(folder: RunFolder, launch: Launch, port: int | None) -> Run | None:
    """Return the run in *folder* if it serves *launch*; None if one must be started.

    What is left of a run that failed, or whose starter has ended, is ended first.

    Args:
        folder: the folder of the deployment's run files.
        launch: the deployment version that should run.
        port: the port on which it should listen; None means any.

    Raises:
        DeploymentFailedError: another version runs, or it runs on another port.
    """
    run = folder.read_run()
    if run is None or is_over(folder, run):
        return None
    server = find_server(run)
    state = newest_state(folder, run)
    status, version = state.status, state.deployment_version
    if server is None or status not in UP or is_orphan(run, server):
        end_tree(run, STOP_GRACE_S)
        return None
    found = None
    if version != launch.deployment_version:
        found = f"version {version} already runs"
    elif port not in {None, run.port}:
        found = f"already runs on port {run.port}, not on {port}"
    if found is not None:
        raise DeploymentFailedError(
            f"deployment {launch.deployment!r}: {found}; stop it first"
        )
    return run


def give_up(folder: RunFolder, run: Run, error: BaseException) -> None:
    """End a run that did not become ready, and report that *error* is the reason.

    If it reported its own failure or stop, that report is kept.
    """
    status = newest_state(folder, run).status
    end_tree(run, _FAILURE_GRACE_S)
    if status in ENDED:
        return
    if isinstance(error, DeploymentFailedError):
        reason = str(error).partition("\n")[0]
        condition = Condition(type="READY", status=False, reason=reason)
        report = Report(status="Failed", condition=condition)
    else:
        report = stopped("the start was interrupted")
    folder.write_report(run, report)


def end(folder: RunFolder, await_stopped_s: float) -> None:
    """End the run in *folder*, and everything it started; report that it was stopped.

    Its requests get *await_stopped_s* to finish, or ``STOP_GRACE_S`` if that is longer.
    """
    run = folder.read_run()
    if run is None or is_over(folder, run):
        return
    before = newest_state(folder, run)
    end_tree(run, max(await_stopped_s, STOP_GRACE_S))
    report = folder.read_report(run)
    if report is None or report.status != "Stopped":
        folder.write_report(run, stopped(_stop_in_words(before)))


def _stop_in_words(before: RunState) -> str:
    if before.status != "Failed" or before.condition is None:
        return "the deployment was stopped"
    return f"the deployment was stopped; it had failed: {before.condition.reason}"
