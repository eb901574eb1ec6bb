"""Uploads in the browser: several at once, never over something, also after a cut."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.sites import Site

MIB = 1024 * 1024
PARTS = re.compile(r"/api/v1/uploads/\w+\?offset=")


def file(name: str, data: bytes = b"data") -> dict[str, object]:
    """Return a file as the user's computer has it."""
    return {"name": name, "mimeType": "", "buffer": data}


@pytest.fixture
def page(site: Site) -> Page:
    """The page of a folder with one file."""
    site.project.storage.write("Resources/new/there.txt", [b"old"])
    page = site.visit("/ui/files/Resources/new")
    expect(page.get_by_role("link", name="there.txt")).to_be_visible()
    return page


def choose(page: Page, *files: dict[str, object]) -> None:
    """Choose files to upload."""
    page.get_by_label("Files to upload").set_input_files(files)  # type: ignore[arg-type]


def content(site: Site, name: str) -> bytes:
    """Return the bytes of a file in the folder."""
    return site.project.storage.read(f"Resources/new/{name}")


def test_files_are_uploaded_and_shown(site: Site, page: Page) -> None:
    names = ["ü 模型.bin", "empty", "a.txt"]
    choose(page, *(file(name, name.encode()[2:]) for name in names))
    tray = page.get_by_role("region", name="Uploads")
    expect(tray.get_by_role("status")).to_have_text("Uploaded 3 files")
    for name in names:
        expect(page.get_by_role("link", name=name)).to_be_visible()
        assert content(site, name) == name.encode()[2:]
    tray.get_by_role("button", name="Clear").click()
    expect(tray).to_be_hidden()


def test_a_folder_keeps_its_tree(site: Site, page: Page, tmp_path: Path) -> None:
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "sub" / "b").write_bytes(b"b")
    (tmp_path / "data" / "a").write_bytes(b"a")
    page.get_by_label("Folder to upload").set_input_files(tmp_path / "data")
    expect(page.get_by_text("Uploaded 2 files")).to_be_visible()
    assert (content(site, "data/a"), content(site, "data/sub/b")) == (b"a", b"b")


def test_what_is_dropped_is_uploaded(site: Site, page: Page) -> None:
    transfer = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["dropped"], "d.txt"));
            return transfer;
        }"""
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop files and folders to upload")).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    expect(page.get_by_text("Uploaded 1 file")).to_be_visible()
    assert content(site, "d.txt") == b"dropped"


def test_a_file_is_replaced_only_when_the_user_says_so(site: Site, page: Page) -> None:
    choose(page, file("there.txt", b"new"), file("other.txt"))
    tray = page.get_by_role("region", name="Uploads")
    status = tray.get_by_role("status")
    expect(status).to_have_text("Uploaded 1 file · 1 file not uploaded")
    assert content(site, "there.txt") == b"old"
    tray.get_by_role("button", name="Replace: there.txt").click()
    expect(status).to_have_text("Uploaded 2 files")
    assert content(site, "there.txt") == b"new"


def test_it_goes_on_after_the_connection_was_lost(site: Site, page: Page) -> None:
    """The bytes that arrived are not sent again."""
    data = bytes(5 * MIB)
    sent: list[int] = []

    def cut(route: Route) -> None:
        offset = int(route.request.url.rpartition("=")[2])
        sent.append(offset)
        if len(sent) == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(PARTS, cut)
    choose(page, file("big.bin", data))
    expect(page.get_by_text("goes on by itself", exact=False).first).to_be_visible()
    expect(page.get_by_text("Uploaded 1 file")).to_be_visible()
    assert content(site, "big.bin") == data
    assert sent[:3] == [0, MIB, MIB]
    assert sent == sorted(sent)


def test_it_goes_on_after_a_reload_with_the_same_file(
    site: Site, page: Page, tmp_path: Path
) -> None:
    location = tmp_path / "big.bin"
    location.write_bytes(b"ab" * (3 * MIB))
    later: list[str] = []
    page.route(PARTS, lambda it: it.continue_() if "=0" in it.request.url else None)
    page.get_by_label("Files to upload").set_input_files(location)
    expect(page.get_by_text("1.0 MiB of 6.0 MiB", exact=False).first).to_be_visible()
    page.unroute_all()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    unfinished = page.get_by_role("region", name="Unfinished uploads")
    expect(unfinished).to_contain_text("1.0 MiB of 6.0 MiB")
    page.get_by_label("File to continue with").wait_for(state="attached")
    page.on("request", lambda it: later.append(it.url))
    with page.expect_file_chooser() as chooser:
        unfinished.get_by_role("button", name="Continue Resources/new/big.bin").click()
    chooser.value.set_files(location)
    expect(page.get_by_text("Uploaded 1 file")).to_be_visible()
    assert content(site, "big.bin") == location.read_bytes()
    assert not [url for url in later if url.endswith("offset=0")]
    expect(unfinished).to_be_hidden()


def test_another_file_is_not_taken_for_the_same(
    site: Site, page: Page, tmp_path: Path
) -> None:
    site.hosted.uploads.single.begin("Resources/new/x.bin", 7, "admin", overwrite=False)
    page.reload()
    unfinished = page.get_by_role("region", name="Unfinished uploads")
    (tmp_path / "x.bin").write_bytes(b"too long")
    with page.expect_file_chooser() as chooser:
        unfinished.get_by_role("button", name="Continue").click()
    chooser.value.set_files(tmp_path / "x.bin")
    expect(page.get_by_text("is not the file that was begun (7 B)")).to_be_visible()
    unfinished.get_by_role("button", name="Remove").click()
    expect(unfinished).to_be_hidden()
    assert site.hosted.uploads.single.all("admin") == []


def test_a_cancelled_upload_leaves_nothing(site: Site, page: Page) -> None:
    page.route(PARTS, lambda it: it.continue_() if "=0" in it.request.url else None)
    choose(page, file("big.bin", bytes(4 * MIB)))
    expect(page.get_by_text("1.0 MiB of 4.0 MiB", exact=False).first).to_be_visible()
    with page.expect_response(lambda it: it.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel big.bin").click()
    expect(page.get_by_role("region", name="Uploads")).to_be_hidden()
    assert site.hosted.uploads.single.all("admin") == []
    assert not site.project.get_dataset_api().exists("Resources/new/big.bin")


def test_nothing_is_uploaded_to_a_managed_folder(site: Site) -> None:
    page = site.visit("/ui/files/Models")
    button = page.get_by_role("button", name="Upload files")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile("managed"))


def test_uploads_of_600_mb_are_cut_off_and_go_on(
    site: Site, page: Page, tmp_path: Path
) -> None:
    location = tmp_path / "huge.bin"
    digest = hashlib.sha256()
    with location.open("wb") as target:
        for number in range(600):
            block = number.to_bytes(2) * (MIB // 2)
            digest.update(block)
            target.write(block)
    offsets: list[int] = []

    def cut(route: Route) -> None:
        offsets.append(int(route.request.url.rpartition("=")[2]))
        if len(offsets) in {4, 9}:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(PARTS, cut)
    page.get_by_label("Files to upload").set_input_files(location)
    expect(page.get_by_text("Uploaded 1 file")).to_be_visible(timeout=120_000)
    stored = site.project.storage.local_path("Resources/new/huge.bin")
    assert stored
    with stored.open("rb") as source:
        assert hashlib.file_digest(source, "sha256").digest() == digest.digest()
    assert offsets == sorted(offsets)
    assert len(offsets) - len(set(offsets)) == 2, "only what was cut off is sent again"
