"""The user's API of the model registry: create, find and list models."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from hopsartifacts.context import ProjectContext
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.fixed_attributes import FixedAttributes
from hopsartifacts.names import alias_name, model_name, version_number
from hopsartifacts.registry import aliases, versions
from hopsartifacts.registry.documents import (
    FRAMEWORKS,
    AliasRecord,
    Framework,
    VersionRecord,
)
from hopsartifacts.registry.given import checked_reason, sign_of
from hopsartifacts.registry.history import ModelChange, change_numbers, changes
from hopsartifacts.registry.model import Model
from hopsartifacts.registry.schema import ModelSchema
from hopsartifacts.store.damage import warn_of_damage


class FrameworkModels(FixedAttributes):
    """A factory of models of one framework: ``mr.sklearn.create_model(…)``."""

    def __init__(self, context: ProjectContext, framework: Framework) -> None:
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
        """Create a model object; nothing is stored until ``save``.

        Args:
            name: 1 to 128 letters, digits, ``_`` and ``-``, first a letter or digit.
            version: the version number to save; by default the next one.
            metrics: finite numbers by name.
            description: by default "A collection of models for <name>".
            input_example: a DataFrame (its first row), Series, array, dict or list.
            model_schema: the schema of the model's inputs and outputs.
            tags: any JSON values by name.

        Raises:
            InvalidNameError: the name, version or a tag name breaks its rule.
            InvalidModelError: a metric, the schema, the example or a tag value cannot
                be stored.
        """
        # Every parameter, by its name: a new one needs no line here.
        given = {name: it for name, it in locals().items() if name != "self"}
        return Model(self._context, self._framework, **given)


class ModelRegistry(FixedAttributes):
    """The models of a project; ``project.get_model_registry()`` returns it."""

    tensorflow: FrameworkModels
    torch: FrameworkModels
    python: FrameworkModels
    sklearn: FrameworkModels
    llm: FrameworkModels

    def __init__(self, context: ProjectContext) -> None:
        self._context = context
        for framework in FRAMEWORKS:
            setattr(self, framework.lower(), FrameworkModels(context, framework))

    @property
    def project_name(self) -> str:
        """The name of the project."""
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

        Hopsworks returns version 1 if no version is given, and None if the model does
        not exist.

        Args:
            name: the model's name.
            version: a version number; by default the latest.
            alias: return the version that this alias points at, instead of a number.
            at: with *alias*, return the version it pointed at then: a datetime, a date
                (the start of that day) or ISO 8601 text, in local time unless it has a
                time zone.

        Raises:
            ModelNotFoundError: the model, version or alias does not exist.
            InvalidInputError: the arguments cannot be combined, or *at* is not a time.
        """
        storage, model = self._context.storage, model_name(name)
        if alias is None and at is not None:
            raise InvalidInputError("at= needs alias=: a version number never changes")
        if alias is not None:
            if version is not None:
                raise InvalidInputError(
                    f"version={version!r} and alias={alias!r}: give one of the two"
                )
            version = aliases.aliased_version(storage, model, alias_name(alias), at)
        if version is None:
            manifest = versions.latest_manifest(storage, model)
        else:
            manifest = versions.sealed_manifest(storage, model, version_number(version))
        return Model.sealed(self._context, manifest)

    def get_models(self, name: str) -> list[Model]:
        """Return all saved versions of a model, in order; empty if there are none."""
        live = versions.model_state(self._context.storage, model_name(name)).live()
        return [
            Model.listed(self._context, name, *numbered) for numbered in live.items()
        ]

    def get_best_model(self, name: str, metric: str, direction: str) -> Model | None:
        """Return the version with the best value of a metric; None if none has it.

        Of versions with equal values, the latest is returned.

        Args:
            name: the model's name.
            metric: the metric's name, as it was saved.
            direction: ``max`` or ``min``, in upper or lower case.

        Raises:
            InvalidInputError: the direction is neither of the two.
        """
        sign = sign_of(direction)
        live = versions.model_state(self._context.storage, model_name(name)).live()
        rated = [
            (sign * version.metrics[metric], number)
            for number, version in live.items()
            if metric in version.metrics
        ]
        if not rated:
            return None
        _, best = max(rated)
        return Model.listed(self._context, name, best, live[best])

    def set_alias(self, name: str, alias: str, version: int, why: str = "") -> None:
        """Point *alias* at a version; see ``Model.set_alias``."""
        number, reason = version_number(version), checked_reason(why)
        storage = self._context.storage
        aliases.set_alias(storage, model_name(name), alias_name(alias), number, reason)

    def delete_alias(self, name: str, alias: str, why: str = "") -> None:
        """Delete *alias*; its history is kept.

        Raises:
            ModelNotFoundError: the alias does not exist.
        """
        place = self._context.storage, model_name(name), alias_name(alias)
        aliases.delete_alias(*place, checked_reason(why))

    def rollback_alias(self, name: str, alias: str, why: str = "") -> AliasRecord:
        """Point *alias* at its previous version, and return the new record.

        Repeat this to go back further.

        Raises:
            ModelNotFoundError: it has no previous version, or that version was deleted.
        """
        place = self._context.storage, model_name(name), alias_name(alias)
        return aliases.rollback_alias(*place, checked_reason(why))

    def get_aliases(self, name: str) -> dict[str, int]:
        """Return the version of each alias of a model."""
        state = versions.model_state(self._context.storage, model_name(name))
        return state.live_aliases

    def get_alias_history(self, name: str, alias: str) -> list[AliasRecord]:
        """Return every change of an alias, newest first; empty if it was never set."""
        storage = self._context.storage
        return list(aliases.alias_history(storage, model_name(name), alias_name(alias)))

    def get_history(self, name: str, limit: int | None = None) -> list[ModelChange]:
        """Return every change of a model: what, who, when and why; the newest first.

        Args:
            name: the model's name.
            limit: the most changes to return; by default all.

        Raises:
            ModelNotFoundError: the model never existed.
            InvalidInputError: *limit* is not a positive number.
            IntegrityError: the log is damaged.
        """
        if limit is not None and (type(limit) is not int or limit < 1):
            raise InvalidInputError(
                f"limit={limit!r}: give a number from 1 on, or None"
            )
        log = versions.model_log(self._context.storage, model_name(name))
        return list(changes(log, change_numbers(log, name)[:limit]))

    def list_models(self) -> list[str]:
        """Return the names of all models that have a saved version, sorted.

        If the log of one cannot be read, a ``DamagedLogWarning`` names it, and the
        others are returned.
        """
        return [*self._latest()]

    def latest_models(self) -> list[Model]:
        """Return the newest version of every model, sorted by name.

        Damaged logs are treated as in ``list_models``.
        """
        return [
            Model.listed(self._context, name, *it)
            for name, it in self._latest().items()
        ]

    def _latest(self) -> dict[str, tuple[int, VersionRecord]]:
        found, damaged = versions.latest_records(self._context.storage)
        warn_of_damage("model", damaged)
        return found

    def catalog(self, *, artifacts: bool = True) -> Any:
        """Return a ``pyarrow.Table`` with one row per model version, as of now.

        Metrics, tags, artifacts and deployments are nested in the rows;
        ``project.catalog(kind)`` returns some of them as separate tables.

        Args:
            artifacts: if false, leave out the column ``artifacts``, which saves one
                listing per model version.

        Raises:
            InvalidInputError: pyarrow is not installed.
            IntegrityError: a log is damaged.
        """
        return self._context.catalog(artifacts=artifacts)

    def __repr__(self) -> str:
        project = self._context
        return f"ModelRegistry(project: {project.project!r}, url: {project.url!r})"
