"""The page of the web UI, the files that it loads, and links that lead to it.

There is one page for every address below ``/ui``: its script shows what the address
names. It is public and contains nothing of the project; its script gets that from the
JSON API, as every other client.
"""

import hashlib
from base64 import b64encode
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hopsartifacts.errors import InvalidNameError
from hopsartifacts.names import model_name, version_number
from hopsartifacts.rest.bounds import PAGE_POLICY, POLICY
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.hopsworks.ids import parse_deployment_id
from hopsartifacts.rest.operations import Operation, OperationCall
from hopsartifacts.web.assets import SCRIPT, STYLE, Assets

HOME = "/ui"
_PRINTED_DEPTH = 4
"""Most segments of a link that the official client prints."""
_ASSETS = Assets()
_UNCHANGING = "public, max-age=31536000, immutable"
_CHANGING = "no-cache"
_THEME = """\
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") {
    document.documentElement.dataset.theme = theme;
  }
} catch {}"""
"""Sets the theme that this browser chose before anything is painted.

It is the only script in the page. The policy of the page names its hash.
"""
_ALLOWED = b64encode(hashlib.sha256(_THEME.encode()).digest()).decode()
_HEADERS = {
    POLICY: PAGE_POLICY.replace(
        "script-src 'self'", f"script-src 'self' 'sha256-{_ALLOWED}'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cache-control": _CHANGING,
}


def shell() -> HTMLResponse:
    """Return the page of the web UI."""
    is_built = _ASSETS.find(SCRIPT) and _ASSETS.find(STYLE)
    page = _template().render(
        folder=f"{HOME}/assets/{_ASSETS.digest()}" if is_built else None,
        script=SCRIPT,
        parts=_ASSETS.parts_of(SCRIPT),
        style=STYLE,
        theme=_THEME,
    )
    return HTMLResponse(page, headers=_HEADERS)


def message(words: str, status: int) -> HTMLResponse:
    """Return a page that says *words*, without a script."""
    page = _template().render(message=words)
    return HTMLResponse(page, status, headers={**_HEADERS, "cache-control": "no-store"})


def _asset(call: OperationCall) -> Response:
    """Send a file.

    Its path names all the files as they were built together. So a browser need not ask
    again, and what a script imports by a relative path is of the same build. A tab that
    was opened before an update gets the new file.
    """
    name = call.path["file"]
    asset = _ASSETS.find(name)
    if asset is None:
        raise RefusedError(f"{name!r} is not a file of the web UI", 404)
    is_compressed = _takes_gzip(call.request)
    etag = f'"{asset.digest}{"-gzip" if is_compressed else ""}"'
    headers = {
        "etag": etag,
        "vary": "Accept-Encoding",
        "cache-control": (
            _UNCHANGING if call.path["build"] == _ASSETS.digest() else _CHANGING
        ),
    }
    if etag in call.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if is_compressed:
        headers["content-encoding"] = "gzip"
    data = asset.compressed if is_compressed else asset.data
    return Response(data, headers=headers, media_type=asset.media_type)


def _takes_gzip(request: Request) -> bool:
    for coding in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _printed(call: OperationCall) -> Response:
    """Lead a link that a client printed to the page of the same thing."""
    segments = [call.path[name] for name in sorted(call.path)][1:]
    return RedirectResponse(_page_of(segments), 303)


def _page_of(segments: list[str]) -> str:
    """Return the address of a printed link's target; the home page if there is none."""
    with suppress(InvalidNameError):
        match segments:
            case ["models", name, number]:
                version = version_number(number)
                return f"{HOME}/models/{quote(model_name(name))}/versions/{version}"
            case ["deployments", given]:
                return f"{HOME}/deployments/{quote(parse_deployment_id(given)[0])}"
            case ["models" | "deployments" as kind]:
                return f"{HOME}/{kind}"
    return HOME


@cache
def _template() -> Any:
    text = files(__package__).joinpath("shell.html").read_text("utf-8")
    return Environment(autoescape=True, trim_blocks=True).from_string(text)


def _page(path: str, summary: str, handle: Any, **more: Any) -> Operation:
    settings = {"gives": "text/html", "scope": None, "tag": "pages", **more}
    return Operation(
        method="GET",
        path=path,
        handle=handle,
        summary=summary,
        is_described=False,
        **settings,
    )


def _printed_paths() -> list[str]:
    """Return ``/``, and ``/p/…`` with up to as many segments as printed links have."""
    links = ["/p"]
    for depth in range(_PRINTED_DEPTH):
        links.append(f"{links[-1]}/{{part_{depth}}}")
    return ["/", *links[1:]]


PAGES: tuple[Operation, ...] = (
    *(
        _page(path, "The web UI", lambda _: shell())
        for path in (HOME, f"{HOME}/", f"{HOME}/{{place:path}}")
    ),
    _page(
        f"{HOME}/assets/{{build}}/{{file}}",
        "A file that the page loads",
        _asset,
        gives="*/*",
    ),
    *(_page(path, "Leads to the web UI", _printed) for path in _printed_paths()),
)
"""The pages of the web UI, and those that lead to them."""
