"""A proxy in front of an S3 server that counts requests and does harm by a plan.

It runs as a process of its own, so that many processes can be behind it. A plan is a
list of rules; the first one that fits a request, and whose turn it is, decides.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.request import Request, urlopen

import msgspec

CONTROL = "/-proxy-"

Harm = Literal[
    "refuse",  # answer with `status` and `code` instead of the server
    "change request",  # pass it on with another byte in its body
    "cut request",  # take half of the body, then cut; the server sees nothing
    "cut answer",  # half of the answer's body, then cut
    "truncate",  # half of the answer's body, as if that were all of it
    "lose answer",  # the server does it, and the client is cut off
    "hold",  # do nothing until there is another plan, then pass it on
    "hang",  # do not answer for `seconds`, then cut
    "",
]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of harm, and which requests it is done to."""

    do: Harm
    method: str = ""
    path: str = ""
    """Searched for in the path with its query, as a regular expression."""
    agent: str = ""
    """Searched for in the client's name for itself, as a regular expression."""
    skip: int = 0
    """How many requests that fit are let through before."""
    times: int = 1 << 30
    chance: float = 1.0
    status: int = 503
    code: str = ""
    seconds: float = 60.0


class Seen(msgspec.Struct, frozen=True):
    """One request that came by."""

    method: str
    target: str
    """Path and query as they were sent."""
    done: Harm
    status: int
    """What the server said; 0 if it was not asked."""
    agent: str
    """The client's name for itself."""


class Plan(msgspec.Struct, kw_only=True):
    """What the proxy is told."""

    rules: list[Rule]
    seed: int = 0


class Proxy:
    """The proxy as tests have it: tell it a plan, ask what it saw."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def plan(self, *rules: Rule, seed: int = 0) -> None:
        """Set a new plan, and forget what was seen."""
        body = msgspec.json.encode(Plan(rules=[*rules], seed=seed))
        self._ask("PUT", body)

    def seen(self, method: str = "", path: str = "", agent: str = "") -> list[Seen]:
        """Return the requests since the plan was set, those that fit only."""
        all_ = msgspec.json.decode(self._ask("GET"), type=list[Seen])
        return [
            one
            for one in all_
            if method in ("", one.method)
            and re.search(path, one.target)
            and re.search(agent, one.agent)
        ]

    def _ask(self, method: str, body: bytes | None = None) -> bytes:
        request = Request(f"{self.endpoint}{CONTROL}", data=body, method=method)  # noqa: S310 - our own proxy
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            return bytes(answer.read())


@contextmanager
def running(upstream: str) -> Iterator[Proxy]:
    """Start a proxy in front of *upstream* on a free port."""
    command = [sys.executable, "-m", "tests.s3.proxy_service", upstream]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield Proxy(json.loads(process.stdout.readline())["endpoint"])
        finally:
            process.kill()
