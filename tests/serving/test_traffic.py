"""Counts of requests: their percentiles, and the file that keeps them for a month."""

from pathlib import Path
from statistics import NormalDist

import pytest

from hopsartifacts.serving.local.traffic_file import TrafficWriter, read_traffic
from hopsartifacts.serving.traffic import Counts, Period, Tally, Traffic, total

DAY_S = 24 * 3600
NOW_S = 1_790_000_040
"""A whole minute, but not a whole hour."""


def answered(seconds: float, status: int = 200, many: int = 1) -> Counts:
    tally = Tally()
    tally.count(status, seconds, many)
    return tally.take()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traffic"


def minutes(path: Path, start_s: int, end_s: int, now_s: float = NOW_S) -> Traffic:
    return read_traffic(path, Period(start_s, end_s, 60), now_s)


@pytest.mark.parametrize(
    "times",
    [
        [NormalDist(-4, 1).inv_cdf((it + 0.5) / 2000) ** 2 / 100 for it in range(2000)],
        [0.003] * 100,
        [0.001] * 95 + [2.0] * 5,
        [0.0001, 0.0002, 0.0003],
    ],
)
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_percentiles_are_near_the_true_ones(times: list[float], share: float) -> None:
    found = total(answered(it) for it in times).percentile_ms(share)
    true_ms = sorted(times)[min(int(share * len(times)), len(times) - 1)] * 1000
    assert found is not None
    # The classes are a factor of 1.41 wide, and there may be a gap beside a percentile.
    at = sorted(times)[max(int(share * len(times)) - 1, 0)] * 1000
    assert min(at, true_ms) / 1.42 <= found <= true_ms * 1.42


def test_times_longer_than_all_classes_are_counted() -> None:
    found = answered(100_000).percentile_ms(0.5)
    assert found is not None
    assert found > 60_000


def test_without_times_there_are_no_percentiles() -> None:
    assert Counts(requests=3).percentile_ms(0.5) is None


def test_counts_are_read_by_minute(path: Path) -> None:
    writer = TrafficWriter(path)
    writer.begin(NOW_S - 600)
    for at_s, counts in (
        (NOW_S - 120, answered(0.01, many=3)),
        (NOW_S - 120, answered(0.01, status=500)),
        (NOW_S - 30, answered(0.01, status=404, many=2)),
    ):
        writer.count(counts)
        writer.write(at_s)
    found = minutes(path, NOW_S - 300, NOW_S)
    assert found.since_s == NOW_S - 600
    assert [it.start_s for it in found.steps] == list(range(NOW_S - 300, NOW_S, 60))
    numbers = [
        (it.counts.requests, it.counts.errors, it.counts.server_errors)
        for it in found.steps
    ]
    assert numbers == [(0, 0, 0), (0, 0, 0), (0, 0, 0), (4, 1, 1), (2, 2, 0)]


def test_steps_before_the_first_count_are_left_out(path: Path) -> None:
    TrafficWriter(path).begin(NOW_S - 90)
    found = minutes(path, NOW_S - 300, NOW_S)
    assert [it.start_s for it in found.steps] == [NOW_S - 120, NOW_S - 60]


def test_a_keeper_that_starts_again_adds_to_the_counts(path: Path) -> None:
    for _ in range(2):
        writer = TrafficWriter(path)
        writer.begin(NOW_S)
        writer.count(answered(0.01))
        writer.write(NOW_S)
    assert [it.counts.requests for it in minutes(path, NOW_S, NOW_S + 60).steps] == [2]


def test_minutes_are_kept_for_a_day_and_hours_for_a_month(path: Path) -> None:
    writer = TrafficWriter(path)
    begin_s, end_s = NOW_S - 40 * DAY_S, NOW_S
    for at_s in range(begin_s, end_s, 1800):
        writer.count(answered(0.01))
        writer.write(at_s)
    size = path.stat().st_size
    day = minutes(path, end_s - DAY_S + 3600, end_s, end_s)
    assert sum(it.counts.requests for it in day.steps) == 2 * 23
    first_s = begin_s // 3600 * 3600
    month = read_traffic(path, Period(first_s, end_s // 3600 * 3600, 3600), end_s)
    assert month.since_s is not None
    assert 30 * DAY_S <= end_s - month.since_s <= 31 * DAY_S
    assert {it.counts.requests for it in month.steps} == {2}
    assert month.steps[0].start_s == month.since_s
    days = read_traffic(
        path, Period(end_s // DAY_S * DAY_S - 5 * DAY_S, end_s, DAY_S), end_s
    )
    assert {it.counts.requests for it in days.steps[:-1]} == {48}
    for at_s in range(end_s, end_s + 10 * DAY_S, 60):
        writer.count(answered(0.01))
        writer.write(at_s)
    assert path.stat().st_size == size


@pytest.mark.parametrize("data", [b"", b"something else" * 100, b"hopstrf1"])
def test_a_damaged_file_counts_from_now_on(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert minutes(path, NOW_S - 60, NOW_S) == Traffic()
    writer = TrafficWriter(path)
    writer.count(answered(0.01))
    writer.write(NOW_S)
    found = minutes(path, NOW_S, NOW_S + 60)
    assert [it.counts.requests for it in found.steps] == [1]


def test_a_damaged_record_counts_as_missing(path: Path) -> None:
    writer = TrafficWriter(path)
    for at_s in (NOW_S, NOW_S + 60):
        writer.count(answered(0.01))
        writer.write(at_s)
    data = bytearray(path.read_bytes())
    at = data.index((NOW_S // 60).to_bytes(8, "little"))
    data[at + 12] = 9  # more errors than requests
    path.write_bytes(data)
    found = minutes(path, NOW_S, NOW_S + 120, NOW_S + 60)
    assert [it.counts.requests for it in found.steps] == [0, 1]


def test_what_cannot_be_written_costs_no_request(tmp_path: Path) -> None:
    writer = TrafficWriter(tmp_path / "missing" / "traffic")
    writer.begin(NOW_S)
    writer.count(answered(0.01))
    writer.write(NOW_S)
    assert not [*tmp_path.iterdir()]


def test_a_deployment_that_never_ran_has_no_counts(path: Path) -> None:
    assert minutes(path, NOW_S - 60, NOW_S) == Traffic()
