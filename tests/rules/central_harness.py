"""A scripted station on a pure Central, with the ledger's rules in memory and time by hand."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from chargepost.supervision.answers import Policy
from chargepost.supervision.books import Books
from chargepost.supervision.central import Central
from chargepost.supervision.wishes import Answered, BadgeRow, Kept, Send, Store, Wish

UTC_S = 1_800_000_000.0
GOOD, OTHER, BLOCKED, EXPIRED = "GOOD", "OTHER", "BLOCKED", "EXPIRED"
BADGES = (
    BadgeRow(GOOD, parent="FAMILY", expiry_utc_s=UTC_S + 86_400),
    BadgeRow(OTHER),
    BadgeRow(BLOCKED, status="Blocked"),
    BadgeRow(EXPIRED, expiry_utc_s=UTC_S - 1),
)
BOOT = {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "1.0"}


class World:
    """Does Central's wishes. `disk` False holds rows back until `sync()`."""

    def __init__(self, policy: Policy | None = None, kept: Kept | None = None, draw: Any = None) -> None:
        self.now = 100.0
        self.books = Books()
        draw = draw or Random(7).randbytes
        self.central = Central(policy or Policy(), draw, kept or Kept(badges=BADGES), utc_s=UTC_S, now=self.now)
        self.disk = True
        self.held: list[Store] = []
        self.frames: dict[str, list[Any]] = {}
        self.wishes: list[Wish] = []
        self.outcomes: dict[int, Answered] = {}

    def drain(self) -> None:
        while wishes := self.central.take():
            self.wishes += wishes
            for wish in wishes:
                if isinstance(wish, Send):
                    self.frames.setdefault(wish.identity, []).append(json.loads(wish.data))
                elif isinstance(wish, Store):
                    self.held.append(wish)
                elif isinstance(wish, Answered):
                    self.outcomes[wish.ticket] = wish
            if self.disk:
                self._write()

    def _write(self) -> None:
        held, self.held = self.held, []
        for wish in held:
            begun = self.books.store(wish)
            if wish.token:
                self.central.stored(wish.token, self.now, begun)

    def sync(self) -> None:
        self.disk = True
        self._write()
        self.drain()

    def pass_time(self, seconds: float) -> None:
        """On to each wake-up in turn, as a carrier does."""
        end = self.now + seconds
        while (wake := self.central.next_wake()) is not None and wake <= end:
            self.now = max(self.now, wake)
            self.central.wake(self.now)
            self.drain()
        self.now = end

    def station(self, identity: str = "S1", *, boot: bool = True) -> "Peer":
        peer = Peer(self, identity)
        peer.connect()
        if boot:
            peer.ask("BootNotification", BOOT)
        return peer


class Peer:
    """The station's end of the wire."""

    def __init__(self, world: World, identity: str) -> None:
        self.world, self.identity, self._count = world, identity, 0

    @property
    def frames(self) -> list[Any]:
        return self.world.frames.setdefault(self.identity, [])

    def connect(self) -> None:
        self.world.central.opened(self.identity, "ocpp1.6", self.world.now)
        self.world.drain()

    def cut(self) -> None:
        self.world.central.closed(self.identity, self.world.now)
        self.world.drain()

    def send(self, frame: Any) -> None:
        data = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
        self.world.central.received(self.identity, data, self.world.now)
        self.world.drain()

    def call(self, action: str, payload: dict[str, Any]) -> str:
        self._count += 1
        ident = f"{self.identity}-{self._count}"
        self.send([2, ident, action, payload])
        return ident

    def answer_to(self, ident: str) -> Any:
        """The whole frame that answers this CALL; None while there is none."""
        found = [frame for frame in self.frames if frame[0] in (3, 4) and frame[1] == ident]
        assert len(found) <= 1, f"answered twice: {found}"
        return found[0] if found else None

    def ask(self, action: str, payload: dict[str, Any]) -> Any:
        """The payload this CALL is answered with."""
        frame = self.answer_to(self.call(action, payload))
        assert frame, f"{action} was not answered"
        assert frame[0] == 3, frame
        return frame[2]

    def refused(self, action: str, payload: dict[str, Any]) -> str:
        """The code this CALL is refused with."""
        frame = self.answer_to(self.call(action, payload))
        assert frame[0] == 4, frame
        return str(frame[2])

    def status(self, status: str, connector: int = 1, error: str = "NoError", **more: Any) -> None:
        assert self.ask("StatusNotification", status_notification(status, connector, error, **more)) == {}

    def start(self, id_tag: str = GOOD, connector: int = 1, meter: int = 0, at: str = "2027-01-15T08:00:00Z") -> Any:
        return self.ask(
            "StartTransaction", {"connectorId": connector, "idTag": id_tag, "meterStart": meter, "timestamp": at}
        )

    def stop(self, transaction: int, meter: int = 1000, reason: str | None = None, **more: Any) -> Any:
        payload = {"transactionId": transaction, "meterStop": meter, "timestamp": "2027-01-15T09:00:00Z", **more}
        return self.ask("StopTransaction", payload | ({"reason": reason} if reason else {}))

    def open_call(self) -> Any:
        """The last frame, which must be a CALL of the central system."""
        frame = self.frames[-1]
        assert frame[0] == 2, frame
        return frame


def status_notification(status: str, connector: int, error: str = "NoError", **more: Any) -> dict[str, Any]:
    return {"connectorId": connector, "errorCode": error, "status": status, **more}


def counting(start: int = 1) -> Callable[[int], bytes]:
    """A source of "random" bytes that counts: the n-th draw is n."""
    drawn = iter(range(start, 1 << 30))
    return lambda size: (next(drawn) << 1).to_bytes(size, "big")
