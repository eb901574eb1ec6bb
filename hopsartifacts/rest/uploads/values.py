"""Values of uploads: places, parts of files, details to register, and limits."""

from typing import Any, Literal

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import InvalidInputError, ManagedPathError
from hopsartifacts.names import deployment_name, file_path, is_version, model_name
from hopsartifacts.registry.documents import Framework

MIB = 1024 * 1024
_MAX_CHUNKS = 200_000

SCRIPTS = "resources"
"""Folder of a deployment to which clients upload scripts before they save it."""

Kind = Literal["model", "version", "scripts", "own", "single"]


class UploadPlace(msgspec.Struct, frozen=True):
    """A path of the project as a place for uploads.

    Attributes:
        kind: kind of the area that it is in.
        top: path of the area: the folder of a model, version or deployment, or the path
            of the user's own file. For a single file, the id of the upload: its path in
            the project is only needed when it is finished.
        inside: path below *top*; empty for the area itself.
        model: name of the model, for a model or version.
        version: number of the version.
    """

    kind: Kind
    top: str
    inside: str = ""
    model: str = ""
    version: int = 0

    @property
    def path(self) -> str:
        """The path in the project."""
        return f"{self.top}/{self.inside}" if self.inside else self.top

    @property
    def may_be_folder(self) -> bool:
        """Whether a folder may be made here."""
        first = self.inside.partition("/")[0]
        if self.kind == "version":
            return first == layout.FILES
        return self.kind == "scripts" and first in {"", SCRIPTS}

    @property
    def may_be_file(self) -> bool:
        """Whether a file may be uploaded here."""
        first, slash, _ = self.inside.partition("/")
        if self.kind == "version":
            is_file = first == layout.FILES and bool(slash)
            return is_file or self.inside in {layout.INPUT_EXAMPLE, layout.MODEL_SCHEMA}
        return self.kind == "own" or (first == SCRIPTS and bool(slash))


def place_of(path: str, *, is_folder: bool = False) -> UploadPlace:
    """Return the place of the file or folder *path* in the project.

    Raises:
        InvalidNameError: it breaks the rules for names.
        ManagedPathError: it is managed, and not a place for uploads.
    """
    file_path(path)
    if not layout.is_managed(path, is_folder=is_folder):
        return UploadPlace("own", path)
    match path.split("/"):
        case [layout.MODELS, model]:
            return UploadPlace(
                "model", layout.model_dir(model_name(model)), model=model
            )
        case [layout.MODELS, model, version, *rest]:
            if not is_version(version):
                raise refusal(path)
            top = layout.version_dir(model_name(model), int(version))
            return UploadPlace("version", top, "/".join(rest), model, int(version))
        case [layout.DEPLOYMENTS, deployment, *rest]:
            top = layout.deployment_dir(deployment_name(deployment))
            return UploadPlace("scripts", top, "/".join(rest))
    raise refusal(path)


def file_place(path: str) -> UploadPlace:
    """Return the place of a file that is to be uploaded.

    Raises:
        InvalidNameError: *path* breaks the rules for names.
        ManagedPathError: files cannot be uploaded there.
    """
    is_top = path.count("/") <= 1 and layout.is_managed(path)
    place = None if is_top else place_of(path)
    if place is None or not place.may_be_file:
        raise refusal(path)
    return place


def refusal(path: str) -> ManagedPathError:
    """Return the error for a path that cannot be written to."""
    return ManagedPathError(
        f"{path!r} is managed: model files go to {layout.MODELS}/<model>/<version>/"
        f"{layout.FILES} while a version is being saved, scripts to "
        f"{layout.DEPLOYMENTS}/<name>/{SCRIPTS}, anything else to a folder of your "
        f"own, like {layout.RESOURCES!r}; only files with a dot in their name may "
        f"be directly in {layout.MODELS}"
    )


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a file, as the client describes it.

    Attributes:
        name: base name of the file.
        number: number of the part, from 1.
        chunks: number of parts; 0 for an empty file, which is sent as part 1.
        chunk_size: size in bytes of each part but the last.
        size: size of the file in bytes.
    """

    name: str
    number: int
    chunks: int
    chunk_size: int
    size: int

    @property
    def start(self) -> int:
        """The offset of the part in the file."""
        return (self.number - 1) * self.chunk_size

    @property
    def length(self) -> int:
        """How many bytes the part must have."""
        return max(0, min(self.chunk_size, self.size - self.start))

    def check(self) -> None:
        """Check that the name is valid, and the numbers fit each other.

        Raises:
            InvalidNameError: the name breaks the rule for file names.
            InvalidInputError: a number is not possible.
        """
        if "/" in self.name:
            raise InvalidInputError(
                f"file name {self.name!r} has a slash: put the folder into the path"
            )
        file_path(self.name)
        if self.size < 0 or self.chunk_size < (1 if self.size else 0):
            raise InvalidInputError(
                f"file size {self.size} and chunk size {self.chunk_size} are not "
                "possible: neither can be negative, and a chunk has at least one byte"
            )
        wanted = -(-self.size // self.chunk_size) if self.size else 0
        if self.chunks != wanted and not (self.size == 0 and self.chunks == 1):
            raise InvalidInputError(
                f"{self.size} bytes in chunks of {self.chunk_size} are {wanted} "
                f"chunks, not {self.chunks}"
            )
        if not 1 <= self.number <= max(self.chunks, 1):
            raise InvalidInputError(
                f"there is no chunk {self.number} of {self.chunks}: the first chunk "
                "has number 1"
            )
        if self.chunks > _MAX_CHUNKS:
            raise InvalidInputError(
                f"{self.chunks} chunks are too many: use larger ones (chunk_size)"
            )


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """The data that is registered with the files of a model version.

    Attributes:
        description: None for the default one.
        metrics: as they were sent; checked when the version is sealed.
        tags: values by name; checked when the version is sealed.
    """

    framework: Framework = "PYTHON"
    description: str | None = None
    metrics: dict[str, Any] | None = None
    tags: dict[str, Any] = {}


class UploadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on sizes, counts and times.

    Attributes:
        max_files: most files and folders of one upload.
        max_open: most unfinished uploads of one owner.
        max_embedded_bytes: largest size of an input example or a schema.
        min_free_bytes: how much must stay free on the server's disk.
        takeover_s: inactivity after which the owner of a claim may start over.
        restart_s: the same, for uploads from before a restart of the server.
        expiry_s: inactivity after which an unfinished upload is given up.
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
