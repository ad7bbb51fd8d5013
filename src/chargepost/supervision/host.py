"""Central and its ledger on an event loop: does what Central wishes, for whoever holds the sockets.

No asyncio is imported: the loop comes from outside, and links are anything with `send`, `ping` and `close`. The glue of
a carrier is a few lines:

    async def admit(handshake):
        h, address = handshake, handshake.peer.rpartition(":")[0]
        answer = await host.admit(Knock(h.identity, h.subprotocols, h.user, h.password, address))
        return Refusal(answer.status, answer.reason) if isinstance(answer, roster.Refusal) else answer

`answer` is then a `Talk`: `opened`, `received`, `ponged` and exactly one `closed` are to be called on it, all on the
loop's thread. Nothing else is needed; `host.close()` at the end, once the links are closed.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from chargepost.journal import StoreError
from chargepost.redact import redact_text
from chargepost.supervision.answers import Policy
from chargepost.supervision.central import Central
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.roster import Knock, Refusal
from chargepost.supervision.wishes import Admit, Answered, Begun, HangUp, Note, Ping, Refuse, Send, Store

log = logging.getLogger("chargepost.supervision")

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Line(Protocol):
    """An open WebSocket; after it closed, calls do nothing."""

    def send(self, data: bytes) -> None: ...

    def ping(self) -> None: ...

    def close(self, code: int, reason: str) -> None: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class Loop(Protocol):
    """What is asked of an event loop; asyncio's and uvloop's have it."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer: ...

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> object: ...

    def create_future(self) -> Any: ...


