"""Uploads of clients that fill folders step by step, made whole or nothing."""

from hopsartifacts.rest.uploads.uploads import Uploads
from hopsartifacts.rest.uploads.values import Chunk, Details, UploadLimits

__all__ = ["Chunk", "Details", "UploadLimits", "Uploads"]
