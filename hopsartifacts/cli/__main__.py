"""``python -m hopsartifacts.cli``."""

from hopsartifacts.cli import main

main()
