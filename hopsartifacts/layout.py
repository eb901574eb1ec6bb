"""Every path of a project; nothing else builds one.

All paths are relative to the project, ``/``-separated, without a leading slash.
"""

import re
from typing import Literal

from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import file_path, folded, kubernetes_name

MODELS = "Models"
DEPLOYMENTS = "Deployments"
RESOURCES = "Resources"
LOGS = "Logs"
INTERNAL = ".hopsartifacts"
MANAGED = (MODELS, DEPLOYMENTS, INTERNAL)

FILES = "Files"
ARTIFACTS = "Artifacts"
INPUT_EXAMPLE = "input_example.json"
MODEL_SCHEMA = "model_schema.json"
MANIFEST = "manifest.json"
DEPLOYMENT = "deployment.json"

MARKER = f"{INTERNAL}/project.json"
PRE_RELEASE_MARKER = f"{INTERNAL}/format.json"
PROBES = f"{INTERNAL}/probes"
VERDICT = f"{INTERNAL}/doctor.json"
TEMPORARY = f"{INTERNAL}/tmp"  # noqa: S108 - a folder of the project
STAGING = f"{INTERNAL}/staging"
QUARANTINE = f"{INTERNAL}/quarantine"
CATALOG = f"{INTERNAL}/catalog/models.parquet"
_FOLDERS = f"{INTERNAL}/folders"
_PROJECTS = "/Projects"
_HDFS = re.compile(r"hdfs:(//[^/]*)?(?P<path>/.*|$)", re.DOTALL)
_NOTE = "here."
"""No file of the user's may be called so: see ``names.file_path``."""

_LOG = "_log"
_PAYLOAD = "_payload"
_ENTRY_DIGITS = 8
_ENTRY = re.compile(r"(\d\d)/(\d\d)/(\d\d)/(\d\d)\.json\.gz", re.ASCII)
_DAY = "date="

Role = Literal["predictor", "transformer", "configfile", "environment", "file"]


def model_dir(model: str) -> str:
    """Folder of all versions of *model*."""
    return f"{MODELS}/{model}"


def model_log(model: str) -> str:
    """Log that decides which versions of *model* exist."""
    return f"{model_dir(model)}/{_LOG}"


def version_dir(model: str, version: int) -> str:
    """Folder of one model version."""
    return f"{model_dir(model)}/{version}"


def version_manifest(model: str, version: int) -> str:
    """Readable copy of a version's manifest, beside its files."""
    return f"{version_dir(model, version)}/{MANIFEST}"


def files_dir(model: str, version: int) -> str:
    """Folder of the model files: ``MODEL_FILES_PATH`` inside a deployment."""
    return f"{version_dir(model, version)}/{FILES}"


def artifacts_dir(model: str, version: int) -> str:
    """Folder of all artifact versions of a model version."""
    return f"{version_dir(model, version)}/{ARTIFACTS}"


def artifact_log(model: str, version: int) -> str:
    """Log that decides which artifact versions exist."""
    return f"{artifacts_dir(model, version)}/{_LOG}"


def artifact_dir(model: str, version: int, artifact: int) -> str:
    """Folder of one artifact version: ``ARTIFACT_FILES_PATH`` inside a deployment."""
    return f"{artifacts_dir(model, version)}/{artifact}"


def artifact_payload(model: str, version: int, token: str) -> str:
    """Folder of artifact files too big for the log, private to the writer *token*."""
    return f"{artifacts_dir(model, version)}/{_PAYLOAD}/{token}"


def artifact_file(role: Role, name: str) -> str:
    """Name of a file inside an artifact folder: scripts and config bear their role."""
    return name if role == "file" else f"{role}-{name}"


def deployment_dir(deployment: str) -> str:
    """Folder of all versions of *deployment*."""
    return f"{DEPLOYMENTS}/{deployment}"


def deployment_log(deployment: str) -> str:
    """Log that decides which versions of *deployment* exist and which is active."""
    return f"{deployment_dir(deployment)}/{_LOG}"


def deployment_version_dir(deployment: str, version: int) -> str:
    """Folder of one deployment version."""
    return f"{deployment_dir(deployment)}/{version}"


def deployment_document(deployment: str, version: int) -> str:
    """Sealed specification of one deployment version, for people and tools."""
    return f"{deployment_version_dir(deployment, version)}/{DEPLOYMENT}"


def log_entry(log: str, seq: int) -> str:
    """Object that holds entry *seq* (from 1) of *log*.

    Names count down, so that the newest is the first in sorted order, and lie in
    folders of at most a hundred.
    """
    left = f"{10**_ENTRY_DIGITS - 1 - seq:0{_ENTRY_DIGITS}d}"
    return f"{log}/{left[:2]}/{left[2:4]}/{left[4:6]}/{left[6:]}.json.gz"


def log_entry_seq(log: str, path: str) -> int | None:
    """Return the number of the entry of *log* that *path* holds; None for others."""
    found = _ENTRY.fullmatch(path.removeprefix(f"{log}/"))
    seq = 10**_ENTRY_DIGITS - 1 - int("".join(found.groups())) if found else 0
    return seq if seq > 0 else None


