"""The command line ``hopsartifacts``: thin commands over the Python interface."""

import sys


def main() -> None:
    """Run the command line; exit with a hint if the extra ``cli`` is not installed."""
    try:
        # Imported late: the extra may be missing.
        from hopsartifacts.cli.app import app  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(
            "Error: the command line needs the package click; run: "
            'pip install "hopsartifacts[cli]"'
        )
    app(prog_name="hopsartifacts")
