"""One of many processes at one S3 server: saves versions, or reads them all the time.

It gets an order as JSON, says that it is ready, waits for the word, and prints what
it did as JSON.
"""

import json
import random
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import hopsartifacts
from hopsartifacts import ModelRegistry, Project
from hopsartifacts.errors import HopsArtifactsError, ModelNotFoundError, StorageError

FILES = {"weights.bin": 3000, "sub/config.txt": 10}
"""How often the text of a version is repeated in each of its files."""


def text(who: str, turn: int) -> str:
    return f"<{who}/{turn}>"


def save(project: Project, order: dict[str, Any]) -> dict[str, Any]:
    """Save versions until as many were taken as are asked for."""
    folder = Path(order["folder"], order["who"])
    registry = project.get_model_registry()
    saved, errors = [], []
    for turn in range(order["turns"]):
        for name, times in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(order["who"], turn) * times)
        tags = {"who": order["who"], "turn": turn}
        while True:
            model = registry.python.create_model(order["model"], tags=tags)
            try:
                saved.append((model.save(folder).version, turn))
                break
            except StorageError as error:
                errors.append(str(error))
    return {"model": order["model"], "saved": saved, "errors": errors}


def read(project: Project, order: dict[str, Any]) -> dict[str, Any]:
    """Read newest and random versions until the parent says stop."""
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        stop.set()

    threading.Thread(target=listen).start()
    registry = project.get_model_registry()
    newest: dict[str, int] = {}
    reads, errors = 0, []
    while not stop.is_set():
        name = random.choice(order["models"])  # noqa: S311 - not a secret
        try:
            reads += _read_one(registry, name, newest, Path(order["folder"]))
        except ModelNotFoundError:
            stop.wait(0.1)
        except (HopsArtifactsError, AssertionError) as error:
            errors.append(f"{type(error).__name__}: {error}")
    return {"reads": reads, "errors": errors}


def _read_one(
    registry: ModelRegistry, name: str, newest: dict[str, int], folder: Path
) -> int:
    found = max((one.version or 0 for one in registry.get_models(name)), default=0)
    assert found >= newest.get(name, 0), f"{name}: {found} after {newest[name]}"
    newest[name] = found
    if not found:
        return 0
    version = random.choice([found, random.randint(1, found)])  # noqa: S311 - as above
    # A number may have been given up; then there is no such version.
    model = registry.get_model(name, version)
    tags = model.get_tags()
    target = folder / f"{name}-{version}"
    model.download(target)
    for file, times in FILES.items():
        content = (target / file).read_text()
        wanted = text(tags["who"], tags["turn"]) * times
        assert content == wanted, f"{name} {version} {file} is not of {tags}"
    shutil.rmtree(target)
    return 1


def main() -> None:
    order = json.loads(sys.argv[1])
    project = hopsartifacts.login(order["url"], storage_options=order["options"])
    print("ready", flush=True)  # noqa: T201 - the parent waits for it
    sys.stdin.readline()
    done = {"save": save, "read": read}[order["do"]](project, order)
    print(json.dumps(done), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
