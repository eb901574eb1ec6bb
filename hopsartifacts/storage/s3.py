"""S3 and what speaks its protocol: creation by ``If-None-Match: *``.

Whether a server honours the condition is found out before the first write; some
ignore it and overwrite.
"""

from collections.abc import Mapping
from typing import Any

from s3fs import S3FileSystem

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.objects import Dialect, ObjectStorage
from hopsartifacts.storage.s3_versions import previous


def s3_storage(path: str, options: Mapping[str, Any]) -> ObjectStorage:
    """Return the storage at ``<bucket>[/<prefix>]``; *options* are s3fs' own.

    Raises:
        InvalidInputError: no bucket is named.
    """
    if not path.strip("/"):
        raise InvalidInputError("the project URL names no bucket: use s3://<bucket>/…")
    own = {
        # Listings decide, so none may come from a cache, nor from an instance that
        # somebody else has set up to cache.
        "use_listings_cache": False,
        "skip_instance_cache": True,
    }
    filesystem = S3FileSystem(**{**options, **own})
    dialect = Dialect(protocol="s3", is_taken=_is_taken, previous=previous)
    return ObjectStorage(filesystem, path, dialect)


def _is_taken(error: BaseException) -> bool:
    if isinstance(error, FileExistsError):
        return True
    # s3fs knows the refusal only in the words of AWS; the code is the same everywhere.
    response = getattr(error.__cause__, "response", None) or {}
    return bool(response.get("Error", {}).get("Code") == "PreconditionFailed")
