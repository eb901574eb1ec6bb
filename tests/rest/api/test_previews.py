"""Previews: what is in a file, without reading or believing all of it."""

import array
import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from hopsartifacts.errors import StorageError
from hopsartifacts.rest.hosted import Hosted
from hopsartifacts.rest.previews.documents import Task
from hopsartifacts.rest.previews.helpers import Previewer

Show = Callable[..., Any]
MIB = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480)
JPEG = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08" + struct.pack(">HH", 480, 640)
WEBP = b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x7f\x02\0\xdf\x01\0"


@pytest.fixture
def show(client: TestClient) -> Show:
    """Store a file and return its preview, or its tokens."""

    def show(name: str, data: bytes, what: str = "preview", **query: Any) -> Any:
        place = f"/api/v1/files/{quote(f'Resources/{name}', safe='')}"
        put = client.put(f"{place}/content?overwrite=true", content=data)
        assert put.status_code == 201, put.text
        answer = client.get(f"{place}/{what}", params=query)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) <= 256 * 1024
        return answer.json()

    return show


class Runs:
    """Runs a command when it is loaded."""

    def __reduce__(self) -> Any:
        return os.system, ("exit 1",)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def safetensors(header: object) -> bytes:
    data = json.dumps(header).encode()
    return len(data).to_bytes(8, "little") + data


def _ids(cases: list[Any]) -> list[str]:
    return [f"{number}-{case[0]}" for number, case in enumerate(cases)]


KINDS = [
    ("a.txt", b"a\nb", {"kind": "text", "text": "a\nb", "encoding": "utf-8"}),
    ("empty", b"", {"kind": "text", "text": ""}),
    ("a.txt", "\ufeffä".encode(), {"text": "ä", "encoding": "utf-8"}),
    ("a.txt", "ä\n".encode("utf-16"), {"text": "ä\n", "encoding": "utf-16-le"}),
    ("a.txt", b"gr\xfc\xdfe", {"text": "grüße", "encoding": "latin-1"}),
    ("a.md", b"# A", {"kind": "text", "format": "markdown", "text": "# A"}),
    ("a.json", b'{"a":[1]}', {"format": "json", "text": '{\n  "a": [\n    1\n  ]\n}'}),
    ("a.json", b'{"a":1e999}', {"text": '{\n  "a": 1e999\n}'}),
    ("a.csv", b"a;b\n1;x\n", {"kind": "table", "rows": [["1", "x"]], "next": None}),
    ("a.tsv", b"a\tb\n1\t\n", {"kind": "table", "rows": [["1", ""]]}),
    ("a.png", PNG, {"kind": "image", "width": 640, "height": 480}),
    ("a.jpg", JPEG, {"media_type": "image/jpeg", "width": 640, "height": 480}),
    ("a.gif", b"GIF89a\x80\x02\xe0\x01", {"width": 640, "height": 480}),
    ("a.webp", WEBP, {"media_type": "image/webp", "width": 640, "height": 480}),
    ("a.png", PNG[:20], {"kind": "image", "width": None}),
    ("a.bin", b"\0\1", {"kind": "binary"}),
    ("a.zip", zipped({"a/b": b"12"}), {"entries": [{"name": "a/b", "size_bytes": 2}]}),
]


@pytest.mark.parametrize(("name", "data", "content"), KINDS, ids=_ids(KINDS))
def test_the_kind_of_a_file_is_found(
    show: Show, name: str, data: bytes, content: dict[str, Any]
) -> None:
    found = show(name, data)
    assert (found["path"], found["size_bytes"]) == (f"Resources/{name}", len(data))
    assert found["content"].items() >= content.items()


def test_bytes_are_shown_as_numbers(show: Show) -> None:
    text = show("a.bin", bytes(range(20)) + b"\0abc")["content"]["text"]
    assert text.splitlines()[1].startswith("00000010  10 11 12 13 00 61 62 63")
    assert text.endswith(".....abc")


