"""TLS taken up again: one session of each host is remembered, and offered at the next handshake (RFC 8446, 2.2).

No loop passes a session on, but each asks the context for the object that speaks TLS, and there it is offered. Only
sessions of TLS 1.3 are remembered: they are taken up with a fresh exchange of keys (psk_dhe_ke, the one way OpenSSL
offers), so whoever steals one later opens no old conversation.

A resumed handshake shows no certificate. So a session belongs to one context, that is to one set of roots, and to one
host, whose certificate was found good when it was made; and to the hour after.
"""

import ssl
import time
from collections.abc import Callable
from typing import Any, Final

HOSTS_MAX: Final = 16
"""Remembered by a context, the oldest goes first: more than the addresses that stations of one process dial."""
LIFE_S: Final = 3_600.0
"""After the host showed its certificate it must do so again, so that one that expired or was replaced is soon found."""
TICKET_WAIT_S: Final = 10.0
"""For the ticket that follows a handshake; then another connection may bring one."""
VAIN_S: Final = 60.0
"""A session is offered so long though no handshake comes to its end: perhaps the other side cannot bear it."""


class Memory:
    """What is known of a host since it showed its certificate."""

    __slots__ = ("offered_s", "session", "since_s", "spoken")

    def __init__(self, spoken: "Spoken", since_s: float) -> None:
        self.spoken: Spoken | None = spoken
        """Whose ticket is awaited; kept even when its connection is gone, since only then it may be asked for."""
        self.session: ssl.SSLSession | None = None
        self.since_s = since_s
        self.offered_s: float | None = None
        """When it was offered first since it was last taken."""


class Spoken(ssl.SSLObject):
    """TLS of one connection, that tells how its handshake ended."""

    host: str | None = None
    offered: ssl.SSLSession | None = None

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            self._client().refused(self)
            raise
        self._client().agreed(self)

    def _client(self) -> "Client":
        assert isinstance(self.context, Client)
        return self.context


class Client(ssl.SSLContext):
    """A context for those who dial. Where handshakes are made in other ways than `wrap_bio`, all are whole ones."""

    sslobject_class = Spoken

    def __init__(self, protocol: int, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._hosts: dict[str, Memory] = {}

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_side: bool = False,
        server_hostname: str | bytes | None = None, session: ssl.SSLSession | None = None,
    ) -> Any:  # fmt: skip
        """As any context does; where no `session` is named, that of the host is offered."""
        host = server_hostname if isinstance(server_hostname, str) else None
        if session is None and host:
            session = self._session(host)
        spoken: Any = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        spoken.host, spoken.offered = host, session
        return spoken

    def forget(self, host: str) -> None:
        """The next handshake with it is a whole one: its certificate is looked at."""
        self._hosts.pop(host, None)

    def agreed(self, spoken: Spoken) -> None:
        """Its handshake came to its end."""
        if not (host := spoken.host):
            return
        memory = self._hosts.get(host)
        if spoken.session_reused:
            if memory:
                memory.offered_s = None
        elif spoken.version() == "TLSv1.3" and (memory is None or self._is_of_no_use(memory, spoken)):
            self._hosts.pop(host, None)
            if len(self._hosts) == HOSTS_MAX:
                del self._hosts[next(iter(self._hosts))]
            self._hosts[host] = Memory(spoken, self._now())

    def refused(self, spoken: Spoken) -> None:
        """Its handshake failed."""
        if (host := spoken.host) and (memory := self._hosts.get(host)) and self._was_offered(memory, spoken):
            self.forget(host)

    def _session(self, host: str) -> ssl.SSLSession | None:
        memory, now = self._hosts.get(host), self._now()
        if memory is None:
            return None
        if now - memory.since_s > LIFE_S or (memory.offered_s is not None and now - memory.offered_s > VAIN_S):
            self.forget(host)
            return None
        if memory.spoken and (session := memory.spoken.session) and session.has_ticket:
            memory.session, memory.spoken = session, None
        if memory.session and memory.offered_s is None:
            memory.offered_s = now
        return memory.session

    def _is_of_no_use(self, memory: Memory, spoken: Spoken) -> bool:
        """This handshake was a whole one though the session was offered, or though the ticket should have come."""
        return self._was_offered(memory, spoken) or (
            memory.session is None and self._now() - memory.since_s > TICKET_WAIT_S
        )

    def _was_offered(self, memory: Memory, spoken: Spoken) -> bool:
        return memory.session is not None and memory.session is spoken.offered
