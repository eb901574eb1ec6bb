"""Uploads in the browser: several at once, never over something, also after a cut."""

import hashlib
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import JSHandle, Page, Request, Route, expect

from hopsartifacts.rest.keys import Keys
from tests.web.sites import NARROW, WIDE, Site
from tests.web.test_every_page import check
from tests.web.test_login import log_in

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


def dragged(page: Page) -> JSHandle:
    """Return a file that is dragged onto the page."""
    return page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["dropped"], "d.txt"));
            return transfer;
        }"""
    )


def offsets_sent(page: Page) -> list[int]:
    """Return a list that gets the offset of each part that is sent."""
    offsets: list[int] = []

    def note(request: Request) -> None:
        if PARTS.search(request.url):
            offsets.append(int(request.url.rpartition("=")[2]))

    page.on("request", note)
    return offsets


def hold_after_first_part(page: Page) -> None:
    """Let no part after the first one of a file reach the server."""
    page.route(PARTS, lambda it: it.continue_() if "=0" in it.request.url else None)


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
    transfer = dragged(page)
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
    check(page)
    tray.get_by_role("button", name="Replace: there.txt").click()
    expect(status).to_have_text("Uploaded 2 files")
    assert content(site, "there.txt") == b"new"


def test_it_goes_on_after_the_connection_was_lost(site: Site, page: Page) -> None:
    """The bytes that arrived are not sent again."""
    data = bytes(5 * MIB)
    offsets = offsets_sent(page)
    page.route(
        PARTS,
        lambda it: it.continue_() if "=0" in it.request.url else it.abort(),
    )
    choose(page, file("big.bin", data))
    expect(page.get_by_text("1.0 MiB of 5.0 MiB · no answer")).to_be_visible()
    status = page.get_by_role("region", name="Uploads").get_by_role("status")
    expect(status).to_have_text(re.compile("^Waiting for the server: 1 file, 20 %$"))
    page.unroute_all()
    expect(page.get_by_text("Uploaded 1 file")).to_be_visible()
    assert content(site, "big.bin") == data
    assert set(offsets[:2]) == {0, MIB}
    assert offsets == sorted(offsets)


def test_it_goes_on_after_a_reload_with_the_same_file(
    site: Site, page: Page, tmp_path: Path
) -> None:
    location = tmp_path / "big.bin"
    location.write_bytes(b"ab" * (3 * MIB))
    later: list[str] = []
    hold_after_first_part(page)
    page.get_by_label("Files to upload").set_input_files(location)
    expect(page.get_by_text("1.0 MiB of 6.0 MiB", exact=False).first).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.unroute_all()
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


@pytest.mark.parametrize("kind", ["Files", "Folder"])
def test_it_goes_on_in_another_browser_with_the_same_file(
    site: Site, page: Page, tmp_path: Path, kind: str
) -> None:
    """Such as after a restart of the server, at another port."""
    folder = tmp_path / "data"
    folder.mkdir()
    location = folder / "big.bin"
    location.write_bytes(b"ab" * (3 * MIB))
    chosen = folder if kind == "Folder" else location
    hold_after_first_part(page)
    page.get_by_label(f"{kind} to upload").set_input_files(chosen)
    expect(page.get_by_text("1.0 MiB of 6.0 MiB", exact=False).first).to_be_visible()
    page.context.close()
    other = site.visit("/ui/files/Resources/new")
    offsets = offsets_sent(other)
    expect(other.get_by_role("region", name="Unfinished uploads")).to_be_visible()
    other.get_by_label(f"{kind} to upload").set_input_files(chosen)
    expect(other.get_by_text("Uploaded 1 file")).to_be_visible()
    name = "data/big.bin" if kind == "Folder" else "big.bin"
    assert content(site, name) == location.read_bytes()
    assert offsets[0] == MIB
    expect(other.get_by_role("region", name="Unfinished uploads")).to_be_hidden()
    assert site.hosted.uploads.single.all("admin") == []


def test_a_file_that_was_changed_is_sent_anew(
    site: Site, page: Page, tmp_path: Path
) -> None:
    location = tmp_path / "big.bin"
    location.write_bytes(b"a" * 4 * MIB)
    hold_after_first_part(page)
    page.get_by_label("Files to upload").set_input_files(location)
    expect(page.get_by_text("1.0 MiB of 4.0 MiB", exact=False).first).to_be_visible()
    page.context.close()
    location.write_bytes(b"b" * 4 * MIB)
    # Copies of older files have older times.
    os.utime(location, (1e9, 1e9))
    other = site.visit("/ui/files/Resources/new")
    unfinished = other.get_by_role("region", name="Unfinished uploads")
    expect(unfinished).to_be_visible()
    other.get_by_label("Files to upload").set_input_files(location)
    expect(other.get_by_text("Uploaded 1 file")).to_be_visible()
    assert content(site, "big.bin") == b"b" * 4 * MIB
    # The other one is of no use any more.
    expect(unfinished).to_be_hidden()
    assert site.hosted.uploads.single.all("admin") == []


def test_the_rest_is_not_sent_where_another_file_is_now(
    site: Site, page: Page, tmp_path: Path
) -> None:
    site.hosted.uploads.single.begin("Resources/new/x", 4, "admin", overwrite=False)
    site.project.storage.write("Resources/new/x", [b"another"])
    (tmp_path / "x").write_bytes(b"data")
    os.utime(tmp_path / "x", (1e9, 1e9))
    page.reload()
    offsets = offsets_sent(page)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Continue Resources/new/x").click()
    chooser.value.set_files(tmp_path / "x")
    expect(page.get_by_text("a file with this name exists")).to_be_visible()
    assert offsets == []
    page.get_by_role("button", name=re.compile("^Replace: ")).click()
    expect(page.get_by_text("Uploaded 1 file")).to_be_visible()
    assert content(site, "x") == b"data"


@pytest.mark.parametrize("way", ["ended", "another key"])
def test_it_goes_on_after_the_user_has_logged_in_again(site: Site, way: str) -> None:
    site.project.storage.write("Resources/new/there.txt", [b"old"])
    keys = site.hosted.keys
    assert isinstance(keys, Keys)
    ann, text = keys.create("ann", ["admin"])
    page = site.visit("/ui/files/Resources/new", key=None)
    log_in(page, text)
    expect(page.get_by_role("link", name="there.txt")).to_be_visible()
    offsets = offsets_sent(page)
    page.route(
        PARTS, lambda it: it.continue_() if "=0" in it.request.url else it.abort()
    )
    choose(page, file("big.bin", bytes(5 * MIB)), file("small.txt"))
    lost = page.get_by_text("1.0 MiB of 5.0 MiB · no answer")
    expect(lost).to_be_visible()
    site.hosted.sessions.end(ann.id)
    page.unroute_all()
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(
        "1 upload of this tab will continue after you log in."
    )
    if way == "another key":
        text = keys.create("bob", ["admin"])[1]
    log_in(page, text)
    expect(page.get_by_text("Uploaded 2 files")).to_be_visible()
    assert content(site, "big.bin") == bytes(5 * MIB)
    if way == "ended":
        assert offsets.count(0) == 2


def test_who_logs_out_stops_the_uploads(site: Site) -> None:
    """The next user of the tab does not go on with them."""
    site.project.storage.write("Resources/new/there.txt", [b"old"])
    keys = site.hosted.keys
    assert isinstance(keys, Keys)
    page = site.visit("/ui/files/Resources/new", key=None)
    log_in(page, keys.create("ann", ["admin"])[1])
    hold_after_first_part(page)
    choose(page, file("big.bin", bytes(5 * MIB)))
    expect(page.get_by_text("1.0 MiB of 5.0 MiB", exact=False).first).to_be_visible()
    page.get_by_role("button", name="log out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    page.unroute_all()
    log_in(page, keys.create("bob", ["admin"])[1])
    expect(page.get_by_role("navigation", name="Sections")).to_contain_text("bob")
    expect(page.get_by_role("region", name="Uploads")).to_be_hidden()


def test_small_files_go_first_and_the_rest_is_cancelled_together(
    site: Site, page: Page
) -> None:
    hold_after_first_part(page)
    large = [file(f"{number}.bin", bytes(2 * MIB)) for number in range(4)]
    small = [file(f"{number}.txt") for number in range(5)]
    choose(page, *large, *small)
    tray = page.get_by_role("region", name="Uploads")
    status = tray.get_by_role("status")
    expect(status).to_have_text(re.compile(r"^Uploading 6 of 9 files, 55 %"))
    check(page)
    tray.get_by_role("button", name="Cancel all").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel all").click()
    expect(status).to_have_text("Uploaded 5 files")
    expect(tray.get_by_text("2.0 MiB")).to_have_count(0)
    with page.expect_response(lambda it: "/api/v1/uploads" in it.url):
        page.reload()
    assert site.hosted.uploads.single.all("admin") == []


def test_files_that_are_complete_stay_a_part_of_the_progress(page: Page) -> None:
    """Also when more files are added; each file counts like one MiB more."""
    hold_after_first_part(page)
    choose(page, file("a.bin", bytes(2 * MIB)), file("b.bin", bytes(MIB)))
    status = page.get_by_role("region", name="Uploads").get_by_role("status")
    expect(status).to_have_text(re.compile(r"^Uploading 2 of 2 files, 70 %"))
    choose(page, file("c.txt"))
    expect(status).to_have_text(re.compile(r"^Uploading 3 of 3 files, 75 %"))
    page.unroute_all()


def test_how_long_it_will_take_is_told(page: Page) -> None:
    page.clock.install()
    page.reload()
    seen = 0

    def slow(route: Route) -> None:
        nonlocal seen
        seen += 1
        page.clock.run_for(10_000)
        if seen < 3:
            route.continue_()

    page.route(PARTS, slow)
    choose(page, file("a.bin", bytes(15 * MIB)))
    status = page.get_by_role("region", name="Uploads").get_by_role("status")
    expect(status).to_have_text(
        re.compile(r"^Uploading 1 file, \d+ %, (2 minutes|less than a minute) left$")
    )
    page.unroute_all()


def test_all_files_whose_names_are_taken_are_skipped_together(
    site: Site, page: Page
) -> None:
    site.project.storage.write("Resources/new/b.txt", [b"old"])
    choose(page, *(file(name) for name in ("there.txt", "b.txt", "c.txt")))
    tray = page.get_by_role("region", name="Uploads")
    tray.get_by_role("button", name="Skip all 2").click()
    expect(tray.get_by_role("status")).to_have_text("Uploaded 1 file")
    assert content(site, "there.txt") == content(site, "b.txt") == b"old"


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_name_of_a_file_is_readable(site: Site, size: tuple[int, int]) -> None:
    folder = "Resources/" + "/".join(["a-folder-with-a-long-name"] * 5)
    site.project.storage.write(f"{folder}/part-001.bin", [b"old"])
    page = site.visit(f"/ui/files/{folder}", size=size)
    expect(page.get_by_role("link", name="part-001.bin")).to_be_visible()
    page.route(PARTS, lambda it: it.abort())
    choose(page, file("part-001.bin"), file("part-002.bin", bytes(5 * MIB)))
    tray = page.get_by_role("region", name="Uploads")
    expect(tray.get_by_text("0 B of 5.0 MiB · no answer")).to_be_visible()
    expect(tray.get_by_text("a file with this name exists")).to_be_visible()
    for name in ("part-001.bin", "part-002.bin"):
        shown = tray.get_by_text(name, exact=True)
        assert shown.evaluate("it => it.scrollWidth <= it.clientWidth")
        assert shown.evaluate("it => it.clientWidth") > 50
    check(page)


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
    expect(page.get_by_text("is not the file of this upload (7 B)")).to_be_visible()
    unfinished.get_by_role("button", name="Remove").click()
    expect(unfinished).to_be_hidden()
    assert site.hosted.uploads.single.all("admin") == []


def test_a_cancelled_upload_leaves_nothing(site: Site, page: Page) -> None:
    hold_after_first_part(page)
    choose(page, file("big.bin", bytes(4 * MIB)))
    expect(page.get_by_text("1.0 MiB of 4.0 MiB", exact=False).first).to_be_visible()
    with page.expect_response(lambda it: it.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel big.bin").click()
    expect(page.get_by_role("region", name="Uploads")).to_be_hidden()
    assert site.hosted.uploads.single.all("admin") == []
    assert not site.project.get_dataset_api().exists("Resources/new/big.bin")


def test_nothing_is_uploaded_to_a_managed_folder(site: Site) -> None:
    page = site.visit("/ui/files/Models")
    expect(
        page.get_by_text("Managed: this can only be changed through")
    ).to_be_visible()
    expect(page.get_by_role("button", name="Upload files")).to_be_hidden()
    page.dispatch_event("main", "drop", {"dataTransfer": dragged(page)})
    expect(page.get_by_text("open a folder that is not managed")).to_be_visible()
    assert site.hosted.uploads.single.all("admin") == []


def test_who_may_only_read_is_told_why(site: Site) -> None:
    page = site.visit("/ui/files/Resources", key="reader")
    button = page.get_by_role("button", name="Upload files")
    expect(button).to_have_attribute("title", re.compile("lacks the scope “write”"))


def test_an_upload_of_600_mb_is_cut_off_and_goes_on(
    site: Site, page: Page, tmp_path: Path
) -> None:
    location = tmp_path / "huge.bin"
    digest = hashlib.sha256()
    with location.open("wb") as target:
        for number in range(600):
            block = number.to_bytes(2) * (MIB // 2)
            digest.update(block)
            target.write(block)
    offsets = offsets_sent(page)
    page.get_by_label("Files to upload").set_input_files(location)
    for part in ("[1-9]", "[2-9][0-9]{2}"):
        sent = page.get_by_text(re.compile(rf"{part}[^ ]* MiB of 600 MiB"))
        expect(sent.first).to_be_visible(timeout=120_000)
        page.context.set_offline(True)
        expect(page.get_by_text("Waiting for the server: 1 file")).to_be_visible()
        page.context.set_offline(False)
    expect(page.get_by_text("Uploaded 1 file")).to_be_visible(timeout=240_000)
    stored = site.project.storage.local_path("Resources/new/huge.bin")
    assert stored
    with stored.open("rb") as source:
        assert hashlib.file_digest(source, "sha256").digest() == digest.digest()
    assert offsets == sorted(offsets)
    assert offsets.count(0) == 1
