"""What the official client does, against uploads without a server."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from hopsartifacts.registry.documents import Manifest
from hopsartifacts.rest.uploads import Chunk, Details, Uploads

ME, OTHER = "me", "other"
CHUNK = 4


def chunk_of(name: str, data: bytes, number: int, size: int = CHUNK) -> Chunk:
    """Return what the client says of a part."""
    chunks = -(-len(data) // size)
    return Chunk(
        name=name, number=number, chunks=chunks, chunk_size=size, size=len(data)
    )


def send_part(
    uploads: Uploads,
    path: str,
    data: bytes,
    number: int,
    owner: str = ME,
    size: int = CHUNK,
) -> None:
    """Send one part of a file."""
    folder, _, name = path.rpartition("/")
    part = data[(number - 1) * size : number * size]
    uploads.put_chunk(folder, chunk_of(name, data, number, size), BytesIO(part), owner)


def send(
    uploads: Uploads,
    path: str,
    data: bytes,
    owner: str = ME,
    order: Iterable[int] | None = None,
) -> None:
    """Send a whole file, as the client does: it asks for it first."""
    uploads.stat(path, owner)
    for number in order or range(1, max(1, -(-len(data) // CHUNK)) + 1):
        send_part(uploads, path, data, number, owner)


def fill(
    uploads: Uploads,
    files: dict[str, bytes],
    version: int = 1,
    model: str = "m",
    owner: str = ME,
) -> None:
    """Claim a version and send files, named from its folder on."""
    top = f"Models/{model}/{version}"
    uploads.claim(model, version, owner)
    uploads.make_folder(f"{top}/Files", owner)
    for path, data in files.items():
        send(uploads, f"{top}/{path}", data, owner)


def seal(uploads: Uploads, version: int = 1, owner: str = ME, **more: Any) -> Manifest:
    """Register what was sent."""
    return uploads.seal("m", version, Details(**more), owner)
