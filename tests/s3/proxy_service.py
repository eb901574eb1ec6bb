"""The proxy's own process: passes requests on and does the harm that was planned."""

import argparse
import asyncio
import json
import random
import re
import socket
from typing import Any

import msgspec
from aiohttp import ClientSession, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from tests.s3.proxy import CONTROL, Plan, Rule, Seen

_OWN_HEADERS = {"connection", "expect", "keep-alive", "transfer-encoding"}
_CODES = {429: "TooManyRequests", 500: "InternalError", 503: "SlowDown"}


class _Service:
    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._client: ClientSession | None = None
        self._is_over = asyncio.Event()
        self._told(Plan(rules=[]))

    def _told(self, plan: Plan) -> None:
        self._is_over.set()
        self._is_over = asyncio.Event()
        self._plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 - has to be repeatable
        self._fitting = [0] * len(plan.rules)
        self._done = [0] * len(plan.rules)
        self._seen: list[Seen] = []

    async def control(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self._told(msgspec.json.decode(await request.read(), type=Plan))
        return web.Response(body=msgspec.json.encode(self._seen))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        agent = request.headers.get("User-Agent", "")
        rule = self._rule(request.method, request.raw_path, agent)
        seen, place = self._seen, len(self._seen)
        seen.append(Seen(request.method, request.raw_path, rule.do, 0, agent))
        try:
            body = await self._received(request, rule)
        except ConnectionError:
            return self._cut(request)
        if rule.do == "refuse":
            return _refusal(rule)
        status, headers, answer = await self._forward(request, body)
        seen[place] = Seen(request.method, request.raw_path, rule.do, status, agent)
        if rule.do == "lose answer":
            return self._cut(request)
        if rule.do == "truncate":
            answer = answer[: len(answer) // 2]
            headers["Content-Length"] = str(len(answer))
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        if rule.do == "cut answer":
            await response.write(answer[: len(answer) // 2])
            return self._cut(request)
        await response.write(answer)
        return response

    async def _received(self, request: web.Request, rule: Rule) -> bytes:
        if rule.do == "hold":
            await self._is_over.wait()
        if rule.do == "hang":
            await asyncio.sleep(rule.seconds)
            raise ConnectionAbortedError
        if rule.do == "cut request":
            half = (request.content_length or 0) // 2
            while half > 0:
                half -= len(await request.content.read(half)) or half
            raise ConnectionAbortedError
        body = await request.read()
        if rule.do == "change request":
            middle = len(body) // 2
            return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        return body

    def _rule(self, method: str, target: str, agent: str) -> Rule:
        for number, rule in enumerate(self._plan.rules):
            fits = (
                rule.method in ("", method)
                and re.search(rule.path, target)
                and re.search(rule.agent, agent)
            )
            if not fits or self._done[number] >= rule.times:
                continue
            self._fitting[number] += 1
            if self._fitting[number] <= rule.skip:
                continue
            if self._random.random() < rule.chance:
                self._done[number] += 1
                return rule
        return Rule(do="")

    async def _forward(
        self, request: web.Request, body: bytes
    ) -> tuple[int, CIMultiDict[str], bytes]:
        if self._client is None:
            self._client = ClientSession(
                connector=TCPConnector(limit=0),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            )
        async with self._client.request(
            request.method,
            URL(self._upstream + request.raw_path, encoded=True),
            headers=_passed_on(request.headers),
            data=body or None,
            allow_redirects=False,
        ) as answer:
            return answer.status, _passed_on(answer.headers), await answer.read()

    @staticmethod
    def _cut(request: web.Request) -> web.StreamResponse:
        if request.transport:
            request.transport.abort()
        # Nobody gets it: the connection is gone.
        return web.Response()


def _passed_on(headers: Any) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _OWN_HEADERS
    )


def _refusal(rule: Rule) -> web.Response:
    code = rule.code or _CODES.get(rule.status, "Refused")
    text = f"<Error><Code>{code}</Code><Message>by plan</Message></Error>"
    return web.Response(status=rule.status, text=text, content_type="application/xml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("upstream")
    service = _Service(parser.parse_args().upstream)
    app = web.Application(client_max_size=1 << 40)
    app.router.add_route("*", CONTROL, service.control)
    app.router.add_route("*", "/{path:.*}", service.handle)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(json.dumps({"endpoint": endpoint}), flush=True)  # noqa: T201 - to the parent
    web.run_app(app, sock=listener, print=None, access_log=None)


if __name__ == "__main__":
    main()
