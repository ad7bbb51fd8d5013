"""What a supervision has to tell its terminal about stations of others: who connects, who may not, who charges."""

from collections.abc import Callable
from typing import Any

import msgspec

from chargepost.run.stations import Event
from chargepost.run.websocket import Link, Listener
from chargepost.signals import Note

REFUSED_MAX = 1_000
"""Stations whose last refusal is remembered, so that one that dials on is told once; then all are forgotten."""

HEAD_BYTES = 100
"""Of a frame: kind, id and action of a CALL are in there."""


class Ears:
    """One per supervision; its listeners get events as those of our own stations."""

    def __init__(self, utc_s: Callable[[], float]) -> None:
        self._utc_s = utc_s
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
    """A listener, and ears beside it."""

    __slots__ = ("_ears", "_identity", "_inner", "_opened", "_peer")

    def __init__(self, ears: Ears, identity: str, inner: Listener, peer: str) -> None:
        self._ears, self._identity, self._inner, self._peer = ears, identity, inner, peer
        self._opened = False

    def opened(self, link: Link, subprotocol: str) -> None:
        self._opened = True
        self._ears.tell(self._identity, "connected", f"from {self._peer}, {subprotocol}")
        self._inner.opened(link, subprotocol)

    def received(self, data: bytes) -> None:
        if self._ears.listeners and b'Transaction"' in data[:HEAD_BYTES]:
            self._charge(data)
        self._inner.received(data)

    def ponged(self) -> None:
        self._inner.ponged()

    def closed(self, reason: str, status: int | None) -> None:
        if self._opened:
            self._ears.tell(self._identity, "disconnected", reason)
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
