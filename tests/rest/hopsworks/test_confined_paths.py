"""No path that a client can think of leads out of the project, or into its insides."""

from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from hopsartifacts.layout import INTERNAL
from hopsartifacts.project import Project
from hopsartifacts.rest.hosted import Hosted
from tests.rest.hopsworks.dataset_wire import Wire

SECRET = b"nobody's business"

# Paths as they stand decoded; each is sent encoded once, and as it is where it can be.
PATHS = [
    "..",
    "../secret",
    "../../secret",
    "Resources/../../secret",
    "Resources/../Models/m/_log",
    "Resources/./x",
    "Resources//x",
    "//Resources/x",
    "/../secret",
    "/Projects/demo/../secret",
    "/Projects/demo/../../secret",
    "/Projects/../secret",
    "/Projects/other/Resources",
    "/Projects/demo2/Resources",
    "/Projects/demo/Projects/other/x",
    "/Projects//demo/Resources",
    "/Projects",
    "Projects",
    "Projects/other/x",
    "projects/demo/x",
    "/etc/passwd",
    "//etc/passwd",
    "etc/passwd",
    "file:///etc/passwd",
    "hdfs:///Projects/demo/Resources",
    "https://example.com/x",
    "~/x",
    "~root/x",
    "$HOME/x",
    "..\\secret",
    "Resources\\..\\..\\secret",
    "C:\\Windows",
    "C:/Windows",
    "\\\\host\\share",
    "Resources/x\0",
    "Resources/\0/../../secret",
    "Resources/x\n",
    "Resources/\x7f",
    "Resources/\u202e",
    "Resources/\u0085",
    "Resources/x.",
    "Resources/x ",
    "Resources/...",
    "Resources/. ./x",
    "Resources/#",
    "Resources/x#/../../secret",
    "Resources/x?y=/../../secret",
    "Resources/%2e%2e/secret",
    "Resources/%2e%2e%2f%2e%2e%2fsecret",
    "%2e%2e/secret",
    "%252e%252e%252fsecret",
    "Resources/\u2025/secret",
    "Resources/\uff0e\uff0e/secret",
    "\uff0e\uff0e\uff0fsecret",
    "Resources/\u2215..\u2215secret",
    "\u2024\u2024/secret",
    "Resources/link/secret",
    "Resources/link",
    "Resources/file-link",
    "Resources/up/secret",
    "Resources/up/demo/Resources/x",
    "Resources/self/x",
    "Resources/log/000000000001.json",
    "Models/m/_log/000000000001.json",
    "Models/m/../m/1/Files/w",
    "MODELS/m/_log/000000000001.json",
    "models/m/1/Files/w",
    "Model\u017f/m/_log/000000000001.json",
    "Models/m/_log/v000000000001.json",
    "Models/m/1/../_log/000000000001.json",
    "Models/m/1/Files/../../_log/v000000000001.json",
    "Models/_log",
    "Models/m/1/Artifacts/_payload/x",
    "Models/m/999999999999999999999/Files/w",
    "Models/m/\u0661/Files/w",
    "Models/m/1/Files/w/x",
    ".hopsartifacts/project.json",
    ".HopsArtifacts/project.json",
    "/.hopsartifacts/project.json",
    "/Projects/demo/.hopsartifacts/project.json",
    "Deployments/d/_log/000000000001.json",
    "Deployments/../Models/m/_log/000000000001.json",
    "x" * 300,
    "/".join(["a"] * 3000),
    "Resources/" + "é" * 200,
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
]
RAW = [
    "%2e%2e",
    "%2e%2e%2fsecret",
    "..%2fsecret",
    "%2E%2E%5Csecret",
    "%252e%252e%252fsecret",
    "Resources%2f..%2f..%2fsecret",
    "Resources%00",
    "%c0%ae%c0%ae%c0%afsecret",
    "%ed%a0%80",
    "%ff",
    "%",
    "%2",
    "%zz",
    "Resources%2fx%23y",
    "Resources%2fx%3fy",
]


