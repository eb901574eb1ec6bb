import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.serving.local import log_files
from hopsartifacts.serving.local.log_files import last_lines, newest_log, quoted


@given(
    lines=st.lists(st.text("ab é", max_size=5), max_size=12),
    count=st.integers(0, 14),
    block=st.integers(1, 8),
)
def test_the_last_lines_are_those_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], count: int, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "some.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_files, "_BLOCK_BYTES", block)
        expected = lines[-count:] if count else []
        assert last_lines(path, count) == "\n".join(expected)


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_of_a_line_without_end_only_its_end_is_read(
    tmp_path: Path, count: int, end: bytes
) -> None:
    path = tmp_path / "some.log"
    with path.open("wb") as file:
        file.write(b"first\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"z" + end)
    before_s = time.process_time()
    note, line = last_lines(path, count).split("\n")
    assert time.process_time() - before_s < 2
    assert line == "x" * (log_files.MOST_TAIL_BYTES - 1 - len(end)) + "z"
    assert note.startswith("… (the log is longer: ")
    shown = quoted(path, count)
    assert len(shown) < 2000
    assert shown.endswith(f"({len(line) - 1000} more characters)")


def test_of_more_lines_than_are_read_the_last_ones_come_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "MOST_TAIL_BYTES", 10)
    path = tmp_path / "some.log"
    path.write_text("abcd\n" * 5)
    note = "… (the log is longer: the first 15 bytes are left out)"
    assert last_lines(path, 9) == f"{note}\nabcd\nabcd"
    assert last_lines(path, 2) == "abcd\nabcd"
    assert last_lines(path, 1) == "abcd"


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 5) == ""
    assert newest_log([tmp_path, tmp_path / "none"], "d1") is None


def test_the_newest_log_of_a_deployment_is_found_by_its_name(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in [
        tmp_path / "20260101-000000_d1_b_predictor.log",
        other / "20260102-000000_d1_a_predictor.log",
        tmp_path / "20260103-000000_d2_a_predictor.log",
    ]:
        path.touch()
    found = newest_log([tmp_path, other], "d1")
    assert found is not None
    assert found.name == "20260102-000000_d1_a_predictor.log"
    assert newest_log([tmp_path, other], "") is None
