"""The web UI of a server, for those who have its API keys."""

from hopsartifacts.rest.keys import Keys
from hopsartifacts.rest.server_process import Site
from hopsartifacts.web.login import with_key
from hopsartifacts.web.pages import PAGES
from hopsartifacts.web.sessions import BrowserSessions


def shared(keys: Keys) -> Site:
    """Return the web UI to which browsers log in with one of *keys*."""
    sessions = BrowserSessions(keys.caller)
    return Site(operations=(*PAGES, *with_key(sessions)), sessions=sessions)
