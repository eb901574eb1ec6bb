"""The launch file of a pod, which its init container writes."""

from pathlib import Path

import msgspec

from hopsartifacts.errors import InvalidInputError, NotFoundError
from hopsartifacts.serving.contract import Launch


def read_launch(path: Path) -> Launch:
    """Return the launch in the file at *path*.

    Raises:
        NotFoundError: there is no such file.
        InvalidInputError: it cannot be read, or has no launch in it.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Launch)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"there is no {str(path)!r}: the init container storage-initializer "
            "writes it; see what that said"
        ) from error
    except OSError as error:
        raise InvalidInputError(f"{str(path)!r} cannot be read: {error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{str(path)!r} is not a launch: {error}; it must be written by the same "
            "version of hopsartifacts"
        ) from error
