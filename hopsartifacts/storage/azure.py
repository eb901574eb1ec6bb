"""Azure Blob Storage: creation by ``If-None-Match: *`` on one Put Blob.

The only module that knows adlfs: what it overrides there is not documented, so the
versions are bounded in ``pyproject.toml``, and ``make newest`` tries the newest ones.
"""

from collections.abc import Mapping
from typing import Any

from adlfs import AzureBlobFileSystem
from azure.core.exceptions import ResourceNotFoundError
from fsspec.asyn import sync

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.objects import UNCACHED, ObjectStorage

_REFUSALS = frozenset({401, 403, 404})
_FIRST_PAUSE_S = 0.5
_PAUSE_BASE_S = 1.5


class _BlobFileSystem(AzureBlobFileSystem):  # type: ignore[misc]  # adlfs has no types
    """adlfs with one answer of ``find`` for files, and shorter pauses."""

    def do_connect(self) -> None:
        """Connect, and pause for seconds, not for minutes, before trying again.

        What is built on the storage tries again by itself. adlfs has no option for it.
        """
        super().do_connect()
        policy = self.service_client._config.retry_policy  # noqa: SLF001 - see above
        policy.initial_backoff = _FIRST_PAUSE_S
        policy.increment_base = _PAUSE_BASE_S
        policy.random_jitter_range = _FIRST_PAUSE_S

    async def _find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        found = await super()._find(path, *args, **kwargs)
        # Of a file adlfs gives a list, whatever was asked for.
        if kwargs.get("detail") and isinstance(found, list):
            return {name: await self._info(name) for name in found}
        return found

    async def _first(self, path: str) -> str | None:
        """Return the name that is listed first below *path*, by pages of one."""
        container, key, _ = self.split_path(path)
        async with self.service_client.get_container_client(container) as client:
            found = client.list_blobs(
                name_starts_with=f"{key}/" if key else None,
                include=["metadata"],
                results_per_page=1,
            )
            try:
                async for blob in found:
                    # An account with a hierarchical namespace lists folders, too.
                    if not (blob.metadata or {}).get("hdi_isfolder"):
                        return f"{container}/{blob.name}"
            except ResourceNotFoundError:
                return None
        return None


class _AzureStorage(ObjectStorage):
    """The contract, with adlfs' words for what fails."""

    protocol = "az"

    def first(self, path: str) -> str | None:
        with self._translating("list", path):
            found = sync(self._fs.loop, self._fs._first, self._full(path))  # noqa: SLF001 - our own class
        return self._sure_first(path, found)

    def _is_refused(self, error: Exception) -> bool:
        # adlfs puts errors of its own before some of Azure's.
        source = error if hasattr(error, "status_code") else error.__cause__
        status = getattr(source, "status_code", 0)
        return status in _REFUSALS or isinstance(error, FileNotFoundError)


def azure_storage(path: str, options: Mapping[str, Any]) -> ObjectStorage:
    """Return the storage at ``<container>[@<account's host>][/<prefix>]``.

    *options* are adlfs' own; they win over the URL.

    Raises:
        InvalidInputError: no container is named, or the credentials cannot be used.
    """
    first, slash, prefix = path.strip("/").partition("/")
    container, _, host = first.partition("@")
    if not container:
        raise InvalidInputError(
            "the project URL names no container: use az://<container>/…"
        )
    account = {"account_name": host.partition(".")[0]} if host else {}
    filesystem = _BlobFileSystem(**{**account, **options, **UNCACHED})
    return _AzureStorage(filesystem, f"{container}{slash}{prefix}")
