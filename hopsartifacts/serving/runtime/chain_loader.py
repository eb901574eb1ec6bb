"""Loading of the scripts of a launch; every failure names the step that failed.

A worker imports scripts from its own copy of the artifact. So scripts may write files
beside themselves, and their processes may leave bytecode there: the sealed folder does
not change, and the copy is deleted with the worker. Files in the sealed folder that are
not part of the version are not copied.
"""

import gc
import importlib.util
import inspect
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import msgspec

from hopsartifacts.errors import (
    DeploymentFailedError,
    HopsArtifactsError,
    InvalidScriptError,
)
from hopsartifacts.machine.posix import make_folders
from hopsartifacts.serving.contract import (
    COMPONENTS,
    SCRIPT_CLASSES,
    Component,
    Launch,
    ModelInput,
)
from hopsartifacts.serving.runtime.chain import Chain, Pace
from hopsartifacts.serving.runtime.failures import error_text, said_by
from hopsartifacts.serving.runtime.predictors import (
    SklearnPredictor,
    TensorflowPredictor,
)
from hopsartifacts.serving.runtime.worker_logs import noting_failure, speaking

_PREDICTORS: Mapping[str, Callable[[Path, Launch], object]] = {
    "SKLEARN": lambda files, launch: SklearnPredictor(
        files, launch.loadable, launch.columns
    ),
    "TENSORFLOW": lambda files, launch: TensorflowPredictor(files, launch.loadable),
}
"""The predictor without a script for each framework."""

_NEW_OBJECTS = 100_000
"""The threshold of the garbage collector while libraries are imported."""


def load_chain(
    launch: Launch,
    on_batch: Callable[[int], object] = int,
    predictor: object = None,
) -> Chain:
    """Load the model and the scripts.

    Args:
        launch: what to load.
        on_batch: gets the number of rows of each batch.
        predictor: a predictor to use, instead of the one of the launch.

    Raises:
        DeploymentFailedError: names the failed step; ``__cause__`` is the exception.
    """
    # A script may import from the model's files, which are sealed. Neither this process
    # nor its children may write bytecode there.
    sys.dont_write_bytecode = True
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.path.insert(0, launch.artifact_files_path)
    transformer = None
    with _seldom_collecting():
        if launch.transformer_script is not None:
            name = launch.transformer_script
            with speaking("transformer"), noting_failure("transformer"):
                transformer = _load_script(launch, "transformer", name)
        is_ours = (predictor, transformer, launch.predictor_script) == (None,) * 3
        if predictor is None:
            predictor = _load_predictor(launch)
    pace = Pace() if is_ours else None
    inputs = _inputs(launch, predictor, transformer)
    return Chain(predictor, transformer, launch.batching, on_batch, pace, inputs)


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
        make_folders(target)
        for name in _names(launch, sealed):
            path = target / name
            make_folders(path.parent)
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


def module_of(component: Component) -> str:
    """Return the module name for the script of *component*.

    The script's file name has a prefix with a hyphen, which a module name cannot have.
    Pickled objects name their module, so the name is the same in every process.
    """
    return f"{component}_script"


