"""No secret of a project's URL, or of its storage options, is ever shown."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

import hopsartifacts
from hopsartifacts.errors import (
    HopsArtifactsError,
    InvalidInputError,
    StorageError,
    without_secrets,
)
from hopsartifacts.project import Project
from hopsartifacts.rest.access_log import log_to
from hopsartifacts.storage.connect import SUPPORTED, connect
from hopsartifacts.storage.contract import translating

PLAIN = "pa55w0rd"
FORMS = [
    "{}://key:pa55w0rd@place/p",
    "{}://key:pa55/w0rd@place/p",
    "{}://key:pa55%2Fw0rd@place/p",
    "{}://key:pa55@w0rd@place/p@x",
    "{}://:pa55w0rd@place/p",
    "{}://key:pa55 w0rd@place/p",
    "{}://place/p?token=pa55w0rd",
    "{}://place/p?x=1&X-Amz-Signature=pa55w0rd",
    "{}://place/p?sv=1&sig=pa55w0rd&se=2",
    "{}://place/p?AccountKey=pa55w0rd",
    "{}://place/p;AccountKey=pa55w0rd;EndpointSuffix=x",
]
OTHERS = ["webdav", "smb", "ftp", "http", "s4", "simplecache::s3"]
OPTIONS = [
    {"secret": PLAIN},
    {"token": PLAIN},
    {"password": PLAIN},
    {"sas_token": PLAIN},
    {"account_key": PLAIN},
    {"connection_string": f"AccountName=a;AccountKey={PLAIN}"},
    {"passphrase": PLAIN},
]


def places(error: BaseException | None) -> Iterator[str]:
    """Yield all that is shown of an error, and of those it came of."""
    while error is not None:
        yield str(error)
        yield repr(error)
        is_hidden = error.__suppress_context__
        error = error.__cause__ or (None if is_hidden else error.__context__)


def project_at(url: str, options: dict[str, Any] | None = None) -> Project:
    return hopsartifacts.login(url, storage_options=options, unsafe_single_writer=True)


def shown(act: Callable[[], Project]) -> list[str]:
    """Return all that one sees of a project, or of why there is none."""
    try:
        project = act()
    except HopsArtifactsError as error:
        return list(places(error))
    storage = project.storage
    return [project.url, storage.url, project.name, *map(repr, (project, storage))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("protocol", [*SUPPORTED, *OTHERS])
def test_secrets_of_a_url_are_not_shown(protocol: str, form: str) -> None:
    seen = shown(lambda: project_at(form.format(protocol)))

    assert seen
    assert not [it for it in seen if "pa55" in it or "w0rd" in it]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda it: next(iter(it)))
@pytest.mark.parametrize("protocol", [*SUPPORTED, *OTHERS])
def test_secrets_among_options_are_not_shown(
    protocol: str, options: dict[str, Any]
) -> None:
    seen = shown(lambda: project_at(f"{protocol}://place/p", options))

    assert seen
    assert not [it for it in seen if PLAIN in it]


@pytest.mark.parametrize("protocol", ["s3", "gs", "az", "hdfs", "memory", "file"])
def test_a_password_that_would_have_no_effect_is_refused(protocol: str) -> None:
    with pytest.raises(InvalidInputError, match=r"give it as storage_options"):
        connect(f"{protocol}://key:{PLAIN}@place/p")


def test_the_place_of_a_server_is_shown_without_its_user() -> None:
    pytest.importorskip("paramiko")
    assert connect(f"sftp://me:{PLAIN}@host:23/a@b").url == "sftp://host:23/a@b"


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/a@b",
        "az://container@account.blob.core.windows.net/p",
        "hdfs://host:8020/a@b",
        "file:///tmp/a:b@c",
        "/data/token=5/part",
        "https://host/p?versionId=5",
        "model:3@production",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert without_secrets(text) == text


def test_a_failure_quotes_no_secret_of_its_client() -> None:
    quoted = f"403: https://me:{PLAIN}@host/p?sv=1&sig={PLAIN}"
    with pytest.raises(StorageError, match="403: https://me@host") as caught:  # noqa: SIM117
        with translating(lambda error: StorageError(f"cannot read: {error}")):
            raise OSError(quoted)
    assert not [it for it in places(caught.value) if PLAIN in it]


def test_the_server_logs_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    error = OSError(f"cannot open sftp://me:{PLAIN}@host/p?sig={PLAIN}")
    log_to(None)
    try:
        root.error("at https://host/p?token=%s", PLAIN, exc_info=error)
    finally:
        root.handlers, root.level = handlers, level
        logging.captureWarnings(capture=False)
    line = capsys.readouterr().err
    assert PLAIN not in line
    assert "me@host" in msgspec.json.decode(line)["trace"]
