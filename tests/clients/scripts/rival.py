"""Save a model at the very moment when others save one of the same name.

Arguments: the model's name, who this writer is, the version or ``any``, and the file
whose appearing says *now*. Prints what came of it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from common import folder, login
from hopsworks_common.client.exceptions import ModelRegistryException, RestAPIError


def main() -> None:
    """Wait for the others, then save."""
    name, writer, version, barrier = sys.argv[1:]
    registry = login().get_model_registry()
    files = {f"{it}.bin": f"writer {writer} ".encode() * 3000 for it in range(4)}
    files[f"only-{writer}/mark.bin"] = f"writer {writer} ".encode()
    place = folder(f"files-{writer}", files)
    model = registry.python.create_model(
        name,
        version=None if version == "any" else int(version),
        metrics={"writer": int(writer)},
    )
    Path(f"{barrier}.{writer}").touch()
    deadline = time.monotonic() + 600
    while not Path(barrier).exists():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    try:
        saved = model.save(place)
    except (RestAPIError, ModelRegistryException) as error:
        print("\nREFUSED", str(error).replace("\n", " "))
    else:
        print("\nVERSION", saved.version)


main()
