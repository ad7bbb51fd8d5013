"""The line between a station and its central system: one WebSocket, delayed or interrupted as hands want it.

Without faults it passes everything on at once. An interruption is that of a pulled cable: neither end is told, what is
on its way waits (as TCP would send it again), and dialling finds nobody. Rows for OCPP frames (`fleet/faults.py`) act
here; those for bytes act in a proxy that is dialled through (`run/faults.py`).
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from chargepost.fleet.faults import FrameJudge
from chargepost.run import websocket
from chargepost.run.clock import Clock
from chargepost.signals import Dial

HELD_MAX = 1_000
"""Messages held while the cable is out; TCP's buffers would hold about as much before it gives the connection up."""

NOBODY = "the central system does not answer: the network cable is out (by hand)"

CUT = "the connection was cut, by a rule for frames"

NO_WAY_S = 3.0
"""Of the world: about what a router that is not there is looked for (ARP, three questions)."""

DIAL_MIN_S = 2.0
"""Of the machine: however fast the world is, a real peer on a real network needs its time to answer a handshake."""


log = logging.getLogger("chargepost.link")


class End(Protocol):
    """The station's side. Each line tells `line_down` exactly once, and nothing after it."""

    def line_up(self, line: "Line", subprotocol: str) -> None: ...
    def line_received(self, line: "Line", data: bytes) -> None: ...
    def line_ponged(self, line: "Line") -> None: ...
    def line_down(self, line: "Line", reason: str, status: int | None) -> None: ...


class LinkFaults:
    """What is wrong with the network of one station, whichever line it has."""

    __slots__ = ("_no_cable", "_no_modem", "cut", "judge", "latency_s", "lines", "way")

    def __init__(self, judge: FrameJudge | None = None, way: websocket.Way | None = None) -> None:
        """`judge` decides about each OCPP frame; `way` leads the bytes elsewhere first."""
        self._no_cable = self._no_modem = self.cut = False
        """Nothing passes for as long as either is missing."""
        self.latency_s = 0.0
        """Of the world, each way."""
        self.judge, self.way = judge, way
        self.lines: tuple[Line, ...] = ()
        """The one in use, and those that are still hung up."""

    def set(
        self, *, cut: bool | None = None, latency_s: float | None = None, judge: FrameJudge | None = None,
        no_modem: bool | None = None,
    ) -> None:  # fmt: skip
        """None leaves that one as it is. `cut`: the cable is out; `no_modem`: what it leads to is silent."""
        if latency_s is not None:
            self.latency_s = latency_s
        if judge is not None:
            self.judge = judge
        if cut is not None:
            self._no_cable = cut
        if no_modem is not None:
            self._no_modem = no_modem
        self.cut = self._no_cable or self._no_modem
        for line in self.lines:
            line.mended()

    def end(self) -> None:
        """Every one of them; a connection that goes through a proxy keeps what befell it, the next one is sound."""
        self.judge = self.way = None
        self.set(cut=False, latency_s=0.0)


