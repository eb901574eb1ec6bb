"""Starting a server process: its port, its environment, its descriptors."""

import errno
import os
import secrets
import site
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hopsartifacts.errors import (
    DeploymentFailedError,
    InvalidInputError,
    PortTakenError,
)
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import children
from hopsartifacts.serving.local.processes import REVISION_VARIABLE, created_s
from hopsartifacts.serving.local.runs import Run, RunFolder
from hopsartifacts.serving.runtime.environment import (
    MAX_REQUEST_BYTES,
    deployment_variables,
)
from hopsartifacts.serving.runtime.handover import Handover

PACKAGE_HOME = str(Path(__file__).parents[3])
"""The folder that has to be searched for this package."""

_PASSED_ON = {
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
    MAX_REQUEST_BYTES,
}
_PASSED_ON_PREFIXES = ("COVERAGE_", "LC_", "MKL_", "NUMEXPR_", "OMP_", "OPENBLAS_")


def child_environment(
    environ: Mapping[str, str], launch: Launch, revision: str
) -> dict[str, str]:
    """Return the server's environment: what it needs, and none of our secrets."""
    passed_on = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    search = passed_on.get("PYTHONPATH", "").split(os.pathsep)
    # The site folder must not be named: it would go before the standard library.
    known = {*search, *site.getsitepackages(), site.getusersitepackages()}
    if PACKAGE_HOME not in known:
        passed_on["PYTHONPATH"] = os.pathsep.join(filter(None, [PACKAGE_HOME, *search]))
    return {**passed_on, **deployment_variables(launch), REVISION_VARIABLE: revision}


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
) -> Run:
    """Start the server process on *listener* and record it."""
    revision = secrets.token_hex(4)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    logs.mkdir(parents=True, exist_ok=True)
    log_path = logs / f"{stamp}_{revision}_predictor.log"
    parent_pid = None if detach else os.getpid()
    go_read, go_write = os.pipe()
    try:
        handover_path = folder.write_handover(
            revision,
            Handover(
                launch=launch,
                report_path=str(folder.report_path(revision)),
                listen_fd=listener.fileno(),
                go_fd=go_read,
                parent_pid=parent_pid,
                spool_path=str(folder.spool_path),
            ),
        )
        with log_path.open("xb") as log:
            pid = children.start_child(
                _command(handover_path),
                revision,
                environ=child_environment(os.environ, launch, revision),
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
            has_transformer=launch.transformer_script is not None,
            log_path=str(log_path),
            handover_path=str(handover_path),
        )
        folder.write_run(run)
        os.write(go_write, b"1")
    finally:
        # Without the byte the process ends by itself when this end closes.
        os.close(go_read)
        os.close(go_write)
    return run


def _command(handover_path: Path) -> list[str]:
    # -P: the working folder is not searched for modules; -u: the log is current.
    flags = ["-P", "-u", "-X", "faulthandler"]
    module = "hopsartifacts.serving.runtime"
    return [sys.executable, *flags, "-m", module, str(handover_path)]
