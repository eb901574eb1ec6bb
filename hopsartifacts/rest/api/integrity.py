"""What the last verification found, below one folder or everywhere."""

from datetime import datetime

import msgspec

from hopsartifacts.guard.scope import check_sealed
from hopsartifacts.rest.api.conventions import (
    Page,
    Paging,
    operations,
    page_of,
    shown,
)
from hopsartifacts.rest.api.marks import Marks
from hopsartifacts.rest.files.tree import inside
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.rest.verifications import Integrity
from hopsartifacts.store.checks import Finding, FindingKind


class ManagedPath(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters: the managed file or folder *path*; empty for everything."""

    path: str = ""


class FindingsBelow(Paging, frozen=True, kw_only=True):
    """Query parameters of a list of findings: those at and below *path*."""

    path: str = ""


class KnownFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A difference that the last verification of a file found.

    Attributes:
        checked: when that verification started.
    """

    path: str
    kind: FindingKind
    detail: str
    checked: datetime


_ORDER: SortOrder[tuple[Finding, datetime]] = SortOrder(
    identity=lambda it: (it[0].path,),
    fields={"path": lambda it: it[0].path, "kind": lambda it: it[0].kind},
    default="path",
)


def _integrity(call: OperationCall) -> Integrity:
    return call.hosted.verifications.of(_path(call))


def _findings(call: OperationCall) -> Page[KnownFinding]:
    page = page_of(call.hosted.verifications.findings(_path(call)), call.query, _ORDER)
    rows = [
        KnownFinding(
            path=finding.path, kind=finding.kind, detail=finding.detail, checked=checked
        )
        for finding, checked in page.items
    ]
    return shown(page, rows)


def _path(call: OperationCall) -> str:
    path = inside(call.hosted.project.name, call.query.path)
    check_sealed(path)
    return Marks(call.hosted).of(path).stored


_operation = operations("files")

OPERATIONS = (
    _operation(
        "GET",
        "/integrity",
        _integrity,
        "What the last verification found",
        query=ManagedPath,
        answer=Integrity,
    ),
    _operation(
        "GET",
        "/findings",
        _findings,
        "What differs from its seal, by the last verification of each file",
        query=FindingsBelow,
        answer=Page[KnownFinding],
    ),
)
