"""Places of uploads: in a version, among a deployment's scripts, or the user's own."""

from typing import Literal

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import ManagedPathError
from hopsartifacts.names import deployment_name, file_path, is_version, model_name

SCRIPTS = "resources"
"""Folder of a deployment to which clients upload scripts before they save it."""

Kind = Literal["model", "version", "scripts", "own"]


class UploadPlace(msgspec.Struct, frozen=True):
    """The meaning of a path.

    Attributes:
        kind: kind of the area that it is in.
        top: path of the area: the folder of a model, version or deployment, or the path
            of the user's own file.
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
