"""S3 and compatible servers: creation by ``If-None-Match: *``.

Some servers ignore the condition and overwrite, so this is tested before the first
write. No extra requests are sent for what one request can answer: reading is a GET,
listing is its pages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from s3fs import S3FileSystem

from hopsartifacts import layout
from hopsartifacts.errors import InvalidInputError, PathNotFoundError, StorageError
from hopsartifacts.storage import s3_client
from hopsartifacts.storage.contract import FileInfo, by_path, watched
from hopsartifacts.storage.objects import UNCACHED, ObjectStorage
from hopsartifacts.storage.s3_transfers import Upload, Wire, abort, in_parts

_CONNECTIONS = 32
_COPY_PART_BYTES = 1 << 30
_UNSORTED = ("--x-s3", "--xa-s3")
"""Suffixes of the names of directory buckets, whose listings are not sorted."""
_TOO_LARGE = frozenset({"EntityTooLarge", "InvalidRequest"})
"""Error codes for an object of more than 5 GB that cannot be copied in one request."""


def s3_storage(path: str, options: Mapping[str, Any]) -> "S3Storage":
    """Return the storage at ``<bucket>[/<prefix>]``; *options* are those of s3fs.

    The number of attempts in ``config_kwargs["retries"]`` is respected; requests are
    retried here, not by botocore.

    Raises:
        InvalidInputError: the URL names no bucket, or the options contradict each
            other.
    """
    if not path.strip("/"):
        raise InvalidInputError("the project URL names no bucket: use s3://<bucket>/…")
    config = {
        "max_pool_connections": _CONNECTIONS,
        **(options.get("config_kwargs") or {}),
    }
    retries = config.get("retries") or {}
    again = retries.get("max_attempts", s3_client.DEFAULT_ATTEMPTS - 1)
    attempts = int(retries.get("total_max_attempts", again + 1))
    config["retries"] = {"total_max_attempts": 1}
    filesystem = S3FileSystem(**{**options, **UNCACHED, "config_kwargs": config})
    return S3Storage(filesystem, path, attempts)


class S3Storage(ObjectStorage):
    """The storage contract on native S3 requests."""

    protocol = "s3"

    def __init__(
        self, filesystem: Any, root: str, attempts: int = s3_client.DEFAULT_ATTEMPTS
    ) -> None:
        super().__init__(filesystem, root)
        bucket, self._prefix, _ = filesystem.split_path(self._root)
        self._client = s3_client.S3Client(filesystem, bucket, attempts)
        self._wire = Wire(self._client)

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Storage, (self._fs, self._root, self._client.attempts)

    def create(self, path: str, data: bytes) -> bool:
        with self._translating("create", path):
            try:
                self._client.send(
                    "put_object", Key=self._key(path), Body=data, IfNoneMatch="*"
                )
            except Exception as error:
                # s3fs recognizes only AWS' message; the code is the same everywhere.
                if s3_client.error_code(error) == "PreconditionFailed":
                    return False
                raise
            return True

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Send one request, or concurrent parts for a large object.

        If the storage fails midway, the uploaded parts are kept invisibly, and the next
        write of this path resumes the upload. If *chunks* raises, they are dropped.
        """
        failures = list[BaseException]()
        # Some servers require all parts but the last to have the same size.
        is_growing = not self._client.has_equal_parts
        parts = in_parts(watched(chunks, failures), is_growing=is_growing)
        with self._translating("write", path, failures):
            held = [*islice(parts, 2)]
            if len(held) == 1:
                self._client.send("put_object", Key=self._key(path), Body=held[0])
                return
            # Other paths are not private: another writer may be uploading there now.
            may_continue = layout.is_managed(path)
            upload = Upload(self._wire, self._key(path), may_continue=may_continue)
            try:
                while held:
                    upload.add(held.pop(0))
                    held = held or [*islice(parts, 1)]
                upload.complete()
            except BaseException:
                if failures:
                    upload.abort()
                raise
            finally:
                upload.close()

    def read(self, path: str) -> bytes:
        return b"".join(self.chunks(path))

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        return self._ranges(path, {"Key": self._key(path)}, start)

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """Yield all versions, or the current one where versioning is off."""
        key = self._key(path)
        with self._translating("list versions of", path):
            found = self._client.listed("list_object_versions", "Versions", Prefix=key)
        for it in found:
            # The prefix also matches longer names.
            if it["Key"] == key:
                place = {"Key": key, "VersionId": it["VersionId"]}
                yield self._ranges(path, place)

    def stat(self, path: str) -> FileInfo | None:
        with self._translating("stat", path):
            key = self._key(path)
            try:
                if key:
                    it = self._client.send("head_object", Key=key)
                    return self._file(key, it["ContentLength"], it["LastModified"])
            except Exception as error:
                if not s3_client.is_absent(error):
                    raise
            below = next(self._pages(path, MaxKeys=1)).get("Contents")
            return FileInfo(path=path, kind="directory") if below else None

    def list(self, path: str) -> list[FileInfo]:
        with self._translating("list", path):
            return by_path(self._listed(self._pages(path, Delimiter="/")))

    def find(self, path: str) -> Iterator[FileInfo]:
        with self._translating("list", path):
            found = by_path(self._listed(self._pages(path)))
        yield from found

    def copy(self, source: str, target: str) -> bool:
        """Copy on the server, in parts if the object is too large for one request."""
        with self._translating("read", source):
            origin = {"Bucket": self._client.bucket, "Key": self._key(source)}
            try:
                self._client.send(
                    "copy_object", Key=self._key(target), CopySource=origin
                )
            except Exception as error:
                if s3_client.error_code(error) not in _TOO_LARGE:
                    raise
                self._copy_in_parts(origin, self._key(target))
        return True

    def delete_tree(self, path: str) -> None:
        """Delete a thousand objects per request."""
        with self._translating("delete", path):
            if self._key(path):
                self._client.send("delete_object", Key=self._key(path))
            for page in self._pages(path):
                keys = [{"Key": found["Key"]} for found in page.get("Contents") or ()]
                if keys:
                    doomed = {"Objects": keys, "Quiet": True}
                    answer = self._client.send("delete_objects", Delete=doomed)
                    for failed in answer.get("Errors") or ():
                        raise StorageError(
                            f"the server did not delete {failed.get('Key')!r}: "
                            f"{failed.get('Code')} {failed.get('Message', '')}; try "
                            "again, or check the permission to delete"
                        )

    def unfinished(self, path: str) -> Iterator[FileInfo]:
        """Yield the unfinished uploads; sizes are 0, as each would cost a request."""
        with self._translating("list the unfinished uploads below", path):
            found = self._uploads(self._below(path))
        for it in sorted(found, key=lambda it: (it["Key"], it["Initiated"])):
            yield self._file(it["Key"], 0, it["Initiated"])

    def discard_unfinished(self, entry: FileInfo) -> None:
        """Abort the uploads of this path that are as old as *entry*, or older."""
        key = self._key(entry.path)
        with self._translating("discard the unfinished upload of", entry.path):
            for it in self._uploads(key):
                is_old = it["Initiated"].timestamp() <= (entry.modified or 0.0)
                if it["Key"] == key and is_old:
                    abort(self._client, Key=key, UploadId=it["UploadId"])

    def _first_name(self, path: str) -> str | None:
        bucket = self._client.bucket
        if bucket.endswith(_UNSORTED):
            return ""
        found = next(self._pages(path, MaxKeys=1)).get("Contents")
        return f"{bucket}/{found[0]['Key']}" if found else None

    def _ranges(
        self, path: str, place: Mapping[str, str], start: int = 0
    ) -> Iterator[bytes]:
        with self._translating("read", path):
            yield from self._wire.ranges(place, start)

    def _uploads(self, prefix: str) -> Sequence[s3_client.Answer]:
        return self._client.listed("list_multipart_uploads", "Uploads", Prefix=prefix)

    def _copy_in_parts(self, origin: Mapping[str, str], target: str) -> None:
        found = self._client.send("head_object", Key=origin["Key"])
        upload = Upload(self._wire, target, may_continue=False)
        try:
            for first in range(0, found["ContentLength"], _COPY_PART_BYTES):
                last = min(first + _COPY_PART_BYTES, found["ContentLength"]) - 1
                upload.copy(
                    CopySource=origin,
                    CopySourceIfMatch=found["ETag"],
                    CopySourceRange=f"bytes={first}-{last}",
                )
            upload.complete()
        except BaseException:
            upload.abort()
            raise
        finally:
            upload.close()

    def _pages(self, path: str, **parameters: Any) -> Iterator[s3_client.Answer]:
        below = self._below(path)
        return self._client.pages("list_objects_v2", Prefix=below, **parameters)

    def _listed(self, pages: Iterable[s3_client.Answer]) -> Iterator[FileInfo]:
        for page in pages:
            for it in page.get("CommonPrefixes") or ():
                yield FileInfo(path=self._path(it["Prefix"]), kind="directory")
            for it in page.get("Contents") or ():
                # Some tools store an object at a folder's name.
                if not it["Key"].endswith("/"):
                    yield self._file(it["Key"], it["Size"], it["LastModified"])

    def _file(self, key: str, size: int, modified: Any) -> FileInfo:
        return FileInfo(
            path=self._path(key),
            kind="file",
            size_bytes=size,
            modified=modified.timestamp(),
        )

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self._prefix, path) if part)

    def _below(self, path: str) -> str:
        key = self._key(path)
        return f"{key}/" if key else ""

    def _path(self, key: str) -> str:
        return key.removeprefix(self._below("")).rstrip("/")

    def _translated(self, doing: str, path: str, error: Exception) -> Exception:
        if doing == "read" and s3_client.is_absent(error):
            return PathNotFoundError(f"{path!r} does not exist")
        return self._client.explained(doing, path, error)
