"""Links that clients print lead to a page, and what is not here says so."""

import pytest
from starlette.testclient import TestClient

from hopsartifacts.rest.hosted import Hosted

API = "/hopsworks-api/api"
NOBODY = {"authorization": ""}
TOKEN = "0" * 32


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("/", "models, files and deployments"),
        ("/p/7", "models, files and deployments"),
        ("/p/7/models", "models, files and deployments"),
        ("/p/7/models/fraud/1", "<h1>Model fraud, version 1</h1>"),
        ("/p/7/models/fraud/1", "/api/v1/models/fraud/versions/1"),
        (f"/p/7/deployments/fraud-{TOKEN}", "<h1>Deployment fraud</h1>"),
        (f"/p/7/deployments/fraud-{TOKEN}", "/api/v1/deployments/fraud"),
        ("/p/7/models/a%3Cb%3E/1", "<h1>hopsartifacts</h1>"),
        ("/p/7/models/fraud/01", "<h1>hopsartifacts</h1>"),
        ("/p/7/fs/67/fg", "<h1>hopsartifacts</h1>"),
        ("/p/7/deployments/%3Cscript%3E", "<h1>hopsartifacts</h1>"),
    ],
)
def test_a_link_leads_to_a_page(client: TestClient, link: str, words: str) -> None:
    page = client.get(link, headers=NOBODY)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert words in page.text
    assert "<script" not in page.text
    for target in ("/docs", "/openapi.json", "/health"):
        assert f'href="{target}"' in page.text
        assert client.get(target, headers=NOBODY).status_code == 200


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
