"""All paths inside a project; no other module builds them.

Paths are relative to the project, ``/``-separated, and have no leading slash.
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
"""User files cannot have this name, since it ends in a dot; see ``names.file_path``."""

_LOG = "_log"
_PAYLOAD = "_payload"
_ENTRY_DIGITS = 8
MOST_ENTRIES = 10**_ENTRY_DIGITS - 1
"""No log can have more."""
_ENTRY = re.compile(r"(\d\d)/(\d\d)/(\d\d)/(\d\d)\.json\.gz", re.ASCII)
_ARTIFACT_FILE = re.compile(
    rf"{MODELS}/(?P<model>[^/]+)/(?P<version>[1-9][0-9]{{0,17}})"
    rf"/{ARTIFACTS}/(?P<artifact>[1-9][0-9]{{0,17}})/(?P<file>.+)",
    re.DOTALL,
)
_DAY = "date="

Role = Literal["predictor", "transformer", "configfile", "environment", "file"]


def model_dir(model: str) -> str:
    """Return the folder of all versions of *model*."""
    return f"{MODELS}/{model}"


def model_log(model: str) -> str:
    """Return the path of the log that defines which versions of *model* exist."""
    return f"{model_dir(model)}/{_LOG}"


def version_dir(model: str, version: int) -> str:
    """Return the folder of one model version."""
    return f"{model_dir(model)}/{version}"


def version_manifest(model: str, version: int) -> str:
    """Return the path of the readable copy of a version's manifest."""
    return f"{version_dir(model, version)}/{MANIFEST}"


def files_dir(model: str, version: int) -> str:
    """Return the folder of the model files: a deployment's ``MODEL_FILES_PATH``."""
    return f"{version_dir(model, version)}/{FILES}"


def artifacts_dir(model: str, version: int) -> str:
    """Return the folder of all artifact versions of a model version."""
    return f"{version_dir(model, version)}/{ARTIFACTS}"


def artifact_log(model: str, version: int) -> str:
    """Return the path of the log that defines which artifact versions exist."""
    return f"{artifacts_dir(model, version)}/{_LOG}"


def artifact_dir(model: str, version: int, artifact: int) -> str:
    """Return one artifact version's folder: a deployment's ``ARTIFACT_FILES_PATH``."""
    return f"{artifacts_dir(model, version)}/{artifact}"


def artifact_payload(model: str, version: int, token: str) -> str:
    """Return the private folder of writer *token* for files too large for the log."""
    return f"{artifacts_dir(model, version)}/{_PAYLOAD}/{token}"


def artifact_file(role: Role, name: str) -> str:
    """Return a file's name in an artifact folder, such as ``predictor-serve.py``."""
    return name if role == "file" else f"{role}-{name}"


def artifact_file_at(path: str) -> tuple[str, int, int, str] | None:
    """Return the file of an artifact version that is at *path*; None if it is none.

    Returns:
        The model, its version, the artifact version, and the path of the file in it.
    """
    found = _ARTIFACT_FILE.fullmatch(path)
    if found is None:
        return None
    return found["model"], int(found["version"]), int(found["artifact"]), found["file"]


def deployment_dir(deployment: str) -> str:
    """Return the folder of all versions of *deployment*."""
    return f"{DEPLOYMENTS}/{deployment}"


def deployment_log(deployment: str) -> str:
    """Return the path of a deployment's log: which versions exist, which is active."""
    return f"{deployment_dir(deployment)}/{_LOG}"


def deployment_version_dir(deployment: str, version: int) -> str:
    """Return the folder of one deployment version."""
    return f"{deployment_dir(deployment)}/{version}"


def deployment_document(deployment: str, version: int) -> str:
    """Return the path of the readable specification of one deployment version."""
    return f"{deployment_version_dir(deployment, version)}/{DEPLOYMENT}"


def log_entry(log: str, seq: int) -> str:
    """Return the path of entry *seq* (from 1) of *log*.

    Names count down, so that the newest entry sorts first. A folder holds at most 100
    names.
    """
    left = f"{MOST_ENTRIES - seq:0{_ENTRY_DIGITS}d}"
    return f"{log}/{left[:2]}/{left[2:4]}/{left[4:6]}/{left[6:]}.json.gz"


def log_entry_seq(log: str, path: str) -> int | None:
    """Return the entry number in *path*; None if it is not an entry of *log*."""
    found = _ENTRY.fullmatch(path.removeprefix(f"{log}/"))
    seq = MOST_ENTRIES - int("".join(found.groups())) if found else 0
    return seq if seq > 0 else None


def log_of(path: str) -> str | None:
    """Return the path of the log that contains *path*; None if no log does."""
    log, middle, _ = path.partition(f"/{_LOG}/")
    return f"{log}/{_LOG}" if middle else None