def log_of(path: str) -> str | None:
    """Return the log that *path* lies in; None if it lies in none."""
    log, middle, _ = path.partition(f"/{_LOG}/")
    return f"{log}/{_LOG}" if middle else None


def model_name_claim(model: str) -> str:
    """Object whose creator owns *model* and all its case twins."""
    return f"{INTERNAL}/names/models/{folded(model)}.json"


def deployment_name_claim(deployment: str) -> str:
    """Object whose creator owns *deployment* and all that share its cluster name."""
    return f"{INTERNAL}/names/deployments/{kubernetes_name(deployment)}.json"


def probe(token: str) -> str:
    """Object that only tries something out; whoever makes it deletes it."""
    return f"{PROBES}/{token}"


def staging_dir(token: str) -> str:
    """Folder where the writer *token* prepares a version."""
    return f"{STAGING}/{token}"


def quarantine_path(when: str, path: str) -> str:
    """Place where a repair started at *when* puts what it found at *path*."""
    return f"{QUARANTINE}/{when}/{path}"


def serving_logs_dir() -> str:
    """Folder of the model servers' logs, one folder a deployment below it."""
    return f"{LOGS}/Serving"


def inference_log_dir(deployment: str) -> str:
    """Folder of what *deployment* was asked and answered, one folder a day below it."""
    return f"{LOGS}/inference/{deployment}"


def inference_log_day(deployment: str, day: str) -> str:
    """Folder of the requests that came on *day* (``2026-11-23``, UTC).

    Readers that know such names see a column ``date``.
    """
    return f"{inference_log_dir(deployment)}/{_DAY}{day}"


def inference_log_day_of(name: str) -> str | None:
    """Return the day of a folder's base name; None if it is no such folder."""
    return name.removeprefix(_DAY) if name.startswith(_DAY) else None


def inference_log_file(
    deployment: str, day: str, version: int, segment: str, start: int
) -> str:
    """File of the exchanges that *segment* holds from *start* on, of one *version*."""
    folder = inference_log_day(deployment, day)
    return f"{folder}/v{version}-{segment}-{start}.parquet"


def inference_log_version_of(name: str) -> int | None:
    """Return the deployment version in a log file's base name; None for others."""
    start, dash, _ = name.partition("-")
    is_ours = name.endswith(".parquet") and start.startswith("v") and dash
    return int(start[1:]) if is_ours and start[1:].isdecimal() else None


def inference_log_drops(deployment: str, writer: str, count: int) -> str:
    """Object that says that *writer* could not log *count* exchanges.

    Readers of folders of Parquet files pass by names that begin like this.
    """
    return f"{inference_log_dir(deployment)}/_drops/{writer}-{count}.json"


def inference_log_drops_of(name: str) -> tuple[str, int] | None:
    """Return writer and count of such an object's base name; None for others."""
    writer, _, count = name.removesuffix(".json").rpartition("-")
    return (writer, int(count)) if writer and count.isdecimal() else None


def noted_folder(path: str) -> str:
    """Folder that holds what is noted of the user's folder *path*."""
    return f"{_FOLDERS}/{path}" if path else _FOLDERS


def folder_note(path: str) -> str:
    """Object that says that the user made the folder *path*."""
    return f"{noted_folder(path)}/{_NOTE}"


def of_noted_folder(path: str) -> str:
    """Return the user's path of what lies at *path* among the notes."""
    return path.removeprefix(f"{_FOLDERS}/")


def is_managed(path: str, *, is_folder: bool = False) -> bool:
    """Tell whether the file, or the folder, *path* may change only through the API.

    A file directly in ``Models`` whose name has a dot is the user's own, since no model
    has a dot in its name: Hopsworks' tutorials upload scripts there.
    """
    top, _, name = path.partition("/")
    if top == MODELS and "." in name and "/" not in name:
        return is_folder
    return path == "" or folded(top) in map(folded, MANAGED)


def in_folder(path: str) -> str:
    """Return *path*, which is not to lie directly in the project.

    Raises:
        InvalidNameError: it does.
    """
    if not path.rpartition("/")[0]:
        raise InvalidNameError(
            f"{path!r} would lie directly in the project: use a folder, like "
            f"{RESOURCES!r}"
        )
    return path


def absolute(project: str, path: str) -> str:
    """Return the form in which Hopsworks users write *path*."""
    return f"{_PROJECTS}/{project}/{path}"


def relative(project: str, path: str) -> str:
    """Return *path* as a path of this project, in any form that Hopsworks users write.

    These mean the same: ``Resources/a``, ``/Resources/a``,
    ``/Projects/<project>/Resources/a`` and ``hdfs:///Projects/<project>/Resources/a``,
    the last with or without a host.

    Raises:
        InvalidNameError: it leads out of the project, or breaks the file name rule.
    """
    text = path.removesuffix("/")
    url = _HDFS.match(text)
    if url:
        text = url["path"]
    root = absolute(project, "").removesuffix("/")
    if text == root or text.startswith(f"{root}/"):
        text = text[len(root) + 1 :]
    elif url or text == _PROJECTS or text.startswith(f"{_PROJECTS}/"):
        raise InvalidNameError(
            f"{path!r} is not in this project: use a relative path or one that starts "
            f"with '{root}/'"
        )
    elif text.startswith("/"):
        text = text[1:] or text
    return file_path(text) if text else ""