def import_script(path: Path, component: Component) -> ModuleType:
    """Run the script as module ``module_of(component)`` and return the module.

    Raises:
        InvalidScriptError: its name does not end in ``.py``.
    """
    name = module_of(component)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidScriptError(
            f"{path.name} is not a Python file; save the script as .py"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def find_class(module: ModuleType, component: Component) -> type:
    """Return the class that the script offers, either defined there or imported.

    A class defined in the script takes precedence over an imported one, since scripts
    import library classes that happen to be called ``Predictor``. Otherwise
    ``Predictor`` takes precedence over ``Predict``.
    """
    names = SCRIPT_CLASSES[component]
    offered = [(name, getattr(module, name)) for name in names if hasattr(module, name)]
    if not offered:
        wanted = " or ".join(f"class {name}" for name in names)
        raise InvalidScriptError(f"the script has no {wanted}")
    offered.sort(key=lambda pair: _module_of(pair[1]) != module.__name__)
    name, found = offered[0]
    if not isinstance(found, type):
        raise InvalidScriptError(f"{name} in the script is not a class: {found!r}")
    if component == "predictor" and not callable(getattr(found, "predict", None)):
        raise InvalidScriptError(f"class {name} has no method predict")
    return found


def create_object(cls: type, injectable: Mapping[str, object]) -> object:
    """Create the object, passing the injectable values that its constructor names."""
    try:
        parameters = inspect.signature(cls).parameters.values()
    except ValueError:
        # Some classes in C have no signature, so they cannot name our values.
        return cls()
    given: dict[str, object] = {}
    for parameter in parameters:
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        by_name = parameter.kind is not parameter.POSITIONAL_ONLY
        if by_name and parameter.name in injectable:
            given[parameter.name] = injectable[parameter.name]
        elif parameter.default is parameter.empty:
            raise InvalidScriptError(
                f"the constructor of {cls.__name__} requires {parameter.name!r}; "
                f"only these are passed, by name: {', '.join(sorted(injectable))}"
            )
    return cls(**given)


def _module_of(found: object) -> str | None:
    return getattr(found, "__module__", None)


class InjectedProject(msgspec.Struct, frozen=True, kw_only=True):
    """The project the deployment belongs to."""

    name: str
    url: str


class InjectedModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model version that is served; its files are in ``files_path``."""

    name: str
    version: int
    framework: str
    files_path: str


class InjectedDeployment(msgspec.Struct, frozen=True, kw_only=True):
    """The deployment version that runs."""

    name: str
    version: int
    id: str
    artifact_version: int
    artifact_files_path: str


def injectable_values(launch: Launch) -> dict[str, object]:
    """Return the value for each parameter name that a constructor may use."""
    return {
        "project": InjectedProject(name=launch.project, url=launch.project_url),
        "model": InjectedModel(
            name=launch.model,
            version=launch.model_version,
            framework=launch.framework,
            files_path=launch.model_files_path,
        ),
        "deployment": InjectedDeployment(
            name=launch.deployment,
            version=launch.deployment_version,
            id=launch.deployment_id,
            artifact_version=launch.artifact_version,
            artifact_files_path=launch.artifact_files_path,
        ),
    }


def _load_predictor(launch: Launch) -> object:
    if launch.predictor_script is not None:
        return _load_script(launch, "predictor", launch.predictor_script)
    with _step("loading the model for the predictor"):
        if launch.framework not in _PREDICTORS:
            raise DeploymentFailedError(
                f"models of framework {launch.framework} need a predictor script"
            )
        return _PREDICTORS[launch.framework](Path(launch.model_files_path), launch)


def _inputs(
    launch: Launch, predictor: object, transformer: object
) -> tuple[ModelInput, ...]:
    """Return the inputs that a request needs, if they are known and accepted."""
    if hasattr(transformer, "preprocess"):
        # A preprocess method may take other inputs than the model.
        return ()
    if isinstance(predictor, TensorflowPredictor):
        return predictor.inputs()
    if isinstance(predictor, SklearnPredictor):
        return launch.inputs if predictor.takes(launch.inputs) else ()
    # A script was written for the schema that its model was saved with.
    return launch.inputs


def _load_script(launch: Launch, component: Component, name: str) -> object:
    with _step(f"importing the {component} script {name}"):
        module = import_script(Path(launch.artifact_files_path) / name, component)
        cls = find_class(module, component)
    with _step(f"creating the {component} with {cls.__name__}.__init__ of {name}"):
        return create_object(cls, injectable_values(launch))


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    # Objects made by imports stay alive; scanning them takes a seventh of import time.
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        if gc.get_threshold() == (_NEW_OBJECTS, *before[1:]):  # unless a script set it
            gc.set_threshold(*before)


@contextmanager
def _step(words: str) -> Iterator[None]:
    try:
        yield
    except HopsArtifactsError as error:
        raise DeploymentFailedError(f"{words} failed: {said_by(error)}") from error
    except BaseException as error:
        # SystemExit too: a script may call exit() where it should raise.
        raise DeploymentFailedError(f"{words} failed: {error_text(error)}") from error
