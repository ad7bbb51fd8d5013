"""The central system of a virtual fleet: the real Central, its ledger in memory, its disk, its restarts."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

import msgspec

from chargepost.fleet.link import Line
from chargepost.fleet.timeline import Timeline
from chargepost.signals import Dial
from chargepost.supervision.answers import Policy
from chargepost.supervision.books import Books
from chargepost.supervision.central import Central
from chargepost.supervision.roster import Knock
from chargepost.supervision.tracelog import FrameLog
from chargepost.supervision.wishes import (
    Admit,
    Answered,
    BadgeRow,
    Begun,
    ConnectorRow,
    HangUp,
    Kept,
    Note,
    Ping,
    Refuse,
    Send,
    StationRow,
    Store,
)

COMMIT_S = 0.004
"""A group of pieces is durable so long after its first: a sync of a good disk."""

Then = Callable[[Answered], None]


class MemoryLedger(Books):
    """The ledger of virtual time: what a restart of the central system reads back."""

    def __init__(self, badges: tuple[BadgeRow, ...]) -> None:
        super().__init__(keep_meter_values=False)
        self.life = 0
        self.badges = badges
        self.stations: dict[str, StationRow] = {}
        self.connectors: dict[tuple[str, int], ConnectorRow] = {}
        self.samples = 0

    def store(self, wish: Store) -> Begun | None:
        for row in wish.rows:
            if isinstance(row, ConnectorRow):
                self.connectors[row.identity, row.connector] = row
            elif isinstance(row, StationRow):
                self.stations[row.identity] = row
        return super().store(wish)

    def load(self) -> Kept:
        """What a central system that begins to run is handed."""
        self.life += 1
        running = tuple(row for number, row in self.starts.items() if number not in self.stops)
        return Kept(self.life, tuple(self.stations.values()), tuple(self.connectors.values()), running, self.badges)


class NoFrames(FrameLog):
    """The world keeps the last frames of each station itself; nobody asks this central system for them."""

    def add(self, *_frame: object, **_more: object) -> None: ...


class Watch(Protocol):
    """Who is told what passes at the central system's end."""

    def frame_down(self, line: Line, data: bytes) -> None: ...
    def noted(self, who: str, note: Note) -> None: ...
    def count(self, kind: str) -> None: ...


