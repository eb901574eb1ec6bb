"""The command line ``hopsartifacts``: thin commands over what ``login`` returns."""

import sys


def main() -> None:
    """Run the command line; without the extra ``cli`` say what to install."""
    try:
        # Imported late: the extra may not be there.
        from hopsartifacts.cli.app import app  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit(
            "Error: the command line needs the package click; run: "
            'pip install "hopsartifacts[cli]"'
        )
    app(prog_name="hopsartifacts")
