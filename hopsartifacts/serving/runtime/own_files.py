"""A worker's own copy of the artifact, from which it imports scripts.

So scripts may write files beside themselves, and their processes may leave bytecode
there: the sealed folder does not change, and the copy is deleted with the worker. Files
in the sealed folder that are not part of the version are not copied.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from hopsartifacts.errors import DeploymentFailedError, InvalidScriptError
from hopsartifacts.serving.contract import COMPONENTS, Launch
from hopsartifacts.serving.runtime.scripts import module_of


def copy_artifact(launch: Launch, sealed: Path) -> None:
    """Copy the artifact from *sealed* to the folder that *launch* names.

    A link with the name of the script's module is added beside each script, so that
    processes started by a script can import it by that name.

    Raises:
        InvalidScriptError: a file of the artifact has the name of such a link.
        DeploymentFailedError: the artifact cannot be copied.
    """
    target = Path(launch.artifact_files_path)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in _names(launch, sealed):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # Do not copy the mode: sealed files are read-only.
            shutil.copyfile(sealed / name, path)
        for component in COMPONENTS:
            script = getattr(launch, f"{component}_script")
            if script is not None:
                _link(target / f"{module_of(component)}.py", script)
    except OSError as error:
        raise DeploymentFailedError(
            f"the artifact cannot be copied to the worker's folder: {error}"
        ) from error


def _names(launch: Launch, sealed: Path) -> Iterable[str]:
    if launch.artifact_files is not None:
        return launch.artifact_files
    found = sealed.rglob("*")
    return [str(path.relative_to(sealed)) for path in found if path.is_file()]


def _link(link: Path, script: str) -> None:
    try:
        link.symlink_to(script)
    except FileExistsError as error:
        raise InvalidScriptError(
            f"the artifact has a file {link.name}, the name under which processes "
            f"import {script}: give your file another name, and save again"
        ) from error
