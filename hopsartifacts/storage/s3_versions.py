"""What a bucket with versioning still holds of replaced and deleted objects."""

from collections.abc import Iterator
from typing import Any

_READ_BYTES = 4 * 1024 * 1024


def previous(filesystem: Any, path: str) -> Iterator[Iterator[bytes]]:
    """Yield the bytes of every kept version of the object *path*, newest first.

    *filesystem* is s3fs' own; where versioning was never switched on, the one version
    there is comes.
    """
    bucket, _, key = path.partition("/")
    page: dict[str, Any] = {}
    while True:
        found = filesystem.call_s3(
            "list_object_versions", Bucket=bucket, Prefix=key, **page
        )
        for version in found.get("Versions") or ():
            # The prefix finds longer names, too.
            if version["Key"] == key:
                yield _read(filesystem, bucket, version)
        if not found.get("IsTruncated"):
            return
        page = {
            "KeyMarker": found.get("NextKeyMarker", ""),
            "VersionIdMarker": found.get("NextVersionIdMarker", ""),
        }


def _read(filesystem: Any, bucket: str, version: dict[str, Any]) -> Iterator[bytes]:
    path = f"{bucket}/{version['Key']}"
    size = int(version["Size"])
    for start in range(0, size, _READ_BYTES):
        end = min(start + _READ_BYTES, size)
        name = version["VersionId"]
        yield bytes(filesystem.cat_file(path, version_id=name, start=start, end=end))