def test_any_file_can_be_shown_as_text(show: Show) -> None:
    raw = show("a.json", b'{"a":1}', raw=True)
    assert raw["content"]["text"] == '{"a":1}'


def test_a_long_text_continues_where_the_part_before_ended(show: Show) -> None:
    whole = "".join(f"line {number} ü\n" for number in range(40_000)).encode()
    parts: list[str] = []
    offset: int | None = 0
    while offset is not None:
        content = show("a.log", whole, offset=offset)["content"]
        parts.append(content["text"])
        assert content["text"].endswith("\n")
        offset = content["next"]
    assert "".join(parts).encode() == whole
    assert len(parts) > 3


def test_rows_continue_where_the_page_before_ended(show: Show) -> None:
    rows = [[str(number), f"a\n{number}"] for number in range(250)]
    data = "n,text\n" + "".join(f'{one},"{two}"\n' for one, two in rows)
    found: list[Any] = []
    offset: int | None = 0
    while offset is not None:
        content = show("a.csv", data.encode(), rows=100, offset=offset)["content"]
        assert [it["name"] for it in content["columns"]] == ["n", "text"]
        assert [it["is_number"] for it in content["columns"]] == [True, False]
        found += content["rows"]
        offset = content["next"]
    assert found == rows


def test_parquet_shows_its_schema_and_rows(show: Show) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"n": range(1000), "text": [None, "x"] * 500, "l": [[1]] * 1000})
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=300)
    content = show("a.parquet", out.getvalue(), rows=3, offset=599)["content"]
    assert content["rows"] == [
        ["599", "x", "[1]"],
        ["600", None, "[1]"],
        ["601", "x", "[1]"],
    ]
    assert [(it["name"], it["type"], it["is_number"]) for it in content["columns"]] == [
        ("n", "int64", True),
        ("text", "string", False),
        ("l", "list<element: int64>", False),
    ]
    assert (content["rows_in_file"], content["next"]) == (1000, 602)
    assert show("a.parquet", out.getvalue(), offset=999)["content"]["next"] is None


def test_a_large_parquet_file_shows_its_first_rows(show: Show) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    numbers = array.array("q", os.urandom(16 * MIB))
    parquet.write_table(pa.table({"n": numbers}), out, use_dictionary=False)
    found = show("a.parquet", out.getvalue(), rows=2)
    assert (len(found["content"]["rows"]), found["notes"]) == (2, [])
    last = found["content"]["rows_in_file"] - 1
    found = show("a.parquet", out.getvalue(), offset=last)
    assert found["content"]["rows"] == []
    assert "4 MiB" in found["notes"][0]


def test_a_notebook_shows_its_cells(show: Show) -> None:
    outputs = [
        {"output_type": "stream", "text": ["1\n", "2"]},
        {"output_type": "display_data", "data": {"image/png": "aGk=\n"}},
        {"output_type": "display_data", "data": {"image/png": "<script>"}},
        {"output_type": "error", "ename": "KeyError", "evalue": "'a'"},
    ]
    book = {
        "cells": [
            {"cell_type": "markdown", "source": ["# A\n", "b"]},
            {
                "cell_type": "code",
                "source": "f()",
                "execution_count": 7,
                "outputs": outputs,
            },
        ],
        "metadata": {"language_info": {"name": "python"}},
    }
    content = show("a.ipynb", json.dumps(book).encode())["content"]
    assert (content["kind"], content["language"]) == ("notebook", "python")
    text, code = content["cells"]
    assert (text["kind"], text["source"]) == ("markdown", "# A\nb")
    assert (code["source"], code["number"]) == ("f()", 7)
    assert [(it["kind"], it["text"], it["data"]) for it in code["outputs"]] == [
        ("text", "1\n2", None),
        ("image", "image/png", "aGk="),
        ("image", "image/png", None),
        ("error", "KeyError: 'a'", None),
    ]