class Lane:
    """One direction of a line: what is on its way, in order."""

    __slots__ = ("_clock", "_faults", "_held", "_timer")

    def __init__(self, clock: Clock, faults: LinkFaults) -> None:
        self._clock, self._faults = clock, faults
        self._held: deque[tuple[float, Callable[[], None]]] = deque()
        """The earliest instant of the world, and what happens then."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._held)

    def put(self, due: float, what: Callable[[], None]) -> None:
        self._held.append((due, what))
        if len(self._held) == 1:
            self.arm()

    def clear(self) -> None:
        self._held.clear()
        if self._timer:
            self._timer.cancel()

    def arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._held and not self._faults.cut:
            self._timer = self._clock.call_at(self._held[0][0], self._deliver)

    def _deliver(self) -> None:
        while self._held and not self._faults.cut and self._held[0][0] <= self._clock.now():
            self._held.popleft()[1]()
        self.arm()


class Line:
    """One dial and what comes of it: a `Listener` to the wire, and what the station's end sends by."""

    __slots__ = ("_clock", "_dialling", "_down", "_end", "_faults", "_silent", "_timer", "_up", "_wire")

    def __init__(self, end: End, clock: Clock, faults: LinkFaults) -> None:
        self._end: End | None = end
        self._clock = clock
        self._faults = faults
        self._up: Lane | None = None
        """None, for it is large, until needed."""
        self._down: Lane | None = None
        self._silent = False
        """Nothing passes on this line any more, and neither end is told."""
        self._timer: asyncio.TimerHandle | None = None
        """Of a dial that finds nobody."""
        self._wire: websocket.Link | None = None
        self._dialling: asyncio.Task[None] | None = None

    # --- the station's side ------------------------------------------------------------------------------------------

    def fail(self, reason: str) -> None:
        """No dial: it is known already that nobody is reached, and why."""
        self._timer = self._clock.call_later(NO_WAY_S, self._lose, reason)

    def dial(self, dial: Dial, trust: ssl.SSLContext | None = None) -> None:
        if self._faults.cut:
            self._timer = self._clock.call_later(dial.timeout_s, self._lose, NOBODY)
            return
        self._faults.lines += (self,)
        self._dialling = websocket.dial(_patient(dial, self._clock), self, trust=trust, way=self._faults.way)

    def send(self, data: bytes) -> None:
        if not self._is_sound(self._up):
            self._judge(True, data, lambda piece: self._wire.send(piece) if self._wire else None)
        elif self._wire:
            self._wire.send(data)

    def ping(self) -> None:
        self._pass(True, lambda: self._wire.ping() if self._wire else None)

    def hang_up(self, code: int, reason: str) -> None:
        """Say goodbye; with the cable out nobody hears it, and nobody need answer."""
        if self._faults.cut or self._silent or self._wire is None:
            self._lose(f"hung up: {reason}")
        else:
            self._pass(True, lambda: self._wire.close(code, reason) if self._wire else None)

    def cut(self) -> None:
        """No power any more: neither goodbye nor what was still on its way. The end is told nothing."""
        self._end = None
        for lane in (self._up, self._down):
            if lane:
                lane.clear()
        if self._faults.cut:
            self._lane(True).put(0.0, self._drop)
        else:
            self._drop()

    def _lose(self, reason: str) -> None:
        end, self._end = self._end, None
        self.cut()
        if end:
            end.line_down(self, reason, None)

    def _leave(self) -> None:
        self._faults.lines = tuple(line for line in self._faults.lines if line is not self)

    def _drop(self) -> None:
        self._leave()
        if self._timer:
            self._timer.cancel()
        if isinstance(self._wire, websocket.Wire):
            self._wire.cut("the station has no power")
        elif self._dialling:
            self._dialling.cancel()

    # --- the wire's side ---------------------------------------------------------------------------------------------

    def opened(self, link: websocket.Link, subprotocol: str) -> None:
        self._wire, self._dialling = link, None
        if self._end is None:
            self._drop()
            return
        if self._faults.cut:  # pulled while it was dialling
            self._lose(NOBODY)
            return
        self._pass(False, lambda: self._end.line_up(self, subprotocol) if self._end else None)

    def received(self, data: bytes) -> None:
        if not self._is_sound(self._down):
            self._judge(False, data, lambda piece: self._end.line_received(self, piece) if self._end else None)
        elif self._end:
            self._end.line_received(self, data)

    def ponged(self) -> None:
        self._pass(False, lambda: self._end.line_ponged(self) if self._end else None)

    def closed(self, reason: str, status: int | None) -> None:
        def tell() -> None:
            self._leave()
            end, self._end = self._end, None
            if end:
                end.line_down(self, reason, status)

        self._wire = self._dialling = None
        self._pass(False, tell)

    # --- what is wrong with the network ------------------------------------------------------------------------------

    def _is_sound(self, lane: Lane | None) -> bool:
        """Nothing is wrong, and nothing on its way in this direction: what comes passes at once."""
        faults = self._faults
        return not (faults.judge or faults.cut or faults.latency_s or lane or self._silent)

    def _judge(self, up: bool, data: bytes, pass_on: Callable[[bytes], None]) -> None:
        """A frame, as the rules for frames have it."""
        judge = self._faults.judge
        fate = judge.befall(data, up) if judge and not self._silent else None
        if judge is None or fate is None:
            self._pass(up, lambda: pass_on(data))
            return
        log.info("%s: %s of a frame", f"{judge.identity} {'up' if up else 'down'}", fate.word)
        for piece in fate.copies:
            self._pass(up, lambda piece=piece: pass_on(piece), fate.delay_s)  # type: ignore[misc]
        if fate.ends == "cut":
            self._lose(CUT)
        elif fate.ends:
            self._silent = True

    def _pass(self, up: bool, what: Callable[[], None], delay_s: float = 0.0) -> None:
        """At once on a sound line; else in the order of its direction, each when its time has come."""
        if self._silent:
            return
        delay_s += self._faults.latency_s
        lane = self._up if up else self._down
        if not (lane or self._faults.cut or delay_s):
            what()
            return
        lane = self._lane(up)
        if len(lane) >= HELD_MAX:
            self._lose("the connection was lost: too much was on its way")
            return
        lane.put(self._clock.now() + delay_s, what)

    def _lane(self, up: bool) -> Lane:
        lane = self._up if up else self._down
        if lane is None:
            lane = Lane(self._clock, self._faults)
            if up:
                self._up = lane
            else:
                self._down = lane
        return lane

    def mended(self) -> None:
        """The faults have changed."""
        for lane in (self._up, self._down):
            if lane:
                lane.arm()


def _patient(dial: Dial, clock: Clock) -> Dial:
    """The dial with its time-out in the machine's time."""
    timeout_s = max(clock.machine_s(dial.timeout_s), DIAL_MIN_S)
    return msgspec.structs.replace(dial, timeout_s=timeout_s)
