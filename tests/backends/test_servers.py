"""What the fixtures start ends with them, also where a script starts the server."""

import sys
from pathlib import Path

from tests.backends.servers import free_port, listens, running, wait_until

SCRIPT = """
import subprocess, sys
command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", sys.argv[1]]
subprocess.run(command)
"""


def test_a_server_that_is_the_child_of_a_script_ends_with_it(tmp_path: Path) -> None:
    port = free_port()
    with running([sys.executable, "-c", SCRIPT, str(port)], tmp_path, port):
        assert listens(port)

    wait_until(lambda: not listens(port), "the server is gone", 10)
