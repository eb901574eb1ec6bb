"""The pages of files: folders, previews, what is intact, and what is not."""

import io
import json
import pickle
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.projects import fill
from tests.web.sites import NARROW, Site, complaints, hosting, served

SCRIPT = "Models/fraud_detector/3/Artifacts/1/predictor-predictor.py"
WEIGHTS = "Models/fraud_detector/3/Files/weights.json"
NAMES = ["模型.txt", "نموذج.txt", "🚀 a&b.txt", "<script>alert(1)<script>.txt"]
PIXEL = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data))
    + kind
    + data
    + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\xff\0\0\0\xff\0" * 2)),
        (b"IEND", b""),
    )
)
LINE = b"x%d = %d  # " + b"-" * 300 + b"\n"
BOOK = {
    "cells": [
        {"cell_type": "markdown", "source": "# Study"},
        {
            "cell_type": "code",
            "source": "print(1)",
            "execution_count": 1,
            "outputs": [{"output_type": "stream", "text": "printed"}],
        },
    ],
    "metadata": {"language_info": {"name": "python"}},
}


class Runs:
    """Runs a command when it is loaded."""

    def __reduce__(self) -> Any:
        return eval, ("1",)


def parquet() -> bytes:
    pa = pytest.importorskip("pyarrow")
    writer = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    writer.write_table(pa.table({"amount": range(500)}), out)
    return out.getvalue()


