"""The web UI: its pages, the files that they load, and logins of browsers."""
