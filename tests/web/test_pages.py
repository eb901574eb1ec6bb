"""One page for each address of the web UI, its files, and the links that lead to it."""

import base64
import gzip
import hashlib
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hopsartifacts.project import Project
from hopsartifacts.web import pages
from hopsartifacts.web.assets import Assets

TOKEN = "0" * 32
DEEP = "/ui/files/Models/iris/1/Files/a/b/c/weights%2F1.bin?tab=x"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with built files, in place of those of the package."""
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "app.js").write_text("export const one = 1;\n" * 100)
    (folder / "app.css").write_text("body { margin: 0; }\n")
    (folder / "icons.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "notes.md").write_text("not for browsers")
    monkeypatch.setattr(pages, "_ASSETS", Assets(folder))
    return folder


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/deployments/new", DEEP])
@pytest.mark.usefixtures("built")
def test_each_address_has_the_page(browser: TestClient, path: str) -> None:
    page = browser.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text == browser.get("/ui").text
    assert '<div id="app"></div>' in page.text
    assert "<noscript>" in page.text
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.usefixtures("built")
def test_the_page_has_nothing_of_the_project(
    browser: TestClient, project: Project
) -> None:
    page = browser.get(f"/ui/models/{project.name}")
    assert project.name not in page.text
    assert "set-cookie" not in page.headers


@pytest.mark.usefixtures("built")
def test_the_page_runs_no_script_but_those_that_its_policy_names(
    browser: TestClient,
) -> None:
    page = browser.get("/ui")
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in page.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    (inside,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert not re.search(r"<style| style=| on\w+=", page.text)


@pytest.mark.usefixtures("built")
def test_what_the_page_names_is_there_and_never_changes(browser: TestClient) -> None:
    page = browser.get("/ui").text
    named = re.findall(r'(?:src|href)="([^"]+)"', page.partition("</head>")[0])
    icon, *named = named
    assert icon.startswith("data:image/svg+xml,")
    assert len(named) == 2
    for url in named:
        answer = browser.get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        older = re.sub(r"/assets/\w+/", "/assets/older/", url)
        assert browser.get(older).headers["cache-control"] == "no-cache"


def test_the_parts_of_the_script_are_loaded_with_it(
    browser: TestClient, built: Path
) -> None:
    """The browser need not read the script to know what else it needs first."""
    imports = 'import {\n  a\n} from "./shared-1.js";\nimport "./shared-2.js";\n'
    (built / "app.js").write_text(imports + 'const later = () => import("./b.js");\n')
    page = browser.get("/ui").text
    (folder,) = re.findall(r'src="(.*)/app.js"', page)
    assert re.findall(r'rel="modulepreload" href="(.*)"', page) == [
        f"{folder}/shared-1.js",
        f"{folder}/shared-2.js",
    ]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("icons.svg", "image/svg+xml"),
    ],
)
@pytest.mark.usefixtures("built")
def test_a_file_is_sent_as_what_it_is(
    browser: TestClient, built: Path, name: str, media_type: str
) -> None:
    answer = browser.get(f"/ui/assets/any/{name}", headers={"accept-encoding": ""})
    assert answer.headers["content-type"] == media_type
    assert "content-encoding" not in answer.headers
    assert answer.content == (built / name).read_bytes()
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*"])
def test_a_browser_gets_it_compressed(
    browser: TestClient, built: Path, accepted: str
) -> None:
    with browser.stream(
        "GET", "/ui/assets/any/app.js", headers={"accept-encoding": accepted}
    ) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == (built / "app.js").read_bytes()
    assert len(raw) < 200


@pytest.mark.parametrize("accepted", ["br", "gzip;q=0", "gzip; q=0.0"])
@pytest.mark.usefixtures("built")
def test_who_does_not_take_gzip_does_not_get_it(
    browser: TestClient, accepted: str
) -> None:
    answer = browser.get("/ui/assets/any/app.js", headers={"accept-encoding": accepted})
    assert "content-encoding" not in answer.headers


@pytest.mark.usefixtures("built")
def test_what_a_browser_has_is_not_sent_again(browser: TestClient) -> None:
    path = "/ui/assets/any/app.js"
    for accepted in ("gzip", ""):
        first = browser.get(path, headers={"accept-encoding": accepted})
        known = {"if-none-match": first.headers["etag"], "accept-encoding": accepted}
        again = browser.get(path, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


def test_a_file_that_is_built_again_is_read_again(
    browser: TestClient, built: Path
) -> None:
    before = browser.get("/ui").text
    (built / "app.js").write_text("export const two = 2;\n")
    assert browser.get("/ui/assets/any/app.js").text == "export const two = 2;\n"
    assert browser.get("/ui").text != before


@pytest.mark.parametrize(
    "name",
    ["none.js", "notes.md", "..%2Fpages.py", "..%2F..%2Fcli.js", "a%00.js", "%2Fx.js"],
)
@pytest.mark.usefixtures("built")
def test_other_files_are_not_there(browser: TestClient, name: str) -> None:
    answer = browser.get(f"/ui/assets/any/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith("is not a file of the web UI")


def test_a_clone_in_which_it_is_not_built_says_how(
    browser: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_ASSETS", Assets(tmp_path / "nothing"))
    page = browser.get("/ui")
    assert page.status_code == 200
    assert "make ui" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("/", "/ui"),
        ("/p/7", "/ui"),
        ("/p/7/models", "/ui/models"),
        ("/p/7/models/fraud/1", "/ui/models/fraud/versions/1"),
        ("/p/7/deployments", "/ui/deployments"),
        (f"/p/7/deployments/fraud-{TOKEN}", "/ui/deployments/fraud"),
        ("/p/7/models/a%3Cb%3E/1", "/ui"),
        ("/p/7/models/fraud/01", "/ui"),
        ("/p/7/fs/67/fg", "/ui"),
        ("/p/7/deployments/%3Cscript%3E", "/ui"),
        ("/p/7/deployments/%2F%2Fevil.example", "/ui"),
    ],
)
def test_a_printed_link_leads_to_the_page_of_the_same_thing(
    browser: TestClient, link: str, target: str
) -> None:
    answer = browser.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, target)


@pytest.mark.usefixtures("built")
def test_programs_do_not_find_the_pages_in_the_description(browser: TestClient) -> None:
    described = browser.get("/openapi.json").json()["paths"]
    assert not [path for path in described if path in {"/", "/ui"} or "/p/" in path]
