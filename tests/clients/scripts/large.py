"""Save a model with a sparse file of as many bytes as the argument says."""

from __future__ import annotations

import sys
from pathlib import Path

from common import folder, login


def main() -> None:
    """Warm up with a small model, say so, then save the large one."""
    registry = login().get_model_registry()
    registry.python.create_model("small").save(folder("small", {"m.bin": "m"}))
    print("\nWARM", flush=True)
    place = Path(folder("large", {"mark.bin": "mark"}))
    with (place / "large.bin").open("wb") as file:
        file.truncate(int(sys.argv[1]))
    saved = registry.python.create_model("large").save(str(place))
    print("\nVERSION", saved.version)


main()
