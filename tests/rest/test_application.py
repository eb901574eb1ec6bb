"""What holds for every operation: keys, scopes, checks, errors, the description."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import Hosted

API = "/hopsworks-api/api"


def test_nothing_is_answered_without_a_key(client: TestClient) -> None:
    for headers in ({"authorization": ""}, {"authorization": "ApiKey wrong.secret"}):
        answer = client.get(f"{API}/project", headers=headers)
        assert answer.status_code == 401
        assert set(answer.json()) == {"errorCode", "errorMsg", "usrMsg"}
        assert "hopsartifacts keys create" in answer.json()["usrMsg"]


def test_a_key_allows_what_its_scopes_say(client: TestClient, hosted: Hosted) -> None:
    path = f"{API}/project/{hosted.project_id}/modelregistries/1/models/a_1"
    reader = {"authorization": "ApiKey reader.secret"}
    refused = client.delete(path, headers=reader)
    assert refused.status_code == 403
    assert "'write'" in refused.json()["usrMsg"]
    assert client.get(path, headers=reader).status_code == 404


def test_an_unknown_path_or_method_is_said_in_json(client: TestClient) -> None:
    missing = client.get(f"{API}/nothing/here")
    assert (missing.status_code, missing.json()["errorCode"]) == (404, 0)
    wrong = client.delete(f"{API}/project")
    assert wrong.status_code == 405
    assert wrong.headers["allow"]


@pytest.mark.parametrize("body", ["", "{", "[]", '{"name": 1}', "[" * 100_000])
def test_a_body_that_is_none_is_refused(
    client: TestClient, hosted: Hosted, body: str
) -> None:
    number = hosted.project_id
    path = f"{API}/project/{number}/modelregistries/{number}/models/a_1"
    answer = client.put(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["usrMsg"].startswith("body: ")


def test_a_metric_that_is_nan_is_named(client: TestClient, hosted: Hosted) -> None:
    number = hosted.project_id
    path = f"{API}/project/{number}/modelregistries/{number}/models/a_1"
    answer = client.put(path, content='{"metrics": {"attributes": [{"auc": NaN}]}}')
    assert answer.status_code == 400
    found = answer.json()["usrMsg"]
    assert found == (
        'body["metrics"]["attributes"][0]["auc"] is NaN: only finite numbers can be '
        "compared; leave it out"
    )


def test_a_segment_that_is_not_utf8_is_refused(client: TestClient) -> None:
    assert client.get(f"{API}/variables/%ff").status_code == 400


def test_an_encoded_slash_ends_no_segment(client: TestClient) -> None:
    answer = client.get(f"{API}/variables/a%2Fb")
    assert answer.status_code == 404
    assert "'a/b'" in answer.json()["usrMsg"]


def test_what_a_client_asks_at_login(client: TestClient, project: Project) -> None:
    def get(path: str) -> Any:
        answer = client.get(f"{API}/{path}")
        assert answer.status_code == 200
        return answer.json()

    assert get("variables/versions")[0]["software"] == "hopsworks"
    info = get(f"project/getProjectInfo/{project.name}")
    assert info["projectName"] == project.name
    assert get("project")[0]["project"]["id"] == info["projectId"]
    assert set(get(f"project/{info['projectId']}/credentials")) >= {"kStore", "caChain"}
    for name in ("enable_data_science_profile", "kube_kserve_installed"):
        assert get(f"variables/{name}")["successMessage"] == "true"
    other = client.get(f"{API}/project/getProjectInfo/other")
    assert other.status_code == 404


def test_the_server_describes_itself(client: TestClient) -> None:
    nobody = {"authorization": ""}
    assert client.get("/health", headers=nobody).json()["status"] == "ok"
    described = client.get("/openapi.json", headers=nobody).json()
    assert described["openapi"].startswith("3.1")
    assert f"{API}/project" in described["paths"]
    page = client.get("/docs", headers=nobody)
    assert f"{API}/project" in page.text
    assert "hopsartifacts_requests_total" in client.get("/metrics").text
    assert client.get("/metrics", headers=nobody).status_code == 401