class Host:
    """One Central, its ledger, its links and those who wait for an answer of it."""

    def __init__(
        self,
        ledger: Ledger,
        loop: Loop,
        *,
        utc_s: Callable[[], float],
        draw: Callable[[int], bytes],
        policy: Policy | None = None,
    ) -> None:
        """`utc_s` is the machine's date, `draw(n)` n random bytes that nobody can guess."""
        self.ledger = ledger
        self._loop = loop
        self._utc_s = utc_s
        self.central = Central(policy or Policy(), draw, ledger.load(), utc_s=utc_s(), now=loop.time())
        self._talks: dict[str, Talk] = {}
        self._tickets = 0
        self._waiting: dict[int, Any] = {}
        """Tickets of handshakes and commands -> the future that waits."""
        self._durable: deque[tuple[int, Begun | None]] = deque()
        self._told = False
        self._timer: Timer | None = None
        self._timer_at = 0.0

    # --- for the carrier ---------------------------------------------------------------------------------------------

    async def admit(self, knock: Knock) -> "Talk | Refusal":
        """Whether this handshake may go on, and who listens to its link then. May take some seconds (see Central)."""
        ticket, future = self._ticket()
        self.central.knock(ticket, knock, self.now())
        self.drain()
        try:
            refusal: Refusal | None = await future
        except BaseException:  # the peer went away meanwhile
            self._waiting.pop(ticket, None)
            self.central.gave_up(knock.identity, ticket)
            raise
        return refusal or Talk(self, knock.identity, ticket)

    async def command(self, identity: str, payload: msgspec.Struct) -> Answered:
        """Send a message to a station; what became of it."""
        ticket, future = self._ticket()
        self.central.command(identity, payload, ticket, self.now())
        self.drain()
        try:
            answered: Answered = await future
        finally:
            self._waiting.pop(ticket, None)
        return answered

    async def settled(self) -> None:
        """Wait until everything wished so far is durable."""
        self.drain()
        future = self._loop.create_future()

        def set_result() -> None:
            if not future.done():
                future.set_result(None)

        def written() -> None:
            self._loop.call_soon_threadsafe(set_result)

        self.ledger.journal.submit([], written)
        await future

    def close(self) -> None:
        """No more timers; what was submitted is written."""
        if self._timer:
            self._timer.cancel()
        self.ledger.close()

    # --- the machinery -----------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The loop's time; tells Central the date of the machine, which may have been stepped."""
        now = self._loop.time()
        self.central.set_clock(self._utc_s(), now)
        return now

    def drain(self) -> None:
        """Do all that Central wishes, then see when it wants to be woken."""
        while wishes := self.central.take():
            for wish in wishes:
                DO[type(wish)](self, wish)
        self._set_timer()

    def _send(self, wish: Send) -> None:
        if line := self._line(wish.identity):
            line.send(wish.data)

    def _ping(self, wish: Ping) -> None:
        if line := self._line(wish.identity):
            line.ping()

    def _hang_up(self, wish: HangUp) -> None:
        if talk := self._talks.pop(wish.identity, None):
            talk.hang_up(wish.code, wish.reason)

    def _note(self, wish: Note) -> None:
        if log.isEnabledFor(LEVELS[wish.level]):
            log.log(LEVELS[wish.level], "%s %s: %s", wish.event, wish.identity, _one_line(redact_text(wish.text)))

    def _line(self, identity: str) -> Line | None:
        talk = self._talks.get(identity)
        return talk.line if talk else None

    def _ticket(self) -> tuple[int, Any]:
        self._tickets += 1
        self._waiting[self._tickets] = future = self._loop.create_future()
        return self._tickets, future

    def _settle(self, ticket: int, result: object) -> None:
        future = self._waiting.pop(ticket, None)
        if future and not future.done():
            future.set_result(result)

    def _store(self, wish: Store) -> None:
        try:
            self.ledger.store(wish, self._written)
        except StoreError as error:
            log.error("not stored: %s", error)
            if wish.token:
                self.central.failed(wish.token, self._loop.time())

    def _written(self, wish: Store) -> None:
        """On the writer's thread: many pieces of one commit wake the loop once."""
        self._durable.append((wish.token, self.ledger.begun(wish)))
        if not self._told:
            self._told = True
            self._loop.call_soon_threadsafe(self._on_durable)

    def _on_durable(self) -> None:
        self._told = False  # first: what is written from here on wakes the loop anew
        now = self.now()
        while self._durable:
            token, begun = self._durable.popleft()
            self.central.stored(token, now, begun)
        self.drain()

    def _set_timer(self) -> None:
        wake = self.central.next_wake()
        if self._timer and (wake is None or wake < self._timer_at):
            self._timer.cancel()
            self._timer = None
        if wake is not None and self._timer is None:
            self._timer_at = wake
            self._timer = self._loop.call_at(wake, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.central.wake(max(self.now(), self._timer_at))  # a loop's clock may be coarser than a deadline
        self.drain()

    # --- called by Talk ----------------------------------------------------------------------------------------------

    def opened(self, talk: "Talk", subprotocol: str) -> None:
        self._talks[talk.identity] = talk
        self.central.opened(talk.identity, subprotocol, self.now())
        self.drain()

    def received(self, talk: "Talk", data: bytes) -> None:
        if self._talks.get(talk.identity) is talk:
            self.central.received(talk.identity, data, self.now())
            self.drain()

    def ponged(self, talk: "Talk") -> None:
        if self._talks.get(talk.identity) is talk:
            self.central.ponged(talk.identity, self.now())
            self.drain()

    def closed(self, talk: "Talk") -> None:
        if self._talks.get(talk.identity) is talk:
            del self._talks[talk.identity]
            self.central.closed(talk.identity, self.now())
        else:
            self.central.gave_up(talk.identity, talk.ticket)
        self.drain()


DO: dict[type, Callable[[Host, Any], None]] = {
    Send: Host._send,
    Store: Host._store,
    Ping: Host._ping,
    HangUp: Host._hang_up,
    Note: Host._note,
    Answered: lambda host, wish: host._settle(wish.ticket, wish),
    Admit: lambda host, wish: host._settle(wish.ticket, None),
    Refuse: lambda host, wish: host._settle(wish.ticket, Refusal(wish.status, wish.reason)),
}


def _one_line(text: str) -> str:
    """A peer's words must not look like another line of the log."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class Talk:
    """The listener of one link of one station."""

    __slots__ = ("_host", "identity", "line", "ticket")

    def __init__(self, host: Host, identity: str, ticket: int) -> None:
        self._host, self.identity, self.ticket = host, identity, ticket
        self.line: Line | None = None

    def opened(self, link: Line, subprotocol: str) -> None:
        self.line = link
        self._host.opened(self, subprotocol)

    def received(self, data: bytes) -> None:
        self._host.received(self, data)

    def ponged(self) -> None:
        self._host.ponged(self)

    def closed(self, reason: str, status: int | None) -> None:
        self._host.closed(self)

    def hang_up(self, code: int, reason: str) -> None:
        if self.line:
            self.line.close(code, reason)
