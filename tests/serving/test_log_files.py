from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hopsartifacts.serving.local import log_files
from hopsartifacts.serving.local.log_files import last_lines, newest_log


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


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 5) == ""
    assert newest_log(tmp_path) is None


def test_the_newest_log_is_found_by_its_name(tmp_path: Path) -> None:
    for name in ["20260101-000000_b", "20260102-000000_a"]:
        (tmp_path / f"{name}_predictor.log").touch()
    found = newest_log(tmp_path)
    assert found is not None
    assert found.name == "20260102-000000_a_predictor.log"
