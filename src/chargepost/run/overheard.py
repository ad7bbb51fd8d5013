"""What a supervision has to tell its terminal about stations of others: who connects, who may not, who charges."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec

from chargepost.run.tally import Tally
from chargepost.run.websocket import Link, Listener
from chargepost.run.words import Event
from chargepost.signals import Note

REFUSED_MAX = 1_000
"""Stations whose last refusal is remembered, so that one that dials on is told once; then all are forgotten."""

HEAD_BYTES = 100
"""Of a frame: kind, id and action of a CALL are in there."""


class Ears:
    """One per supervision; its listeners get events as those of our own stations."""

    def __init__(self, utc_s: Callable[[], float], now_s: Callable[[], float] = monotonic) -> None:
        self._utc_s, self.now_s = utc_s, now_s
        self.tally = Tally()
        self.listeners: list[Callable[[Event], None]] = []
        self._refused: dict[str, str] = {}

    def tell(self, identity: str, event: str, text: str, connector: int | None = None) -> None:
        heard = Event(self._utc_s(), _printable(identity), Note("info", event, _printable(text), connector))
        for listener in self.listeners:
            listener(heard)

    def refused(self, identity: str, reason: str) -> None:
        """Once for each new reason."""
        if self._refused.get(identity) != reason:
            if len(self._refused) >= REFUSED_MAX:
                self._refused.clear()
            self._refused[identity] = reason
            self.tell(identity, "refused", reason)

    def admitted(self, identity: str, listener: Listener, peer: str) -> Listener:
        self._refused.pop(identity, None)
        return _Overheard(self, identity, listener, peer)


class _Overheard:
    """A listener and the link it gets, and ears beside both."""

    __slots__ = ("_ears", "_identity", "_inner", "_link", "_peer")

    def __init__(self, ears: Ears, identity: str, inner: Listener, peer: str) -> None:
        self._ears, self._identity, self._inner, self._peer = ears, identity, inner, peer
        self._link: Link | None = None

    # --- the link ----------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        if self._link:
            self._ears.tally.passed(self._identity, data, False, self._ears.now_s())
            self._link.send(data)

    def ping(self) -> None:
        if self._link:
            self._link.ping()

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self._link:
            self._link.close(code, reason)

    # --- the listener ------------------------------------------------------------------------------------------------

    def opened(self, link: Link, subprotocol: str) -> None:
        self._link = link
        self._ears.tell(self._identity, "connected", f"from {self._peer}, {subprotocol}")
        self._inner.opened(self, subprotocol)

    def received(self, data: bytes) -> None:
        self._ears.tally.passed(self._identity, data, True, self._ears.now_s())
        if self._ears.listeners and b'Transaction"' in data[:HEAD_BYTES]:
            self._charge(data)
        self._inner.received(data)

    def ponged(self) -> None:
        self._inner.ponged()

    def closed(self, reason: str, status: int | None) -> None:
        if self._link:
            self._ears.tell(self._identity, "disconnected", reason)
            self._ears.tally.link_lost(self._identity, reason, status)
        self._inner.closed(reason, status)

    def _charge(self, data: bytes) -> None:
        """As the station tells it; whether it is right is for the supervision to say."""
        try:
            _, _, action, told = msgspec.json.decode(data, type=tuple[int, str, str, dict[str, Any]])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return
        tag = told.get("idTag", "nobody")
        if action == "StartTransaction":
            at = told.get("connectorId")
            where = at if isinstance(at, int) else None
            self._ears.tell(self._identity, "charge begins", f"badge {tag}, {told.get('meterStart')} Wh", where)
        elif action == "StopTransaction":
            why = f"{told.get('meterStop')} Wh, {told.get('reason', 'Local')}"
            self._ears.tell(self._identity, "charge ends", f"transaction {told.get('transactionId')}, {why}")


def _printable(text: str) -> str:
    """A peer's words must not look like another line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]
