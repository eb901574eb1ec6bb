"""The command of the sidecar ``inference-log``: ``python -m … <launch.json>``."""

import sys

if __name__ == "__main__":
    from hopsartifacts.pods.shipping.sidecar import main

    sys.exit(main(sys.argv[1:]))
