"""The environment variables of the processes of a deployment."""

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
"""The folder in which Python finds this package."""
REVISION_VARIABLE = "HOPSARTIFACTS_REVISION"
"""Marks all processes started by a run, including those that left its session."""
WORKER_VARIABLE = "HOPSARTIFACTS_WORKER"
"""Marks all processes started by a worker."""
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
    """Return the variables of *environ* that a keeper needs, without secrets."""
    passed_on = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    given = passed_on.get("PYTHONPATH", "")
    # The keeper has another working folder. An empty entry means the current one.
    search = [*map(os.path.abspath, given.split(os.pathsep))] if given else []
    # Do not name the site folder: it would precede the standard library.
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
        environ: the environment of the keeper.
        launch: what it runs; its variables override ours, not the documented ones.
        marks: the variables that the keeper sets for each worker.
    """
    return {
        **thread_variables(launch_limits(launch)),
        **environ,
        **launch.env_vars,
        **deployment_variables(launch),
        **marks,
    }
