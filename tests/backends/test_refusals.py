"""What cannot work is refused in plain words, soon, and leaves nothing behind."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hopsartifacts.errors import InvalidInputError, StorageError
from hopsartifacts.storage.connect import connect
from tests.backends.conftest import Azure, Ftp, Gcs, Hdfs, Place, Sftp
from tests.backends.servers import needs

NOWHERE = "127.0.0.1:9"
"""Nothing listens there."""
SOON_S = 40
"""Ten seconds on an idle machine."""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "predict.py"
    path.write_text("class Predictor:\n    def predict(self, inputs): return inputs\n")
    return path


@contextmanager
def soon() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SOON_S


def save(place: Place, script: Path) -> None:
    place.login().get_model_registry().python.create_model("m").save(script)


@pytest.mark.parametrize(
    "place",
    [
        Place("gs://bucket/p", Gcs(f"http://{NOWHERE}").options()),
        Place("az://container/p", Azure(f"http://{NOWHERE}").options()),
        Place(f"sftp://{NOWHERE}/p", {}),
        Place(f"hdfs://{NOWHERE}/p", {}),
    ],
    ids=lambda place: place.url,
)
def test_a_server_that_is_not_there(place: Place, script: Path) -> None:
    needs("gcsfs", "adlfs", "paramiko", "hdfs_native")

    with soon(), pytest.raises(StorageError, match=r"(?i)connect"):
        save(place, script)


def test_a_bucket_that_is_not_there(gcs: Gcs, script: Path) -> None:
    place = Place("gs://not-there/p", gcs.options())

    with soon(), pytest.raises(StorageError, match="no bucket 'not-there'"):
        save(place, script)


def test_a_container_that_is_not_there(azure: Azure, script: Path) -> None:
    place = Place("az://not-there/p", azure.options())

    with soon(), pytest.raises(StorageError, match="container does not exist"):
        save(place, script)


def test_google_credentials_that_are_none(gcs: Gcs) -> None:
    place = Place(f"gs://{gcs.bucket()}/p", gcs.options(token={"wrong": "keys"}))

    with soon(), pytest.raises(InvalidInputError, match="options cannot be used"):
        place.login()


def test_the_wrong_key_of_an_azure_account(azure: Azure, script: Path) -> None:
    url = f"az://{azure.container()}/p"

    with (
        soon(),
        pytest.raises(StorageError, match=r"AuthorizationFailure|authenticate"),
    ):
        save(Place(url, azure.options(key="d3Jvbmc=")), script)

    assert list(Place(url, azure.options()).login().storage.find("")) == []


def test_no_azure_account_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("adlfs")
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)

    with pytest.raises(InvalidInputError, match="account_name with credentials"):
        Place("az://container/p", {"anon": True}).login()


def test_an_azure_url_may_name_the_account() -> None:
    needs("adlfs")
    url = "abfss://container@account.dfs.core.windows.net/team/p"

    storage = connect(url, {"account_key": "d3Jvbmc="})

    assert storage.url == "az://container/team/p"
    assert storage._fs.account_name == "account"  # type: ignore[attr-defined]
    other = connect(url, {"account_name": "mine", "account_key": "d3Jvbmc="})
    assert other._fs.account_name == "mine"  # type: ignore[attr-defined]


def test_an_ssh_key_that_is_not_known(sftp: Sftp, script: Path) -> None:
    stranger = sftp.key.with_name("host")

    with soon(), pytest.raises(StorageError, match="Authentication failed"):
        save(sftp.place(key_filename=str(stranger)), script)


def test_an_ssh_folder_that_may_not_be_written_to(sftp: Sftp, script: Path) -> None:
    url = f"sftp://127.0.0.1:{sftp.port}/proc/nobody-may/p"

    with soon(), pytest.raises(StorageError, match="cannot write"):
        save(Place(url, sftp.options()), script)


def test_an_ssh_server_that_is_not_the_known_one(sftp: Sftp) -> None:
    """Storage options go through: this one is fsspec's."""
    with soon(), pytest.raises(StorageError, match="not found in known_hosts"):
        sftp.place(host_key_policy="reject").login()


def test_an_ssh_connection_that_broke_is_made_again(sftp: Sftp) -> None:
    storage = sftp.place().login().storage
    storage.create("a", b"one")
    storage._server._connection.client.get_transport().sock.close()  # type: ignore[attr-defined]

    with pytest.raises(StorageError):
        storage.read("a")

    assert storage.read("a") == b"one"


@pytest.mark.parametrize("url", ["sftp:///p", "sftp://host", "sftp://host/"])
def test_an_ssh_url_names_host_and_path(url: str) -> None:
    needs("paramiko")
    with pytest.raises(InvalidInputError, match="sftp://<host>/<path>"):
        Place(url, {}).login()


def test_a_hadoop_folder_of_somebody_else(
    hdfs: Hdfs, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HADOOP_USER_NAME", "somebody")

    with soon(), pytest.raises(StorageError, match="Permission denied"):
        save(hdfs.place(), script)


def test_a_hadoop_file_of_somebody_else_stays_as_it_is(
    hdfs: Hdfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = hdfs.place()
    place.login().storage.write("Resources/a", [b"of the super user"])
    monkeypatch.setenv("HADOOP_USER_NAME", "somebody")
    storage = place.login().storage

    for change in (storage.delete_tree, storage.protect):
        with pytest.raises(StorageError, match="ermission denied"):
            change("Resources/a")

    assert storage.read("Resources/a") == b"of the super user"


def test_a_name_that_hadoop_does_not_take(hdfs: Hdfs) -> None:
    storage = hdfs.place().login().storage

    with pytest.raises(StorageError, match="cannot write 'Resources/a:b'"):
        storage.write("Resources/a:b", [b"bytes"])

    assert list(storage.find("")) == []


@pytest.mark.parametrize("url", ["hdfs:///p", "hdfs://host", "hdfs://no-service/p"])
def test_a_hadoop_url_names_node_and_path(url: str) -> None:
    needs("hdfs_native")
    with pytest.raises(InvalidInputError, match="hdfs://"):
        Place(url, {}).login()


def test_the_wrong_password_of_an_ftp_user(ftp: Ftp) -> None:
    place = ftp.place()
    wrong = place._replace(options={**place.options, "password": "guessed"})

    with soon(), pytest.raises(InvalidInputError, match="Authentication failed"):
        wrong.login()
