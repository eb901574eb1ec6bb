"""Save a large model while the server dies.

Arguments: the model's name, its version or ``any``, what to do, and the file whose
appearing says that the server is there again. What to do is one of: ``break`` (fail
with the connection), ``retry`` (then save the same object again), ``save`` (keep
trying from the start).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import requests
from common import RELEASE, folder, login
from hopsworks_common.client.exceptions import ModelRegistryException, RestAPIError

SIZE = 160
MIB = 1024 * 1024
PATIENCE_S = 90


def main() -> None:
    """Save, and say what came of it."""
    name, version, what, signal = sys.argv[1:]
    registry = login().get_model_registry()
    number = None if version == "any" else int(version)
    place = large_folder()

    def create() -> Any:
        return registry.python.create_model(name, version=number)

    model = create()
    if what != "save":
        break_off(model, place)
    if what == "break":
        return
    while what == "retry" and not Path(signal).exists():
        time.sleep(0.05)
    started = time.monotonic()
    while time.monotonic() - started < PATIENCE_S:
        try:
            saved = model.save(place)
        except (RestAPIError, ModelRegistryException) as error:
            print("\nNOT YET", str(error).replace("\n", " "), flush=True)
            time.sleep(0.5)
            model = create() if what == "save" else model
        else:
            print(f"\nVERSION {saved.version} {time.monotonic() - started:.1f}")
            return
    sys.exit("it was never saved")


def large_folder() -> str:
    """Write a folder whose large file has no two blocks that are the same."""
    block = bytes(range(256)) * (MIB // 256)
    data = b"".join(number.to_bytes(8, "big") + block[8:] for number in range(SIZE))
    return folder("large", {"small.bin": "small", "large.bin": data})


def break_off(model: Any, place: str) -> None:
    """Save in many small requests, amid which the server is to die."""
    chunk_size = 1 if RELEASE < (4, 2) else MIB
    try:
        model.save(place, upload_configuration={"chunk_size": chunk_size})
    except requests.exceptions.ConnectionError:
        print("\nBROKEN", flush=True)
    else:
        sys.exit("the server should have died")


main()
