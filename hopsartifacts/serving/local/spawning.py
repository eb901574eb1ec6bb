"""Starting a keeper: its port, its environment, its descriptors."""

import errno
import os
import secrets
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hopsartifacts.errors import (
    DeploymentFailedError,
    InvalidInputError,
    PortTakenError,
)
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import children
from hopsartifacts.serving.local.environments import keeper_environment
from hopsartifacts.serving.local.keeper.orders import (
    LENGTH_BYTES,
    Helper,
    KeeperOrder,
    Patience,
)
from hopsartifacts.serving.local.log_files import drop_old_runs
from hopsartifacts.serving.local.processes import created_s
from hopsartifacts.serving.local.runs import Run, RunFolder, transformer_log

PATIENCE = Patience()


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens on this machine only; any port when None.

    It listens before anything is started, so that nobody can take the port
    meanwhile.

    Raises:
        PortTakenError: somebody listens there.
        DeploymentFailedError: the system does not let this user have the port.
        InvalidInputError: there is no such port.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Else a port stays taken for a minute after its last server ended.
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
    logs: Path,
    detach: bool,
    helper: Helper | None = None,
) -> Run:
    """Start a keeper on *listener* and record it."""
    revision = secrets.token_hex(4)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    logs.mkdir(parents=True, exist_ok=True)
    drop_old_runs(logs)
    log_path = logs / f"{stamp}_{revision}_predictor.log"
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
                spool_path=str(folder.spool_path),
                listen_fd=listener.fileno(),
                go_fd=go_read,
                parent_pid=parent_pid,
                patience=PATIENCE,
            )
        )
        with log_path.open("xb") as log:
            pid = children.start_child(
                _command(order_path),
                revision,
                environ=keeper_environment(os.environ, revision),
                folder=folder.path,
                log=log,
                fds=(listener.fileno(), go_read, *launch.held),
                ends_with_us=not detach,
            )
        run = Run(
            deployment=launch.deployment,
            deployment_version=launch.deployment_version,
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
        # Without the byte the process ends by itself when this end closes.
        os.close(go_read)
        os.close(go_write)
    return run


def _command(order_path: Path) -> list[str]:
    # -P: the working folder is not searched for modules; -u: the log is current.
    flags = ["-P", "-u", "-X", "faulthandler"]
    module = "hopsartifacts.serving.local.keeper"
    return [sys.executable, *flags, "-m", module, str(order_path)]
