"""S3 and compatible servers: creation by ``If-None-Match: *``.

Some servers ignore the condition and overwrite, so this is tested before the first
write. No extra requests are sent for what one request can answer: reading is a GET,
listing is its pages.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from typing import Any

from s3fs import S3FileSystem

from hopsartifacts import layout
from hopsartifacts.errors import InvalidInputError, PathNotFoundError, StorageError
from hopsartifacts.storage.contract import FileInfo, by_path
from hopsartifacts.storage.objects import UNCACHED, ObjectStorage
from hopsartifacts.storage.s3_client import S3Client
from hopsartifacts.storage.s3_requests import (
    DEFAULT_ATTEMPTS,
    Requests,
    error_code,
    is_absent,
)
from hopsartifacts.storage.s3_uploads import (
    Upload,
    abort,
    in_parts,
    unfinished_uploads,
)
from hopsartifacts.storage.s3_wire import Wire

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
    config = dict(options.get("config_kwargs") or {})
    attempts = _attempts(config.get("retries") or {})
    own = {
        "max_pool_connections": _CONNECTIONS,
        **config,
        "retries": {"total_max_attempts": 1},
    }
    filesystem = S3FileSystem(**{**options, **UNCACHED, "config_kwargs": own})
    return S3Storage(filesystem, path, attempts)


def _attempts(retries: Mapping[str, Any]) -> int:
    if "total_max_attempts" in retries:
        return int(retries["total_max_attempts"])
    if "max_attempts" in retries:
        return int(retries["max_attempts"]) + 1
    return DEFAULT_ATTEMPTS


class S3Storage(ObjectStorage):
    """The storage contract on native S3 requests."""

    protocol = "s3"

    def __init__(
        self, filesystem: Any, root: str, attempts: int = DEFAULT_ATTEMPTS
    ) -> None:
        super().__init__(filesystem, root)
        bucket, self._prefix, _ = filesystem.split_path(self._root)
        self._attempts = attempts
        self._client = S3Client(filesystem, bucket)
        self._requests = Requests(self._client, attempts)
        self._wire = Wire(self._requests)

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Storage, (self._fs, self._root, self._attempts)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Send one request, or concurrent parts for a large object.

        If the storage fails midway, the uploaded parts are kept invisibly, and the next
        write of this path resumes the upload. If *chunks* raises, they are dropped.
        """
        # Some servers require all parts but the last to have the same size.
        parts = in_parts(chunks, is_growing=not self._client.has_equal_parts)
        upload: Upload | None = None
        try:
            while True:
                data, is_last = self._next_part(parts, upload)
                with self._translating("write", path):
                    if upload is None and is_last:
                        self._requests.send(
                            "put_object", Key=self._key(path), Body=data
                        )
                        return
                    upload = upload or self._upload(path)
                    upload.add(data)
                    if is_last:
                        upload.complete()
                        return
        finally:
            if upload:
                upload.close()

    def read(self, path: str) -> bytes:
        with self._translating("read", path):
            return self._requests.get(Key=self._key(path)).data

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        yield from self._ranges(path, {"Key": self._key(path)}, start)

    def previous(self, path: str) -> Iterator[Iterator[bytes]]:
        """Yield all versions, or the current one where versioning is off."""
        key = self._key(path)
        with self._translating("list versions of", path):
            pages = self._requests.pages("list_object_versions", Prefix=key)
            found = [it for page in pages for it in page.get("Versions") or ()]
        for it in found:
            # The prefix also matches longer names.
            if it["Key"] == key:
                yield self._ranges(path, {"Key": key, "VersionId": it["VersionId"]})

    def stat(self, path: str) -> FileInfo | None:
        with self._translating("stat", path):
            if self._key(path):
                try:
                    found = self._requests.send("head_object", Key=self._key(path))
                except Exception as error:
                    if not is_absent(error):
                        raise
                else:
                    return self._file(
                        self._key(path), found["ContentLength"], found["LastModified"]
                    )
            below = self._requests.send(
                "list_objects_v2", Prefix=self._below(path), MaxKeys=1
            )
            is_there = below.get("Contents") or below.get("CommonPrefixes")
            return FileInfo(path=path, kind="directory") if is_there else None

    def list(self, path: str) -> list[FileInfo]:
        entries: tuple[FileInfo, ...] = ()
        with self._translating("list", path):
            for page in self._pages(path, Delimiter="/"):
                for found in page.get("CommonPrefixes") or ():
                    it = self._path(found["Prefix"])
                    entries += (FileInfo(path=it, kind="directory"),)
                entries += (*self._files(page),)
        return by_path(entries)

    def find(self, path: str) -> Iterator[FileInfo]:
        with self._translating("list", path):
            entries = [one for page in self._pages(path) for one in self._files(page)]
        # Not every server sorts in the order of the contract.
        yield from by_path(entries)

    def copy(self, source: str, target: str) -> bool:
        """Copy on the server, in parts if the object is too large for one request."""
        with self._translating("read", source):
            origin = {"Bucket": self._requests.bucket, "Key": self._key(source)}
            try:
                self._requests.send(
                    "copy_object", Key=self._key(target), CopySource=origin
                )
            except Exception as error:
                if error_code(error) not in _TOO_LARGE:
                    raise
                self._copy_in_parts(origin, self._key(target))
        return True

    def delete_tree(self, path: str) -> None:
        """Delete a thousand objects per request, listing the next ones meanwhile."""
        with self._translating("delete", path):
            if self._key(path):
                self._requests.send("delete_object", Key=self._key(path))
            under_way = None
            for page in self._pages(path):
                keys = [{"Key": found["Key"]} for found in page.get("Contents") or ()]
                if under_way:
                    _check_deleted(self._requests.waited(under_way))
                doomed = {"Objects": keys, "Quiet": True}
                under_way = keys and self._requests.submit(
                    "delete_objects", Delete=doomed
                )
            if under_way:
                _check_deleted(self._requests.waited(under_way))

    def first(self, path: str) -> str | None:
        if self._requests.bucket.endswith(_UNSORTED):
            return super().first(path)
        with self._translating("list", path):
            below, bucket = self._below(path), self._requests.bucket
            page = self._requests.send("list_objects_v2", Prefix=below, MaxKeys=1)
        found = [f"{bucket}/{it['Key']}" for it in page.get("Contents") or ()]
        return self._sure_first(path, *found)

    def unfinished(self, path: str) -> Iterator[FileInfo]:
        """Yield the unfinished uploads; sizes are 0, as each would cost a request."""
        with self._translating("list the unfinished uploads below", path):
            found = list(unfinished_uploads(self._requests, self._below(path)))
        for upload in sorted(found, key=lambda one: (one.key, one.began)):
            yield self._file(upload.key, 0, upload.began)

    def discard_unfinished(self, entry: FileInfo) -> None:
        """Abort the uploads of this path that are as old as *entry*, or older."""
        key = self._key(entry.path)
        with self._translating("discard the unfinished upload of", entry.path):
            for upload in unfinished_uploads(self._requests, key):
                is_old = upload.began.timestamp() <= (entry.modified or 0.0)
                if upload.key == key and is_old:
                    abort(self._requests, Key=key, UploadId=upload.id)

    def _create(self, path: str, data: bytes) -> None:
        self._requests.send(
            "put_object", Key=self._key(path), Body=data, IfNoneMatch="*"
        )

    def _next_part(
        self, parts: Iterator[tuple[bytes, bool]], upload: Upload | None
    ) -> tuple[bytes, bool]:
        try:
            return next(parts)
        except BaseException:
            # Exceptions of the source of *chunks* are not translated.
            if upload:
                with suppress(Exception):
                    upload.abort()
            raise

    def _upload(self, path: str) -> Upload:
        # Other paths are not private: another writer may be uploading there now.
        may_continue = layout.is_managed(path)
        return Upload.open(self._wire, self._key(path), may_continue=may_continue)

    def _ranges(
        self, path: str, place: Mapping[str, str], start: int = 0
    ) -> Iterator[bytes]:
        with closing(self._wire.ranges(place, start)) as found:
            while True:
                with self._translating("read", path):
                    data = next(found, None)
                if data is None:
                    return
                yield data

    def _copy_in_parts(self, origin: Mapping[str, str], target: str) -> None:
        found = self._requests.send("head_object", Key=origin["Key"])
        upload = Upload.open(self._wire, target, may_continue=False)
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
            with suppress(Exception):
                upload.abort()
            raise
        finally:
            upload.close()

    def _pages(self, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
        below = self._below(path)
        return self._requests.pages("list_objects_v2", Prefix=below, **parameters)

    def _files(self, page: Mapping[str, Any]) -> Iterator[FileInfo]:
        for found in page.get("Contents") or ():
            # Some tools store an object at a folder's name.
            if not found["Key"].endswith("/"):
                yield self._file(found["Key"], found["Size"], found["LastModified"])

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
        if doing == "read" and is_absent(error):
            return PathNotFoundError(f"{path!r} does not exist")
        return self._requests.explained(doing, path, error)

    def _is_taken(self, error: Exception) -> bool:
        # s3fs recognizes only AWS' message; the error code is the same everywhere.
        is_named = isinstance(error, FileExistsError)
        return is_named or error_code(error) == "PreconditionFailed"


def _check_deleted(answer: dict[str, Any]) -> None:
    for failed in answer.get("Errors") or ():
        raise StorageError(
            f"the server did not delete {failed.get('Key')!r}: {failed.get('Code')} "
            f"{failed.get('Message', '')}; try again, or check the permission to delete"
        )
