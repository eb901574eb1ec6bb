"""The model registry as users hold it: create, find and list models."""

from collections.abc import Mapping
from typing import Any

from hopsartifacts.names import model_name, version_number
from hopsartifacts.registry.documents import Framework, VersionState
from hopsartifacts.registry.metrics import checked_direction
from hopsartifacts.registry.model import Context, Model
from hopsartifacts.registry.schema import ModelSchema
from hopsartifacts.registry.versions import (
    manifest_of,
    model_names,
    model_state,
    pick_live,
)


class FrameworkModels:
    """Creates models of one framework: ``mr.sklearn.create_model(…)``."""

    def __init__(self, context: Context, framework: Framework) -> None:
        self._context = context
        self._framework: Framework = framework

    def create_model(
        self,
        name: str,
        version: int | None = None,
        metrics: Mapping[str, Any] | None = None,
        description: str | None = None,
        input_example: Any = None,
        model_schema: ModelSchema | Mapping[str, Any] | None = None,
        *,
        tags: Mapping[str, Any] | None = None,
    ) -> Model:
        """Describe a model; nothing is stored before ``save``.

        Args:
            name: see the name rule in ``names``.
            version: the number to save it as; by default the next one.
            metrics: names and finite numbers.
            description: by default "A collection of models for <name>".
            input_example: a DataFrame (its first row), Series, array, dict or list.
            model_schema: what goes in and comes out.
            tags: any JSON values by name.

        Raises:
            InvalidNameError: the name, version or a tag is outside its rule.
            InvalidModelError: a metric, the schema or the example cannot be stored.
        """
        return Model(
            self._context,
            self._framework,
            name,
            version=version,
            metrics=metrics,
            description=description,
            input_example=input_example,
            model_schema=model_schema,
            tags=tags,
        )


class ModelRegistry:
    """All models of a project."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.tensorflow = FrameworkModels(context, "TENSORFLOW")
        self.torch = FrameworkModels(context, "TORCH")
        self.python = FrameworkModels(context, "PYTHON")
        self.sklearn = FrameworkModels(context, "SKLEARN")
        self.llm = FrameworkModels(context, "LLM")

    @property
    def project_name(self) -> str:
        """Name of the project."""
        return self._context.project

    def get_model(self, name: str, version: int | None = None) -> Model:
        """Return a saved version, by default the latest.

        Hopsworks returns version 1 when none is given, and None when there is no such
        model.

        Raises:
            ModelNotFoundError: there is no such model or version.
        """
        state = model_state(self._context.storage, model_name(name))
        latest = max(state.live(), default=1)
        number = latest if version is None else version_number(version)
        return self._model(name, pick_live(state, name, number))

    def get_models(self, name: str) -> list[Model]:
        """Return all saved versions of a model in order; none if it does not exist."""
        live = model_state(self._context.storage, model_name(name)).live()
        return [self._model(name, version) for version in live.values()]

    def get_best_model(self, name: str, metric: str, direction: str) -> Model | None:
        """Return the version with the best value of a metric.

        Versions without the metric do not take part; of equals the latest wins.

        Args:
            name: the model's name.
            metric: the metric's name, as it was given.
            direction: ``max`` or ``min``, in any case.

        Returns:
            The best version; None if no version has the metric.

        Raises:
            InvalidInputError: another direction.
        """
        sign = 1 if checked_direction(direction) == "max" else -1
        live = model_state(self._context.storage, model_name(name)).live()
        rated = [
            (sign * version.metrics[metric], number)
            for number, version in live.items()
            if metric in version.metrics
        ]
        if not rated:
            return None
        return self._model(name, live[max(rated)[1]])

    def list_models(self) -> list[str]:
        """Return the names of all models that have a saved version, sorted."""
        storage = self._context.storage
        return [
            name for name in model_names(storage) if model_state(storage, name).live()
        ]

    def _model(self, name: str, version: VersionState) -> Model:
        manifest = manifest_of(self._context.storage, name, version)
        return Model.sealed(self._context, manifest)
