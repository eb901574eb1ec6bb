"""The command a back end starts: ``python -m … <handover file>``."""

import sys
from pathlib import Path

from hopsartifacts.serving.runtime.process import run

# Processes that a script spawns import this module again, under another name.
if __name__ == "__main__":  # pragma: no branch - see above
    run(Path(sys.argv[1]))
