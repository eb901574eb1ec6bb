"""What users do with files in the browser: make, move, copy, delete, download."""

import re
import zipfile
from io import BytesIO

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.sites import Site
from tests.web.test_every_page import check

TOP = "Resources/new"


@pytest.fixture
def page(site: Site) -> Page:
    """The page of a folder with two files and a folder."""
    for path in ("a.txt", "ü 模型.csv", "data/one", "data/deep/two"):
        site.project.storage.write(f"{TOP}/{path}", [path.encode()])
    site.project.storage.write("Resources/old/a.txt", [b"old"])
    page = site.visit(f"/ui/files/{TOP}")
    expect(page.get_by_role("link", name="a.txt")).to_be_visible()
    return page


def select(page: Page, *names: str) -> None:
    """Select rows of the list."""
    for name in names:
        page.get_by_role("checkbox", name=f"Select {TOP}/{name}", exact=True).check()


def dialog(page: Page, button: str) -> Locator:
    """Press a button, and return the dialog that it opens."""
    page.get_by_role("button", name=button, exact=True).click()
    return page.get_by_role("dialog")


def taken(page: Page, link: Locator) -> bytes:
    """Return what *link* leads to.

    A download of the browser does not have the key that these pages send.
    """
    address = link.evaluate("it => it.href")
    return page.request.get(address).body()


def exists(site: Site, path: str) -> bool:
    return site.project.get_dataset_api().exists(path)


def test_a_folder_and_a_text_file_are_made(site: Site, page: Page) -> None:
    shown = dialog(page, "New folder")
    shown.get_by_label("Name").fill("a.txt")
    shown.get_by_role("button", name="Make folder").click()
    expect(shown.get_by_role("alert")).to_contain_text("exists")
    shown.get_by_label("Name").fill("é new")
    shown.get_by_role("button", name="Make folder").click()
    expect(shown).to_be_hidden()
    expect(page.get_by_role("link", name="é new/")).to_be_visible()
    shown = dialog(page, "New text file")
    shown.get_by_label("Name").fill("notes.md")
    shown.get_by_label("Text").fill("# Notes\n模型\n")
    shown.get_by_role("button", name="Make file").click()
    expect(page.get_by_role("link", name="notes.md")).to_be_visible()
    assert site.project.storage.read(f"{TOP}/notes.md").decode() == "# Notes\n模型\n"


def test_a_file_is_renamed(site: Site, page: Page) -> None:
    select(page, "a.txt")
    shown = dialog(page, "Rename")
    expect(shown.get_by_role("button", name="Rename")).to_be_disabled()
    shown.get_by_label("New name").fill("b.txt")
    shown.get_by_label("New name").press("Enter")
    expect(page.get_by_role("link", name="b.txt")).to_be_visible()
    assert (exists(site, f"{TOP}/a.txt"), exists(site, f"{TOP}/b.txt")) == (False, True)


def test_several_are_moved_and_nothing_is_replaced_unasked(
    site: Site, page: Page
) -> None:
    select(page, "a.txt", "data")
    shown = dialog(page, "Move")
    way = shown.get_by_role("navigation", name="Chosen folder")
    way.get_by_role("button", name="Resources").click()
    shown.get_by_role("button", name="old/").click()
    shown.get_by_role("button", name="Move to Resources/old").click()
    expect(shown.get_by_role("alert")).to_contain_text("exists")
    assert site.project.storage.read("Resources/old/a.txt") == b"old"
    shown.get_by_label("Replace what has the same name there").check()
    shown.get_by_role("button", name="Move to Resources/old").click()
    expect(page.get_by_text("Moved 2 items to Resources/old")).to_be_visible()
    assert site.project.storage.read("Resources/old/a.txt") == b"a.txt"
    assert site.project.storage.read("Resources/old/data/deep/two") == b"data/deep/two"
    assert not exists(site, f"{TOP}/data")


def test_a_folder_is_copied(site: Site, page: Page) -> None:
    select(page, "data")
    shown = dialog(page, "Copy")
    shown.get_by_role("button", name="Resources", exact=True).click()
    shown.get_by_role("button", name="old/").click()
    shown.get_by_role("button", name="Copy to Resources/old").click()
    expect(page.get_by_text("Copied data to Resources/old")).to_be_visible()
    for top in (TOP, "Resources/old"):
        assert site.project.storage.read(f"{top}/data/one") == b"data/one"


def test_what_is_deleted_is_named_with_all_in_it(site: Site, page: Page) -> None:
    select(page, "a.txt", "data")
    shown = dialog(page, "Delete")
    expect(shown).to_contain_text(f"{TOP}/data 2 files in it, 21 B")
    expect(shown).to_contain_text(f"{TOP}/a.txt 5 B")
    shown.get_by_role("button", name="Cancel").click()
    assert exists(site, f"{TOP}/data/one")
    dialog(page, "Delete").get_by_role("button", name="Delete 2 items").click()
    expect(page.get_by_role("link", name="data/")).to_be_hidden()
    assert not exists(site, f"{TOP}/data")
    assert not exists(site, f"{TOP}/a.txt")
    assert exists(site, f"{TOP}/ü 模型.csv")


def test_a_file_is_downloaded(page: Page) -> None:
    select(page, "ü 模型.csv")
    link = page.get_by_role("link", name="Download ü 模型.csv").first
    expect(link).to_have_attribute("download", "ü 模型.csv")
    assert taken(page, link).decode() == "ü 模型.csv"


def test_a_folder_is_downloaded_with_its_size_said_before(page: Page) -> None:
    select(page, "data")
    shown = dialog(page, "Download as zip")
    expect(shown).to_contain_text("2 files in 1 folder, 21 B")
    link = shown.get_by_role("link", name=re.compile("Download [0-9]+ B"))
    said = int(re.sub(r"\D", "", link.inner_text()))
    expect(link).to_have_attribute("download", "data.zip")
    data = taken(page, link)
    assert len(data) == said
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert {it for it in archive.namelist() if it[-1] != "/"} == {"one", "deep/two"}


def test_who_may_only_read_changes_nothing(site: Site, page: Page) -> None:
    page = site.visit(f"/ui/files/{TOP}", key="reader")
    select(page, "a.txt")
    for name in ("New folder", "New text file", "Rename", "Move", "Copy", "Delete"):
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("link", name="Download a.txt").first).to_be_visible()


@pytest.mark.parametrize(
    "name", ["New folder", "New text file", "Rename", "Move", "Delete", "zip"]
)
def test_each_dialog_is_accessible_and_fits(page: Page, name: str) -> None:
    select(page, "data")
    dialog(page, "Download as zip" if name == "zip" else name)
    check(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
