"""The command that starts a worker process: ``python -m … <handover file>``."""

import sys
from pathlib import Path

# A process that a script spawns may import this module again, under another name. It
# must not serve, and need not wait for the import of the server.
if __name__ == "__main__":  # pragma: no branch - see above
    from hopsartifacts.serving.runtime.process import run

    run(Path(sys.argv[1]))
