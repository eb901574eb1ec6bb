"""The size of images, from their headers."""

import struct

from hopsartifacts.rest.previews.documents import Image
from hopsartifacts.rest.previews.file_bytes import FileBytes

_HEAD = 32
_MOST_SEGMENTS = 1000
_NO_SIZE = {0xC4, 0xC8, 0xCC}
"""Markers of JPEG between 0xC0 and 0xCF that are no frame headers."""


def image(file: FileBytes) -> Image | None:
    """Return the kind and the size of an image; None if it is none that is known."""
    head = file.head(_HEAD)
    media = media_type(head)
    if media is None:
        return None
    width, height = _size(media, head, file) or (None, None)
    return Image(media_type=media, width=width, height=height)


def media_type(head: bytes) -> str | None:
    """Return the media type of an image that begins with *head*."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def _size(media: str, head: bytes, file: FileBytes) -> tuple[int, int] | None:
    try:
        if media == "image/png":
            return _pair(">II", head, 16)
        if media == "image/gif":
            return _pair("<HH", head, 6)
        if media == "image/jpeg":
            return _of_jpeg(file)
        return _of_webp(head)
    except struct.error:
        return None


def _pair(form: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return first, second


def _of_jpeg(file: FileBytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        mark, kind, length = struct.unpack(">BBH", file.at(at, 4))
        if mark != 0xFF:  # noqa: PLR2004 - each marker begins with it
            return None
        if 0xC0 <= kind <= 0xCF and kind not in _NO_SIZE:  # noqa: PLR2004 - frames
            height, width = _pair(">HH", file.at(at + 5, 4), 0)
            return width, height
        at += 2 + length
    return None


def _of_webp(head: bytes) -> tuple[int, int] | None:
    form = head[12:16]
    if form == b"VP8 ":
        width, height = _pair("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if form == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8X":
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    return None
