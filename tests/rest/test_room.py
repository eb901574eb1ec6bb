"""Who has to go where there is no room, and what is counted."""

import socket
from time import monotonic
from typing import Any

import pytest

from hopsartifacts.rest.connections import CountedSocket, Room, Seat

MOST = 32
SPARE = 2
HERE, THERE = "10.0.0.1", "10.0.0.2"


class Fixed:
    """Somebody who has asked, and is busy unless it is said since when he is not."""

    def __init__(self, idle_since: float | None = None) -> None:
        self.has_asked = True
        self.idle_since = idle_since

    def refuse_requests(self) -> None:
        raise AssertionError


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Seat]:
    found: list[Seat] = []

    def end(seat: Seat) -> None:
        found.append(seat)

    monkeypatch.setattr(Seat, "end", end)
    return found


def filled(guest: Any = None, address: str = HERE) -> tuple[Room, list[Seat]]:
    found = Room(MOST)
    seats = []
    for _ in range(MOST):
        seat = found.enter(address)
        assert seat is not None
        assert not seat.is_spare
        seat.guest = guest
        seats.append(seat)
    return found, seats


def test_who_asks_nothing_goes_first_and_the_oldest_of_them(ended: list[Seat]) -> None:
    found, seats = filled()
    seats[0].guest = Fixed()
    seat = found.enter(HERE)
    assert seat is not None
    assert not seat.is_spare
    assert ended == seats[1:3]
    assert found.taken == MOST - 1


def test_the_address_that_has_the_most_of_them_pays(ended: list[Seat]) -> None:
    found, seats = filled()
    for seat in seats[:10]:
        seat.home = THERE
    assert found.enter(HERE)
    assert {seat.home for seat in ended} == {HERE}


def test_one_customer_of_ipv6_is_one_address(ended: list[Seat]) -> None:
    found = Room(MOST)
    for number in range(MOST):
        found.enter(HERE if number % 3 == 0 else f"2001:db8::{number:x}")
    found.enter(HERE)
    assert {seat.home for seat in ended} == {"2001:db8::/64"}


def test_then_go_those_who_have_been_idle_for_a_while(ended: list[Seat]) -> None:
    found, seats = filled(Fixed())
    seats[5].guest = Fixed(idle_since=0.0)
    assert found.enter(HERE)
    assert ended == [seats[5]]


def test_who_was_answered_just_now_stays(ended: list[Seat]) -> None:
    found, _ = filled(Fixed(idle_since=monotonic()))
    seat = found.enter(HERE)
    assert seat is not None
    assert seat.is_spare
    assert not ended


def test_where_all_are_busy_a_few_are_told_and_no_more(ended: list[Seat]) -> None:
    found, seats = filled(Fixed())
    for _ in range(SPARE):
        seat = found.enter(HERE)
        assert seat is not None
        assert seat.is_spare
    assert found.enter(HERE) is None
    assert not ended
    found.leave(seats[0])
    assert found.enter(HERE)


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
