"""The command a back end starts: ``python -m … <handover file>``."""

import sys
from pathlib import Path

# Processes that a script spawns may import this module again, under another name: they
# must not serve, and need not wait until the server is imported.
if __name__ == "__main__":  # pragma: no branch - see above
    from hopsartifacts.serving.runtime.process import run

    run(Path(sys.argv[1]))
