"""What is asked of uploads: parts of files, what is registered, and bounds."""

from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import file_path
from hopsartifacts.registry.documents import Framework

MIB = 1024 * 1024
_MAX_CHUNKS = 200_000


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of which file a request carries, as the client says.

    Attributes:
        name: base name of the file.
        number: of the part, from 1.
        chunks: how many there are; 0 for an empty file, which is sent as part 1.
        chunk_size: bytes of each part but the last.
        size: bytes of the file.
    """

    name: str
    number: int
    chunks: int
    chunk_size: int
    size: int

    @property
    def start(self) -> int:
        """Where the part begins in the file."""
        return (self.number - 1) * self.chunk_size

    @property
    def length(self) -> int:
        """How many bytes it has to have."""
        return max(0, min(self.chunk_size, self.size - self.start))

    def check(self) -> None:
        """See that the numbers fit each other.

        Raises:
            InvalidNameError: the name breaks the rule for file names.
            InvalidInputError: a number cannot be.
        """
        if "/" in self.name:
            raise InvalidInputError(
                f"file name {self.name!r} has a slash: name the folder in the path"
            )
        file_path(self.name)
        if self.size < 0 or self.chunk_size < (1 if self.size else 0):
            raise InvalidInputError(
                f"file size {self.size} in chunks of {self.chunk_size} bytes cannot be"
            )
        wanted = -(-self.size // self.chunk_size) if self.size else 0
        if self.chunks != wanted and not (self.size == 0 and self.chunks == 1):
            raise InvalidInputError(
                f"{self.size} bytes in chunks of {self.chunk_size} are {wanted} "
                f"chunks, not {self.chunks}"
            )
        if not 1 <= self.number <= max(self.chunks, 1):
            raise InvalidInputError(
                f"there is no chunk {self.number} of {self.chunks}: count from 1"
            )
        if self.chunks > _MAX_CHUNKS:
            raise InvalidInputError(
                f"{self.chunks} chunks are too many: use larger ones (chunk_size)"
            )


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What is registered with the files of a model version.

    Attributes:
        description: None for the default one.
        metrics: as they were sent; checked when the version is sealed.
        tags: values by name; checked as well.
    """

    framework: Framework = "PYTHON"
    description: str | None = None
    metrics: dict[str, Any] | None = None
    tags: dict[str, Any] = {}


class UploadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of sizes, counts and times.

    Attributes:
        max_files: files and folders of one version.
        max_open: unfinished uploads of one owner.
        max_embedded_bytes: of an input example or a schema.
        min_free_bytes: what must stay free on the server's disk.
        takeover_s: silence after which the owner of a claim may begin anew.
        restart_s: the same, after the server was restarted.
        expiry_s: silence after which what is unfinished is given up.
    """

    max_file_bytes: int = 5 * 1024**4
    max_version_bytes: int = 5 * 1024**4
    max_files: int = 100_000
    max_chunk_bytes: int = 256 * MIB
    max_open: int = 1000
    max_embedded_bytes: int = 16 * MIB
    min_free_bytes: int = 256 * MIB
    takeover_s: float = 600
    restart_s: float = 5
    expiry_s: float = 24 * 3600
