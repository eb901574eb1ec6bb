"""Conversion of an upload in the spool to the arguments of a save."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hopsartifacts import layout
from hopsartifacts.digests import Digest
from hopsartifacts.errors import InvalidModelError, SourceChangedError
from hopsartifacts.names import distinct_paths, tag_name
from hopsartifacts.registry.documents import EmbeddedFile
from hopsartifacts.registry.given import (
    checked_description,
    checked_metrics,
    checked_tag,
    embedded,
)
from hopsartifacts.registry.save import NewVersion
from hopsartifacts.registry.sources import Fingerprint, Source, SourceFile
from hopsartifacts.rest.uploads.area import Area
from hopsartifacts.rest.uploads.files import Assembly, on_disk
from hopsartifacts.rest.uploads.values import Details
from hopsartifacts.values import misspelt

_FEW = 5


class SpooledSource(Source, frozen=True, kw_only=True):
    """The files of an upload, which are stored under generated names."""

    def check_unchanged(
        self,
        stored: Mapping[str, Digest],  # noqa: ARG002 - these files are never mapped
    ) -> None:
        """Compare the files' times, which is enough as only this server writes there.

        Raises:
            SourceChangedError: a file in the spool was changed.
        """
        for file in self.files:
            try:
                found = Fingerprint.of(os.lstat(file.location))
            except OSError:
                found = None
            if found != file.fingerprint:
                raise SourceChangedError(
                    f"{file.path!r} was changed on the server's disk while the model "
                    "was being saved: save again"
                )


def new_version(area: Area, details: Details, max_embedded_bytes: int) -> NewVersion:
    """Return the version whose files were uploaded to *area*.

    Raises:
        InvalidModelError: a file is missing or incomplete, or there are none; or
            metrics, tags, the example or the schema are not valid.
        InvalidNameError: two file names are the same on some systems.
    """
    model = area.place.model
    _check_whole(area)
    prefix = f"{layout.FILES}/"
    files = {
        path.removeprefix(prefix): upload
        for path, upload in sorted(area.contents.files.items())
        if path.startswith(prefix)
    }
    if not files:
        raise InvalidModelError(
            f"no file was uploaded to {area.place.top}/{layout.FILES}: a model has at "
            "least one (empty folders are not stored)"
        )
    distinct_paths(files)
    tags = {tag_name(tag): checked_tag(tag, it) for tag, it in details.tags.items()}
    return NewVersion(
        model=model,
        framework=details.framework,
        description=checked_description(details.description, model),
        source=SpooledSource(
            root=area.folder,
            files=tuple(_source_file(path, it) for path, it in files.items()),
        ),
        metrics=checked_metrics(details.metrics),
        tags=tags,
        input_example=_embedded(area, layout.INPUT_EXAMPLE, max_embedded_bytes),
        model_schema=_embedded(area, layout.MODEL_SCHEMA, max_embedded_bytes),
    )


def _check_whole(area: Area) -> None:
    for path, upload in sorted(area.contents.files.items()):
        if not upload.is_whole:
            raise InvalidModelError(
                f"{path!r} was not uploaded whole: {len(upload.digests)} of "
                f"{upload.parts} chunks came; save again"
            )
    unsent = area.contents.unsent
    if unsent:
        more = f" and {len(unsent) - _FEW} more" if len(unsent) > _FEW else ""
        named = ", ".join(map(repr, unsent[:_FEW]))
        raise InvalidModelError(
            f"{named}{more} never came: some clients before 4.6 send no empty files, "
            "so such a file would be lost. Write something into it, leave it out, or "
            "update the client"
        )


def _source_file(path: str, upload: Assembly) -> SourceFile:
    with on_disk("read an upload"):
        found = os.lstat(upload.location)
    return SourceFile(
        path=path, location=str(upload.location), fingerprint=Fingerprint.of(found)
    )


def _embedded(area: Area, name: str, limit: int) -> EmbeddedFile | None:
    upload = area.contents.files.get(name)
    if upload is None:
        return None
    if upload.begun.size > limit:
        raise InvalidModelError(
            f"{name} has {upload.begun.size} bytes, and may have {limit}: give less"
        )
    with on_disk("read an upload"):
        data = Path(upload.location).read_bytes()
    try:
        msgspec.json.decode(data)
        text = data.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        words = misspelt(data, name) or error
        raise InvalidModelError(f"{name} is not JSON: {words}") from error
    return embedded(text)
