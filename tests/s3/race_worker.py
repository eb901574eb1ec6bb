"""The work of many processes at one S3 server: to save versions, or to read them.

Each gets an order and a function that waits until all are ready, and returns what it
has done. The kit forks the processes from one that has imported this module.
"""

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

import hopsartifacts
from hopsartifacts import ModelRegistry, Project
from hopsartifacts.errors import HopsArtifactsError, ModelNotFoundError, StorageError

FILES = {"weights.bin": 3000, "sub/config.txt": 10}
"""How often the text of a version is repeated in each of its files."""
LONGEST_S = 900


def text(who: str, turn: int) -> str:
    return f"<{who}/{turn}>"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is to do, and where."""

    url: str
    options: dict[str, Any]
    folder: Path
    """Of its own, for files."""
    ended: Path
    """A folder in which each process that saves leaves a file at its end."""
    models: list[str]
    """Those to read; the first one is the one to save."""
    who: str = ""
    turns: int = 0
    """How many versions to save."""
    savers: int = 0
    """How many processes save; when they have ended, nothing is read any more."""


def save(order: Order, wait: Callable[[], None]) -> dict[str, Any]:
    """Save versions until as many were taken as are asked for."""
    project = _opened(order)
    wait()
    try:
        return _save(project, order)
    finally:
        (order.ended / order.who).touch()


def _save(project: Project, order: Order) -> dict[str, Any]:
    folder, name = order.folder / order.who, order.models[0]
    registry = project.get_model_registry()
    saved, errors = [], []
    for turn in range(order.turns):
        for file, times in FILES.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(order.who, turn) * times)
        tags = {"who": order.who, "turn": turn}
        while True:
            model = registry.python.create_model(name, tags=tags)
            try:
                saved.append((model.save(folder).version, turn))
                break
            except StorageError as error:
                errors.append(str(error))
    return {"model": name, "saved": saved, "errors": errors}


def read(order: Order, wait: Callable[[], None]) -> dict[str, Any]:
    """Read newest and random versions until nobody saves any more."""
    registry = _opened(order).get_model_registry()
    wait()
    newest: dict[str, int] = {}
    reads, errors = 0, []
    while len(list(order.ended.iterdir())) < order.savers:
        name = random.choice(order.models)  # noqa: S311 - not a secret
        try:
            reads += _read_one(registry, name, newest, order.folder)
        except ModelNotFoundError:
            time.sleep(0.1)
        except (HopsArtifactsError, AssertionError) as error:
            errors.append(f"{type(error).__name__}: {error}")
    return {"reads": reads, "errors": errors}


def _opened(order: Order) -> Project:
    # pytest stops the test before that.
    signal.alarm(LONGEST_S)
    order.folder.mkdir()
    return hopsartifacts.login(order.url, storage_options=order.options)


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
