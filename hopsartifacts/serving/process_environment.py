"""The environment of the processes of deployments: their Python and their variables.

A keeper gets what it needs of the variables of the process that starts it, and no
secrets. Its workers inherit these. They also get the variables of their launch, and the
documented ones, which tell scripts what they serve.
"""

import math
import os
import re
import shutil
import site
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from hopsartifacts.errors import InvalidDeploymentError, UnsupportedHereError
from hopsartifacts.serving.contract import Component, Launch, Limits

MAX_REQUEST_BYTES = "HOPSARTIFACTS_MAX_REQUEST_BYTES"
HANG_SECONDS = "HOPSARTIFACTS_HANG_SECONDS"
DEFAULT_MAX_REQUEST_BYTES = 64 * 1024 * 1024

REVISION_VARIABLE = "HOPSARTIFACTS_REVISION"
"""Marks all processes started by a run, including those that left its session."""
WORKER_VARIABLE = "HOPSARTIFACTS_WORKER"
"""Marks all processes started by a worker."""
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in which the workers of a run add up their counts."""

PACKAGE_HOME = str(Path(__file__).parents[2])
"""The folder in which Python finds this package."""

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
_THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_IS_PYTHON = re.compile(r"(python|pypy|graalpy)[\d.]*t?(-dbg)?", re.IGNORECASE)


def interpreter() -> str:
    """Return the path of this process's Python interpreter.

    If Python is embedded in another program, ``sys.executable`` is empty or is that
    program. The interpreter of the same installation is then used.

    Raises:
        UnsupportedHereError: there is none; the message says what to do.
    """
    for path in _candidates():
        if _IS_PYTHON.fullmatch(Path(path).name) and shutil.which(path):
            return path
    raise UnsupportedHereError(
        f"no Python was found to start processes with: sys.executable is "
        f"{sys.executable!r}, and there is none in {sys.exec_prefix!r}; set "
        "sys.executable to the path of a Python that has hopsartifacts installed"
    )


def keeper_environment(environ: Mapping[str, str], revision: str) -> dict[str, str]:
    """Return the variables of *environ* that a keeper needs, without secrets."""
    return {**clean_environment(environ), REVISION_VARIABLE: revision}


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that another Python process needs, without secrets."""
    passed_on = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    given = passed_on.get("PYTHONPATH", "")
    # The process has another working folder. An empty entry means the current one.
    search = [*map(os.path.abspath, given.split(os.pathsep))] if given else []
    # Do not name the site folder: it would precede the standard library.
    known = {*search, *site.getsitepackages(), site.getusersitepackages()}
    if PACKAGE_HOME not in known:
        search = [PACKAGE_HOME, *search]
    if search:
        passed_on["PYTHONPATH"] = os.pathsep.join(search)
    return passed_on


def deployment_variables(
    launch: Launch, component: Component = "predictor"
) -> dict[str, str]:
    """Return the documented variables for *launch*.

    ``SCRIPT_PATH`` and ``SCRIPT_NAME`` are those of *component*. If the transformer
    runs in the process of the predictor, that has both roles: ``IS_TRANSFORMER`` is set
    in addition to ``IS_PREDICTOR``.
    """
    artifact_files = Path(launch.artifact_files_path)
    variables = {
        "PROJECT_NAME": launch.project,
        "DEPLOYMENT_NAME": launch.deployment,
        "DEPLOYMENT_VERSION": str(launch.deployment_version),
        "MODEL_NAME": launch.model,
        "MODEL_VERSION": str(launch.model_version),
        "ARTIFACT_VERSION": str(launch.artifact_version),
        "MODEL_FILES_PATH": launch.model_files_path,
        "ARTIFACT_FILES_PATH": launch.artifact_files_path,
    }
    if component == "predictor":
        variables["IS_PREDICTOR"] = "true"
    script = getattr(launch, f"{component}_script")
    if script is not None:
        variables["SCRIPT_NAME"] = script
        variables["SCRIPT_PATH"] = str(artifact_files / script)
    if launch.config_file is not None:
        variables["CONFIG_FILE_PATH"] = str(artifact_files / launch.config_file)
    if launch.transformer_script is not None:
        variables["IS_TRANSFORMER"] = "true"
    return variables


