"""The connection of a station to its central system: two directions, each in order, with seeded faults.

A lost frame is a lost connection, because TCP keeps order: from then on nothing passes, and each end finds out by
itself. A cut is told to both ends at once, and what was on its way is lost.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol

import msgspec

from chargepost.fleet import scenario
from chargepost.fleet.faults import FrameJudge
from chargepost.fleet.timeline import Timeline
from chargepost.signals import Dial

CLOSE_S = 1.0
"""How long an end that hangs up waits for the other's goodbye."""


class StationEnd(Protocol):
    """Each line tells `line_down` at most once, and nothing after it."""

    identity: str

    def line_up(self, line: "Line", subprotocol: str) -> None: ...
    def line_received(self, line: "Line", data: bytes) -> None: ...
    def line_ponged(self, line: "Line") -> None: ...
    def line_deaf(self, line: "Line") -> None: ...
    def line_down(self, line: "Line", reason: str, status: int | None) -> None: ...


class CentralEnd(Protocol):
    """Told `line_closed` exactly once for each line that knocked, unless it hung up itself."""

    up: bool

    def line_knocked(self, line: "Line", dial: Dial) -> None: ...
    def line_received(self, line: "Line", data: bytes) -> None: ...
    def line_ponged(self, line: "Line") -> None: ...
    def line_closed(self, line: "Line") -> None: ...


class Network:
    """What the lines of one station have in common: its delay, its dice, whether anything passes at all."""

    __slots__ = ("central", "count", "delay_s", "dice", "judge", "out", "spec", "timeline")

    def __init__(
        self, timeline: Timeline, spec: scenario.Link, dice: Random, central: CentralEnd, count: Callable[[str], None],
        judge: FrameJudge | None = None,
    ) -> None:  # fmt: skip
        """`count` is told each fault by its name; `judge` decides about each frame, by rules."""
        self.timeline = timeline
        self.spec = spec
        self.dice = dice
        self.central = central
        self.count = count
        self.judge = judge
        self.delay_s = spec.delay_s * dice.uniform(0.3, 1.7)
        self.out = False
        """Nothing passes, and nobody is told."""

    def calm(self) -> None:
        """From now on no dice are thrown for faults; what is silent already stays so until somebody notices."""
        self.spec = msgspec.structs.replace(self.spec, lose=0.0, duplicate=0.0, refuse_dial=0.0)
        self.judge = None

    def draw_delay_s(self) -> float:
        return self.delay_s * (0.8 + 0.4 * self.dice.random())

    def draw_patience_s(self) -> float:
        """How long an end holds on to a connection that has become silent."""
        return self.spec.tcp_gives_up_s * self.dice.uniform(0.2, 1.8)


