from pathlib import Path

from hopsartifacts.serving.contract import Condition
from hopsartifacts.serving.local.runs import (
    Report,
    RunReporter,
    final,
    read_report,
    stopped,
)

READY = Report(status="Running", condition=Condition(type="READY", status=True))


def test_the_first_last_word_stands(tmp_path: Path) -> None:
    reporter = RunReporter(tmp_path / "state.json")
    reporter.say(READY)
    reporter.say(final("Failed", "READY", "it broke"))
    reporter.say(stopped("somebody asked"))
    report = read_report(tmp_path / "state.json")
    assert report is not None
    assert report.condition.reason == "it broke"


def test_what_is_said_twice_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    reporter = RunReporter(path)
    reporter.say(READY)
    path.unlink()
    reporter.say(READY)
    assert not path.exists()


def test_what_could_not_be_written_is_written_when_it_can_be(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "state.json"
    reporter = RunReporter(path)
    reporter.say(READY)
    path.parent.mkdir()
    reporter.say(READY)
    assert read_report(path) == READY
