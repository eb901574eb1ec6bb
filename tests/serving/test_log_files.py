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
