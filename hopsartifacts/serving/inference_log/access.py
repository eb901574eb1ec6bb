"""The entry points for readers; what needs pyarrow, an extra, is imported late."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hopsartifacts.errors import HopsArtifactsError, InvalidInputError, StorageError
from hopsartifacts.serving.contract import DeploymentKey
from hopsartifacts.serving.inference_log.exchanges import Exchanges, KnownFiles, Mark
from hopsartifacts.serving.traffic import Period, Traffic
from hopsartifacts.storage.contract import Storage


def read_log(  # noqa: PLR0913 - each is a choice of its own
    storage: Storage,
    deployment: DeploymentKey,
    spool: Path | None,
    *,
    since: Any = None,
    until: Any = None,
    version: int | None = None,
    message_type: str | None = None,
    limit: int | None = None,
) -> Any:
    """Return a ``pyarrow.Table`` of the log; see ``Deployment``.

    Exchanges that wait in *spool* for the project are shipped first.

    Raises:
        InvalidInputError: an argument is not valid, or pyarrow is not installed.
        IntegrityError: a file in the log's folder does not belong there, or is damaged.
        StorageError: the project does not answer.
    """
    reading = _reading()
    wanted = reading.row_filter(since, until, version, message_type, limit)
    _ship(storage, deployment.name, spool)
    return reading.read(storage, deployment, wanted)


def count_drops(storage: Storage, deployment: DeploymentKey, spool: Path | None) -> int:
    """Return how many exchanges could not be logged; raises as ``read_log`` does."""
    reading = _reading()
    _ship(storage, deployment.name, spool)
    return int(reading.read_drops(storage, deployment))


def newest_exchanges(
    storage: Storage,
    deployment: DeploymentKey,
    spool: Path | None,
    known: KnownFiles,
    *,
    limit: int,
    before: Mark | None = None,
) -> Exchanges:
    """Return logged requests with their answers, newest first, in bounded time.

    Exchanges that wait in *spool* for the project are shipped first.

    Args:
        storage: the project's storage.
        deployment: the deployment.
        spool: where exchanges wait on this machine.
        known: what earlier calls learnt about the files of logs.
        limit: the most to return.
        before: ``next`` of the exchanges before; None means the newest.

    Raises:
        InvalidInputError: pyarrow is not installed.
        IntegrityError: a file in the log's folder does not belong there, or is damaged.
        StorageError: the project does not answer.
    """
    reading = _reading("exchange_reader")
    _ship(storage, deployment.name, spool)
    found: Exchanges = reading.newest(storage, deployment, known, limit, before)
    return found


def logged_traffic(
    storage: Storage, deployment: DeploymentKey, period: Period, known: KnownFiles
) -> Traffic:
    """Return how many requests were logged; raises as ``newest_exchanges`` does.

    Exchanges that wait on this machine are not counted.
    """
    found: Traffic = _reading("exchange_reader").counts(
        storage, deployment, period, known
    )
    return found


def ship_rest(storage: Storage, deployment: str, spool: Path | None) -> None:
    """Ship all records in *spool*; those that cannot be shipped stay there."""
    with suppress(HopsArtifactsError, OSError, ModuleNotFoundError):
        if spool is not None and spool.is_dir():
            _ship(storage, deployment, spool)


def _ship(storage: Storage, deployment: str, spool: Path | None) -> None:
    if spool is None:
        return
    from hopsartifacts.serving.inference_log.shipper import ship  # noqa: PLC0415 - late

    try:
        ship(spool, deployment, storage)
    except HopsArtifactsError:
        raise
    except OSError as error:
        raise StorageError(
            f"cannot ship the records in {str(spool)!r}: {error.strerror or error}"
        ) from error


def _reading(name: str = "data_set") -> ModuleType:
    try:
        return import_module(f"hopsartifacts.serving.inference_log.{name}")
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"an inference log is a pyarrow table, and {error.name} is not installed; "
            'run: pip install "hopsartifacts[logger]"'
        ) from error