def test_safetensors_show_their_header(show: Show) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "F32", "shape": [], "data_offsets": [24, 28]},
    }
    content = show("m.safetensors", safetensors(header) + b"\0" * 28)["content"]
    assert (content["kind"], content["parameters"]) == ("tensors", 7)
    assert content["metadata"] == {"format": "pt"}
    assert content["tensors"][0] == {
        "name": "w",
        "type": "F32",
        "shape": [2, 3],
        "size_bytes": 24,
    }


def imports(content: Any) -> dict[str, bool]:
    return {it["name"]: it["is_dangerous"] for it in content["imports"]}


@pytest.mark.parametrize("protocol", range(6))
def test_the_imports_of_a_pickle_are_listed(show: Show, protocol: int) -> None:
    data = pickle.dumps([Path("x"), Runs(), "y" * 100_000], protocol)
    content = show("a.pkl", data)["content"]
    assert (content["kind"], content["is_complete"]) == ("pickle", True)
    assert imports(content)["posix.system"]


@pytest.mark.parametrize(
    ("module", "name", "is_dangerous"),
    [
        (b"logging", b"os.system", True),
        (b"builtins", b"eval.__call__", True),
        (b"builtins", b"list", False),
        (b"operator", b"attrgetter", True),
        (b"operator", b"itemgetter", False),
        (b"cProfile", b"run", True),
        (b"_io", b"FileIO", True),
        (b"scipy.signal", b"convolve", False),
        (b"torch.multiprocessing.reductions", b"rebuild_tensor", False),
    ],
)
def test_dangerous_imports_are_marked(
    show: Show, module: bytes, name: bytes, *, is_dangerous: bool
) -> None:
    """Since protocol 4, a name may lead to what another module has imported."""
    texts = b"".join(b"\x8c" + bytes([len(it)]) + it for it in (module, name))
    content = show("a.pkl", b"\x80\x04" + texts + b"\x93.")["content"]
    assert imports(content) == {f"{module.decode()}.{name.decode()}": is_dangerous}


@pytest.mark.parametrize("packer", [gzip, bz2, lzma], ids=["gzip", "bz2", "lzma"])
def test_a_compressed_pickle_is_unpacked(show: Show, packer: Any) -> None:
    content = show("a.joblib", packer.compress(pickle.dumps(Runs())))["content"]
    assert imports(content) == {"posix.system": True}


@pytest.mark.parametrize("compress", [0, 3])
def test_arrays_between_instructions_are_skipped(show: Show, compress: int) -> None:
    joblib = pytest.importorskip("joblib")
    np = pytest.importorskip("numpy")
    out = io.BytesIO()
    arrays = [np.ones(3000), np.array(["ab"]), np.array([{}]), np.float32([[1]])]
    joblib.dump([*arrays, Runs()], out, compress=compress)
    content = show("a.joblib", out.getvalue())["content"]
    assert content["is_complete"]
    assert imports(content)["posix.system"]


