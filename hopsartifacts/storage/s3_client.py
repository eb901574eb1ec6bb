"""The undocumented parts of s3fs and botocore that are used, in one place.

New releases may change them, so the versions are bounded in ``pyproject.toml``; ``make
newest`` tests the newest ones.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

Result = TypeVar("Result")

UnreadableAnswerError = ResponseParserError
"""Raised for a response that cannot be parsed."""
SOCKETS = 6
"""The number of concurrent plain requests."""
_VALID_S = 3600


class S3Client:
    """The client of an s3fs file system, for the objects of one bucket."""

    def __init__(self, filesystem: Any, bucket: str) -> None:
        # Retries happen in ``s3_requests`` only.
        filesystem.retries = 1
        self._fs = filesystem
        self.bucket = bucket
        self._lock = Lock()
        self._session: Any = None

    @property
    def endpoint(self) -> str:
        """The address of the server, or the name of the service."""
        given = self._fs.endpoint_url or self._fs.client_kwargs.get("endpoint_url")
        return str(given or "Amazon S3")

    @property
    def sends_checksums(self) -> bool:
        """Whether the server supports checksums of parts, according to the settings."""
        config = self._fs.s3.meta.config
        return bool(config.request_checksum_calculation == "when_supported")

    @property
    def takes_conditions(self) -> bool:
        """Whether the server accepts conditions on a GET."""
        return not self._fs.local_expiry_check

    @property
    def has_equal_parts(self) -> bool:
        """Whether the server requires equal parts, except for the last."""
        return bool(self._fs.fixed_upload_size)

    def start(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        """Start *work* on the client's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._fs.loop)

    async def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request of the client's *method*."""
        return dict(
            await self._fs._call_s3(method, Bucket=self.bucket, **parameters)  # noqa: SLF001 - adds the user's options
        )

    def signed_url(self, method: str, parameters: Mapping[str, Any]) -> str | None:
        """Return a signed URL for one request; None if a URL cannot express it."""
        client = self._fs.s3
        if self._fs._get_s3_method_kwargs(getattr(client, method)):  # noqa: SLF001 - the user's options
            # Customer-provided keys are sent in headers, which a URL cannot contain.
            return None
        # Without this, the older signature is used, which newer buckets reject.
        with self._lock:
            client.meta.events.register_first(
                "choose-signer.s3", _newer, "hopsartifacts"
            )
        signed = client.generate_presigned_url(
            method, Params={"Bucket": self.bucket, **parameters}, ExpiresIn=_VALID_S
        )
        return str(self.start(signed).result())

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: Iterator[memoryview] | None = None,
    ) -> Any:
        """Send one request over a plain socket, with the client's own settings.

        The body of a GET is not read yet.
        """
        request = AWSRequest(
            method, url, dict(headers), data, stream_output=method == "GET"
        )
        return self._plain(url).send(request.prepare())

    def _plain(self, url: str) -> Any:
        with self._lock:
            if self._session is None:
                config = self._fs.s3.meta.config
                verify = self._fs.client_kwargs.get("verify")
                if verify is None:
                    bundle = self._fs.session.get_config_variable("ca_bundle")
                    verify = bundle or True
                self._session = URLLib3Session(
                    verify=verify,
                    proxies=config.proxies or get_environ_proxies(url),
                    timeout=(config.connect_timeout, config.read_timeout),
                    max_pool_connections=SOCKETS,
                    client_cert=config.client_cert,
                    proxies_config=config.proxies_config,
                )
            return self._session


def _newer(signature_version: Any, **_: Any) -> str | None:
    return "s3v4-query" if signature_version in {"v4-query", "s3v4-query"} else None
