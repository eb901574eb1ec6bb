"""Google Cloud Storage: creation by ``ifGenerationMatch=0``.

An object that does not exist has generation 0, so the condition means "if absent".

Only this module depends on gcsfs. It overrides undocumented behaviour, so the versions
are bounded in ``pyproject.toml``; ``make newest`` tests the newest ones.
"""

import inspect
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fsspec.asyn import sync
from gcsfs.core import GCSFileSystem
from gcsfs.retry import retry_request

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.objects import UNCACHED, ObjectStorage

_ATTEMPTS = 4


class _JsonFileSystem(GCSFileSystem):  # type: ignore[misc]  # gcsfs has no types
    """gcsfs over the JSON API only, giving up within ten seconds.

    The class that gcsfs exports first queries the bucket type over gRPC, which takes up
    to a minute if the server does not answer; only zonal buckets need that. It also
    makes six attempts, which takes half a minute if the server is unreachable; callers
    of the storage retry by themselves.
    """

    _request = retry_request(retries=_ATTEMPTS)(inspect.unwrap(GCSFileSystem._request))  # noqa: SLF001 - gcsfs has no option for it

    async def _pipe_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._pipe_file(path, *args, **kwargs)
        except FileNotFoundError as error:
            # The original message is only the URL of the request.
            bucket = path.partition("/")[0]
            raise FileNotFoundError(f"there is no bucket {bucket!r}") from error


class _GcsStorage(ObjectStorage):
    """The storage contract on gcsfs, with its errors classified."""

    protocol = "gs"

    def _first_name(self, path: str) -> str | None:
        with suppress(FileNotFoundError):
            listing = self._fs._do_list_objects  # noqa: SLF001 - the one with a limit
            full = self._full(path)
            found, _ = sync(self._fs.loop, listing, full, delimiter="", max_results=1)
            return str(found[0]["name"]) if found else None
        return None

    def _is_refused(self, error: Exception) -> bool:
        # gcsfs raises a plain OSError for 403.
        is_403 = isinstance(error, OSError) and str(error).startswith("Forbidden: ")
        return is_403 or isinstance(error, FileNotFoundError)


def gcs_storage(path: str, options: Mapping[str, Any]) -> ObjectStorage:
    """Return the storage at ``<bucket>[/<prefix>]``; *options* are those of gcsfs.

    Raises:
        InvalidInputError: the URL names no bucket, or the credentials are invalid.
    """
    if not path.strip("/"):
        raise InvalidInputError("the project URL names no bucket: use gs://<bucket>/…")
    return _GcsStorage(_JsonFileSystem(**{**options, **UNCACHED}), path)
