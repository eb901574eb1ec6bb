"""What is not here says so."""

import pytest
from starlette.testclient import TestClient

from hopsartifacts.rest.hosted import Hosted

API = "/hopsworks-api/api"


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("project/{id}/featurestores/67/featuregroups", "feature stores"),
        ("project/{id}/featurestores", "feature stores"),
        ("project/{id}/jobs/x", "jobs"),
        ("project/{id}/python/environments", "Python environments"),
        ("project/{id}/kafka/topics", "Kafka topics"),
        ("project/{id}/git/repository", "Git repositories"),
        ("users/secrets", "secrets"),
        ("admin/users", "users"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_not_here_says_so(
    client: TestClient, hosted: Hosted, path: str, what: str, method: str
) -> None:
    answer = client.request(method, f"{API}/{path.format(id=hosted.project_id)}")
    assert answer.status_code == 404
    words = answer.json()["usrMsg"]
    assert what in words
    assert words.endswith(
        "not available here: this server has models, files and deployments"
    )


@pytest.mark.parametrize("path", [f"{API}/nothing", f"{API}", "/none", "/jobs"])
def test_any_other_path_is_named(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["usrMsg"] == f"{path}: no such path"
