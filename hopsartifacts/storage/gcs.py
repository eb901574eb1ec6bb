"""Google Cloud Storage: creation by ``ifGenerationMatch=0``.

An object that is not there has generation 0, so the condition says "if absent".

The only module that knows gcsfs: what it overrides there is not documented, so the
versions are bounded in ``pyproject.toml``, and ``make newest`` tries the newest ones.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from fsspec.asyn import sync
from gcsfs.core import GCSFileSystem
from gcsfs.retry import retry_request

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.objects import UNCACHED, ObjectStorage

_ATTEMPTS = 4


class _JsonFileSystem(GCSFileSystem):  # type: ignore[misc]  # gcsfs has no types
    """gcsfs over the JSON interface alone, giving up within ten seconds.

    The class that gcsfs exports asks for the bucket's kind over gRPC first, for up to
    a minute where nobody answers; only zonal buckets need that. It also tries six
    times, which takes half a minute for a server that is not there; what is built on
    the storage tries again by itself.
    """

    _request = retry_request(retries=_ATTEMPTS)(inspect.unwrap(GCSFileSystem._request))  # noqa: SLF001 - gcsfs has no option for it

    async def _pipe_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._pipe_file(path, *args, **kwargs)
        except FileNotFoundError as error:
            # Its own words are the address of the request.
            bucket = path.partition("/")[0]
            raise FileNotFoundError(f"there is no bucket {bucket!r}") from error

    async def _first(self, path: str) -> str | None:
        """Return the name that is listed first below *path*, by a page of one."""
        try:
            found, _ = await self._do_list_objects(path, delimiter="", max_results=1)
        except FileNotFoundError:
            return None
        return str(found[0]["name"]) if found else None


class _GcsStorage(ObjectStorage):
    """The contract, with gcsfs' words for what fails."""

    protocol = "gs"

    def first(self, path: str) -> str | None:
        with self._translating("list", path):
            found = sync(self._fs.loop, self._fs._first, self._full(path))  # noqa: SLF001 - our own class
        return self._sure_first(path, found)

    def _is_refused(self, error: Exception) -> bool:
        # For 403 gcsfs has an error of no class of its own.
        is_forbidden = isinstance(error, OSError) and str(error).startswith(
            "Forbidden: "
        )
        return is_forbidden or isinstance(error, FileNotFoundError)


def gcs_storage(path: str, options: Mapping[str, Any]) -> ObjectStorage:
    """Return the storage at ``<bucket>[/<prefix>]``; *options* are gcsfs' own.

    Raises:
        InvalidInputError: no bucket is named, or the credentials cannot be used.
    """
    if not path.strip("/"):
        raise InvalidInputError("the project URL names no bucket: use gs://<bucket>/…")
    return _GcsStorage(_JsonFileSystem(**{**options, **UNCACHED}), path)
