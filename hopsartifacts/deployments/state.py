"""The state of a deployment as users see it."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.serving.contract import COMPONENTS, UP, Component, RunState


class PredictorState:
    """What runs of a deployment, at the moment it was asked."""

    def __init__(self, name: str, run: RunState) -> None:
        self._name = name
        self._run = run

    @property
    def status(self) -> str:
        """``Created``, ``Starting``, ``Running``, ``Failed``, ``Stopped`` …."""
        return self._run.status

    @property
    def condition(self) -> Any:
        """How far it has come: ``type``, ``status`` and ``reason``; or None."""
        return self._run.condition

    @property
    def available_predictor_instances(self) -> int:
        """Predictors that answer."""
        return self._run.available_predictor_instances

    @property
    def available_transformer_instances(self) -> int:
        """Transformers that answer."""
        return self._run.available_transformer_instances

    @property
    def deployed(self) -> bool:
        """Whether anything runs."""
        return self.status in UP

    @property
    def started(self) -> datetime | None:
        """When what runs was started; None when nothing does."""
        seconds = self._run.started_s
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    @property
    def deployment_version(self) -> int | None:
        """Version that runs; None when nothing does."""
        return self._run.deployment_version

    @property
    def revision(self) -> str | None:
        """Identifies this run among all."""
        return self._run.revision

    @property
    def internal_port(self) -> int | None:
        """Port of the model server."""
        return self._run.port

    @property
    def grpc_port(self) -> int | None:
        """Port that takes requests over gRPC; None when nothing does."""
        return self._run.grpc_port

    @property
    def hopsworks_inference_path(self) -> str | None:
        """URL that takes prediction requests; None when nothing runs."""
        return self._inference_url()

    @property
    def model_server_inference_path(self) -> str | None:
        """URL that takes prediction requests; None when nothing runs."""
        return self._inference_url()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "status": self.status,
            "condition": msgspec.to_builtins(self.condition),
            "deployed": self.deployed,
            "deployment_version": self.deployment_version,
            "revision": self.revision,
            "available_predictor_instances": self.available_predictor_instances,
            "available_transformer_instances": self.available_transformer_instances,
            "internal_port": self.internal_port,
            "grpc_port": self.grpc_port,
            "inference_url": self._inference_url(),
        }

    def describe(self) -> None:
        """Print it."""
        text = msgspec.json.format(msgspec.json.encode(self.to_dict()), indent=2)
        print(text.decode())  # noqa: T201 - that is what it is for

    def __repr__(self) -> str:
        return f"PredictorState(status: {self.status!r})"

    def _inference_url(self) -> str | None:
        url = self._run.url
        return f"{url}/v1/models/{self._name}:predict" if url else None


def component_name(given: str) -> Component:
    """Return *given* if there is such a component.

    Raises:
        InvalidInputError: there is none.
    """
    for known in COMPONENTS:
        if given == known:
            return known
    raise InvalidInputError(f"component {given!r}: use one of {', '.join(COMPONENTS)}")
