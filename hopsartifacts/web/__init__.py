"""The web UI in a browser: its pages, and the files that they load."""
