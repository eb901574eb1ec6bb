"""The requests to one S3 bucket: sending, retries, and readable errors.

Retries happen only here; those of botocore and s3fs are turned off. Reading the body is
part of the request, so a truncated body is requested again.

Only this module depends on undocumented parts of s3fs and botocore. New releases may
change them, so the versions are bounded in ``pyproject.toml``; ``make newest`` tests
the newest ones.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import aiohttp
import msgspec
from botocore import exceptions
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.httpsession import get_cert_path
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.util.ssl_ import create_urllib3_context

from hopsartifacts.errors import StorageError, StorageRefusedError
from hopsartifacts.storage.options import names

Answer = dict[str, Any]

SOCKETS = 6
"""The number of concurrent plain requests."""
DEFAULT_ATTEMPTS = 8
_PATIENCE_S = 60.0
"""No attempt starts later than this after the first one."""
_SILENCE_S = 12.0
"""The same limit for a server that does not answer at all, after two attempts."""
_DOWN_S = 30.0
_NEVER = float("-inf")
_SETUP_VALID_S = 60.0
_ANY_KEY = "key"
_TOKEN_OF_DIRECTORY_BUCKETS = "X-Amz-S3session-Token"  # noqa: S105 - the name of a field
_MISLED = frozenset({301, 307, 400, 401, 403})
"""Status codes of requests with an old address or old keys."""
_FAULT_OF_CLIENT = 4
"""The first digit of the status codes of rejected requests."""
_REPEATED = "RetryAttempts"
"""The field of a response that counts earlier attempts of its request."""
_RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_RETRIED_CODES = names(
    "BadDigest ConditionalRequestConflict IncompleteBody OperationAborted "
    "RequestTimeout Throttling ThrottlingException XAmzContentSHA256Mismatch"
)
_RETRIED_ERRORS = (
    ConnectionError,
    exceptions.FlexibleChecksumError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ConnectionError,
    ResponseParserError,
    TimeoutError,
    aiohttp.ClientError,
)
_WRONG_KEYS = names("InvalidAccessKeyId InvalidToken SignatureDoesNotMatch")
_UNSIGNED_BODY = Config(s3={"payload_signing_enabled": False})
_NO_KEYS = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
_UNREACHABLE = (exceptions.ConnectTimeoutError, exceptions.EndpointConnectionError)


class RequestBody(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an object or a range, with the object's total size and ETag."""

    data: bytes
    total_bytes: int
    etag: str


