"""Uploads of clients that fill folders step by step, saved completely or not at all."""

from hopsartifacts.rest.uploads.single import SingleFile, SingleFiles, SingleStatus
from hopsartifacts.rest.uploads.uploads import Uploads
from hopsartifacts.rest.uploads.values import Chunk, Details, UploadLimits

__all__ = [
    "Chunk",
    "Details",
    "SingleFile",
    "SingleFiles",
    "SingleStatus",
    "UploadLimits",
    "Uploads",
]
