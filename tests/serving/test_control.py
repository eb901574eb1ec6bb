import os
import selectors
import socket
import stat
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hopsartifacts.serving.contract import Launch
from hopsartifacts.serving.local import control
from hopsartifacts.serving.local.control import Helper, Reply, Update

Answer = Callable[[control.Conversation, Update], object]


@pytest.fixture
def socket_path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder: Path = tmp_path / request.param
    folder.mkdir()
    return folder / "control.sock"


def converse(path: Path, on_update: Answer, ask: Callable[[], Any]) -> Any:
    """Answer one question at *path* while *ask* asks it."""
    results: list[Any] = []
    with control.listen(path) as listener, selectors.DefaultSelector() as selector:
        thread = threading.Thread(target=lambda: results.append(ask()))
        thread.start()
        selector.register(listener, selectors.EVENT_READ)
        selector.select(30)
        conversation = control.Conversation(listener.accept()[0])
        selector.register(conversation.channel, selectors.EVENT_READ)
        while selector.select(30) and conversation.read(on_update):
            pass
        conversation.close()
        thread.join(30)
    return results[0]


@pytest.mark.parametrize("socket_path", ["short", "long" * 50], indirect=True)
def test_an_update_arrives_with_its_descriptors(
    echo: Launch, socket_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "held").write_text("held")
    seen: list[Update] = []

    def answer(conversation: control.Conversation, update: Update) -> None:
        seen.append(update)
        conversation.reply("no")

    helper = Helper(command=("x",), input=b"secret" * 100_000)
    with (tmp_path / "held").open() as held:
        launch = Launch(
            **{it: getattr(echo, it) for it in echo.__struct_fields__ if it != "held"},
            held=(held.fileno(),),
        )
        update = Update(launch=launch, await_running_s=3, helper=helper)
        reply = converse(socket_path, answer, partial(control.ask, socket_path, update))
    assert reply == Reply(reason="no")
    [got] = seen
    assert got.helper == helper
    [descriptor] = got.launch.held
    assert os.read(descriptor, 10) == b"held"
    os.close(descriptor)
    assert stat.S_IMODE(socket_path.stat().st_mode) == 0o600


@pytest.mark.parametrize("is_deep", [False, True])
@pytest.mark.parametrize("temporary", ["tmp", "long" * 30])
def test_an_ordinary_user_can_listen_at_any_path(
    users_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    temporary: str,
    *,
    is_deep: bool,
) -> None:
    folder = users_folder / ("long" * 50 if is_deep else "short")
    folder.mkdir()
    (users_folder / temporary).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(users_folder / temporary))
    masks: list[int] = []
    monkeypatch.setattr(os, "umask", masks.append)
    with control.listen(folder / "control.sock"):
        assert stat.S_IMODE((folder / "control.sock").stat().st_mode) == 0o600
    assert masks == [], "it would hold for every thread"
    assert list((users_folder / temporary).iterdir()) == []


@pytest.mark.parametrize("socket_path", ["short"], indirect=True)
def test_a_keeper_that_hangs_up_is_an_error(echo: Launch, socket_path: Path) -> None:
    update = Update(launch=echo, await_running_s=3)

    def ask() -> Any:
        with pytest.raises(OSError, match="keeper of the deployment ended"):
            control.ask(socket_path, update)
        return "raised"

    def hang_up(conversation: control.Conversation, _: Update) -> None:
        conversation.channel.shutdown(2)

    assert converse(socket_path, hang_up, ask) == "raised"
    with pytest.raises(ConnectionRefusedError):
        control.ask(socket_path, update)


@pytest.mark.parametrize("socket_path", ["short"], indirect=True)
def test_what_is_no_update_is_refused(socket_path: Path) -> None:

    def ask() -> bytes:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(socket_path))
            channel.sendall(b'{"launch": 1}\n')
            return channel.recv(1000)

    assert b"it was not understood" in converse(socket_path, print, ask)
