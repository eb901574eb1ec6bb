"""What this library says of a project, in the form of the second reader."""

from typing import Any

from hopsartifacts.artifacts.versions import artifact_log
from hopsartifacts.deployments.deployed import Logs, deployed
from hopsartifacts.deployments.versions import deployment_names
from hopsartifacts.registry.versions import model_names, model_state
from hopsartifacts.storage.contract import Storage
from tests.format.reader import read


def ours(storage: Storage) -> dict[str, Any]:
    models, artifacts, deployments = {}, {}, {}
    for name in model_names(storage):
        state = model_state(storage, name)
        aliases = {alias: it.version for alias, it in state.aliases.items()}
        versions = {v: it.status for v, it in state.records.items()}
        models[name] = {"versions": versions, "aliases": aliases}
        for v in state.live():
            records = artifact_log(storage, name, v).state().records
            statuses = {n: it.status for n, it in records.items()}
            artifacts[f"{name}/{v}"] = {"versions": statuses}
    for name in deployment_names(storage):
        logs = Logs(storage)
        kept = logs.deployment(name).state()
        live = deployed(logs, name, kept)
        deployments[name] = {
            "versions": {
                n: "live" if kept.is_kept(n) else "deleted" for n in kept.records
            },
            "active": live.active if live else 0,
        }
    return {"models": models, "artifacts": artifacts, "deployments": deployments}


def check_agreement(storage: Storage) -> None:
    """Have the second reader find no flaw, and the same as this library."""
    path = storage.local_path("")
    assert path is not None
    assert read(path) == {**ours(storage), "flaws": []}
