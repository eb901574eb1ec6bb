"""The run of a deployment as a JSON document."""

import msgspec

from hopsartifacts.deployments.state import PredictorState
from hopsartifacts.serving.contract import Condition, RunState, Status


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The run of a deployment at one moment.

    Attributes:
        name: name of the deployment.
        condition: details of the status.
        deployed: whether anything runs.
        deployment_version: the version that runs; null if nothing does.
        revision: unique identifier of this run.
        url: for prediction requests from the server's machine; null if nothing runs.
    """

    name: str
    status: Status
    condition: Condition | None
    deployed: bool
    deployment_version: int | None
    revision: str | None
    available_predictor_instances: int
    available_transformer_instances: int
    port: int | None
    grpc_port: int | None
    url: str | None


def run_status(name: str, run: RunState) -> RunStatus:
    """Return *run* as a document."""
    state = PredictorState(name, run)
    plain = state.to_dict()
    fields = {it: plain[it] for it in RunStatus.__struct_fields__ if it in plain}
    known = {"name": name, "port": state.internal_port, "url": plain["inference_url"]}
    return msgspec.convert({**fields, **known}, RunStatus)
