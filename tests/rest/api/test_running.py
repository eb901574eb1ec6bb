"""A real deployment over HTTP: started, heard of, its log followed, stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import hopsartifacts
from hopsartifacts import Model, Project
from hopsartifacts.rest.hosted import Hosted
from tests.rest.api.listening import serving

SCRIPT = b"""
class Predictor:
    def predict(self, inputs):
        print("asked for", inputs, flush=True)
        return inputs
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hopsartifacts.login(str(tmp_path / "demo"))


def test_the_life_of_a_deployment(
    hosted: Hosted, project: Project, save_model: Callable[..., Model]
) -> None:
    """With real processes, events and logs tell what happens, when it happens."""
    save_model()
    project.storage.write("Resources/predictor.py", [SCRIPT])
    with serving(hosted) as server:
        address = f"http://127.0.0.1:{server.port}/api/v1/deployments/flowers"
        headers = {"authorization": "ApiKey admin.secret"}
        with httpx.Client(headers=headers, trust_env=False, timeout=60) as http:
            settings: dict[str, Any] = {
                "model": "my_model",
                "model_version": 1,
                "script_file": "Resources/predictor.py",
            }
            assert http.put(address, json=settings).status_code == 201
            with server.listen() as events:
                assert events.next().name == "reload"
                try:
                    assert http.post(f"{address}/start").status_code == 202
                    events.until("job", kind="start", status="done")
                    state = http.get(f"{address}/state").json()
                    assert (state["status"], state["deployment_version"]) == (
                        "Running",
                        1,
                    )
                    with server.listen("/deployments/flowers/logs/follow") as log:
                        body = {"instances": [[7]]}
                        answer = httpx.post(state["url"], json=body, trust_env=False)
                        assert answer.json() == {"predictions": [[7]]}
                        seen = log.until("line", text="asked for [[7]]")[-1]
                        assert http.post(f"{address}/stop").status_code == 202
                        rest = [it.name for it in log]
                        assert rest[-1] == "end"
                finally:
                    hosted.project.get_model_serving().get_deployment("flowers").stop()
                while True:
                    told = events.until("deployment", name="flowers")[-1]
                    if told.data["state"]["status"] == "Stopped":
                        break
            with server.listen(
                "/deployments/flowers/logs/follow?tail=1000", seen.mark
            ) as log:
                again = [it.data.get("text") for it in log]
            assert "asked for [[7]]" not in again
            lines = http.get(f"{address}/logs").json()["lines"]
            assert "asked for [[7]]" in lines
