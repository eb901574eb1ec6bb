"""Whether new requests should be sent to a server, for those who ask before they send.

A server that reports that it is not ready still answers requests.
"""

import asyncio
from collections.abc import Awaitable, Callable

from hopsartifacts.errors import HopsArtifactsError
from hopsartifacts.serving.runtime.protocol import RequestError

_LEAVING = "the server is about to stop"
_CHECKING = "the golden request is being answered"
_CHECK_S = 0.2
"""How long someone who asks waits for the golden request."""
_PASSING = frozenset({502, 503, 504})
"""Statuses that say that the predictor did not answer, not that it was wrong."""


class Readiness:
    """Ready from the start until the server is about to stop."""

    def __init__(self) -> None:
        self._is_leaving = False

    def leave(self) -> None:
        """Report from now on that the server is not ready."""
        self._is_leaving = True

    async def flaw(self) -> str | None:
        """Return the reason why the server is not ready; None if it is."""
        return _LEAVING if self._is_leaving else None


class ReadinessOfBoth(Readiness):
    """Ready while a predictor elsewhere is, once it has answered the golden request.

    Args:
        predictor: returns the reason why the predictor is not ready.
        check: sends the golden request, and raises if the answer is a different one.
        on_failure: called with that error.
    """

    def __init__(
        self,
        predictor: Callable[[], Awaitable[str | None]],
        check: Callable[[], Awaitable[None]],
        on_failure: Callable[[HopsArtifactsError], object],
    ) -> None:
        super().__init__()
        self._predictor = predictor
        self._check = check
        self._on_failure = on_failure
        self._checked: asyncio.Future[None] | None = None

    async def flaw(self) -> str | None:
        """Ask the predictor, and return the reason why one of both is not ready."""
        return await super().flaw() or await self._predictor() or await self._golden()

    async def _golden(self) -> str | None:
        if self._checked is None:
            self._checked = asyncio.ensure_future(self._check())
        checked = self._checked
        await asyncio.wait([checked], timeout=_CHECK_S)
        if not checked.done():
            return _CHECKING
        error = checked.exception()
        if error is None:
            return None
        cause = error.__cause__
        if isinstance(cause, RequestError) and cause.status in _PASSING:
            self._checked = None  # try again when asked again
        elif isinstance(error, HopsArtifactsError):
            self._on_failure(error)
        return str(error)