@pytest.fixture
def wire(client: TestClient, hosted: Hosted, project: Project, tmp_path: Path) -> Wire:
    """A server of a project with links that lead out of it, and into its insides."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for folder in (tmp_path, outside):
        (folder / "secret").write_bytes(SECRET)
    weights = tmp_path / "w"
    weights.write_bytes(b"weights")
    project.get_model_registry().python.create_model("m").save(weights)
    root = tmp_path / "demo"
    resources = root / "Resources"
    resources.mkdir()
    (resources / "x").write_bytes(b"own")
    (resources / "link").symlink_to(outside)
    (resources / "file-link").symlink_to(outside / "secret")
    (resources / "up").symlink_to("../..")
    (resources / "self").symlink_to(".")
    (resources / "log").symlink_to(root / "Models/m/_log")
    return Wire(client, hosted)


def seen(tmp_path: Path) -> dict[str, bytes]:
    """Return every file but the user's own and the server's."""
    tops = [it for it in tmp_path.iterdir() if it.name not in {"demo", "server"}]
    tops += [tmp_path / "demo" / it for it in ("Models", "Deployments", INTERNAL)]
    files = (path for top in tops for path in (top, *top.rglob("*")))
    return {str(path): path.read_bytes() for path in files if path.is_file()}


@pytest.mark.parametrize("encoded", [*(quote(it, safe="") for it in PATHS), *RAW])
def test_a_path_stays_in_the_users_files(
    wire: Wire, tmp_path: Path, encoded: str
) -> None:
    """Every operation gets the path, as each uses it in another way."""
    before = seen(tmp_path)
    client, base = wire.client, wire.base
    mine = {"destination_path": "Resources/mine"}
    form = {
        "flowFilename": "evil",
        "flowChunkNumber": 1,
        "flowChunkSize": 10,
        "flowTotalChunks": 1,
        "flowTotalSize": 4,
    }
    files = {"file": ("evil", b"evil")}
    answers = [
        client.get(f"{base}/{encoded}"),
        client.get(f"{base}/{encoded}", params={"action": "listing"}),
        client.get(f"{base}/download/with_auth/{encoded}"),
        client.post(f"{base}/{encoded}", params={"action": "copy", **mine}),
        client.post(f"{base}/{encoded}", params={"action": "zip", **mine}),
        client.post(f"{base}/{encoded}", params={"action": "unzip"}),
        client.post(f"{base}/{encoded}%2Fnew", params={"action": "create"}),
        client.post(f"{base}/upload/{encoded}", data=form, files=files),
        client.post(f"{base}/{encoded}", params={"action": "move", **mine}),
        client.delete(f"{base}/{encoded}"),
    ]
    for answer in answers:
        assert answer.status_code < 500, (answer.request.url, answer.text)
        assert SECRET not in answer.content
        assert b'"token"' not in answer.content
    assert seen(tmp_path) == before


@pytest.mark.parametrize("target", PATHS)
@pytest.mark.parametrize("action", ["copy", "move"])
def test_nothing_is_put_elsewhere(
    wire: Wire, tmp_path: Path, target: str, action: str
) -> None:
    before = seen(tmp_path)
    answer = wire.post("Resources/x", action=action, destination_path=target)
    assert answer.status_code < 500, answer.text
    assert seen(tmp_path) == before


@pytest.mark.parametrize("name", [*PATHS, "a/b", "link", "file-link"])
def test_no_file_name_leads_elsewhere(wire: Wire, tmp_path: Path, name: str) -> None:
    before = seen(tmp_path)
    answer = wire.send("Resources", name, b"evil")
    assert answer.status_code < 500, answer.text
    assert seen(tmp_path) == before


def test_links_are_not_shown(wire: Wire) -> None:
    assert wire.names("Resources") == ["x"]
