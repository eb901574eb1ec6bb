"""Loading of the scripts of a launch; every failure names the step that failed."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hopsartifacts.errors import DeploymentFailedError, HopsArtifactsError
from hopsartifacts.serving.contract import Component, Launch, ModelInput
from hopsartifacts.serving.runtime.chain import Chain
from hopsartifacts.serving.runtime.component_logs import noting_failure, speaking
from hopsartifacts.serving.runtime.failures import error_text, said_by
from hopsartifacts.serving.runtime.golden import check_golden
from hopsartifacts.serving.runtime.injected import injectable_values
from hopsartifacts.serving.runtime.inline_execution import Pace
from hopsartifacts.serving.runtime.scripts import (
    create_object,
    find_class,
    import_script,
)
from hopsartifacts.serving.runtime.sklearn_predictor import SklearnPredictor
from hopsartifacts.serving.runtime.tensorflow_predictor import TensorflowPredictor

_PREDICTORS: Mapping[str, Callable[[Path, Launch], object]] = {
    "SKLEARN": lambda files, launch: SklearnPredictor(
        files, launch.loadable, launch.columns
    ),
    "TENSORFLOW": lambda files, launch: TensorflowPredictor(files, launch.loadable),
}
"""The predictor without a script for each framework."""

_NEW_OBJECTS = 100_000
"""The threshold of the garbage collector while libraries are imported."""


def load_chain(launch: Launch, on_batch: Callable[[int], object] = int) -> Chain:
    """Load the model and the scripts; *on_batch* gets the number of rows of each batch.

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
        predictor = _load_predictor(launch)
    is_ours = launch.predictor_script is None and transformer is None
    pace = Pace() if is_ours else None
    inputs = _inputs(launch, predictor, transformer)
    return Chain(predictor, transformer, launch.batching, on_batch, pace, inputs)


async def prepare_chain(chain: Chain, launch: Launch) -> None:
    """Make the checks that must run on the serving loop, before requests are served.

    Raises:
        DeploymentFailedError: the answer to the golden request is not the recorded one.
    """
    if launch.golden is not None:
        await check_golden(chain, launch.golden)


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
