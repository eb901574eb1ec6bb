"""The parts of an InferenceService that rules ask for."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import msgspec

from hopsartifacts.serving.kserve.names import MAIN_CONTAINER, MODE, STORAGE_VARIABLE
from hopsartifacts.serving.kserve.refusals import Part

Release = Literal["0.19", "0.20"]
DeploymentMode = Literal["Standard", "Knative"]

PREFIX = "serving.kserve.io/"
TRANSFORMER_CONTAINER = "transformer-container"
COMPONENTS = ("predictor", "transformer", "explainer")
FRAMEWORKS = (
    "model",
    "sklearn",
    "xgboost",
    "tensorflow",
    "pytorch",
    "triton",
    "onnx",
    "huggingface",
    "pmml",
    "lightgbm",
    "paddle",
)
"""The members of a predictor that are each a container with the model's format."""

FORMER_MODES: dict[str, DeploymentMode] = {
    "RawDeployment": "Standard",
    "Serverless": "Knative",
}


class InferenceServiceParts(msgspec.Struct, frozen=True, kw_only=True):
    """An InferenceService that is to be applied, and what is known about the cluster.

    Attributes:
        manifest: the object.
        release: the minor release of KServe.
        live: the object of this name in the cluster; empty if there is none.
        namespace_labels: the labels of the namespace, as far as they are known.
        knative_flags: the features of Knative that the cluster has enabled.
    """

    manifest: Mapping[str, Any]
    release: Release = "0.20"
    live: Mapping[str, Any] = {}
    namespace_labels: Mapping[str, str] = {}
    knative_flags: Collection[str] = ()

    def at(self, *steps: str) -> Part:
        """Return a part of the object."""
        return Part(self.manifest).at(*steps)

    def annotation(self, name: str) -> Part:
        """Return an annotation of the object."""
        return self.at("metadata", "annotations", name)

    @property
    def mode(self) -> str:
        """The deployment mode by its present word; empty if none is given."""
        given = self.annotation(MODE).text
        return FORMER_MODES.get(given, given)

    def component(self, name: str) -> Part:
        """Return the predictor, the transformer or the explainer."""
        return self.at("spec", name)

    def components(self) -> list[Part]:
        """Return the components that are given."""
        parts = [self.component(name) for name in COMPONENTS]
        return [part for part in parts if part.is_given]

    def canaries(self) -> list[Part]:
        """Return the canaries, each with a predictor of its own."""
        return self.at("spec", "canary").elements()

    def pods(self) -> list[Part]:
        """Return all components that get pods: those given, and canary predictors."""
        return [*self.components(), *(it.at("predictor") for it in self.canaries())]

    def containers(self) -> Iterator[Part]:
        """Yield every container, init containers and those of frameworks included."""
        for pod in self.pods():
            yield from containers(pod)
            yield from pod.at("initContainers").elements()
            yield from frameworks(pod)
            if pod.at("art").is_given:
                yield pod.at("art")
            worker = pod.at("workerSpec")
            yield from containers(worker)
            yield from worker.at("initContainers").elements()


def containers(pod: Part) -> list[Part]:
    """Return the containers of a component that run at the same time."""
    return pod.at("containers").elements()


def frameworks(predictor: Part) -> list[Part]:
    """Return the implementations by format that a predictor has."""
    parts = [predictor.at(name) for name in FRAMEWORKS]
    return [part for part in parts if part.is_given]


def variable(container: Part, name: str) -> Part | None:
    """Return the entry of an environment variable in a container; None without one."""
    entries = container.at("env").elements()
    return next((it for it in entries if it.at("name").text == name), None)


def storage_uri(pod: Part) -> Part | None:
    """Return the storage URI that KServe finds for a component; None without one.

    It is a field of a framework, or the variable ``STORAGE_URI`` of the main container.
    """
    for framework in frameworks(pod):
        if framework.at("storageUri").is_given:
            return framework.at("storageUri")
    all_of_them = containers(pod)
    mains = [it for it in all_of_them if it.at("name").text == MAIN_CONTAINER]
    if pod.path[-1:] == ("transformer",):
        mains = all_of_them[:1]
    entry = variable(mains[0], STORAGE_VARIABLE) if mains else None
    return entry.at("value") if entry else None
