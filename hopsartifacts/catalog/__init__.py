"""The entry point of the catalog, which imports the optional pyarrow only when called.

pyarrow is larger than all other dependencies together, so it is an extra.
"""

from typing import Any

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.contract import Storage


def catalog(storage: Storage, kind: str = "models", *, artifacts: bool = True) -> Any:
    """Return a ``pyarrow.Table`` of everything in the project.

    Args:
        storage: the project's storage.
        kind: ``models`` (one row per model version, with everything else nested in
            it), or a long table: ``metrics``, ``artifacts`` or ``deployments``.
        artifacts: if false, ``models`` has no column ``artifacts`` and takes fewer
            requests.

    Raises:
        InvalidInputError: the table does not exist, or pyarrow is not installed.
        IntegrityError: a log is damaged.
    """
    try:
        from hopsartifacts.catalog.reader import catalog_of  # noqa: PLC0415 - late
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"a catalog is a pyarrow table, but {error.name} is not installed; run: "
            'pip install "hopsartifacts[catalog]"'
        ) from error
    return catalog_of(storage, kind, artifacts=artifacts)