def model_name_claim(model: str) -> str:
    """Return the object whose creation claims *model* and names that fold to the same.

    Two names fold to the same if they differ only in case or Unicode form.
    """
    return f"{INTERNAL}/names/models/{folded(model)}.json"


def deployment_name_claim(deployment: str) -> str:
    """Return the object whose creation claims *deployment* and its Kubernetes name."""
    return f"{INTERNAL}/names/deployments/{kubernetes_name(deployment)}.json"


def probe(token: str) -> str:
    """Return the path of a probe object, which its creator deletes after the test."""
    return f"{PROBES}/{token}"


def staging_dir(token: str) -> str:
    """Return the folder where the writer with this *token* prepares a version."""
    return f"{STAGING}/{token}"


def quarantine_path(when: str, path: str) -> str:
    """Return where a repair that started at *when* moves the file found at *path*."""
    return f"{QUARANTINE}/{when}/{path}"


def serving_logs_dir() -> str:
    """Return the folder of the model servers' logs, with one folder per deployment."""
    return f"{LOGS}/Serving"


def inference_log_dir(deployment: str) -> str:
    """Return the folder of logged requests and responses, with one folder per day."""
    return f"{LOGS}/inference/{deployment}"


def inference_log_day(deployment: str, day: str) -> str:
    """Return the folder of the requests received on *day* (``2026-11-23``, UTC).

    Readers that support Hive partitioning show it as a column ``date``.
    """
    return f"{inference_log_dir(deployment)}/{_DAY}{day}"


def inference_log_day_of(name: str) -> str | None:
    """Return the day in a folder's base name; None if it is not a day folder."""
    return name.removeprefix(_DAY) if name.startswith(_DAY) else None


def inference_log_file(
    deployment: str, day: str, version: int, segment: str, start: int
) -> str:
    """Return the file with the exchanges of *version* in *segment*, from *start* on."""
    folder = inference_log_day(deployment, day)
    return f"{folder}/v{version}-{segment}-{start}.parquet"


def inference_log_version_of(name: str) -> int | None:
    """Return the version in a log file's base name; None if it is not a log file."""
    start, dash, _ = name.partition("-")
    is_ours = name.endswith(".parquet") and start.startswith("v") and dash
    return int(start[1:]) if is_ours and start[1:].isdecimal() else None


def inference_log_drops(deployment: str, writer: str, count: int) -> str:
    """Return the object that records that *writer* dropped *count* exchanges.

    Readers of Parquet folders skip names that start with an underscore.
    """
    return f"{inference_log_dir(deployment)}/_drops/{writer}-{count}.json"


def inference_log_drops_of(name: str) -> tuple[str, int] | None:
    """Return writer and count from a drop record's base name; None for other names."""
    writer, _, count = name.removesuffix(".json").rpartition("-")
    return (writer, int(count)) if writer and count.isdecimal() else None


def noted_folder(path: str) -> str:
    """Return the folder that holds the notes about the user's folder *path*."""
    return f"{_FOLDERS}/{path}" if path else _FOLDERS


def folder_note(path: str) -> str:
    """Return the object that records that the user created the folder *path*."""
    return f"{noted_folder(path)}/{_NOTE}"


def of_noted_folder(path: str) -> str:
    """Return the user's path for *path*, a path among the folder notes."""
    return path.removeprefix(f"{_FOLDERS}/")


def is_managed(path: str, *, is_folder: bool = False) -> bool:
    """Return whether the file or folder *path* can be changed only through the API.

    A file directly in ``Models`` with a dot in its name belongs to the user: Hopsworks'
    tutorials upload scripts there, and model names contain no dot.
    """
    top, _, name = path.partition("/")
    if top == MODELS and "." in name and "/" not in name:
        return is_folder
    return path == "" or folded(top) in map(folded, MANAGED)


def in_folder(path: str) -> str:
    """Return *path* if it is inside a folder of the project.

    Raises:
        InvalidNameError: it is directly in the project.
    """
    if not path.rpartition("/")[0]:
        raise InvalidNameError(
            f"{path!r} cannot be directly in the project: put it into a folder of the "
            f"project, like {RESOURCES!r}"
        )
    return path


def absolute(project: str, path: str) -> str:
    """Return *path* in the absolute form that Hopsworks uses."""
    return f"{_PROJECTS}/{project}/{path}"


def relative(project: str, path: str) -> str:
    """Return *path*, given in any form that Hopsworks accepts, relative to the project.

    These forms are equivalent: ``Resources/a``, ``/Resources/a``,
    ``/Projects/<project>/Resources/a`` and ``hdfs:///Projects/<project>/Resources/a``,
    the last with or without a host.

    Raises:
        InvalidNameError: it is outside the project, or breaks the file name rule.
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
