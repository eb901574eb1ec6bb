"""Rules for the addresses of a model, and for where its files are mounted."""

from collections import Counter
from collections.abc import Iterator

from hopsartifacts.serving.kserve.inference_service import (
    TRANSFORMER_CONTAINER,
    InferenceServiceParts,
    containers,
    storage_uri,
    variable,
)
from hopsartifacts.serving.kserve.names import STORAGE_VARIABLE
from hopsartifacts.serving.kserve.refusals import Part, Refusal

_DEFAULT_MOUNT = "/mnt/models"
_CLAIM = "pvc://"


def one_storage(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A component has one storage URI or a list of them.

    Source: ``inference_service_validation.go``, validateMultipleStorageURIs.
    """
    for pod in service.components():
        single = storage_uri(pod)
        if single and pod.at("storageUris").is_given:
            yield single.refused(
                "the component has storageUris too", "remove one of the two"
            )


def mount_paths(service: InferenceServiceParts) -> Iterator[Refusal]:
    """Paths of mounts are absolute, and those of downloads have a common parent.

    Sources: ``inference_service_validation.go``, validateMultipleStorageURIsSpec;
    ``storage_initializer_injector.go`` for claims.
    """
    for pod in service.pods():
        entries = pod.at("storageUris").elements()
        for entry in entries:
            yield from _entry_refusals(entry)
        claims = [it for it in entries if it.at("uri").text.startswith(_CLAIM)]
        times = Counter(_mount(it) for it in claims)
        for entry in claims:
            if times[_mount(entry)] > 1:
                yield entry.at("mountPath").refused(
                    "another claim is mounted there", "use another path"
                )
        paths = [_mount(it) for it in entries if it not in claims]
        tops = {it.strip("/").split("/")[0] for it in paths}
        if len(paths) > 1 and len(tops) > 1:
            yield pod.at("storageUris").refused(
                f"the paths {', '.join(sorted(paths))} have no common parent but '/'",
                "use folders below one, such as /mnt/models/a and /mnt/models/b",
            )


def _mount(entry: Part) -> str:
    path = entry.at("mountPath")
    return path.text if path.is_given else _DEFAULT_MOUNT


def _entry_refusals(entry: Part) -> Iterator[Refusal]:
    if not entry.at("uri").text:
        yield entry.at("uri").refused("there is nothing to fetch", "give the address")
    path, part = _mount(entry), entry.at("mountPath")
    if path == "/" or not path.startswith("/"):
        yield part.refused(
            "a path of a mount is absolute, and not '/' itself",
            f"use a path such as {_DEFAULT_MOUNT}",
        )
    elif ".." in path:
        yield part.refused("a path of a mount has no '..'", "use a plain path")
    claim, _, folder = entry.at("uri").text.removeprefix(_CLAIM).partition("/")
    if entry.at("uri").text.startswith(_CLAIM) and folder:
        yield entry.at("uri").refused(
            "in this list KServe mounts the whole claim, and ignores the path in it",
            f"use {_CLAIM}{claim} and look for the files in {folder}, or storageUri",
        )


def collocated_transformer(service: InferenceServiceParts) -> Iterator[Refusal]:
    """A transformer in the predictor's pod fetches nothing.

    Source: ``inference_service_validation.go``, validateCollocationStorageURI.
    """
    for container in containers(service.component("predictor")):
        if container.at("name").text == TRANSFORMER_CONTAINER:
            entry = variable(container, STORAGE_VARIABLE)
            if entry:
                yield entry.at("name").refused(
                    "KServe fetches files for the predictor only",
                    "remove the variable; the files are in the shared volume",
                )