def test_nothing_hides_in_what_looks_like_an_array(show: Show) -> None:
    wrapper = b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}("
    shape = b"X\x05\0\0\0shapeK\x40\x85"
    kind = b"X\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0u1\x85Rub"
    run = b"cposix\nsystem\n(Vexit 1\ntR.".ljust(64) + b"."
    content = show("a.pkl", wrapper + shape + kind + run)["content"]
    assert content["is_complete"]
    assert imports(content)["posix.system"]


def test_nothing_hides_after_the_first_pickle(show: Show) -> None:
    """PyTorch's older format has several, and the oldest protocol has no mark."""
    run = b"cposix\nsystem\n(Vexit 1\ntR."
    content = show("a.pt", pickle.dumps(1) + run)["content"]
    assert imports(content) == {"posix.system": True}
    tensors = show("a.pt", pickle.dumps(1) + b"\0\1\2\3" * 1000)["content"]
    assert (tensors["imports"], tensors["is_complete"]) == ([], True)
    padded = show("a.pt", pickle.dumps(1) + b"N0" * 1000 + run)
    assert not padded["content"]["is_complete"]
    assert "may import more" in padded["notes"][0]


def test_imports_inside_an_archive_of_torch_are_listed(show: Show) -> None:
    files = {"m/data.pkl": pickle.dumps(Runs()), "m/data/0": b"\0" * 10}
    content = show("m.pt", zipped(files))["content"]
    assert imports(content["pickle"]) == {"posix.system": True}
    assert content["entries_in_file"] == 2
    assert show("m.pt", zipped({"a": b""}))["content"]["pickle"] is None


HOSTILE = [
    ("deep.json", b"[" * 5 * MIB),
    ("deep.json", b"[" * 900 + b"1," * MIB),
    ("deep.ipynb", b'{"cells":[' + b"[" * MIB),
    ("many.ipynb", b'{"cells":[' + b"{}," * MIB + b"{}]}"),
    ("not.ipynb", b"[]"),
    ("line.csv", b"a,b\n" + b"x" * 5 * MIB),
    ("field.csv", b'a,b\n"' + b"x" * MIB),
    ("wide.csv", b"a," * 500_000 + b"\n" + b"1," * 500_000),
    ("quotes.csv", b'"' * MIB),
    ("bad.csv", "a,b\n1,2\n".encode("utf-16")),
    ("bomb.zip", zipped({"a.pkl": b"N" * 100 * MIB})),
    ("bomb.pkl", gzip.compress(b"\x80\x04" + b"N" * 40 * MIB)),
    ("cut.pkl", gzip.compress(pickle.dumps(Runs()))[:20]),
    ("cut.zip", zipped({"a": b"1"})[:-5]),
    ("many.zip", zipped({f"f{number}": b"" for number in range(3000)})),
    ("long.pkl", b"\x80\x04" + b"N0" * MIB),
    ("length.pkl", b"\x80\x04\x8e" + b"\xff" * 8),
    ("stack.pkl", b"\x80\x04\x93."),
    ("text.pkl", b"\x80\x04I" + b"9" * 5000 + b"\n."),
    ("length.safetensors", b"\xff" * 8 + b"{}"),
    ("shape.safetensors", safetensors({"a": {"dtype": "F", "shape": [2**60] * 9}})),
    ("deep.safetensors", (MIB).to_bytes(8, "little") + b"[" * MIB),
    ("a.parquet", b"PAR1" + b"\xff" * 100 + b"\xff\xff\xff\x7fPAR1"),
    ("a.parquet", b"PAR1"),
    ("a.jpg", b"\xff\xd8\xff" + b"\xff\xe0\0\0" * 1000),
    ("controls.txt", b"\x1b" * 50 + b"a" * 5000),
    ("surrogate.json", b'"\\ud800"'),
]


@pytest.mark.parametrize(("name", "data"), HOSTILE, ids=_ids(HOSTILE))
def test_hostile_files_get_a_bounded_answer(show: Show, name: str, data: bytes) -> None:
    started = time.monotonic()
    found = show(name, data)
    shown = found["content"]
    words = [*found["notes"], shown.get("reason", "")]
    assert any(words) or shown["kind"] in {"text", "image", "table", "binary"}
    assert "unexpected" not in str(words)
    assert time.monotonic() - started < 30


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    start=st.sampled_from([b"", b"PAR1", b"PK\x03\x04", b"\x80\x04", PNG, b"\x1f\x8b"]),
    data=st.binary(max_size=300),
    ending=st.sampled_from(["csv", "json", "ipynb", "pkl", "safetensors", "py", "md"]),
    offset=st.integers(0, 400),
)
def test_any_bytes_get_an_answer(
    show: Show, start: bytes, data: bytes, ending: str, offset: int
) -> None:
    for what in ("preview", "tokens"):
        show(f"a.{ending}", start + data, what, offset=offset)


