"""The model registry as users hold it: create, find and list models."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.names import alias_name, model_name, version_number
from hopsartifacts.registry.aliases import (
    alias_history,
    aliased_version,
    delete_alias,
    live_aliases,
    rollback_alias,
    set_alias,
)
from hopsartifacts.registry.documents import AliasRecord, Framework, VersionRecord
from hopsartifacts.registry.given import checked_reason
from hopsartifacts.registry.metrics import checked_direction
from hopsartifacts.registry.model import Context, Model
from hopsartifacts.registry.schema import ModelSchema
from hopsartifacts.registry.versions import (
    latest_manifest,
    model_names,
    model_state,
    sealed_manifest,
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

    def get_model(
        self,
        name: str,
        version: int | None = None,
        *,
        alias: str | None = None,
        at: datetime | date | str | None = None,
    ) -> Model:
        """Return a saved version, by default the latest.

        Hopsworks returns version 1 when none is given, and None when there is no such
        model.

        Args:
            name: the model's name.
            version: a number; by default the latest.
            alias: instead of a number, the version an alias points at.
            at: with *alias*: the version it pointed at then. A datetime, or a date or
                an ISO 8601 text; without a zone in local time, a date its first moment.

        Raises:
            ModelNotFoundError: there is no such model, version or alias.
            InvalidInputError: arguments that exclude each other.
        """
        storage, model = self._context.storage, model_name(name)
        if alias is None and at is not None:
            raise InvalidInputError("at= needs alias=: versions do not change in time")
        if alias is not None:
            if version is not None:
                raise InvalidInputError(
                    f"version={version!r} and alias={alias!r}: give one of the two"
                )
            version = aliased_version(storage, model, alias_name(alias), at)
        if version is None:
            manifest = latest_manifest(storage, model)
        else:
            manifest = sealed_manifest(storage, model, version_number(version))
        return Model.sealed(self._context, manifest)

    def get_models(self, name: str) -> list[Model]:
        """Return all saved versions of a model in order; none if it does not exist."""
        live = model_state(self._context.storage, model_name(name)).live()
        return [self._listed(name, number, it) for number, it in live.items()]

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
        best = max(rated)[1]
        return self._listed(name, best, live[best])

    def set_alias(self, name: str, alias: str, version: int, why: str = "") -> None:
        """Let *alias* point at a version; see ``Model.set_alias``."""
        number, reason = version_number(version), checked_reason(why)
        storage = self._context.storage
        set_alias(storage, model_name(name), alias_name(alias), number, reason)

    def delete_alias(self, name: str, alias: str, why: str = "") -> None:
        """Let *alias* point nowhere; its journal stays.

        Raises:
            ModelNotFoundError: it points nowhere.
        """
        storage, reason = self._context.storage, checked_reason(why)
        delete_alias(storage, model_name(name), alias_name(alias), reason)

    def rollback_alias(self, name: str, alias: str, why: str = "") -> AliasRecord:
        """Let *alias* point where it pointed before; once more goes back further.

        Returns:
            The record of where it points now.

        Raises:
            ModelNotFoundError: it never pointed elsewhere, or that version was deleted.
        """
        storage, reason = self._context.storage, checked_reason(why)
        return rollback_alias(storage, model_name(name), alias_name(alias), reason)

    def get_aliases(self, name: str) -> dict[str, int]:
        """Return which version each alias of a model points at."""
        return live_aliases(self._context.storage, model_name(name))

    def get_alias_history(self, name: str, alias: str) -> list[AliasRecord]:
        """Return where an alias pointed, and who wanted that, when and why.

        Newest first; none if it was never set.
        """
        storage = self._context.storage
        return alias_history(storage, model_name(name), alias_name(alias))

    def list_models(self) -> list[str]:
        """Return the names of all models that have a saved version, sorted."""
        storage = self._context.storage
        return [
            name
            for name in model_names(storage)
            if model_state(storage, name).head.latest
        ]

    def catalog(self, *, artifacts: bool = True) -> Any:
        """Return a ``pyarrow.Table`` with one row per model version.

        Metrics, tags, artifacts and deployments are nested in it;
        ``project.catalog(kind)`` has each of them as a table of its own. It is never
        behind what was saved before the call.

        Args:
            artifacts: without it there is no column ``artifacts``, and a listing less
                for each model version.

        Raises:
            InvalidInputError: pyarrow is not installed.
            IntegrityError: a log is damaged.
        """
        return self._context.catalog(artifacts=artifacts)

    def _listed(self, name: str, number: int, state: VersionRecord) -> Model:
        return Model.listed(self._context, name, number, state)
