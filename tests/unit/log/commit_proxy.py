"""A proxy before PostgreSQL that cuts a connection at the moment a commit is asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto

_LIMIT_S = 30.0
_COMMIT = b"COMMIT\0"


class AtCommit(Enum):
    """What becomes of the next commit."""

    PASS = auto()
    LOSE_THE_ANSWER = auto()
    LOSE_THE_COMMIT = auto()
    HOLD_THE_COMMIT = auto()
    NEVER_ANSWER = auto()


class Link:
    """One connection through the proxy, pumped by two threads."""

    def __init__(self, proxy: CommitProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._answered = AtCommit.PASS
        for pump in (self._ask, self._answer):
            threading.Thread(target=pump, daemon=True).start()

    def cut(self) -> None:
        """Break the connection on both sides."""
        for each in (self._client, self._server):
            _end(each)

    def _ask(self) -> None:
        with suppress(OSError):
            while asked := self._client.recv(1 << 16):
                if not self._goes_on(asked):
                    return
                self._server.sendall(asked)
        self.cut()

    def _goes_on(self, asked: bytes) -> bool:
        at_commit = self._proxy.at_commit
        if _COMMIT not in asked or at_commit is AtCommit.PASS:
            return True
        self._proxy.at_commit = AtCommit.PASS
        self._answered = at_commit
        if at_commit is AtCommit.LOSE_THE_COMMIT:
            self.cut()
        elif at_commit is AtCommit.HOLD_THE_COMMIT:
            self._proxy.held = (self._server, asked)
            _end(self._client)
        else:
            return True
        return False

    def _answer(self) -> None:
        with suppress(OSError):
            while answer := self._server.recv(1 << 16):
                if self._answered is AtCommit.LOSE_THE_ANSWER:
                    break
                if self._answered is AtCommit.PASS:
                    self._client.sendall(answer)
        self.cut()


class CommitProxy:
    """Passes everything on, until the test says otherwise.

    Attributes:
        port: where it listens, at 127.0.0.1.
        at_commit: what becomes of the next commit; set back by it.
        held: where the commit that is held would go, and what it would say.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._links: list[Link] = []
        self.port: int = self._listening.getsockname()[1]
        self.at_commit = AtCommit.PASS
        self.held: tuple[socket.socket, bytes] | None = None
        self.refuses = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections."""
        for link in self._links:
            link.cut()

    def let_the_held_commit_go(self) -> None:
        """Send on what was held; its server may not be there any more."""
        assert self.held is not None
        server, asked = self.held
        with suppress(OSError):
            server.sendall(asked)

    def close(self) -> None:
        """Break all connections and take no more."""
        _end(self._listening)
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if self.refuses:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._server_port), _LIMIT_S)
                server.settimeout(None)
                self._links.append(Link(self, client, server))


@contextmanager
def proxy_before(server_port: int) -> Iterator[CommitProxy]:
    """Run a proxy before a server for the time of the `with` statement."""
    proxy = CommitProxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
