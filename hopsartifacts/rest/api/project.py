"""The project: its storage and its catalog, as pages, or whole as Arrow or Parquet."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from hopsartifacts import __version__
from hopsartifacts.catalog import catalog
from hopsartifacts.documents import FORMAT
from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.rest.api.conventions import (
    Page,
    Paging,
    operations,
    page_of,
    shown,
)
from hopsartifacts.rest.keys import SCOPES, Scope
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.sorted_lists import SortOrder
from hopsartifacts.storage.contract import Capabilities
from hopsartifacts.store.storage_probe import Check, kept_verdict

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"

Row = dict[str, Any]

_IDENTITIES = {
    "models": ("model", "version"),
    "metrics": ("model", "model_version", "metric"),
    "artifacts": ("model", "model_version", "artifact_version"),
    "deployments": (
        "model",
        "model_version",
        "deployment",
        "deployment_version",
    ),
}


class StorageVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on the storage, by the doctor or by the test before the first write.

    Attributes:
        ok: whether the storage can hold a project.
        time: when it was tested.
    """

    ok: bool
    time: str
    checks: tuple[Check, ...]


class ProjectDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The project that this server serves.

    Attributes:
        id: its number in Hopsworks' own API.
        url: URL of its storage, without credentials.
        format: number of the on-disk format.
        release: version of hopsartifacts.
        is_local: whether it is on the server's own disk.
        capabilities: what its storage can do.
        verdict: null if the storage was not tested yet.
    """

    name: str
    id: int
    url: str
    format: int
    release: str
    is_local: bool
    capabilities: Capabilities
    verdict: StorageVerdict | None


Login = Literal["key", "session", "link"]


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """The caller.

    Attributes:
        name: of the API key, or of the user who runs the server.
        scopes: what the key allows here.
        allows: those, and the scopes that they include.
        login: ``key`` if the request has the key, ``session`` if a browser logged in
            with it, and ``link`` if ``hopsartifacts ui`` opened the browser.
        read_only: whether this server lets callers only read, whatever keys allow.
        has_keys: whether this server has API keys; ``hopsartifacts ui`` has none.
    """

    name: str
    scopes: list[Scope]
    allows: list[Scope]
    login: Login
    read_only: bool
    has_keys: bool


def _project(call: OperationCall) -> ProjectDetail:
    hosted = call.hosted
    return ProjectDetail(
        name=hosted.project.name,
        id=hosted.project_id,
        url=hosted.project.url,
        format=FORMAT,
        release=__version__,
        is_local=hosted.storage.local_path("") is not None,
        capabilities=hosted.storage.capabilities,
        verdict=_verdict(call),
    )


def _verdict(call: OperationCall) -> StorageVerdict | None:
    try:
        kept = kept_verdict(call.hosted.storage)
    except HopsArtifactsError:
        return None  # damaged: the doctor rewrites it
    if kept is None:
        return None
    return StorageVerdict(ok=kept.ok, time=kept.time, checks=kept.checks)


def _me(call: OperationCall) -> Me:
    caller, hosted = call.caller, call.hosted
    login: Login = "key"
    if call.request.state.session:
        login = "session" if hosted.sessions.way == "key" else "link"
    return Me(
        name=caller.name,
        scopes=sorted(caller.scopes),
        allows=[scope for scope in SCOPES if caller.may(scope)],
        login=login,
        read_only=hosted.settings.is_read_only,
        has_keys=hosted.sessions.way == "key",
    )


class CatalogPage(Paging, frozen=True, kw_only=True):
    """Query parameters of a table.

    Attributes:
        model: only rows of this model.
        format: ``arrow`` or ``parquet`` for the whole table; overrides ``Accept``.
    """

    model: str = ""
    format: Literal["json", "arrow", "parquet"] | None = None


def _table(call: OperationCall) -> Page[Row] | Response:
    wanted: CatalogPage = call.query
    kind = call.path["kind"]
    table = catalog(call.hosted.storage, kind)
    # Imported late, as pyarrow is optional; it is installed if there is a table.
    from hopsartifacts.catalog.table import (  # noqa: PLC0415 - see above
        arrow_of,
        of_model,
        parquet_of,
        plain_row,
    )

    chosen = _format(call)
    if chosen != "json":
        whole = of_model(table, wanted.model) if wanted.model else table
        if chosen == "parquet":
            return Response(parquet_of(whole), media_type=PARQUET)
        return Response(arrow_of(whole), media_type=ARROW)
    rows = [row for row in table.to_pylist() if wanted.model in {"", row["model"]}]
    columns = _IDENTITIES[kind]
    fields: dict[str, Callable[[Row], Any]] = {
        name: _picking(name)
        for name, column in zip(table.column_names, table.schema.types, strict=True)
        if str(column) in {"string", "int64", "double", "bool"}
    }
    order: SortOrder[Row] = SortOrder(
        identity=lambda row: tuple(row[name] for name in columns),
        fields={"key": lambda _: None, **fields},
        default="key",
    )
    page = page_of(rows, wanted, order)
    return shown(page, [plain_row(row) for row in page.items])


def _format(call: OperationCall) -> str:
    if call.query.format:
        return str(call.query.format)
    accepted = call.request.headers.get("accept", "")
    found = [
        (accepted.index(media), name)
        for name, media in (("arrow", ARROW), ("parquet", PARQUET))
        if media in accepted
    ]
    return min(found)[1] if found else "json"


def _picking(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


_operation = operations("project")

OPERATIONS = (
    _operation("GET", "/project", _project, "The project", answer=ProjectDetail),
    _operation("GET", "/me", _me, "Whose key this is", answer=Me, errors=()),
    operations("catalog")(
        "GET",
        "/catalog/{kind}",
        _table,
        "Rows of the table models, metrics, artifacts or deployments; whole with "
        f"'Accept: {ARROW}' or '{PARQUET}'",
        query=CatalogPage,
        answer=Page[dict[str, Any]],
        also_gives=(ARROW, PARQUET),
    ),
)
