"""Each option of each protocol: it reaches the client, or is refused in words."""

import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.errors import InvalidInputError
from hopsartifacts.storage.connect import connect
from hopsartifacts.storage.options import _REFUSED_BY_ALL, BY_PROTOCOL
from tests.backends.servers import needs

CLIENTS = {
    "s3": ("s3fs", "s3", "S3FileSystem"),
    "gs": ("gcsfs", "gcs", "_JsonFileSystem"),
    "az": ("adlfs", "azure", "_BlobFileSystem"),
    "sftp": ("paramiko", "sftp", "SFTPFileSystem"),
    "hdfs": ("hdfs_native", "hdfs", "Client"),
}
URLS = {it: f"{it}://place/p" for it in CLIENTS}
MATCHING = {"az": ["exclude_cli_credential"], "hdfs": ["dfs.client.some-setting"]}
TAKEN = [
    (protocol, name)
    for protocol, known in BY_PROTOCOL.items()
    for name in [*sorted(known.taken), *MATCHING.get(protocol, [])]
]
REFUSED = [
    (protocol, name)
    for protocol, known in BY_PROTOCOL.items()
    for name in [*known.refused, *_REFUSED_BY_ALL]
]
VALUE = {"some": "value"}
SECRET = "s3cr3t-words"  # noqa: S105 - to be looked for


class Reached(BaseException):
    """What the client was made with."""

    def __init__(self, place: tuple[Any, ...], named: dict[str, Any]) -> None:
        super().__init__()
        self.place, self.named = place, named


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Reached]:
    """Return a function that gives the client's arguments for one option."""

    def catch(*place: Any, **named: Any) -> None:
        raise Reached(place, named)

    def make(protocol: str, name: str) -> Reached:
        package, module, client = CLIENTS[protocol]
        needs(package)
        found = importlib.import_module(f"hopsartifacts.storage.{module}")
        monkeypatch.setattr(found, client, catch)
        with pytest.raises(Reached) as caught:
            # SFTP connects with the first call.
            connect(URLS[protocol], {name: VALUE}).stat("a")
        return caught.value

    return make


@pytest.mark.parametrize(("protocol", "name"), TAKEN)
def test_what_is_taken_reaches_the_client(
    made: Callable[[str, str], Reached], protocol: str, name: str
) -> None:
    reached = made(protocol, name)

    # Settings of Hadoop go together.
    given = reached.place[1] if "." in name else reached.named
    assert given[name].items() >= VALUE.items()


@pytest.mark.parametrize(("protocol", "name"), REFUSED)
def test_what_has_no_effect_is_refused_in_words(protocol: str, name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{name!r} of {protocol}:// .*: leave"):
        connect(URLS[protocol], {name: SECRET})


@pytest.mark.parametrize(
    ("protocol", "wrong", "right"),
    [
        ("s3", "secrt", "secret"),
        ("gs", "tokn", "token"),
        ("az", "acount_key", "account_key"),
        ("sftp", "user_name", "username"),
        ("hdfs", "kerberos_princpal", "kerberos_principal"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest(
    protocol: str, wrong: str, right: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"did you mean {right!r}") as caught:
        connect(URLS[protocol], {wrong: SECRET})
    assert SECRET not in str(caught.value)
    with pytest.raises(InvalidInputError, match=r"see docs/backends.md"):
        connect(URLS[protocol], {"zzz": SECRET})


def test_the_clients_know_what_is_taken() -> None:
    """Their signatures, where they name what they take."""
    needs("s3fs", "gcsfs", "adlfs", "paramiko", "hdfs_native")
    from adlfs import AzureBlobFileSystem  # noqa: PLC0415 - late
    from gcsfs.core import GCSFileSystem  # noqa: PLC0415 - late
    from hdfs_native import Client  # noqa: PLC0415 - late
    from paramiko import SSHClient  # noqa: PLC0415 - late
    from s3fs import S3FileSystem  # noqa: PLC0415 - late

    # Those of a session, of a credential, and of fsspec's SFTP.
    more = {
        "s3": {"profile"},
        "az": {
            "authority",
            "managed_identity_client_id",
            "workload_identity_client_id",
        },
        "sftp": {"host_key_policy"},
    }
    for protocol, function in (
        ("s3", S3FileSystem.__init__),
        ("gs", GCSFileSystem.__init__),
        ("az", AzureBlobFileSystem.__init__),
        ("sftp", SSHClient.connect),
        ("hdfs", Client.__init__),
    ):
        named = {*inspect.signature(function).parameters}
        assert BY_PROTOCOL[protocol].taken <= named | more.get(protocol, set())


def test_the_table_in_the_documentation_says_the_same() -> None:
    text = (Path(__file__).parents[1] / "docs/backends.md").read_text()
    for protocol, known in BY_PROTOCOL.items():
        (row,) = re.findall(
            rf"^\| `{protocol}` \|(.*)\|(.*)\|(.*)\|$", text, re.MULTILINE
        )
        taken = {it for it in re.findall(r"`([^`]*)`", row[0]) if "…" not in it}
        assert taken == known.taken
        assert set(re.findall(r"`([^`]*)`", row[2])) == set(known.refused)
    assert all(f"`{name}`" in text for name in _REFUSED_BY_ALL)


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("gs", {"token": {"type": "service_account", "private_key": SECRET}}),
        ("az", {"connection_string": SECRET}),
        ("az", {"account_name": "a", "account_key": SECRET, "credential": 1}),
        ("s3", {"key": "k", "secret": SECRET, "token": SECRET, "username": SECRET}),
    ],
    ids="-".join,
)
def test_secrets_are_not_shown(protocol: str, options: dict[str, Any]) -> None:
    needs(CLIENTS[protocol][0])
    try:
        storage = connect(URLS[protocol], options)
    except InvalidInputError as error:
        shown = [str(error)]
        cause = error.__cause__
        while cause is not None:
            shown.append(str(cause))
            cause = cause.__cause__ or cause.__context__
    else:
        shown = [repr(storage), storage.url]
    assert not [it for it in shown if SECRET in it]


def test_a_client_that_quotes_a_secret_is_not_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needs("gcsfs")
    gcs = importlib.import_module("hopsartifacts.storage.gcs")

    def quote(**given: Any) -> None:
        raise ValueError(f"refused {given['token']} and {given['session_kwargs']}")

    monkeypatch.setattr(gcs, "_JsonFileSystem", quote)
    options = {"token": SECRET, "session_kwargs": {"password": SECRET + "2"}}
    with pytest.raises(InvalidInputError, match=r"refused \*\*\* and") as caught:
        connect(URLS["gs"], options)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
