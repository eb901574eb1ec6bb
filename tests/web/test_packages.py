"""The web UI is in the packages that users install: they need no Node.js."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from hopsartifacts.web.assets import FOLDER, SCRIPT, STYLE
from tests.web.test_owner import Ui

ROOT = Path(__file__).parents[2]
_BUILD = "import sys, hatchling.build as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
_PAGES = {"hopsartifacts/web/shell.html", "hopsartifacts/rest/docs.css"}


@pytest.fixture(scope="module")
def built() -> dict[str, bytes]:
    """The built files of the web UI, by their paths in the repository."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in sorted(FOLDER.glob("*"))
    }
    if not files:
        assert not os.environ.get("CI"), "CI has the web UI"
        pytest.skip("the web UI is not built in this clone: make ui")
    return files


def build(kind: str, folder: Path) -> Path:
    """Build a package of this repository into *folder*."""
    pytest.importorskip("hatchling", reason="needs hatchling")
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, kind, str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / done.stdout.split()[-1]


def test_the_wheel_has_it_and_no_sources(
    built: dict[str, bytes], tmp_path: Path
) -> None:
    with zipfile.ZipFile(build("build_wheel", tmp_path)) as wheel:
        names = set(wheel.namelist())
        assert {name: wheel.read(name) for name in built.keys() & names} == built
    assert names >= _PAGES
    assert not [name for name in names if name.startswith("ui/") or "/src/" in name]


def test_the_source_package_has_it_and_its_sources(
    built: dict[str, bytes], tmp_path: Path
) -> None:
    found: dict[str, bytes] = {}
    with tarfile.open(build("build_sdist", tmp_path)) as package:
        for member in package.getmembers():
            name = member.name.partition("/")[2]
            file = package.extractfile(member)
            if file and (name in built or not name.startswith("hopsartifacts/")):
                found[name] = file.read()
    assert {name: found.get(name) for name in built} == built
    assert {"ui/package-lock.json", "ui/src/main.tsx"} <= found.keys()
    assert not [name for name in found if "node_modules" in name]


def test_what_is_bundled_is_named_with_its_licence(built: dict[str, bytes]) -> None:
    folder = FOLDER.relative_to(ROOT).as_posix()
    assert {f"{folder}/{SCRIPT}", f"{folder}/{STYLE}"} <= built.keys()
    licences = built[f"{folder}/LICENSES.txt"].decode()
    for package in ("preact", "@preact/signals", "openapi-fetch"):
        assert f"\n{package} " in f"\n{licences}"
    assert "MIT" in licences


def test_what_is_installed_works_without_node_and_network(
    built: dict[str, bytes], chromium: Browser, tmp_path: Path
) -> None:
    """Only the wheel is installed: what it needs is taken from this environment."""
    assert built
    wheel, home = build("build_wheel", tmp_path), tmp_path / "home"
    venv.create(home, with_pip=False)
    python = home / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    packages = next((home / "lib").glob("python*/site-packages"))
    (packages / "needed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    ui = Ui(
        {"PATH": str(home / "bin"), "HOPSARTIFACTS_STATE_DIR": str(tmp_path / "state")},
        tmp_path / "team",
        "--no-browser",
        command=[str(home / "bin/hopsartifacts")],
    )
    context = chromium.new_context()
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    try:
        page = context.new_page()
        page.goto(ui.said["link"])
        for section in ("Deployments", "Models", "Files", "Health"):
            menu = page.get_by_role("navigation", name="Sections")
            menu.get_by_role("link", name=section).click()
            expect(page.get_by_role("heading", name=section, level=1)).to_be_visible()
        expect(page.get_by_text("live", exact=True)).to_be_visible()
    finally:
        context.close()
        assert ui.end() == (0, "")
    assert errors == []
