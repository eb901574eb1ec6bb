"""Which connections are closed at the limit, and which are counted."""

import socket
from time import monotonic
from typing import Any

import pytest

from hopsartifacts.rest.connections import (
    ConnectionLimit,
    ConnectionSlot,
    CountedSocket,
)

MOST = 32
SPARE = 2
HERE, THERE = "10.0.0.1", "10.0.0.2"


class Fixed:
    """A client that has sent a request; busy, unless *idle_since* is given."""

    def __init__(self, idle_since: float | None = None) -> None:
        self.has_asked = True
        self.idle_since = idle_since

    def refuse_requests(self) -> None:
        raise AssertionError


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[ConnectionSlot]:
    found: list[ConnectionSlot] = []

    def end(slot: ConnectionSlot) -> None:
        found.append(slot)

    monkeypatch.setattr(ConnectionSlot, "end", end)
    return found


def filled(
    protocol: Any = None, address: str = HERE
) -> tuple[ConnectionLimit, list[ConnectionSlot]]:
    found = ConnectionLimit(MOST)
    slots = []
    for _ in range(MOST):
        slot = found.open_slot(address)
        assert slot is not None
        assert not slot.is_spare
        slot.protocol = protocol
        slots.append(slot)
    return found, slots


def test_who_asks_nothing_goes_first_and_the_oldest_of_them(
    ended: list[ConnectionSlot],
) -> None:
    found, slots = filled()
    slots[0].protocol = Fixed()
    slot = found.open_slot(HERE)
    assert slot is not None
    assert not slot.is_spare
    assert ended == slots[1:3]
    assert found.taken == MOST - 1


def test_the_address_that_has_the_most_of_them_pays(
    ended: list[ConnectionSlot],
) -> None:
    found, slots = filled()
    for slot in slots[:10]:
        slot.network = THERE
    assert found.open_slot(HERE)
    assert {slot.network for slot in ended} == {HERE}


def test_one_customer_of_ipv6_is_one_address(ended: list[ConnectionSlot]) -> None:
    found = ConnectionLimit(MOST)
    for number in range(MOST):
        found.open_slot(HERE if number % 3 == 0 else f"2001:db8::{number:x}")
    found.open_slot(HERE)
    assert {slot.network for slot in ended} == {"2001:db8::/64"}


def test_then_go_those_who_have_been_idle_for_a_while(
    ended: list[ConnectionSlot],
) -> None:
    found, slots = filled(Fixed())
    slots[5].protocol = Fixed(idle_since=0.0)
    assert found.open_slot(HERE)
    assert ended == [slots[5]]


def test_who_was_answered_just_now_stays(ended: list[ConnectionSlot]) -> None:
    found, _ = filled(Fixed(idle_since=monotonic()))
    slot = found.open_slot(HERE)
    assert slot is not None
    assert slot.is_spare
    assert not ended


def test_where_all_are_busy_a_few_are_told_and_no_more(
    ended: list[ConnectionSlot],
) -> None:
    found, slots = filled(Fixed())
    for _ in range(SPARE):
        slot = found.open_slot(HERE)
        assert slot is not None
        assert slot.is_spare
    assert found.open_slot(HERE) is None
    assert not ended
    found.close_slot(slots[0])
    assert found.open_slot(HERE)


def test_a_socket_says_once_that_it_is_closed() -> None:
    ours, theirs = socket.socketpair()
    closed: list[bool] = []
    with theirs:
        counted = CountedSocket(ours, lambda: closed.append(True))
        counted.sendall(b"x")
        assert theirs.recv(1) == b"x"
        assert not closed
        counted.close()
        counted.close()
    assert closed == [True]
