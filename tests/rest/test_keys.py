"""API keys: who is let in, and that nothing but a valid key lets anybody in."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from hopsartifacts.errors import (
    AlreadyExistsError,
    FormatError,
    InvalidInputError,
    NotFoundError,
)
from hopsartifacts.rest.errors import RefusedError
from hopsartifacts.rest.keys import FILE, Caller, Keys, Scope


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "server"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(folder: Path, clock: Clock) -> Keys:
    return Keys(folder, clock)


def test_a_key_lets_its_holder_in(keys: Keys) -> None:
    key, text = keys.create("ann", {"read", "deploy"})
    assert text.startswith(f"{key.id}.")
    found = keys.find(text)
    assert found == Caller(key.id, "ann", frozenset({"read", "deploy"}))
    assert found.may("deploy")
    assert not found.may("write")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: ".",
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text.swapcase(),
        lambda text: text.replace(".", ""),
        lambda text: text.partition(".")[0],
        lambda text: text.partition(".")[2],
        lambda text: "unknown." + text.partition(".")[2],
        lambda text: text.partition(".")[0] + ".",
        lambda text: f" {text}",
        lambda text: text + "\ud800é",
        lambda text: text * 1000,
    ],
    ids=range(13),
)
def test_nothing_else_does(keys: Keys, spoil: Callable[[str], str]) -> None:
    keys.create("bob", {"admin"})
    _, text = keys.create("ann", {"admin"})
    assert keys.find(spoil(text)) is None


def test_nobody_is_let_in_before_there_is_a_key(keys: Keys) -> None:
    assert keys.find("a.b") is None
    assert keys.list() == []


def test_secrets_are_not_in_the_file_which_is_ours_alone(
    keys: Keys, folder: Path
) -> None:
    _, text = keys.create("ann", {"read"})
    secret = text.partition(".")[2]
    assert len(secret) == 48
    assert secret not in (folder / FILE).read_text()
    assert secret not in repr(keys.list())
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_revoked_key_ends_at_once_in_a_running_server(
    keys: Keys, folder: Path
) -> None:
    _, text = keys.create("ann", {"read"})
    _, other = keys.create("bob", {"read"})
    running = Keys(folder)
    assert running.find(text)
    revoked = keys.revoke("ann")
    assert running.find(text) is None
    assert running.find(other)
    assert [(it.name, it.revoked is None) for it in running.list()] == [
        ("ann", False),
        ("bob", True),
    ]
    with pytest.raises(NotFoundError, match="no key 'ann'"):
        keys.revoke("ann")
    # The name is free again, the old key stays what it is.
    again, _ = keys.create("ann", {"read"})
    assert again.id != revoked.id
    assert running.find(text) is None
    assert keys.revoke(again.id).name == "ann"


def test_a_key_made_later_is_known_at_once(keys: Keys, folder: Path) -> None:
    running = Keys(folder)
    assert running.find("a.b") is None
    _, text = keys.create("ann", {"read"})
    assert running.find(text)


def test_a_key_ends_when_it_expires(keys: Keys, clock: Clock) -> None:
    _, text = keys.create("ann", {"read"}, expires_in_s=60)
    clock.now += timedelta(seconds=59)
    assert keys.find(text)
    clock.now += timedelta(seconds=1)
    assert keys.find(text) is None
    keys.create("ann", {"read"})


def test_names_and_scopes_are_checked(keys: Keys, folder: Path) -> None:
    for name in ("", "-a", "a b", "a\n", "é", "a" * 65, "a/b"):
        with pytest.raises(InvalidInputError, match="key name"):
            keys.create(name, {"read"})
    for scopes in (set[Scope](), {cast("Scope", "root")}):
        with pytest.raises(InvalidInputError, match="give some of read, write"):
            keys.create("a", scopes)
    with pytest.raises(InvalidInputError, match="cannot expire"):
        keys.create("a", {"read"}, expires_in_s=1e30)
    assert not (folder / FILE).exists()
    keys.create("a", {"read"})
    with pytest.raises(AlreadyExistsError, match="there is a key 'a'"):
        keys.create("a", {"write"})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"format": 1}',
        b'{"format": 1, "keys": [{}]}',
        b'{"format": 1, "keys": [], "open": true}',
        b'{"format": 2, "keys": []}',
        b"\xff",
    ],
)
def test_a_damaged_file_lets_nobody_in(
    keys: Keys, folder: Path, content: bytes
) -> None:
    _, text = keys.create("ann", {"admin"})
    assert keys.find(text)
    path = folder / FILE
    path.write_bytes(content)
    with pytest.raises(RefusedError, match="cannot read its keys") as refused:
        keys.find(text)
    assert refused.value.status == 503
    assert str(folder) not in str(refused.value)
    for use in (keys.list, lambda: keys.create("b", {"read"})):
        with pytest.raises(FormatError, match=FILE):
            use()
    with pytest.raises(FormatError, match=FILE):
        keys.revoke("ann")
    assert path.read_bytes() == content


def test_a_file_that_others_may_write_lets_nobody_in(keys: Keys, folder: Path) -> None:
    _, text = keys.create("ann", {"admin"})
    (folder / FILE).chmod(0o622)
    with pytest.raises(FormatError, match="is writable by other users"):
        keys.list()
    with pytest.raises(RefusedError):
        keys.find(text)
    (folder / FILE).chmod(0o600)
    assert keys.find(text)


def test_a_file_that_cannot_be_read_lets_nobody_in(keys: Keys, folder: Path) -> None:
    (folder / FILE).mkdir(parents=True)
    with pytest.raises(RefusedError):
        keys.find("a.b")


def test_keys_made_at_the_same_time_are_all_kept(folder: Path) -> None:
    texts: list[str] = []

    def make(name: str) -> None:
        texts.append(Keys(folder).create(name, {"read"})[1])

    threads = [threading.Thread(target=make, args=(f"k{it}",)) for it in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running = Keys(folder)
    assert len({it.name for text in texts if (it := running.find(text))}) == 8
    assert not [it for it in folder.iterdir() if it.name.startswith(".")]
