"""Azure Blob Storage: creation by one Put Blob request with ``If-None-Match: *``.

Only this module depends on adlfs. It overrides undocumented behaviour, so the versions
are bounded in ``pyproject.toml``; ``make newest`` tests the newest ones.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from adlfs import AzureBlobFileSystem
from azure.core.exceptions import ResourceNotFoundError
from fsspec.asyn import sync_wrapper

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.objects import UNCACHED, ObjectStorage

_REFUSALS = frozenset({401, 403, 404})


class _BlobFileSystem(AzureBlobFileSystem):  # type: ignore[misc]  # adlfs has no types
    """adlfs with shorter pauses between retries."""

    def do_connect(self) -> None:
        """Connect, and set retry pauses of seconds instead of minutes.

        Callers of the storage retry by themselves. adlfs has no option for the pauses.
        """
        super().do_connect()
        policy = self.service_client._config.retry_policy  # noqa: SLF001 - see above
        policy.initial_backoff = policy.random_jitter_range = 0.5
        policy.increment_base = 1.5

    async def _first(self, path: str) -> str | None:
        """Return the first name listed below *path*, with pages of one entry."""
        container, key, _ = self.split_path(path)
        below = f"{key}/" if key else None
        async with self.service_client.get_container_client(container) as client:
            with suppress(ResourceNotFoundError):
                async for blob in client.list_blobs(
                    name_starts_with=below, include=["metadata"], results_per_page=1
                ):
                    # Accounts with a hierarchical namespace also list folders.
                    if not (blob.metadata or {}).get("hdi_isfolder"):
                        return f"{container}/{blob.name}"
        return None

    first = sync_wrapper(_first)


class _AzureStorage(ObjectStorage):
    """The storage contract on adlfs, with its errors classified."""

    protocol = "az"

    def _first_name(self, path: str) -> str | None:
        return cast("str | None", self._fs.first(self._full(path)))

    def _is_refused(self, error: Exception) -> bool:
        # adlfs wraps some of Azure's errors in its own.
        source = error if hasattr(error, "status_code") else error.__cause__
        status = getattr(source, "status_code", 0)
        return status in _REFUSALS or isinstance(error, FileNotFoundError)


def azure_storage(path: str, options: Mapping[str, Any]) -> ObjectStorage:
    """Return the storage at ``<container>[@<account's host>][/<prefix>]``.

    *options* are those of adlfs; they take precedence over the URL.

    Raises:
        InvalidInputError: the URL names no container, or the credentials are invalid.
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