def worker_environment(
    environ: Mapping[str, str],
    launch: Launch,
    marks: Mapping[str, str],
    component: Component = "predictor",
) -> dict[str, str]:
    """Return the environment of a worker.

    Args:
        environ: the environment of the process that starts it.
        launch: what it runs; its variables override ours, not the documented ones.
        marks: the variables that that process sets for each worker.
        component: the one that the worker runs; a predictor also runs the transformer
            of *launch*, if it has one.
    """
    is_both = component == "predictor"
    limits = launch_limits(launch) if is_both else launch.transformer_limits
    return {
        **_thread_variables(limits),
        **environ,
        **launch.env_vars,
        **deployment_variables(launch, component),
        **marks,
    }


def launch_limits(launch: Launch) -> Limits:
    """Return the limits of a worker, which are the sum if it runs a transformer."""
    if launch.transformer_script is None:
        return launch.limits
    of_both = (launch.limits, launch.transformer_limits)
    cores = [limits.cores for limits in of_both if limits.cores is not None]
    memory = [limits.memory_mb for limits in of_both if limits.memory_mb is not None]
    return Limits(
        cores=sum(cores) if len(cores) == len(of_both) else None,
        memory_mb=sum(memory) if len(memory) == len(of_both) else None,
    )


def _thread_variables(limits: Limits) -> dict[str, str]:
    """Return the variables that limit the threads of numerical libraries."""
    if limits.cores is None:
        return {}
    return dict.fromkeys(_THREADS, str(max(1, math.ceil(limits.cores))))


def worker_command(handover_path: Path) -> list[str]:
    """Return the command that starts a worker, which reads its handover file."""
    # -P: do not search the working folder for modules; -u: unbuffered output.
    options = ("-P", "-u", "-X", "faulthandler")
    module = "hopsartifacts.serving.runtime"
    return [sys.executable, *options, "-m", module, str(handover_path)]


def max_request_bytes(environ: Mapping[str, str]) -> int:
    """Return the size of the largest request body that is accepted."""
    text = environ.get(MAX_REQUEST_BYTES, str(DEFAULT_MAX_REQUEST_BYTES))
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise InvalidDeploymentError(
            f"{MAX_REQUEST_BYTES} is {text!r}; "
            "give the largest request in bytes as a positive whole number"
        )
    return int(text)


def seconds_in(text: str) -> float:
    """Return *text* as a finite number; NaN, which is in no range, if it is none."""
    try:
        seconds = float(text)
    except ValueError:
        return math.nan
    return seconds if math.isfinite(seconds) else math.nan


def hang_seconds(environ: Mapping[str, str], default: float) -> float:
    """Return after how many seconds a blocked event loop counts as hanging.

    Raises:
        InvalidDeploymentError: the variable is not a positive number.
    """
    text = environ.get(HANG_SECONDS)
    if text is None:
        return default
    seconds = seconds_in(text)
    if not seconds > 0:
        raise InvalidDeploymentError(
            f"{HANG_SECONDS} is {text!r}: give the longest time for which the event "
            "loop of a worker may be blocked, in seconds, as a positive number; "
            f"the default is {default:g}"
        )
    return seconds


def _candidates() -> Iterator[str]:
    # Only absolute paths: another Python on PATH has other packages.
    if sys.executable and os.path.isabs(sys.executable):  # noqa: PTH117 - may be None
        yield sys.executable
    version = sys.version_info
    for name in (f"python{version.major}.{version.minor}", "python3", "python"):
        yield str(Path(sys.exec_prefix) / "bin" / name)