def safetensors() -> bytes:
    header = {"weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    data = json.dumps(header).encode()
    return len(data).to_bytes(8, "little") + data + b"\0" * 24


@pytest.fixture(scope="module")
def town(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A project with some of everything, that no test here changes."""
    folder = tmp_path_factory.mktemp("town")
    with hosting(folder) as hosted:
        fill(hosted.project, folder)
        put(
            hosted.project.storage,
            {
                "a.csv": b"name,amount\n" + b"shop,12\n" * 300,
                "b.parquet": parquet(),
                "c.png": PIXEL,
                "d.ipynb": json.dumps(BOOK).encode(),
                "e.md": b"# Title\n\nSome **bold** words, <b>no</b> HTML.\n\n- one\n",
                "f.json": b'{"a":[1]}',
                "g.pkl": pickle.dumps(Runs()),
                "h.safetensors": safetensors(),
                "i.bin": b"\0\1\2",
                "j.txt": b"",
                "k.py": b"".join(LINE % (it, it) for it in range(500)),
            },
        )
        put(hosted.project.storage, dict.fromkeys(NAMES, b"words"), "Resources/names")
        with served(chromium, hosted) as site:
            yield site


def put(
    storage: object, files: dict[str, bytes], folder: str = "Resources/kinds"
) -> None:
    for name, data in files.items():
        storage.write(f"{folder}/{name}", [data])  # type: ignore[attr-defined]


def damage(site: Site, path: str, data: bytes) -> None:
    site.project.storage.write(path, [data])
    site.project.storage.protect(path)


def open_file(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("article", name=name)).to_be_visible()


def test_folders_are_walked(town: Site) -> None:
    page = town.visit("/ui")
    page.keyboard.press("g")
    page.keyboard.press("f")
    for name in ("Models/", "fraud_detector/", "3/"):
        page.get_by_role("table").get_by_role("link", name=name, exact=True).click()
    expect(page).to_have_url(f"{town.url}/ui/files/Models/fraud_detector/3")
    note = page.get_by_text("Managed: this can only be changed through")
    expect(note).to_contain_text("fraud_detector version 3 · used by frauddetector")
    expect(page.get_by_role("heading", level=1)).to_contain_text("champion")
    expect(page.get_by_role("button", name="Upload files")).to_have_count(0)
    page.get_by_label("Place").get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Models")
    page.go_back()
    expect(page.get_by_role("link", name="input_example.json")).to_be_visible()
    page.get_by_role("button", name="Go to path").click()
    page.get_by_label("Path", exact=True).fill("/Resources/serving/")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="predictor.py", exact=True)).to_be_visible()


def test_what_does_not_exist_is_said(town: Site) -> None:
    page = town.visit("/ui/files/Resources/none.txt")
    expect(page.get_by_role("alert")).to_contain_text(
        "'Resources/none.txt' does not exist"
    )
    page.get_by_role("link", name="Go to the folder above").click()
    expect(page.get_by_role("link", name="serving/")).to_be_visible()


KINDS = [
    ("a.csv", ["50 rows, 2 columns so far", "amount"]),
    ("b.parquet", ["50 of 500 rows", "int64"]),
    ("c.png", ["2 \u00d7 2 pixels, image/png"]),
    ("d.ipynb", ["Study", "printed"]),
    ("e.md", ["Some bold words, <b>no</b> HTML."]),
    ("f.json", ['"a": [']),
    ("g.pkl", ["builtins.eval", "One of them can run commands"]),
    ("h.safetensors", ["1 tensor, 6 parameters", "2 \u00d7 3"]),
    ("i.bin", ["00000000  00 01 02"]),
    ("j.txt", ["This file is empty."]),
    ("k.py", ["x1 = 1"]),
]


@pytest.fixture(scope="module")
def kinds(town: Site) -> Page:
    return town.visit("/ui/files/Resources/kinds")


@pytest.mark.parametrize(("name", "words"), KINDS, ids=[name for name, _ in KINDS])
def test_a_file_is_shown_beside_its_folder(
    kinds: Page, name: str, words: list[str]
) -> None:
    open_file(kinds, name)
    content = kinds.get_by_label("Content", exact=True)
    for text in words:
        expect(content).to_contain_text(text)


def test_the_keys_go_from_file_to_file(town: Site) -> None:
    page = town.visit("/ui/files/Resources/kinds/a.csv?sort=-name")
    expect(page.get_by_role("article", name="a.csv")).to_be_visible()
    expect(page.get_by_role("link", name="Previous file")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("article", name="b.parquet")).to_be_visible()
    expect(page).to_have_url(
        f"{town.url}/ui/files/Resources/kinds/b.parquet?sort=-name"
    )
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("article", name="a.csv")).to_be_visible()
    page.get_by_role("link", name="Close the file").click()
    expect(page.get_by_role("article")).to_have_count(0)


def test_an_image_is_drawn(town: Site) -> None:
    page = town.visit("/ui/files/Resources/kinds/c.png")
    drawn = page.get_by_role("img", name="Resources/kinds/c.png")
    expect(drawn).to_be_visible()
    expect(drawn).to_have_js_property("naturalWidth", 2)


def test_more_rows_are_shown(town: Site) -> None:
    page = town.visit("/ui/files/Resources/kinds/a.csv")
    page.get_by_role("button", name="Show more rows").click()
    expect(page.get_by_text("250 rows, 2 columns so far")).to_be_visible()
    page.get_by_role("button", name="Show its text as it is").click()
    expect(page.get_by_text("name,amount")).to_be_visible()


def test_a_line_has_an_address(town: Site) -> None:
    page = town.visit("/ui/files/Resources/kinds/k.py?line=480")
    expect(page.get_by_text("x479 = 479")).to_be_in_viewport()
    page.get_by_role("link", name="Line 478", exact=True).click()
    expect(page).to_have_url(f"{town.url}/ui/files/Resources/kinds/k.py?line=478")


def test_names_in_all_scripts_are_text(town: Site) -> None:
    page = town.visit("/ui/files/Resources/names")
    for name in NAMES:
        open_file(page, name)
        expect(page.get_by_label("Content", exact=True)).to_contain_text("words")


def test_folders_below_are_searched(town: Site) -> None:
    page = town.visit("/ui/files/Resources")
    page.get_by_role("button", name="Look in").click()
    page.get_by_role("button", name="all folders below").click()
    page.get_by_label("Filter this folder").fill("predict")
    expect(page.get_by_role("link", name="serving/predictor.py")).to_be_visible()
    expect(page.get_by_text("1\u20131 of 1")).to_be_visible()


def test_a_tampered_file_is_found_and_repaired(site: Site, tmp_path: Path) -> None:
    fill(site.project, tmp_path)
    saved = site.project.storage.read(SCRIPT)
    damage(site, SCRIPT, saved + b"# edited\n")
    damage(site, WEIGHTS, b"[0]")
    page = site.visit("/ui/files")
    page.get_by_role("button", name="Verify everything").click()
    expect(page.get_by_text("2 files differ from what was saved.")).to_be_visible()
    page.get_by_role("link", name=SCRIPT).click()
    file = page.get_by_role("article", name="predictor-predictor.py")
    expect(file).to_contain_text("used by frauddetector")
    expect(file.get_by_text("+# edited")).to_be_visible()
    file.get_by_role("button", name=f"Repair {SCRIPT}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing was changed yet")
    expect(dialog).to_contain_text("would be restored from the log")
    assert complaints(page) == []
    assert site.project.storage.read(SCRIPT) != saved
    dialog.get_by_role("button", name="Repair", exact=True).click()
    expect(dialog).to_contain_text("The repair did the following")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    expect(file.get_by_text("intact")).to_be_visible()
    assert site.project.storage.read(SCRIPT) == saved
    page.get_by_label("Place").get_by_role("link", name="3").click()
    expect(page.get_by_text("1 file differs from what was saved.")).to_be_visible()
    page.get_by_role(
        "button", name="Repair Models/fraud_detector/3", exact=True
    ).click()
    expect(dialog).to_contain_text("it would be moved to quarantine")
    dialog.get_by_role("button", name="Repair", exact=True).click()
    expect(dialog).to_contain_text("it was moved to .hopsartifacts/quarantine")
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    page.get_by_role("link", name="Files/weights.json", exact=True).click()
    expect(page.get_by_role("article", name="weights.json")).to_contain_text("missing")


def test_who_may_not_repair_is_told(town: Site) -> None:
    page = town.visit(f"/ui/files/{WEIGHTS}", key="reader")
    verify = page.get_by_role("button", name="Verify this file")
    expect(verify).to_have_attribute("aria-disabled", "true")
    expect(verify).to_have_accessible_description(
        "The key “reader” does not allow this: it lacks the scope “write”."
    )


def test_a_new_file_appears_by_itself(site: Site) -> None:
    site.project.get_dataset_api().mkdir("Resources/live")
    page = site.visit("/ui/files/Resources/live")
    expect(page.get_by_text("This folder is empty")).to_be_visible()
    expect(page.get_by_text("live", exact=True).last).to_be_visible()
    made = page.request.put(
        f"{site.url}/api/v1/files/Resources%2Flive%2Fa.txt/content", data="words"
    )
    assert made.status == 201
    expect(page.get_by_role("link", name="a.txt")).to_be_visible()


def test_a_folder_of_100_000_files_is_browsed(site: Site) -> None:
    site.project.get_dataset_api().mkdir("Resources/many")
    folder = site.project.storage.local_path("Resources/many")
    assert folder
    for number in range(100_000):
        (folder / f"file-{number:06}.txt").touch()
    page = site.visit("/ui/files/Resources/many")
    expect(page.get_by_text("1\u201350 of 100,000")).to_be_visible()
    page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="file-000099.txt")).to_be_visible()
    page.get_by_label("Filter this folder").fill("99999")
    expect(page.get_by_text("1\u20131 of 1")).to_be_visible()
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    open_file(page, "file-099999.txt")
    expect(page.get_by_text("This file is empty.")).to_be_visible()
