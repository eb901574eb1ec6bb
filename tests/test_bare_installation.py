"""Without the extras everything works but running deployments, which says why."""

import sys
from collections.abc import Callable

import pytest

from hopsartifacts import Model, ModelServing
from hopsartifacts.errors import UnsupportedHereError


@pytest.fixture
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("psutil", "uvicorn", "starlette"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.usefixtures("_bare")
def test_deployments_are_saved_changed_and_deleted(
    ms: ModelServing,
    save_model: Callable[..., Model],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment = save_model("m", framework="sklearn").deploy()
    deployment.description = "changed"
    deployment.save()
    deployment.stop()
    assert deployment.get_state().status == "Created"

    monkeypatch.setattr(
        "hopsartifacts.serving.local.capabilities._is_installed",
        lambda module: module != "psutil",
    )
    with pytest.raises(UnsupportedHereError, match=r"psutil.*hopsartifacts\[serving\]"):
        deployment.start()

    deployment.delete()
    assert ms.get_deployments() == []
