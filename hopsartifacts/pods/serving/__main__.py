"""The command of the main container: ``python -m … <launch.json> --component …``."""

import sys

if __name__ == "__main__":
    from hopsartifacts.pods.serving.command import main

    sys.exit(main(sys.argv[1:]))
