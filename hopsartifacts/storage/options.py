"""The storage options that each protocol accepts, as data.

All other options are rejected by name, including known ones without effect, because the
user expects an effect.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any
from urllib.parse import unquote

import msgspec

from hopsartifacts.errors import InvalidInputError, without_secrets

_CACHES = "configures caches, but listings are never cached"
_LOOPS = "is for callers that run their own event loop"
_SIZES = "has no effect: the sizes of reads and writes are fixed"
_NO_EFFECT = "has no effect"
_CONNECT_S = 10.0
"""The most that a connection may take where requests are limited."""
_REFUSED_BY_ALL = {
    "asynchronous": _LOOPS,
    "default_block_size": _SIZES,
    "default_cache_type": _SIZES,
    "default_fill_cache": _SIZES,
    "listings_expiry_time": _CACHES,
    "loop": _LOOPS,
    "max_paths": _CACHES,
    "skip_instance_cache": _CACHES,
    "use_listings_cache": _CACHES,
    "version_aware": "would treat a part of a name as a version",
}


class Options(msgspec.Struct, frozen=True):
    """The storage options of one protocol, and the module that implements it."""

    module: str
    """Its ``<module>_storage`` takes the part of the URL after the protocol, and the
    storage options."""
    taken: frozenset[str]
    refused: Mapping[str, str]
    """Known options that are rejected, with the reason."""
    pattern: str = r"(?!)"
    """A pattern for further accepted names."""
    limit: Callable[[float], dict[str, Any]] = lambda _: {}
    """Returns the options that limit each request to so many seconds."""


def names(text: str) -> frozenset[str]:
    """Return the words of *text* as a set."""
    return frozenset(text.split())


BY_PROTOCOL = {
    "s3": Options(
        "s3",
        names(
            "anon cache_regions client_kwargs config_kwargs endpoint_url "
            "fixed_upload_size key local_expiry_check password profile requester_pays "
            "s3_additional_kwargs secret session token use_ssl username"
        ),
        {"max_concurrency": _SIZES},
        limit=lambda seconds: {
            "config_kwargs": {
                "connect_timeout": min(seconds, _CONNECT_S),
                "read_timeout": seconds,
            }
        },
    ),
    "gs": Options(
        "gcs",
        names(
            "access check_connection consistency endpoint_url project requester_pays "
            "requests_timeout session_kwargs timeout token"
        ),
        {
            "block_size": _SIZES,
            "cache_timeout": _CACHES,
            "default_location": "is for new buckets, and no bucket is created",
            "secure_serialize": _NO_EFFECT,
        },
        limit=lambda seconds: {"requests_timeout": seconds},
    ),
    "az": Options(
        "azure",
        names(
            "account_host account_key account_name anon assume_container_exists "
            "authority client_id client_secret connection_string connection_timeout "
            "credential location_mode managed_identity_client_id max_concurrency "
            "read_timeout sas_token tenant_id timeout workload_identity_client_id"
        ),
        {
            "blocksize": _SIZES,
            "request_session": _NO_EFFECT,
            "socket_timeout": _NO_EFFECT,
        },
        r"exclude_\w+_credential",
        limit=lambda seconds: {
            "connection_timeout": min(seconds, _CONNECT_S),
            "read_timeout": seconds,
        },
    ),
    "sftp": Options(
        "sftp",
        names(
            "allow_agent auth_strategy auth_timeout banner_timeout channel_timeout "
            "compress disabled_algorithms host_key_policy key_filename look_for_keys "
            "passphrase password pkey port sock timeout transport_factory username"
        ),
        {"host": "is given by the URL", "temppath": _NO_EFFECT},
    ),
    "hdfs": Options(
        "hdfs",
        names("config_dir kerberos_cache kerberos_keytab kerberos_principal"),
        {},
        # The names of Hadoop settings.
        r"\w+(\.[\w-]+)+",
    ),
}
ALIASES = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "ssh": "sftp"}
"""Other names of these protocols."""
_SECRETS = re.compile(r"secret|token|pass(word|phrase)|passwd|account_key|connection_s")
"""A pattern that matches the names of options whose values are secret."""


def check(protocol: str, options: Mapping[str, Any]) -> None:
    """Raise ``InvalidInputError`` if *protocol* does not accept one of *options*.

    The message names it and the closest accepted one, but not its value.
    """
    known = BY_PROTOCOL[protocol]
    for name in map(str, options):
        if name in known.taken or re.fullmatch(known.pattern, name):
            continue
        refused = {**_REFUSED_BY_ALL, **known.refused}
        if name in refused:
            raise InvalidInputError(
                f"storage option {name!r} of {protocol}:// {refused[name]}: "
                "leave it out"
            )
        near = get_close_matches(name, known.taken, 1)
        hint = f"did you mean {near[0]!r}?" if near else "see docs/backends.md"
        raise InvalidInputError(
            f"storage option {name!r} is not known to {protocol}://: {hint} "
            f"It takes {', '.join(sorted(known.taken))}"
        )


def protocol_of(url: str) -> str:
    """Return the protocol of *url* by its usual name; all of *url* if it has none."""
    protocol = url.partition("://")[0]
    return ALIASES.get(protocol, protocol)


def request_limit(url: str, seconds: float) -> dict[str, Any]:
    """Return the storage options that limit each request to a project at *url*.

    They are empty for protocols whose clients have no such option.
    """
    known = BY_PROTOCOL.get(protocol_of(url))
    return known.limit(seconds) if known else {}


def password_in(url: str) -> str:
    """Return the password in *url*, even if it wrongly contains a "/"."""
    rest = url.partition("://")[2]
    before = rest.partition("/")[0].rpartition("@")[0] or rest.rpartition("@")[0]
    user, _, password = before.partition(":")
    is_port = re.fullmatch(r"\d+(/.*)?", password) is not None
    return "" if "/" in user or user == "arn" or is_port else password


@contextmanager
def hiding(url: str, options: Mapping[str, Any]) -> Iterator[None]:
    """Remove the secrets in *url* and *options* from errors that quote them."""
    try:
        yield
    except InvalidInputError as error:
        password = password_in(url)
        secrets = {password, unquote(password), *_secrets(options)} - {""}
        shown, cause = str(error), str(error.__cause__)
        for secret in sorted(secrets, key=len, reverse=True):
            shown = shown.replace(secret, "***")
        is_quoted = any(secret in cause for secret in secrets)
        if shown == str(error) and not is_quoted and without_secrets(cause) == cause:
            raise
        raise InvalidInputError(shown) from None


def _secrets(value: Any, *, is_secret: bool = False) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            is_named = bool(_SECRETS.search(str(name)))
            yield from _secrets(inner, is_secret=is_secret or is_named)
    elif isinstance(value, str) and value and is_secret:
        yield value
