"""The entry point of ``python -m hopsartifacts.cli``."""

from hopsartifacts.cli import main

main()
