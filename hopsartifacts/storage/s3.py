"""S3 and what speaks its protocol: creation by ``If-None-Match: *``.

Whether a server honours the condition is found out before the first write; some
ignore it and overwrite. Nothing is asked that the request itself can tell: reading
is a GET, listing is its pages.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from s3fs import S3FileSystem

from hopsartifacts import layout
from hopsartifacts.errors import InvalidInputError, StorageError
from hopsartifacts.storage.contract import Entry
from hopsartifacts.storage.in_flight import Budget, InFlight
from hopsartifacts.storage.objects import Dialect, ObjectStorage
from hopsartifacts.storage.s3_reading import Reading, ranges
from hopsartifacts.storage.s3_requests import (
    DEFAULT_ATTEMPTS,
    Requests,
    absent,
    error_code,
    is_absent,
)
from hopsartifacts.storage.s3_uploads import (
    Upload,
    abort,
    in_parts,
    unfinished_uploads,
)
from hopsartifacts.storage.s3_versions import previous
from hopsartifacts.storage.s3_wire import Wire

_CONNECTIONS = 32
_READ_BUDGET_BYTES = 64 * 1024 * 1024
_WRITE_BUDGET_BYTES = 128 * 1024 * 1024
_DELETIONS_AT_ONCE = 4
_COPIES_AT_ONCE = 8
_COPY_PART_BYTES = 1 << 30
_COUNTED = Budget(0)
"""For pieces without bytes: only their number is bounded."""
_UNSORTED = ("--x-s3", "--xa-s3")
"""How the names of directory buckets end, whose listings have no order."""
_TOO_LARGE = frozenset({"EntityTooLarge", "InvalidRequest"})
"""What servers say of an object of more than 5 GB that was to be copied at once."""


def s3_storage(path: str, options: Mapping[str, Any]) -> "S3Storage":
    """Return the storage at ``<bucket>[/<prefix>]``; *options* are s3fs' own.

    A number of attempts in ``config_kwargs["retries"]`` is kept to; the requests are
    repeated here and not by botocore.

    Raises:
        InvalidInputError: no bucket is named.
    """
    if not path.strip("/"):
        raise InvalidInputError("the project URL names no bucket: use s3://<bucket>/…")
    config = dict(options.get("config_kwargs") or {})
    attempts = _attempts(config.get("retries") or {})
    own = {
        # Listings decide, so none may come from a cache, nor from an instance that
        # somebody else has set up to cache.
        "use_listings_cache": False,
        "skip_instance_cache": True,
        "config_kwargs": {
            "max_pool_connections": _CONNECTIONS,
            **config,
            "retries": {"total_max_attempts": 1},
        },
    }
    filesystem = S3FileSystem(**{**options, **own})
    return S3Storage(filesystem, path, attempts)


def _attempts(retries: Mapping[str, Any]) -> int:
    if "total_max_attempts" in retries:
        return int(retries["total_max_attempts"])
    if "max_attempts" in retries:
        return int(retries["max_attempts"]) + 1
    return DEFAULT_ATTEMPTS


class S3Storage(ObjectStorage):
    """The contract in requests of S3's own."""

    def __init__(
        self, filesystem: Any, root: str, attempts: int = DEFAULT_ATTEMPTS
    ) -> None:
        bucket, self._prefix, _ = filesystem.split_path(root.strip("/"))
        dialect = Dialect(
            protocol="s3",
            is_taken=_is_taken,
            previous=previous,
            first=None if bucket.endswith(_UNSORTED) else self._first_listed,
        )
        super().__init__(filesystem, root, dialect)
        # Requests are repeated in one place, which is not s3fs.
        filesystem.retries = 1
        self._attempts = attempts
        self._requests = Requests(filesystem, bucket, attempts)
        self._reading = Reading(
            requests=self._requests,
            wire=Wire(filesystem, self._requests),
            budget=Budget(_READ_BUDGET_BYTES),
            asks_if_match=not filesystem.local_expiry_check,
        )
        self._writing = Budget(_WRITE_BUDGET_BYTES)

    def __reduce__(self) -> tuple[Any, ...]:
        return S3Storage, (self._fs, self._root, self._attempts)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Send one request, or parts at the same moment if it is large.

        If the storage fails in the middle, what has arrived is kept out of sight, and
        the next write of this path continues; if *chunks* raises, it is dropped.
        """
        # All parts but the last one have to be equal for some servers.
        parts = in_parts(chunks, is_growing=not self._fs.fixed_upload_size)
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
        """See the contract."""
        with self._translating("read", path):
            return self._requests.get(Key=self._key(path)).data

    def chunks(self, path: str, start: int = 0) -> Iterator[bytes]:
        """See the contract."""
        found = ranges(self._reading, self._key(path), start)
        with contextlib.closing(found):
            while True:
                with self._translating("read", path):
                    data = next(found, None)
                if data is None:
                    return
                yield data

    def stat(self, path: str) -> Entry | None:
        """See the contract."""
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
            return Entry(path=path, kind="directory") if is_there else None

    def list(self, path: str) -> list[Entry]:
        """See the contract."""
        entries = tuple[Entry, ...]()
        with self._translating("list", path):
            for page in self._pages(path, Delimiter="/"):
                folders = page.get("CommonPrefixes") or ()
                paths = (self._path(found["Prefix"]) for found in folders)
                entries += (
                    *self._files(page),
                    *(Entry(path=path, kind="directory") for path in paths),
                )
        return sorted(entries, key=lambda entry: entry.path)

    def find(self, path: str) -> Iterator[Entry]:
        """See the contract."""
        with self._translating("list", path):
            entries = [one for page in self._pages(path) for one in self._files(page)]
        # Not every server sorts as the contract does.
        yield from sorted(entries, key=lambda entry: entry.path)

    def copy(self, source: str, target: str) -> bool:
        """Copy on the server, in parts if it has to be."""
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
        """Delete a thousand objects with each request."""
        batches: InFlight[dict[str, Any]] = InFlight(_COUNTED, _DELETIONS_AT_ONCE)
        with self._translating("delete", path), batches:
            if self._key(path):
                self._requests.send("delete_object", Key=self._key(path))
            for page in self._pages(path):
                keys = [{"Key": found["Key"]} for found in page.get("Contents") or ()]
                if keys:
                    self._delete(batches, keys)
            while batches:
                _check_deleted(batches.oldest())

    def unfinished(self, path: str) -> Iterator[Entry]:
        """See the contract; the sizes would cost a request each and are left out."""
        with self._translating("list the unfinished uploads below", path):
            found = list(unfinished_uploads(self._requests, self._below(path)))
        for upload in sorted(found, key=lambda one: (one.key, one.began)):
            yield self._file(upload.key, 0, upload.began)

    def discard_unfinished(self, entry: Entry) -> None:
        """Abort the uploads of this path that are as old as *entry*, or older."""
        key = self._key(entry.path)
        with self._translating("discard the unfinished upload of", entry.path):
            for upload in unfinished_uploads(self._requests, key):
                is_old = upload.began.timestamp() <= (entry.modified or 0.0)
                if upload.key == key and is_old:
                    abort(self._requests, key, upload.id)

    def _first_listed(self, _: Any, full: str) -> str | None:
        bucket, key, _ = self._fs.split_path(full)
        below = f"{key}/" if key else ""
        found = self._requests.send("list_objects_v2", Prefix=below, MaxKeys=1)
        keys = [one["Key"] for one in found.get("Contents") or ()]
        return f"{bucket}/{keys[0]}" if keys else None

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
            # What the source of the bytes raises is its own.
            if upload:
                with contextlib.suppress(Exception):
                    upload.abort()
            raise

    def _upload(self, path: str) -> Upload:
        return Upload.open(
            self._requests,
            self._key(path),
            self._writing,
            # Elsewhere a path is nobody's own: another writer may be at it just now.
            may_continue=layout.is_managed(path),
        )

    def _copy_in_parts(self, origin: Mapping[str, str], target: str) -> None:
        found = self._requests.send("head_object", Key=origin["Key"])
        size, etag = found["ContentLength"], found["ETag"]
        begun = self._requests.send("create_multipart_upload", Key=target)
        place = {"Key": target, "UploadId": begun["UploadId"]}
        under_way: InFlight[dict[str, Any]] = InFlight(_COUNTED, _COPIES_AT_ONCE)
        etags: list[str] = []
        try:
            with under_way:
                for number, first in enumerate(range(0, size, _COPY_PART_BYTES), 1):
                    last = min(first + _COPY_PART_BYTES, size) - 1
                    begin = self._part_copier(
                        CopySource=origin,
                        CopySourceIfMatch=etag,
                        CopySourceRange=f"bytes={first}-{last}",
                        PartNumber=number,
                        **place,
                    )
                    while not under_way.start(0, begin):
                        etags.append(under_way.oldest()["CopyPartResult"]["ETag"])
                while under_way:
                    etags.append(under_way.oldest()["CopyPartResult"]["ETag"])
            parts = [{"PartNumber": n, "ETag": one} for n, one in enumerate(etags, 1)]
            self._requests.send(
                "complete_multipart_upload", MultipartUpload={"Parts": parts}, **place
            )
        except BaseException:
            with contextlib.suppress(Exception):
                abort(self._requests, target, begun["UploadId"])
            raise

    def _part_copier(self, **parameters: Any) -> Callable[[], Any]:
        return lambda: self._requests.submit("upload_part_copy", **parameters)

    def _delete(
        self, batches: "InFlight[dict[str, Any]]", keys: Sequence[Mapping[str, str]]
    ) -> None:
        while not batches.start(
            0,
            lambda: self._requests.submit(
                "delete_objects", Delete={"Objects": keys, "Quiet": True}
            ),
        ):
            _check_deleted(batches.oldest())

    def _pages(self, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
        given = {"Prefix": self._below(path), **parameters}
        while True:
            page = self._requests.send("list_objects_v2", **given)
            yield page
            if not page.get("IsTruncated"):
                return
            given["ContinuationToken"] = page["NextContinuationToken"]

    def _files(self, page: Mapping[str, Any]) -> Iterator[Entry]:
        for found in page.get("Contents") or ():
            # Some tools put an object where a folder is.
            if not found["Key"].endswith("/"):
                yield self._file(found["Key"], found["Size"], found["LastModified"])

    def _file(self, key: str, size: int, modified: Any) -> Entry:
        return Entry(
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
            return absent(path)
        return self._requests.explained(doing, path, error)


def _check_deleted(answer: Mapping[str, Any]) -> None:
    for failed in answer.get("Errors") or ():
        raise StorageError(
            f"the server kept {failed.get('Key')!r}: {failed.get('Code')} "
            f"{failed.get('Message', '')}; try again, or check the rights to delete"
        )


def _is_taken(error: BaseException) -> bool:
    # s3fs knows the refusal only in the words of AWS; the code is the same everywhere.
    return isinstance(error, FileExistsError) or (
        error_code(error) == "PreconditionFailed"
    )
