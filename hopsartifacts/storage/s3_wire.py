"""The quick way for large ranges: blocking sockets in threads, for half the work.

It knows nothing of failures. Whatever is out of the ordinary, the range is asked for
again by the ordinary way, which repeats and explains.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from hopsartifacts.storage.s3_requests import Body, Requests, body_of

_THREADS = 6
_VALID_S = 3600
_MISSES_LIMIT = 8
"""So many failures in a row, and this way is not tried any more: the server does not
take signed URLs, or one client's ranges at the same moment."""


class Wire:
    """GET requests for the objects of one bucket, beside the client of an s3fs."""

    def __init__(self, filesystem: Any, requests: Requests) -> None:
        self._fs = filesystem
        self._requests = requests
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._session: Any = None
        self._misses = 0

    def submit(self, key: str, headers: Mapping[str, str]) -> "Future[Body]":
        """Begin one request for a range of *key*."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS, "hopsartifacts-s3")
        return self._pool.submit(self._get, key, headers)

    def _get(self, key: str, headers: Mapping[str, str]) -> Body:
        if self._misses < _MISSES_LIMIT:
            try:
                body = self._quickly(key, headers)
            except Exception:  # noqa: BLE001 - the other way finds out, and says, why
                body = None
            if body:
                self._misses = 0
                return body
            self._misses += 1
        named = {name.replace("-", ""): value for name, value in headers.items()}
        return self._requests.get(Key=key, **named)

    def _quickly(self, key: str, headers: Mapping[str, str]) -> Body | None:
        client = self._fs.s3
        if self._fs._get_s3_method_kwargs(client.get_object):  # noqa: SLF001 - what s3fs adds
            # Keys of the customer's own travel in headers, which a URL cannot carry.
            return None
        signed = client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._requests.bucket, "Key": key},
            ExpiresIn=_VALID_S,
        )
        url = asyncio.run_coroutine_threadsafe(signed, self._fs.loop).result()
        request = AWSRequest("GET", url, dict(headers), stream_output=True)
        answer = self._http(client, url).send(request.prepare())
        try:
            if answer.status_code != 206:  # noqa: PLR2004 - Partial Content
                return None
            found = {
                "ContentLength": int(answer.headers["content-length"]),
                "ContentRange": answer.headers["content-range"],
                "ETag": answer.headers.get("etag", ""),
            }
            return body_of(found, answer.raw.read(decode_content=False))
        finally:
            # Read to its end, its connection has gone back to the pool before.
            answer.raw.close()

    def _http(self, client: Any, url: str) -> Any:
        with self._lock:
            if self._session is None:
                config = client.meta.config
                verify = self._fs.client_kwargs.get("verify")
                if verify is None:
                    bundle = self._fs.session.get_config_variable("ca_bundle")
                    verify = bundle or True
                self._session = URLLib3Session(
                    verify=verify,
                    proxies=config.proxies or get_environ_proxies(url),
                    timeout=(config.connect_timeout, config.read_timeout),
                    max_pool_connections=_THREADS,
                    client_cert=config.client_cert,
                    proxies_config=config.proxies_config,
                )
            return self._session
