"""What the processes of a deployment have in their environment, and what not."""

import os
import site
from collections.abc import Mapping
from pathlib import Path

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local.limits import launch_limits, thread_variables
from hopsartifacts.serving.runtime.environment import (
    HANG_SECONDS,
    MAX_REQUEST_BYTES,
    deployment_variables,
)

PACKAGE_HOME = str(Path(__file__).parents[3])
"""The folder that has to be searched for this package."""
REVISION_VARIABLE = "HOPSARTIFACTS_REVISION"
"""Marks everything that a run started, also what left its session."""
WORKER_VARIABLE = "HOPSARTIFACTS_WORKER"
"""Marks everything that a worker started."""
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

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
    HANG_SECONDS,
    MAX_REQUEST_BYTES,
}
_PASSED_ON_PREFIXES = ("COVERAGE_", "LC_", "MKL_", "NUMEXPR_", "OMP_", "OPENBLAS_")


def keeper_environment(environ: Mapping[str, str], revision: str) -> dict[str, str]:
    """Return what is passed on of *environ*: what is needed, and no secrets."""
    passed_on = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    given = passed_on.get("PYTHONPATH", "")
    # The keeper has another working folder. An empty entry means this one, too.
    search = [*map(os.path.abspath, given.split(os.pathsep))] if given else []
    # The site folder must not be named: it would go before the standard library.
    known = {*search, *site.getsitepackages(), site.getusersitepackages()}
    if PACKAGE_HOME not in known:
        search = [PACKAGE_HOME, *search]
    if search:
        passed_on["PYTHONPATH"] = os.pathsep.join(search)
    return {**passed_on, REVISION_VARIABLE: revision}


def worker_environment(
    environ: Mapping[str, str], launch: Launch, marks: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a worker.

    Args:
        environ: the keeper's.
        launch: what it runs; its variables go before ours but not before the guide's.
        marks: what the keeper sets for each worker.
    """
    return {
        **thread_variables(launch_limits(launch)),
        **environ,
        **launch.env_vars,
        **deployment_variables(launch),
        **marks,
    }
