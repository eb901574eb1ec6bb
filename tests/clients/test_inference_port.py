"""Clients that are told of an endpoint ask deployments there, over REST and gRPC."""

from collections.abc import Callable
from pathlib import Path

from tests.clients.conftest import Client
from tests.clients.servers import Server, free_port


def test_predictions_go_through_the_announced_port(
    client: Client, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server("--inference-port", str(free_port()))
    client.run(server, tmp_path / "client", "calling.py", "inference")
    assert server.open().get_model_serving().get_deployments() == []