class Hub:
    """Holds the central system's end of every line."""

    def __init__(
        self, timeline: Timeline, watch: Watch, policy: Policy, ledger: MemoryLedger, dice: Random, utc_s: float
    ) -> None:
        """`utc_s` is the date at the beginning."""
        self.timeline, self.watch, self.policy, self.ledger, self.dice = timeline, watch, policy, ledger, dice
        self.offset_s = utc_s
        """The machine's date minus virtual time."""
        self.up = False
        self.central: Central
        self._lines: dict[str, Line] = {}
        self._knocking: dict[int, tuple[str, Line]] = {}
        self._all: dict[Line, None] = {}
        self._tickets = 0
        self._thens: dict[int, Then] = {}
        self._pieces: deque[Store] = deque()
        self._life = 0
        self._due: float | None = None
        self.start()

    # --- its program -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Build it from what is durable."""
        now = self.timeline.now
        self.up = True
        self._life += 1
        self.central = Central(self.policy, self.dice.randbytes, self.ledger.load(), utc_s=now + self.offset_s, now=now)
        self.central.frames = NoFrames()

    def die(self, *, told: bool) -> None:
        """kill -9, or the power of its machine: what was not durable is not, and every line ends."""
        self.up = False
        self._life += 1
        self._due = None
        for _ in range(self.dice.randint(0, len(self._pieces))):
            self.ledger.store(self._pieces.popleft())  # made it to the disk, and nobody was told
        self._pieces.clear()
        lines, self._all = self._all, {}
        self._lines.clear()
        self._knocking.clear()
        thens, self._thens = self._thens, {}
        for line in lines:
            line.central_died(told=told)
        for ticket, then in thens.items():
            then(Answered(ticket, error="Died", description="the central system stopped"))

    def step_clock(self, by_s: float) -> None:
        self.offset_s += by_s
        if self.up:
            self.central.set_clock(self.timeline.now + self.offset_s, self.timeline.now)

    def command(self, identity: str, payload: msgspec.Struct, then: Then = lambda _: None) -> None:
        """Ask a station; `then` is told once what became of it."""
        if not self.up:
            then(Answered(0, error="Died", description="the central system is not running"))
            return
        self._tickets += 1
        self._thens[self._tickets] = then
        self.central.command(identity, payload, self._tickets, self.timeline.now)
        self._drain()

    # --- its end of the lines ----------------------------------------------------------------------------------------

    def line_knocked(self, line: Line, dial: Dial) -> None:
        self._tickets += 1
        line.ticket = self._tickets
        identity = dial.url.rpartition("/")[2]
        self._knocking[line.ticket] = identity, line
        self._all[line] = None
        knock = Knock(identity, dial.subprotocols, dial.user, dial.password)
        self.central.knock(line.ticket, knock, self.timeline.now)
        self._drain()

    def line_received(self, line: Line, data: bytes) -> None:
        identity = self._identity(line)
        if identity is not None:
            self.central.received(identity, data, self.timeline.now)
            self._drain()

    def line_ponged(self, line: Line) -> None:
        identity = self._identity(line)
        if identity is not None:
            self.central.ponged(identity, self.timeline.now)
            self._drain()

    def line_closed(self, line: Line) -> None:
        self._all.pop(line, None)
        identity = self._identity(line)
        if identity is not None:
            del self._lines[identity]
            self.central.closed(identity, self.timeline.now)
        elif line.ticket in self._knocking:
            identity, _ = self._knocking.pop(line.ticket)
            self.central.gave_up(identity, line.ticket)
        self._drain()

    def _identity(self, line: Line) -> str | None:
        """Of the station whose current line this is."""
        identity = line.identity
        return identity if self._lines.get(identity) is line else None

    # --- what it wishes ----------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        central = self.central
        while wishes := central.take():
            for wish in wishes:
                DO[type(wish)](self, wish)
        due = central.next_wake()
        if due is not None and (self._due is None or due < self._due):
            self._due = due
            self.timeline.at(max(due, self.timeline.now), self._ring, due, self._life)

    def _ring(self, due: float, life: int) -> None:
        if life == self._life and due == self._due:
            self._due = None
            self.central.wake(self.timeline.now)
            self._drain()

    def _send(self, wish: Send) -> None:
        line = self._lines.get(wish.identity)
        if line is not None:
            self.watch.frame_down(line, wish.data)
            line.reply(wish.data)

    def _store(self, wish: Store) -> None:
        if not self._pieces:
            self.timeline.after(COMMIT_S, self._commit, self._life)
        self._pieces.append(wish)

    def _commit(self, life: int) -> None:
        """The group is on the disk: write it down, then say so."""
        if life != self._life:
            return
        done = [(piece.token, self.ledger.store(piece)) for piece in self._pieces]
        self._pieces.clear()
        now = self.timeline.now
        for token, begun in done:
            if token:
                self.central.stored(token, now, begun)
        self._drain()

    def _ping(self, wish: Ping) -> None:
        if line := self._lines.get(wish.identity):
            line.challenge()

    def _hang_up(self, wish: HangUp) -> None:
        if line := self._lines.pop(wish.identity, None):
            self._all.pop(line, None)
            line.drop(wish.reason)

    def _admit(self, wish: Admit) -> None:
        identity, line = self._knocking.pop(wish.ticket)
        self._lines[identity] = line
        self.central.opened(identity, "ocpp1.6", self.timeline.now)
        line.admit("ocpp1.6")

    def _refuse(self, wish: Refuse) -> None:
        if wish.ticket in self._knocking:
            _, line = self._knocking.pop(wish.ticket)
            self._all.pop(line, None)
            self.watch.count(f"handshake refused: {wish.status}")
            line.refuse(wish.status, wish.reason)

    def _answered(self, wish: Answered) -> None:
        then = self._thens.pop(wish.ticket, None)
        if then:
            then(wish)

    def _note(self, wish: Note) -> None:
        self.watch.noted("central system", wish)


DO: dict[type, Callable[[Hub, Any], None]] = {
    Send: Hub._send,
    Store: Hub._store,
    Ping: Hub._ping,
    HangUp: Hub._hang_up,
    Admit: Hub._admit,
    Refuse: Hub._refuse,
    Answered: Hub._answered,
    Note: Hub._note,
}
