"""Failed logins: who is made to wait, and who must not be."""

import pytest

from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.keys import Caller
from hopsartifacts.rest.login_limits import FailedLogins, LoginLimits

ANN = Caller("ann", "ann", frozenset({"read"}))
LIMITS = LoginLimits(burst=3, one_per_s=10.0, remembered=5)
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Logins:
    """Logins of a server with one valid key."""

    def __init__(self) -> None:
        self.now = 100.0
        self.valid = {"ann.secret": ANN}
        self.looks = 0
        self._logins = FailedLogins(LIMITS, lambda: self.now)

    def find(self, secret: str) -> Caller | None:
        self.looks += 1
        return self.valid.get(secret)

    def log_in(self, secret: str, address: str = HERE) -> str:
        try:
            caller = self._logins.authenticate(address, secret, self.find)
        except RefusedError as error:
            return error.headers["Retry-After"] if error.status == 429 else "?"
        return "in" if caller else "no"


@pytest.fixture
def logins() -> Logins:
    return Logins()


def test_an_address_waits_after_too_many_wrong_keys(logins: Logins) -> None:
    assert [logins.log_in(f"k{it}.x") for it in range(5)] == ["no"] * 3 + ["10", "10"]
    assert logins.looks == 3
    assert logins.log_in("ann.secret") == "10"
    assert logins.log_in("k.x", THERE) == "no"
    logins.now += 9
    assert logins.log_in("k.x") == "1"
    logins.now += 1
    assert logins.log_in("ann.secret") == "in"


def test_a_key_is_not_guessed_from_many_addresses(logins: Logins) -> None:
    knocks = [logins.log_in(f"ann.{it}", f"192.0.2.{it}") for it in range(5)]
    assert knocks == ["no"] * 3 + ["10", "10"]
    assert logins.log_in("bob.x", "192.0.2.9") == "no"


def test_a_holder_is_not_locked_out_by_others(logins: Logins) -> None:
    assert logins.log_in("ann.secret") == "in"
    for number in range(5):
        logins.log_in(f"ann.{number}", f"192.0.2.{number}")
        logins.log_in(f"k{number}.x")
    assert logins.log_in("ann.secret") == "in"
    assert logins.log_in("ann.other") == "10"
    assert logins.log_in("ann.secret", THERE) == "10"


def test_a_holder_whose_key_was_revoked_is_as_others(logins: Logins) -> None:
    logins.log_in("ann.secret")
    logins.valid.clear()
    assert [logins.log_in("ann.secret") for _ in range(3)] == ["no"] * 3
    assert logins.log_in("ann.other") == "10"


def test_right_keys_cost_nothing(logins: Logins) -> None:
    assert {logins.log_in("ann.secret") for _ in range(50)} == {"in"}


def test_one_customers_addresses_are_one(logins: Logins) -> None:
    knocks = [logins.log_in(f"k{it}.x", f"2001:db8::{it}") for it in range(4)]
    assert knocks == ["no"] * 3 + ["10"]
    assert logins.log_in("k.x", "2001:db8:0:1::1") == "no"
    assert {logins.log_in("k.x", it) for it in ("", "?")} == {"no"}
    mapped = [logins.log_in(f"m{it}.x", it) for it in ("::ffff:192.0.2.7", "192.0.2.7")]
    assert mapped == ["no", "no"]
    assert logins.log_in("m.x", "192.0.2.7") == "no"
    assert logins.log_in("m.y", "::ffff:192.0.2.7") == "10"


def test_what_is_remembered_is_bounded(logins: Logins) -> None:
    for number in range(100):
        logins.valid[f"{number}.s"] = ANN
        logins.log_in(f"{number}.s", f"10.0.0.{number}")
        logins.log_in(f"{number}.x", f"10.0.1.{number}")
    failed = logins._logins
    for known in (failed._addresses, failed._keys, failed._holders):
        assert len(known) == 5
