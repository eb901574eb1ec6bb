"""Which number a version gets: given to a token before any file lies there."""

import msgspec

from hopsartifacts import layout
from hopsartifacts.errors import AlreadyExistsError, ConflictError
from hopsartifacts.names import HIGHEST_VERSION, model_name
from hopsartifacts.registry.documents import ModelState, VersionRecord
from hopsartifacts.registry.given import positive_version
from hopsartifacts.registry.versions import ModelLog, give_up, model_log, step
from hopsartifacts.storage.contract import Storage
from hopsartifacts.store.entries import Draft
from hopsartifacts.store.identity import new_token
from hopsartifacts.store.root import check_claim, check_log_is_there, claim_name

_NEWEST = 50
"""Among so many of the highest numbers a reservation is found by its token."""


class Claim(msgspec.Struct, frozen=True):
    """A number that nobody else gets, for a version that is saved later."""

    token: str
    version: int


def claim_version(
    storage: Storage, model: str, requested: int | None = None, token: str = ""
) -> Claim:
    """Take the model's name if it is new, and a number: *requested*, or the next one.

    It stays taken until ``save_version`` seals it or ``give_up_claim`` gives it up; gc
    gives it up too, once it is older than the grace period.

    Args:
        storage: where the model lies.
        model: its name.
        requested: the number to take.
        token: a name that nobody else uses, where the caller has to know it before: a
            number that it has taken already is returned again.

    Raises:
        InvalidNameError: the name or the number is outside the rules.
        AlreadyExistsError: the number was used, or the name has a twin.
        IntegrityError: the model's log is gone, so its numbers are not known.
    """
    model_name(model)
    if requested is not None:
        positive_version(requested)
    log = model_log(storage, model)
    if log.newest() is None:
        open_log(storage, log, model, claims=True)
    if token and (taken := taken_by(log.seen_state(), token, requested)):
        return Claim(token, taken)
    token = token or new_token()
    return Claim(token, reserve(log, model, requested, token))


def give_up_claim(storage: Storage, model: str, claim: Claim) -> bool:
    """Give the number up, and delete what a save has left there, unless it is sealed.

    Returns:
        Whether nothing can come of it any more: True too if that was so before.
    """
    log = model_log(storage, model)
    owned = log.state().records.get(claim.version)
    if owned is None or owned.id != claim.token:
        return True
    if owned.status == "reserved":
        if give_up(log, claim.version, claim.token) != "aborted":
            return False
        storage.delete_tree(layout.version_dir(model, claim.version))
        if storage.capabilities.moves_trees:
            storage.delete_tree(layout.staging_dir(claim.token))
        return True
    return owned.status in {"aborted", "deleted"}


def check_held(state: ModelState, model: str, claim: Claim) -> None:
    """See that the number is still reserved for the claim.

    Raises:
        ConflictError: it was given up, or sealed.
    """
    held = state.records.get(claim.version)
    if held is None or held.id != claim.token or held.status != "reserved":
        fate = held.status if held and held.id == claim.token else "given away"
        raise ConflictError(
            f"model {model!r} version {claim.version} was {fate} while it was being "
            "saved: save again"
        )


def open_log(storage: Storage, log: ModelLog, model: str, *, claims: bool) -> None:
    """See that a model without entries may have its first, or claim its name at once.

    What is staged first claims late, so that a failed save leaves nothing. Otherwise
    the place is reserved before anything is read, and one request tells all.
    """
    claim = layout.model_name_claim(model)
    if claims and claim_name(storage, claim, model, "model"):
        return
    check_claim(storage, claim, model, "model")
    check_log_is_there(storage, log, claim)


def number_for(state: ModelState, model: str, requested: int | None) -> int:
    """Return *requested* if nobody ever had it, else the next number.

    Raises:
        AlreadyExistsError: it was used, or the highest there can be was.
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
            "numbers are given once: save again without a version to get "
            f"{state.next_version}"
        )
    return requested


def taken_by(state: ModelState, token: str, requested: int | None = None) -> int | None:
    """Return the number that *token* has taken; None if it has none.

    *requested* and the newest numbers are looked at; an older reservation is left to
    gc.
    """
    known = state.records.newest(_NEWEST)
    if requested is not None and requested in state.records:
        known[requested] = state.records[requested]
    return next((n for n, it in known.items() if it.id == token), None)


def reserve(log: ModelLog, model: str, requested: int | None, token: str) -> int:
    """Give a number to *token*, which has none, by one entry; raises as ``number_for``.

    Raises:
        CommitUncertainError: the storage failed and the outcome is unknown.
    """
    number = 0

    def decide(state: ModelState, seq: int) -> Draft[ModelState]:
        nonlocal number
        number = number_for(state, model, requested)
        reserved = VersionRecord(status="reserved", id=token, reserved=seq)
        return step(state, "reserve", number, reserved, token=token)

    log.append(decide)
    return number
