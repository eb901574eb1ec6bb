"""The guide on creating a deployment, pasted without a changed line."""

from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from tests.clients.conftest import Client
from tests.clients.servers import HOST, Server
from tests.guide import (
    CONNECT,
    OPTION_A,
    OPTION_B_DEPLOYMENT,
    OPTION_B_PREDICTOR,
    OPTION_B_SERVING,
)

CHECK = """
assert my_deployment.name == "mymodel", my_deployment.name
assert my_deployment.id is not None
assert (my_deployment.model_name, my_deployment.model_version) == ("my_model", 1)
assert my_deployment.serving_tool == "KSERVE"
assert my_deployment.api_protocol == "REST"
assert my_deployment.resources.requests.cores == 0.2
assert my_deployment.resources.requests.memory == 32
assert my_deployment.resources.limits.cores == 2
assert my_deployment.resources.limits.memory == 1024
"""

PREDICT = """
my_deployment.start()
answer = my_deployment.predict(inputs=[[0], [1]])
assert answer == {"predictions": [0, 1]}, answer
my_deployment.stop()
"""

GUIDES = {
    "a": CONNECT + OPTION_A,
    "b": CONNECT + OPTION_B_SERVING + OPTION_B_PREDICTOR,
    "b, deployment": CONNECT
    + OPTION_B_SERVING
    + OPTION_B_PREDICTOR
    + OPTION_B_DEPLOYMENT,
    "both": CONNECT
    + OPTION_A
    + OPTION_B_SERVING
    + OPTION_B_PREDICTOR
    + OPTION_B_DEPLOYMENT
    + PREDICT,
}


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_works_as_it_stands(
    guide: str, client: Client, server: Server, tmp_path: Path
) -> None:
    place = tmp_path / "model"
    place.mkdir()
    joblib.dump(LogisticRegression().fit([[0], [1]], [0, 1]), place / "model.pkl")
    server.open().get_model_registry().sklearn.create_model("my_model").save(place)
    pasted = tmp_path / "pasted.py"
    pasted.write_text(GUIDES[guide] + CHECK)
    client.run(
        server,
        tmp_path / "client",
        str(pasted),
        HOPSWORKS_HOST=HOST,
        HOPSWORKS_PORT=str(server.port),
        HOPSWORKS_PROJECT=server.project_name,
        HOPSWORKS_API_KEY=server.key,
    )
    deployment = server.open().get_model_serving().get_deployment("mymodel")
    assert (deployment.model_name, deployment.model_version) == ("my_model", 1)
    assert deployment.version == 1
    assert deployment.artifact_version == 0
