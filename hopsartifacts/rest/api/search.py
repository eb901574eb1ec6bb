"""Search over models, versions, deployments and files by name, alias and tag."""

from typing import Annotated

import msgspec

from hopsartifacts.rest.api.conventions import operations
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.rest.search import KINDS, Found, HitKind

_LONGEST = 256


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters of a search.

    Attributes:
        q: words that must all occur in the name, or in the model's name, aliases and
            tags of a version. Case is ignored. ``model@alias`` are two words.
        kind: only hits of this kind; by default of all.
        limit: the most hits.
        files: whether to search names of files, too, which takes longest.
    """

    q: Annotated[str, msgspec.Meta(max_length=_LONGEST)] = ""
    kind: HitKind | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    files: bool = True


def _search(call: OperationCall) -> Found:
    wanted: SearchQuery = call.query
    kinds = [it for it in KINDS if wanted.kind in {None, it}]
    if not wanted.files:
        kinds = [it for it in kinds if it != "file"]
    return call.hosted.search.find(wanted.q, wanted.limit, kinds)


OPERATIONS = (
    operations("search")(
        "GET",
        "/search",
        _search,
        "Models, versions by alias or tag, deployments and files by words, best first",
        query=SearchQuery,
        answer=Found,
        errors=(),
    ),
)
