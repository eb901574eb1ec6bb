"""The web UI of a server, for those who have its API keys."""

from pathlib import Path

from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.server_process import Site
from hopsartifacts.web.login import with_key
from hopsartifacts.web.pages import PAGES
from hopsartifacts.web.sessions import FILE, BrowserSessions


def shared(keys: Keys, folder: Path) -> Site:
    """Return the web UI to which browsers log in with one of *keys*.

    Args:
        keys: the API keys of the server.
        folder: the server's own folder, where the logins are kept.
    """
    sessions = BrowserSessions(keys.caller, file=folder / FILE)
    return Site(operations=(*PAGES, *with_key(sessions)), sessions=sessions)
