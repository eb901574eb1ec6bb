"""Where the files of a model go in the volume of a pod.

TensorFlow Serving reads the folders with numeric names in the volume. A model without
such folders gets one with the number of its version. All other servers find the files
in ``Files``.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import Digest
from hopsartifacts.serving.contract import SealedVersion

_NUMBER = re.compile(r"\d+", re.ASCII)
_TENSORFLOW_SERVING = "TENSORFLOW_SERVING"


class ModelPart(msgspec.Struct, frozen=True, kw_only=True):
    """Files that have the same relative paths in the project and in the volume.

    Attributes:
        source: their folder in the project.
        target: their folder in the volume.
        files: their digests, by path in both folders.
    """

    source: str
    target: str
    files: dict[str, Digest]


def model_parts(sealed: SealedVersion, files: Mapping[str, Digest]) -> list[ModelPart]:
    """Return the parts of a model whose *files* are given by path; at least one."""
    top = layout.files_dir(sealed.model, sealed.model_version)
    folders = _folders(sealed, files)
    found = {
        target: ModelPart(
            source=f"{top}/{inner}" if inner else top, target=target, files={}
        )
        for target, inner in folders.items()
    }
    rest = ModelPart(source=top, target=layout.FILES, files={})
    for path, digest in files.items():
        for part in found.values():
            inside = path.removeprefix(f"{part.source}/"[len(top) + 1 :])
            if inside != path or part.source == top:
                part.files[inside] = digest
                break
        else:
            rest.files[path] = digest
    return [*found.values(), rest] if rest.files or not found else [*found.values()]


def model_folder(sealed: SealedVersion, files: Mapping[str, Digest]) -> str:
    """Return the folder in the volume that is the model's; empty for the volume."""
    numbers = [*_folders(sealed, files)]
    if not numbers:
        return layout.FILES
    return numbers[0] if len(numbers) == 1 else ""


def model_links(
    sealed: SealedVersion, files: Mapping[str, Digest], mounted: Path
) -> Iterator[tuple[str, Path]]:
    """Yield the links that a volume needs for a model that is *mounted* elsewhere.

    Each is a name in the volume, and the folder that it leads to. Servers of others are
    told only where the volume is.
    """
    if sealed.model_server != _TENSORFLOW_SERVING:
        yield layout.FILES, mounted
    for target, inner in _folders(sealed, files).items():
        yield target, mounted / inner


def is_foreign(sealed: SealedVersion, files: Mapping[str, Digest], name: str) -> bool:
    """Return whether a server would load *name* in the volume as another version."""
    is_number = _NUMBER.fullmatch(name) is not None
    is_read = sealed.model_server == _TENSORFLOW_SERVING and is_number
    return is_read and name not in _folders(sealed, files)


def _folders(sealed: SealedVersion, files: Mapping[str, Digest]) -> dict[str, str]:
    """Return the folders that TensorFlow Serving reads, and their names in the model.

    It is empty for other servers. A name is empty if it is the whole model.
    """
    if sealed.model_server != _TENSORFLOW_SERVING:
        return {}
    tops = (path.partition("/") for path in files)
    numbers = {top for top, _, rest in tops if rest and _NUMBER.fullmatch(top)}
    if numbers:
        return {number: number for number in sorted(numbers)}
    found = sealed.loadable or ()
    inner = found[0] if len(found) == 1 and found[0] != "." else ""
    return {str(sealed.model_version): inner}
