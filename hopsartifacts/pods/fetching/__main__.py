"""The command of the init container: ``<uri> <folder>``."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hopsartifacts.errors import HopsArtifactsError, InvalidInputError, quoted
from hopsartifacts.pods.fetching.guarded_storage import CallClock, Silence
from hopsartifacts.pods.fetching.last_words import end
from hopsartifacts.pods.fetching.version import opened, pinned_version
from hopsartifacts.pods.fetching.volume import fill
from hopsartifacts.serving.contract import COMPONENTS
from hopsartifacts.serving.kserve.addresses import SealedAddress
from hopsartifacts.serving.process_environment import seconds_in

REQUEST_VARIABLE = "HOPSARTIFACTS_REQUEST_SECONDS"
PROGRESS_VARIABLE = "HOPSARTIFACTS_PROGRESS_SECONDS"
COMPONENT_VARIABLE = "HOPSARTIFACTS_COMPONENT"
REQUEST_S = 60.0
PROGRESS_S = 300.0

_WITHOUT_KEYS = "give key and secret as storage_options"
_KEYS_OF_PODS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from a Secret, or give the pod's "
    "service account a role"
)
_FAILED = 1
_ENDED_BY_SIGNAL = 128


def fetch_version(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Fetch the version that the arguments name; return a line that says so.

    Raises:
        HopsArtifactsError: the reason why the pod must not start.
    """
    if len(arguments) != 2:  # noqa: PLR2004 - the two that the command takes
        raise InvalidInputError(
            f"{len(arguments)} arguments were given: give two, the address of a sealed "
            "version and a folder"
        )
    address, folder = SealedAddress.parse(arguments[0]), Path(arguments[1]).absolute()
    component = environ.get(COMPONENT_VARIABLE) or "predictor"
    if component not in COMPONENTS:
        raise InvalidInputError(
            f"{COMPONENT_VARIABLE} is {quoted(component)}: use "
            f"{' or '.join(COMPONENTS)}"
        )
    request_s = _seconds(environ, REQUEST_VARIABLE, REQUEST_S)
    progress_s = _seconds(environ, PROGRESS_VARIABLE, PROGRESS_S)
    clock = CallClock()

    def stalled(silence: Silence) -> None:
        end(
            f"{address.project_url} did not answer for {silence.seconds:.0f} seconds "
            f"when it was asked for {silence.path!r}: check the store and the network. "
            f"The next start continues; {PROGRESS_VARIABLE} sets the limit",
            _FAILED,
        )

    clock.watch(progress_s, stalled)
    storage = opened(address, request_s, clock)
    pinned = pinned_version(storage, address)
    launch = fill(storage, pinned, folder, component)
    return (
        f"version {address.version} of deployment {address.deployment!r} is in "
        f"{str(folder)!r}; its model files are in {launch.model_files_path!r}"
    )


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name) or str(default)
    seconds = seconds_in(text)
    if not seconds > 0:
        raise InvalidInputError(
            f"{name} is {quoted(text)}: give a number of seconds greater than 0"
        )
    return seconds


def main() -> None:
    """Run the command; the process ends with 0 only if everything is there."""
    # The other containers of the pod may run as other users.
    os.umask(0o022)
    # Clients log failed attempts with tracebacks; the last failure is reported here.
    logging.getLogger().addHandler(logging.NullHandler())

    def ended(number: int, _: Any) -> None:
        name = signal.Signals(number).name
        end(f"{name} ended this before all was fetched", _ENDED_BY_SIGNAL + number)

    # The kernel does not end the first process of a container for these by itself.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ended)
    try:
        done = fetch_version(sys.argv[1:], os.environ)
    except HopsArtifactsError as error:
        said = str(error).replace(_WITHOUT_KEYS, _KEYS_OF_PODS)
        end(f"the pod does not start: {said}", _FAILED)
    except Exception as error:  # noqa: BLE001 - the message must reach the pod's status
        traceback.print_exc()
        end(f"the pod does not start: {type(error).__name__}: {error}", _FAILED)
    else:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
