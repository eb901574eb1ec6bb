"""A process that starts a deployment, says so, and ends when its stdin does."""

import sys
from pathlib import Path

import msgspec

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import LocalBackend

order = msgspec.json.decode(sys.argv[1])
backend = LocalBackend(
    "iris",
    order["launch"]["project_url"],
    logs_dir=Path(order["logs_dir"]),
    run_root=Path(order["run_root"]),
)
launch = msgspec.convert(order["launch"], Launch)
try:
    backend.start(
        launch,
        **{"await_running_s": 60, **order["options"]},
    )
except HopsArtifactsError as error:
    print(type(error).__name__, flush=True)  # noqa: T201 - read by the test
else:
    print(backend.state(launch.key).revision, flush=True)  # noqa: T201 - as above
sys.stdin.read()