class Line:
    """One dial and what comes of it."""

    __slots__ = (
        "_central_on",
        "_due_down",
        "_due_up",
        "_epoch",
        "_hole",
        "_net",
        "_opened",
        "answers",
        "identity",
        "station",
        "ticket",
    )

    def __init__(self, net: Network, station: StationEnd) -> None:
        self._net = net
        self.identity = station.identity
        self.station: StationEnd | None = station
        """None: the station's end is gone."""
        self.ticket = 0
        """The central end's number of this handshake."""
        self._central_on = False
        """The central end believes that the line is there."""
        self._opened = False
        self.answers = False
        """A ping of the station is answered, in no time; once it is not, it never is again, and `line_deaf` is told."""
        self._hole = False
        self._epoch = 0
        """What was sent in an earlier one does not arrive."""
        self._due_up = self._due_down = 0.0

    # --- dialling ----------------------------------------------------------------------------------------------------

    def dial(self, dial: Dial) -> None:
        net = self._net
        if net.out:
            net.timeline.after(dial.timeout_s, self._tell_down, f"no answer within {dial.timeout_s:g} s", None)
        elif not net.central.up or net.dice.random() < net.spec.refuse_dial:
            net.count("dial refused")
            net.timeline.after(2 * net.draw_delay_s(), self._tell_down, "connection refused", None)
        else:
            self._central_on = True
            net.timeline.after(dial.timeout_s, self._dialled_long_enough, dial.timeout_s)
            self._due_up = net.timeline.now + 2 * net.draw_delay_s()  # TCP has its own handshake first
            self._upward(self._net.central.line_knocked, dial)

    def _dialled_long_enough(self, timeout_s: float) -> None:
        if not self._opened and self.station is not None:
            self._net.count("dial timed out")
            self._tell_down(f"no answer within {timeout_s:g} s", None)
            self._goodbye_up()

    def admit(self, subprotocol: str) -> None:
        self._downward(self._told_up, subprotocol)

    def refuse(self, status: int, reason: str) -> None:
        self._central_on = False
        self._downward(self._tell_down, reason, status)

    def _told_up(self, subprotocol: str) -> None:
        if self.station is not None:
            self._opened = True
            self.answers = self._central_on and not self._hole
            self.station.line_up(self, subprotocol)

    # --- the station's side ------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        if not self._lost():
            for piece, late_s in self._judged(data, up=True):
                self._upward(self._net.central.line_received, piece, late_s=late_s)
                if self._doubled():
                    self._upward(self._net.central.line_received, piece)

    def ping(self) -> None:
        """Answered in no time, or not at all: it carries nothing that has an order."""
        if self.answers and self.station is not None:
            self.station.line_ponged(self)

    def _fall_deaf(self) -> None:
        """No ping is answered from here on."""
        if self.answers:
            self.answers = False
            if self.station is not None:
                self.station.line_deaf(self)

    def hang_up(self, reason: str) -> None:
        """Say goodbye and go; who does not hear it finds out later."""
        self._net.timeline.after(min(CLOSE_S, 2 * self._net.delay_s), self._tell_down, f"hung up: {reason}", None)
        self._goodbye_up()

    def die(self) -> None:
        """The station has no power: neither a goodbye nor an answer to anything. It is told nothing."""
        self.station = None
        self.fall_silent()

    # --- the central system's side -----------------------------------------------------------------------------------

    def reply(self, data: bytes) -> None:
        if not self._lost():
            for piece, late_s in self._judged(data, up=False):
                self._downward(self._told_frame, piece, late_s=late_s)
                if self._doubled():
                    self._downward(self._told_frame, piece)

    def _told_frame(self, data: bytes) -> None:
        if self.station is not None:
            self.station.line_received(self, data)

    def challenge(self) -> None:
        """A ping of the central system."""
        self._downward(self._pong_up)

    def _pong_up(self) -> None:
        if self.station is not None:
            self._upward(self._net.central.line_ponged)

    def drop(self, reason: str) -> None:
        """The central system hangs up."""
        self._central_on = False
        self._fall_deaf()
        self._downward(self._tell_down, reason, None)

    # --- faults ------------------------------------------------------------------------------------------------------

    def cut(self, reason: str) -> None:
        """Both ends are told; what was on its way is lost."""
        net = self._net
        self._epoch += 1
        net.timeline.after(net.draw_delay_s(), self._tell_down, reason, None)
        net.timeline.after(net.draw_delay_s(), self._tell_closed)
        self._hole = True
        self._fall_deaf()

    def fall_silent(self) -> None:
        """From now on nothing arrives; each end gives up in its own time."""
        if self._hole:
            return
        net = self._net
        self._hole = True
        self._epoch += 1
        self._fall_deaf()
        net.timeline.after(net.draw_patience_s(), self._tell_down, "the connection timed out", None)
        net.timeline.after(net.draw_patience_s(), self._tell_closed)

    def central_died(self, *, told: bool) -> None:
        """The central system is gone, its end with it; `told`: its machine still lives and says so."""
        self._central_on = False
        if told:
            self.cut("connection reset by the central system")
        else:
            self.fall_silent()

    # --- passing on --------------------------------------------------------------------------------------------------

    def _lost(self) -> bool:
        if self._hole:
            return True
        net = self._net
        if net.out or (net.spec.lose and net.dice.random() < net.spec.lose):
            net.count("frame lost")
            self.fall_silent()
            return True
        return False

    def _judged(self, data: bytes, *, up: bool) -> list[tuple[bytes, float]]:
        """What passes by the rules for frames, and how much later."""
        judge = self._net.judge
        fate = judge.befall(data, up) if judge else None
        if fate is None:
            return [(data, 0.0)]
        self._net.count(f"frame by rule: {fate.word}")
        if fate.ends == "cut":
            self.cut("the connection was cut, by a rule for frames")
        elif fate.ends:
            self.fall_silent()
        return [(piece, fate.delay_s) for piece in fate.copies]

    def _doubled(self) -> bool:
        net = self._net
        if net.spec.duplicate and net.dice.random() < net.spec.duplicate:
            net.count("frame doubled")
            return True
        return False

    def _upward(self, what: Callable[..., None], *args: object, late_s: float = 0.0) -> None:
        net = self._net
        self._due_up = when = max(self._due_up, net.timeline.now + net.draw_delay_s() + late_s)
        net.timeline.at(when, self._arrive_up, self._epoch, what, args)

    def _arrive_up(self, epoch: int, what: Callable[..., None], args: tuple[object, ...]) -> None:
        if epoch == self._epoch and self._central_on and not self._hole:
            what(self, *args)

    def _downward(self, what: Callable[..., None], *args: object, late_s: float = 0.0) -> None:
        net = self._net
        self._due_down = when = max(self._due_down, net.timeline.now + net.draw_delay_s() + late_s)
        net.timeline.at(when, self._arrive_down, self._epoch, what, args)

    def _arrive_down(self, epoch: int, what: Callable[..., None], args: tuple[object, ...]) -> None:
        if epoch == self._epoch and not self._hole:
            what(*args)

    def _goodbye_up(self) -> None:
        if not self._hole:
            self._upward(Line._heard_goodbye)

    def _heard_goodbye(self) -> None:
        self._tell_closed()

    def _tell_down(self, reason: str, status: int | None) -> None:
        station, self.station = self.station, None
        if station is not None:
            station.line_down(self, reason, status)

    def _tell_closed(self) -> None:
        if self._central_on:
            self._central_on = False
            self._fall_deaf()
            self._net.central.line_closed(self)