class _PlainSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What plain requests use.

    The URL of an object is *address* with the quoted key. *signer* is botocore's.
    """

    pool: PoolManager
    address: str
    signer: Any


class S3Client:
    """The client of an s3fs file system, for the objects of one bucket."""

    def __init__(self, filesystem: Any, bucket: str, attempts: int) -> None:
        filesystem.retries = 1
        self._fs = filesystem
        self.bucket = bucket
        self.attempts = attempts
        self._down_since = _NEVER
        self._lock = Lock()
        self._known_setup: _PlainSetup | None = None
        self._setup_until = _NEVER

    @property
    def sends_checksums(self) -> bool:
        """Whether the server supports checksums of parts, according to the settings."""
        config = self._fs.s3.meta.config
        return bool(config.request_checksum_calculation == "when_supported")

    @property
    def has_equal_parts(self) -> bool:
        """Whether the server requires equal parts, except for the last."""
        return bool(self._fs.fixed_upload_size)

    def send(self, method: str, **parameters: Any) -> Answer:
        """Send one request of the client's *method* and return its response."""
        future = self.submit(method, **parameters)
        try:
            return future.result()
        finally:
            # This has an effect only if the wait itself was interrupted.
            future.cancel()

    def submit(self, method: str, **parameters: Any) -> Future[Answer]:
        """Start one request and return its future."""
        work = self._repeated(method, parameters)
        return asyncio.run_coroutine_threadsafe(work, self._fs.loop)

    def get(self, **parameters: Any) -> RequestBody:
        """Return an object, or a range of it, with one request."""
        body: RequestBody = self.send("get_object", **parameters)["Body"]
        return body

    def pages(self, method: str, **parameters: Any) -> Iterator[Answer]:
        """Yield the pages of a listing."""
        while True:
            page = self.send(method, **parameters)
            yield page
            if not page.get("IsTruncated"):
                return
            # "NextKeyMarker" is the next page's "KeyMarker", and so on.
            found = {it[4:]: page[it] for it in page if it.startswith("Next")}
            parameters = {**parameters, **found}

    def listed(self, method: str, field: str, **parameters: Any) -> list[Answer]:
        """Return what all pages of a listing have in *field*."""
        pages = self.pages(method, **parameters)
        return [it for page in pages for it in page.get(field) or ()]

    def send_plain(
        self,
        method: str,
        place: Mapping[str, Any],
        headers: Mapping[str, str],
        data: Iterator[Any] | None = None,
        size_bytes: int = 0,
    ) -> BaseHTTPResponse | None:
        """Send one request over a plain socket, once.

        It is a PUT of *data*, which has *size_bytes*, or a GET whose body is not read
        yet. *place* has the ``Key``, and what else is part of the URL. Returns None if
        the user's options require more.
        """
        setup = self._setup()
        called = getattr(self._fs.s3, method)
        more = self._fs._get_s3_method_kwargs(called)  # noqa: SLF001 - the user's options
        if setup is None or more:
            return None
        query = {it[0].lower() + it[1:]: place[it] for it in place if it != "Key"}
        asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
        url = f"{setup.address}{quote(place['Key'], safe='/~')}{asked}"
        request = AWSRequest("GET" if data is None else "PUT", url, dict(headers))
        request.context["client_config"] = _UNSIGNED_BODY
        setup.signer.add_auth(request)
        signed = dict(request.headers)
        if data is not None:
            # Servers disagree on how this header would be signed.
            signed["Content-Length"] = str(size_bytes)
        answer = setup.pool.request(
            request.method,
            url,
            body=data,
            headers=signed,
            redirect=False,
            retries=False,
            preload_content=data is not None,
        )
        if answer.status in _MISLED:
            # The address or the keys may have changed.
            self._setup_until = _NEVER
        return answer

    def _setup(self) -> _PlainSetup | None:
        """Return what plain requests need; None if it takes more than that.

        Temporary keys change, so it is made again every minute.
        """
        # In a forked process this raises; the sockets belong to the parent.
        loop = self._fs.loop
        with self._lock:
            if time.monotonic() > self._setup_until:
                making = asyncio.run_coroutine_threadsafe(self._new_setup(), loop)
                self._known_setup = making.result()
                self._setup_until = time.monotonic() + _SETUP_VALID_S
            return self._known_setup

    async def _new_setup(self) -> _PlainSetup | None:
        client = self._fs.s3
        # Without this, the older signature is used, which newer buckets reject.
        client.meta.events.register_first("choose-signer.s3", _newer, "hopsartifacts")
        place = {"Bucket": self.bucket, "Key": _ANY_KEY}
        url = await client.generate_presigned_url("get_object", Params=place)
        address, _, query = url.partition("?")
        signed = dict(parse_qsl(query))
        is_usual = signed.get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256"
        config = client.meta.config
        proxies = config.proxies or get_environ_proxies(url)
        if not is_usual or _TOKEN_OF_DIRECTORY_BUCKETS in signed or proxies:
            return None
        _, _, region, service, _ = signed["X-Amz-Credential"].rsplit("/", 4)
        signer = await client._request_signer.get_auth_instance(  # noqa: SLF001 - its keys
            service, region, "s3v4"
        )
        known = self._known_setup
        return _PlainSetup(
            pool=known.pool if known else self._new_pool(url, config),
            address=address.removesuffix(_ANY_KEY),
            signer=signer,
        )

    def _new_pool(self, url: str, config: Any) -> PoolManager:
        context = None
        if url.startswith("https:"):
            # One for all connections: reading the certificates takes 20 ms.
            verify = self._fs.client_kwargs.get("verify")
            if verify is None:
                verify = self._fs.session.get_config_variable("ca_bundle") or True
            needed = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
            context = create_urllib3_context(cert_reqs=needed)
            if verify:
                context.load_verify_locations(get_cert_path(verify))
            own = config.client_cert
            if own:
                context.load_cert_chain(*([own] if isinstance(own, str) else own))
        return PoolManager(
            maxsize=config.max_pool_connections,
            timeout=Timeout(connect=config.connect_timeout, read=config.read_timeout),
            ssl_context=context,
        )

    async def _repeated(self, method: str, parameters: Mapping[str, Any]) -> Answer:
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_passing),
            stop=self._is_enough,
            wait=wait_random_exponential(multiplier=0.2, max=3),
            reraise=True,
        )
        try:
            answer: Answer = await retrying(self._once, method, parameters)
        except Exception as error:
            is_down = isinstance(error, _UNREACHABLE)
            self._down_since = time.monotonic() if is_down else _NEVER
            said = _answer(error).get("ResponseMetadata", {})
            said[_REPEATED] = retrying.statistics.get("attempt_number", 1) - 1
            raise
        self._down_since = _NEVER
        return answer

    async def _once(self, method: str, parameters: Mapping[str, Any]) -> Answer:
        # This method of s3fs adds the user's options.
        answer = await self._fs._call_s3(method, Bucket=self.bucket, **parameters)  # noqa: SLF001 - see above
        if method != "get_object":
            return dict(answer)
        async with answer["Body"] as stream:
            data = bytes(await stream.read())
        return {**answer, "Body": body_of(answer, data)}

    def _is_enough(self, state: RetryCallState) -> bool:
        elapsed_s = state.seconds_since_start or 0.0
        error = state.outcome.exception() if state.outcome else None
        is_silent = error is not None and not _answer(error)
        # Soon after one call has waited in vain, other calls do not wait again.
        is_down = is_silent and time.monotonic() - self._down_since < _DOWN_S
        is_late = is_silent and elapsed_s >= _SILENCE_S and state.attempt_number > 1
        is_last = state.attempt_number >= self.attempts or elapsed_s >= _PATIENCE_S
        return is_down or is_late or is_last

    def explained(self, doing: str, path: str, error: Exception) -> StorageError:
        """Return *error* as one of our errors, with a message that says what to do."""
        url = self._fs.endpoint_url or self._fs.client_kwargs.get("endpoint_url")
        code = error_code(error)
        message = _answer(error).get("Error", {}).get("Message")
        words = ": ".join(filter(None, (code, message)))
        said = words or str(error) or type(error).__name__
        if code == "NoSuchBucket":
            text = "does not exist: create it, or correct the project's URL"
        elif code in _WRONG_KEYS:
            text = f"rejects these keys ({said}): check key and secret"
        elif isinstance(error, PermissionError):
            text = f"denies access ({said}): give the keys this permission there"
        elif isinstance(error, _NO_KEYS):
            text = f"needs keys ({said}): give key and secret as storage_options"
        elif isinstance(error, _UNREACHABLE):
            text = f"cannot be reached ({said}): check endpoint_url and the network"
        elif is_passing(error):
            text = f"failed repeatedly ({said}): try again later"
        else:
            text = f"answered {said}"
        kind = StorageRefusedError if is_refused(error) else StorageError
        place = f"bucket {self.bucket!r} at {url or 'Amazon S3'}"
        return kind(f"cannot {doing} {path!r}: {place} {text}")


