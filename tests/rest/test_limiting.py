"""Failed logins: who is made to wait, and who must not be."""

import pytest

from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.keys import Caller
from hopsartifacts.rest.login_limits import FailedLogins, LoginLimits

ANN = Caller("ann", "ann", frozenset({"read"}))
LIMITS = LoginLimits(burst=3, one_per_s=10.0, remembered=5)
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Door:
    """One valid key, and who was let in with what."""

    def __init__(self) -> None:
        self.now = 100.0
        self.valid = {"ann.secret": ANN}
        self.looks = 0
        self._logins = FailedLogins(LIMITS, lambda: self.now)

    def find(self, secret: str) -> Caller | None:
        self.looks += 1
        return self.valid.get(secret)

    def knock(self, secret: str, address: str = HERE) -> str:
        try:
            caller = self._logins.let_in(address, secret, self.find)
        except RefusedError as error:
            return error.headers["Retry-After"] if error.status == 429 else "?"
        return "in" if caller else "no"


@pytest.fixture
def door() -> Door:
    return Door()


def test_an_address_waits_after_too_many_wrong_keys(door: Door) -> None:
    assert [door.knock(f"k{it}.x") for it in range(5)] == ["no"] * 3 + ["10", "10"]
    assert door.looks == 3
    assert door.knock("ann.secret") == "10"
    assert door.knock("k.x", THERE) == "no"
    door.now += 9
    assert door.knock("k.x") == "1"
    door.now += 1
    assert door.knock("ann.secret") == "in"


def test_a_key_is_not_guessed_from_many_addresses(door: Door) -> None:
    knocks = [door.knock(f"ann.{it}", f"192.0.2.{it}") for it in range(5)]
    assert knocks == ["no"] * 3 + ["10", "10"]
    assert door.knock("bob.x", "192.0.2.9") == "no"


def test_a_holder_is_not_locked_out_by_others(door: Door) -> None:
    assert door.knock("ann.secret") == "in"
    for number in range(5):
        door.knock(f"ann.{number}", f"192.0.2.{number}")
        door.knock(f"k{number}.x")
    assert door.knock("ann.secret") == "in"
    assert door.knock("ann.other") == "10"
    assert door.knock("ann.secret", THERE) == "10"


def test_a_holder_whose_key_was_revoked_is_as_others(door: Door) -> None:
    door.knock("ann.secret")
    door.valid.clear()
    assert [door.knock("ann.secret") for _ in range(3)] == ["no"] * 3
    assert door.knock("ann.other") == "10"


def test_right_keys_cost_nothing(door: Door) -> None:
    assert {door.knock("ann.secret") for _ in range(50)} == {"in"}


def test_one_customers_addresses_are_one(door: Door) -> None:
    knocks = [door.knock(f"k{it}.x", f"2001:db8::{it}") for it in range(4)]
    assert knocks == ["no"] * 3 + ["10"]
    assert door.knock("k.x", "2001:db8:0:1::1") == "no"
    assert {door.knock("k.x", it) for it in ("", "?")} == {"no"}
    mapped = [door.knock(f"m{it}.x", it) for it in ("::ffff:192.0.2.7", "192.0.2.7")]
    assert mapped == ["no", "no"]
    assert door.knock("m.x", "192.0.2.7") == "no"
    assert door.knock("m.y", "::ffff:192.0.2.7") == "10"


def test_what_is_remembered_is_bounded(door: Door) -> None:
    for number in range(100):
        door.valid[f"{number}.s"] = ANN
        door.knock(f"{number}.s", f"10.0.0.{number}")
        door.knock(f"{number}.x", f"10.0.1.{number}")
    logins = door._logins
    for known in (logins._addresses, logins._keys, logins._holders):
        assert len(known) == 5
