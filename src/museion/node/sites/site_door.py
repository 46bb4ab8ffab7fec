"""One port for people and for other sites: requests of sites go to their own applications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class SiteDoor:
    """An ASGI application that hands requests on by the beginning of their path.

    Args:
        app: everything else, and the start and stop of the server.
        for_sites: beginning of a path -> application. What other sites ask is signed, so it comes
            under any host name and is not subject to what protects people's browsers.
    """

    def __init__(self, app: AsgiApp, for_sites: Mapping[str, AsgiApp]) -> None:
        self._app = app
        self._for_sites = for_sites

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        await self._chosen(scope)(scope, receive, send)

    def _chosen(self, scope: Scope) -> AsgiApp:
        if scope["type"] == "http":
            for beginning, app in self._for_sites.items():
                if scope["path"].startswith(beginning):
                    return app
        return self._app
