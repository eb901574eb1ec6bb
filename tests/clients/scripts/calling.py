"""Predict over gRPC, and over REST at the announced endpoint."""

from __future__ import annotations

from typing import Any

from common import refused, run
from deployments import PREDICTOR, WHILE_STARTING, saved_model, script
from hsml.client.istio.utils.infer_type import InferInput

TENSORS = """
class Predict(object):
    def predict(self, inputs):
        return [[2 * value for value in row] for row in inputs]
"""


def over_grpc(project: Any) -> None:
    model = saved_model(project, "called")
    deployment = model.deploy(
        name="called",
        script_file=script(project, "tensors.py", TENSORS),
        api_protocol="GRPC",
    )
    assert deployment.api_protocol == "GRPC"
    deployment.start(await_running=WHILE_STARTING)
    tensor = {"name": "x", "shape": [2, 2], "datatype": "FP32"}
    given = {**tensor, "data": [1.0, 2.0, 3.0, 4.0]}
    outputs = deployment.predict(inputs=[given])
    assert [list(it.shape) for it in outputs] == [[2, 2]], outputs
    assert _flat(outputs[0].data) == [2.0, 4.0, 6.0, 8.0], outputs[0].data
    outputs = deployment.predict(inputs=given)
    assert _flat(outputs[0].data) == [2.0, 4.0, 6.0, 8.0]
    data = InferInput(name="x", shape=[1, 1], datatype="FP32", data=[5.0])
    outputs = deployment.predict(data=[data])
    assert _flat(outputs[0].data) == [10.0]
    deployment.stop()
    with refused(Exception):
        deployment.predict(data=[data])
    deployment.delete()


def over_rest(project: Any) -> None:
    model = saved_model(project, "called")
    deployment = model.deploy(
        name="asked", script_file=script(project, "t2.py", PREDICTOR.format(factor=2))
    )
    deployment.start(await_running=WHILE_STARTING)
    assert deployment.predict(inputs=[[1, 2]]) == {"predictions": [[2, 4]]}
    deployment.stop()
    with refused(Exception):
        deployment.predict(inputs=[[1, 2]])
    deployment.delete()


def _flat(data: Any) -> list[float]:
    if not isinstance(data, (list, tuple)):
        return [float(data)] if isinstance(data, (int, float)) else list(data)
    return [it for part in data for it in _flat(part)]


if __name__ == "__main__":
    run({"inference": (over_grpc, over_rest)})
