"""The built files of the web UI: what is served of them, compressed, with ETags.

They are built from the sources in ``ui/`` and are part of the package, so that no user
needs Node.js. A clone in which they have not been built has none of them.
"""

import gzip
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import msgspec

FOLDER = Path(__file__).parent / "assets"
SCRIPT = "app.js"
STYLE = "app.css"
_IMPORT = re.compile(r'^(?:import|\} from) "\./([\w.-]+\.js)";$', re.MULTILINE)
"""An import at the top of a built script, as esbuild writes it."""
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the web UI.

    Attributes:
        digest: SHA-256 of *data*.
        compressed: *data*, compressed with gzip.
    """

    media_type: str
    digest: str
    data: bytes
    compressed: bytes


class _Read(NamedTuple):
    signature: tuple[int, int]
    asset: Asset


class Assets:
    """The files of the web UI in *folder*, each read and compressed once.

    A file that is built again while the server runs is read again.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._read: dict[str, _Read] = {}

    def find(self, name: str) -> Asset | None:
        """Return the file *name*; None if there is no such file."""
        media_type = _MEDIA_TYPES.get(Path(name).suffix)
        if media_type is None or "/" in name or "\0" in name:
            return None
        path = self._folder / name
        try:
            found = path.stat()
            signature = (found.st_mtime_ns, found.st_size)
            known = self._read.get(name)
            if known is None or known.signature != signature:
                asset = _asset(media_type, path.read_bytes())
                self._read[name] = known = _Read(signature, asset)
        except FileNotFoundError:
            return None
        return known.asset

    def digest(self) -> str:
        """Return the SHA-256 of all files together, with their names."""
        whole = hashlib.sha256()
        for path in sorted(self._folder.glob("*")):
            if asset := self.find(path.name):
                whole.update(f"{path.name} {asset.digest}\n".encode())
        return whole.hexdigest()

    def parts_of(self, name: str) -> list[str]:
        """Return the scripts that the script *name* imports first."""
        asset = self.find(name)
        return _IMPORT.findall(asset.data.decode()) if asset else []


def _asset(media_type: str, data: bytes) -> Asset:
    return Asset(
        media_type=media_type,
        digest=hashlib.sha256(data).hexdigest(),
        data=data,
        compressed=gzip.compress(data, mtime=0),
    )
