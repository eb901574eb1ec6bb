"""Keys of a server, and how it is started, from the command line."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra server")
pytest.importorskip("cryptography", reason="needs the extra server")

from click.testing import Result

from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.own_folder import own_folder

Run = Callable[..., Result]
Answer = Callable[..., Any]


@pytest.fixture
def keys(url: str) -> Keys:
    """The keys of the default project's server."""
    return Keys(own_folder(url))


def test_a_key_is_shown_once(run: Run, keys: Keys, url: str) -> None:
    made = run("keys", "create", "ann")
    assert made.stderr == f"Key ann of the server of {url}, for read, write, deploy:\n"
    text = made.stdout.strip()
    caller = keys.find(text)
    assert caller
    assert caller.scopes == {"read", "write", "deploy"}
    listed = run("keys", "list")
    assert "ann" in listed.stdout
    assert text.partition(".")[0] in listed.stdout
    for hidden in (text.partition(".")[2], keys.list()[0].digest):
        assert hidden not in listed.stdout + run("keys", "list", "--json").stdout


def test_scopes_and_an_end_are_chosen(answer: Answer, keys: Keys) -> None:
    made = answer(
        *("keys", "create", "ann", "--scope", "read", "--scope", "deploy"),
        *("--expires", "90d"),
    )
    assert made["scopes"] == ["read", "deploy"]
    assert made["state"].startswith("until ")
    caller = keys.find(made["key"])
    assert caller
    assert not caller.may("write")


def test_a_key_is_revoked_by_name_or_id(run: Run, answer: Answer, keys: Keys) -> None:
    ann, bob = (answer("keys", "create", it) for it in ("ann", "bob"))
    assert run("keys", "revoke", "ann").stdout == f"Revoked ann ({ann['id']})\n"
    answer("keys", "revoke", bob["id"])
    assert keys.find(ann["key"]) is keys.find(bob["key"]) is None
    states = [it["state"].partition(" ")[0] for it in answer("keys", "list")]
    assert states == ["revoked", "revoked"]
    assert "no key 'ann' to revoke" in run("keys", "revoke", "ann").stderr


def test_a_key_that_ended_is_listed_as_such(answer: Answer) -> None:
    answer("keys", "create", "ann", "--expires", "0")
    assert answer("keys", "list")[0]["state"] == "expired"


def test_each_project_has_keys_of_its_own(
    run: Run, answer: Answer, tmp_path: Path
) -> None:
    answer("keys", "create", "ann")
    assert answer("keys", "list", "--url", tmp_path / "other") == []
    assert (
        "hopsartifacts keys create"
        in run(*("keys", "list", "--url", tmp_path / "other")).stdout
    )


def test_a_folder_is_chosen(
    run: Run, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "server"
    # Whoever names the folder needs no access to the project.
    made = run(
        *("keys", "create", "ann", "--state-dir", folder, "--url", "s3://none/none")
    )
    assert Keys(folder).find(made.stdout.strip())
    monkeypatch.setenv("HOPSARTIFACTS_SERVER_DIR", str(folder))
    assert [it["name"] for it in answer("keys", "list")] == ["ann"]


def test_keys_that_cannot_be_made_are_told(run: Run) -> None:
    for args, code, words in (
        (["a b"], 1, "key name 'a b'"),
        (["ann", "--scope", "root"], 2, "'root' is not one of"),
        (["ann", "--expires", "soon"], 2, "'soon' is not a duration"),
    ):
        refused = run("keys", "create", *args)
        assert (refused.exit_code, refused.stdout) == (code, "")
        assert words in refused.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "99999"], "port 99999 does not exist"),
        (["--inference-port", "-1"], "port -1 does not exist"),
        (["--key", "key.pem"], "give that with --cert"),
        (["--cert", "none.pem"], "none.pem' cannot be used: No such file"),
        (["--plain-http", "--cert", "none.pem"], "cannot be used with --plain-http"),
        (["--plain-http", "--host", "::"], "name the proxy"),
        (["--proxy", "nobody"], "proxy 'nobody' is not an address"),
        (["--host", "no.such.host.invalid"], "is not known"),
        (["--host", "192.0.2.1"], "cannot listen at 192.0.2.1"),
        (["--name", "a b"], "'a b' is not a host name"),
        (["--access-log", "none/access.log"], "cannot write the access log"),
    ],
    ids=str,
)
def test_what_it_cannot_be_started_with_is_told(
    run: Run, options: list[str], words: str
) -> None:
    refused = run("serve", *options)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_says_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hopsartifacts.rest.server_process", None)
    monkeypatch.setitem(sys.modules, "hopsartifacts.rest.keys", None)
    for command in (["serve"], ["keys", "list"]):
        refused = run(*command)
        assert refused.exit_code == 1
        assert 'pip install "hopsartifacts[server]"' in refused.stderr


def test_it_says_where_it_is_and_how_to_log_in(
    run: Run, answer: Answer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who has just started the server reads how to reach it."""
    from hopsartifacts.rest import server_process  # noqa: PLC0415 - needs an extra

    class Ended:
        """Stands for a server that is ended as soon as it is ready."""

        def __init__(
            self, _app: object, _how: object, _tls: object, _room: object, around: Any
        ) -> None:
            self._around = around

        def run(self, _: object) -> None:
            import asyncio  # noqa: PLC0415 - here only

            async def once() -> None:
                async with self._around():
                    pass

            asyncio.run(once())

    monkeypatch.setattr(server_process, "ApiServer", Ended)
    monkeypatch.setattr(server_process, "log_to", lambda _: None)
    said = run("serve", "--port", "0").stdout
    assert f"Serving {url} at https://127.0.0.1:" in said
    assert "hopsartifacts keys create NAME" in said
    answer("keys", "create", "ann")
    document = answer("serve", "--port", "0", "--name", "models.example")
    assert document["has_keys"] is True
    assert document["project"] == url
    assert "certificate.pem" in document["certificate"]
    assert len(document["fingerprint"]) == 32 * 3 - 1
    assert "keys create" not in run("serve", "--port", "0").stdout
    assert document["inference"].startswith("http://127.0.0.1:")
    everywhere = answer("serve", "--port", "0", "--host", "0.0.0.0")  # noqa: S104
    assert everywhere["inference"] is None
