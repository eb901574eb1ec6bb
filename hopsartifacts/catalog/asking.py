"""The way in: pyarrow weighs more than all the rest: an extra, imported late."""

from typing import Any

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.contract import Storage


def catalog(storage: Storage, kind: str = "models", *, artifacts: bool = True) -> Any:
    """Return a ``pyarrow.Table`` of everything in the project.

    Args:
        storage: where.
        kind: ``models`` (one row per model version, all else nested in it), or a long
            table: ``metrics``, ``artifacts``, ``deployments``.
        artifacts: without it ``models`` has no column ``artifacts`` and takes fewer
            requests.

    Raises:
        InvalidInputError: there is no such table, or pyarrow is not installed.
        IntegrityError: a log is damaged.
    """
    try:
        from hopsartifacts.catalog.views import catalog_of  # noqa: PLC0415 - late
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"a catalog is a pyarrow table, and {error.name} is not installed; run: "
            'pip install "hopsartifacts[catalog]"'
        ) from error
    return catalog_of(storage, kind, artifacts=artifacts)