def test_at_most_four_mib_are_read(hosted: Hosted, show: Show) -> None:
    make, fetched = hosted.previewer.make, []

    def counting(task: Any, fetch: Any) -> bytes:
        def counted(start: int, size: int) -> bytes:
            fetched.append(size)
            return bytes(fetch(start, size))

        return make(task, counted)

    hosted.previewer.make = counting  # type: ignore[method-assign]
    for name in ("a.json", "a.csv", "a.txt", "a.pkl", "a.zip", "a.ipynb"):
        show(name, b"PK\x03\x04" * 2 * MIB if name == "a.zip" else b"1,\n" * 3 * MIB)
        assert 0 < sum(fetched) <= 4 * MIB, name
        fetched.clear()


def test_a_preview_that_takes_too_long_is_given_up(hosted: Hosted, show: Show) -> None:
    hosted.previewer.close()
    hosted.previewer = Previewer(longest_s=0.001)
    reason = show("a.txt", b"a")["content"]["reason"]
    assert "longer than 0.001 seconds" in reason
    assert show("a.txt", b"a", "tokens")["lines"] == []
    hosted.previewer.close()
    hosted.previewer = Previewer()
    assert show("a.txt", b"a")["content"]["text"] == "a"


def test_a_file_that_cannot_be_read_keeps_nobody_waiting(
    hosted: Hosted, show: Show
) -> None:
    """A helper process that waits for its bytes is not waited for."""
    show("a.txt", b"a")
    task = Task(kind="preview", path="a.txt", size_bytes=1)

    def fetch(start: int, size: int) -> bytes:
        raise StorageError(f"no bytes {start} to {start + size}")

    start = time.monotonic()
    with pytest.raises(StorageError):
        hosted.previewer.make(task, fetch)
    assert time.monotonic() - start < 3
    assert show("a.txt", b"a")["content"]["text"] == "a"


def test_code_is_split_into_tokens(show: Show) -> None:
    found = show("a.py", b'import os\r\n\nx = """a\nb"""  # c\n', "tokens")
    assert found["language"] == "Python"
    assert ["".join(text for _, text in line) for line in found["lines"]] == [
        "import os",
        "",
        'x = """a',
        'b"""  # c',
    ]
    assert found["lines"][0][0] == ["kn", "import"]
    assert found["lines"][3][-1] == ["c1", "# c"]
    plain = show("a.unknown", b"import os\n", "tokens")
    assert (plain["language"], plain["lines"]) == (None, [[["", "import os"]]])


@pytest.mark.parametrize(("most", "more"), [(9000, "ü"), (700, "-" * 300)])
def test_tokens_of_a_long_file_continue(show: Show, most: int, more: str) -> None:
    lines = [f"x{number} = {number}  # {more}" for number in range(most)]
    found: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = show("a.py", "\n".join(lines).encode(), "tokens", offset=offset)
        found += ["".join(text for _, text in line) for line in page["lines"]]
        offset = page["next"]
    assert found == lines
    assert show("a.py", b"", "tokens")["lines"] == []
    assert show("a.py", b"\n\n", "tokens")["lines"] == [[], []]


def test_bytes_have_no_tokens(show: Show) -> None:
    found = show("a.py", b"\0\1\2", "tokens")
    assert (found["lines"], found["notes"]) == ([], ["it is not text"])


def test_sealed_files_have_previews(
    client: TestClient, deployed: Callable[..., Any], get: Callable[..., Any]
) -> None:
    deployed()
    for path in (
        "Models/my_model/1/Artifacts/1/predictor-predict.py",
        "Deployments/flowers/1/predictor-predict.py",
    ):
        lines = get(f"/files/{quote(path, safe='')}/tokens")["lines"]
        assert ["k", "class"] in [line[0] for line in lines if line]
    path = quote("Models/my_model/1/Files/model.bin", safe="")
    assert get(f"/files/{path}/preview")["size_bytes"] == 8
    for path in ("Models%2Fmy_model", "Resources%2Fnone.py", "Models%2F..%2Fx"):
        answer = client.get(f"/api/v1/files/{path}/preview")
        assert answer.status_code in {400, 404}