def body_of(answer: Mapping[str, Any], data: bytes) -> RequestBody:
    """Return *data* as the body of *answer*; raise if it is incomplete."""
    due = total = answer["ContentLength"]
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.get("ContentRange", ""))
    if found:
        first, last, total = map(int, found.groups())
        due = last - first + 1
    if len(data) != due:
        raise exceptions.IncompleteReadError(actual_bytes=len(data), expected_bytes=due)
    return RequestBody(data=data, total_bytes=total, etag=str(answer.get("ETag", "")))


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may succeed a little later."""
    if isinstance(error, exceptions.SSLError):
        return False
    answer = _answer(error)
    if answer:
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in _RETRIED_STATUSES or error_code(error) in _RETRIED_CODES
    # s3fs maps responses to OSErrors too, but those have a response as their cause.
    return isinstance(error, _RETRIED_ERRORS)


def is_refused(error: BaseException) -> bool:
    """Return whether the server did nothing, and a retry would fail the same way."""
    if isinstance(error, _NO_KEYS):
        return True
    said = _answer(error).get("ResponseMetadata", {})
    # An earlier attempt of this request may have been executed.
    is_first = not said.get(_REPEATED)
    is_fault_of_ours = said.get("HTTPStatusCode", 0) // 100 == _FAULT_OF_CLIENT
    return is_first and is_fault_of_ours and not is_passing(error)


def error_code(error: BaseException) -> str:
    """Return S3's error code; empty if the server did not answer."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def refusal(text: bytes) -> exceptions.ClientError:
    """Return the error that the XML *text* of a response describes."""
    found = re.search(rb"<Code>(\w+)</Code>", text)
    code = found[1].decode() if found else ""
    return exceptions.ClientError({"Error": {"Code": code}}, "GetObject")


def is_absent(error: BaseException) -> bool:
    """Return whether the object, rather than its bucket, is missing."""
    return error_code(error) in {"NoSuchKey", "404", "NoSuchVersion"}


def _answer(error: BaseException) -> Answer:
    source = error if isinstance(error, exceptions.ClientError) else error.__cause__
    return dict(source.response) if isinstance(source, exceptions.ClientError) else {}


def _newer(signature_version: Any, **_: Any) -> str | None:
    return "s3v4-query" if signature_version in {"v4-query", "s3v4-query"} else None
