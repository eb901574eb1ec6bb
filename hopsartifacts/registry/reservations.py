"""Assignment of version numbers: reserved before any file is in its place."""

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import AlreadyExistsError, ConflictError
from hopsartifacts.machine.identity import new_token
from hopsartifacts.names import HIGHEST_VERSION, model_name
from hopsartifacts.registry import versions
from hopsartifacts.registry.documents import ModelState, VersionRecord
from hopsartifacts.registry.given import positive_version
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.root import check_claim, check_log_is_there, claim_name

_NEWEST = 50
"""How many of the highest numbers are searched for a reservation by its token."""


class Claim(msgspec.Struct, frozen=True):
    """A reserved version number, for a version that is saved later."""

    token: str
    version: int


def claim_version(
    storage: Storage, model: str, requested: int | None = None, token: str = ""
) -> Claim:
    """Claim the model's name if it is new, and reserve a version number.

    The number stays reserved until ``save_version`` commits the version or
    ``give_up_claim`` gives it up. Garbage collection also gives it up, once it is older
    than the grace period.

    Args:
        storage: the project's storage.
        model: the name of the model.
        requested: the number to reserve; by default the next one.
        token: a unique token, if the caller must know it in advance. If it has reserved
            a number already, that number is returned.

    Raises:
        InvalidNameError: the name or the number breaks its rule.
        AlreadyExistsError: the number was used, or the name is too close to another.
        IntegrityError: the model's log is missing, so its numbers are unknown.
    """
    model_name(model)
    if requested is not None:
        positive_version(requested)
    log = versions.model_log(storage, model)
    if log.newest() is None:
        open_log(storage, log, model, claims=True)
    if token and (taken := taken_by(log.seen_state(), token, requested)):
        return Claim(token, taken)
    token = token or new_token()
    return Claim(token, reserve(log, model, requested, token))


def give_up_claim(storage: Storage, model: str, claim: Claim) -> bool:
    """Give up a reserved number with its files; return False if it was committed."""
    log = versions.model_log(storage, model)
    owned = log.state().records.get(claim.version)
    if owned is None or owned.id != claim.token:
        return True
    if owned.status != "reserved":
        return not owned.is_live
    if versions.give_up(log, claim.version, claim.token) != "aborted":
        return False
    versions.delete_given_up(storage, model, claim.version)
    if storage.capabilities.moves_trees:
        storage.delete_tree(layout.staging_dir(claim.token))
    return True


def check_held(state: ModelState, model: str, claim: Claim) -> None:
    """Raise ``ConflictError`` unless the number is still reserved for *claim*."""
    held = state.records.get(claim.version)
    if held is None or held.id != claim.token or held.status != "reserved":
        fate = held.status if held and held.id == claim.token else "given away"
        raise ConflictError(
            f"model {model!r} version {claim.version} was {fate} while it was being "
            "saved: save again"
        )


def open_log(
    storage: Storage, log: versions.ModelLog, model: str, *, claims: bool
) -> None:
    """Check that a model with an empty log can be saved; claim its name if *claims*.

    A save that stages its files claims the name later, so that a failed save leaves
    nothing. A save in place claims it now, which takes one request for a new name.

    Raises:
        AlreadyExistsError: the name is too close to another.
        IntegrityError: the model has files but its log is missing.
    """
    claim = layout.model_name_claim(model)
    if claims and claim_name(storage, claim, model, "model"):
        return
    check_claim(storage, claim, model, "model")
    check_log_is_there(storage, log, claim)


def number_for(state: ModelState, model: str, requested: int | None) -> int:
    """Return *requested* if it was never used, or the next number if it is None.

    Raises:
        AlreadyExistsError: *requested* was used, or no higher number is left.
    """
    if requested is None:
        if state.next_version > HIGHEST_VERSION:
            raise AlreadyExistsError(
                f"model {model!r} has used version {HIGHEST_VERSION}, and none is "
                "higher: ask for a number that is free, as in version=2"
            )
        return state.next_version
    taken = state.records.get(requested)
    if taken:
        fate = {"sealed": "exists", "reserved": "is being saved by another writer"}
        raise AlreadyExistsError(
            f"model {model!r} version {requested} "
            f"{fate.get(taken.status, f'was used before and is {taken.status}')}; "
            "numbers are never reused: save again without a version to get "
            f"{state.next_version}"
        )
    return requested


def taken_by(state: ModelState, token: str, requested: int | None = None) -> int | None:
    """Return the number that *token* has reserved; None if it has none.

    Only *requested* and the newest numbers are searched; garbage collection gives up
    an older reservation.
    """
    known = state.records.newest(_NEWEST)
    if requested is not None and requested in state.records:
        known[requested] = state.records[requested]
    return next((n for n, it in known.items() if it.id == token), None)


def reserve(
    log: versions.ModelLog, model: str, requested: int | None, token: str
) -> int:
    """Reserve a number for *token*, which has none yet, by one log entry.

    Raises:
        AlreadyExistsError: *requested* was used.
        CommitUncertainError: the storage failed and the outcome is unknown.
    """
    number = 0

    def decide(state: ModelState, seq: int) -> Draft[ModelState]:
        nonlocal number
        number = number_for(state, model, requested)
        reserved = VersionRecord(status="reserved", id=token, reserved=seq)
        return versions.step(state, "reserve", number, reserved, token=token)

    log.append(decide)
    return number
