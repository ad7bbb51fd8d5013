"""The line between a station and its central system: one WebSocket, delayed or interrupted as hands want it.

Without faults it passes everything on at once. An interruption is that of a pulled cable: neither end is told, what is
on its way waits (as TCP would send it again), and dialling finds nobody.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from chargepost.run import websocket
from chargepost.run.clock import Clock
from chargepost.signals import Dial

HELD_MAX = 1_000
"""Messages held while the cable is out; TCP's buffers would hold about as much before it gives the connection up."""

NOBODY = "the central system does not answer: the network cable is out (by hand)"

DIAL_MIN_S = 2.0
"""Of the machine: however fast the world is, a real peer on a real network needs its time to answer a handshake."""


class End(Protocol):
    """The station's side. Each line tells `line_down` exactly once, and nothing after it."""

    def line_up(self, line: "Line", subprotocol: str) -> None: ...
    def line_received(self, line: "Line", data: bytes) -> None: ...
    def line_ponged(self, line: "Line") -> None: ...
    def line_down(self, line: "Line", reason: str, status: int | None) -> None: ...


class LinkFaults:
    """What is wrong with the network of one station, whichever line it has."""

    __slots__ = ("cut", "latency_s", "lines")

    def __init__(self) -> None:
        self.cut = False
        self.latency_s = 0.0
        """Of the world, each way."""
        self.lines: tuple[Line, ...] = ()
        """The one in use, and those that are still hung up."""

    def set(self, *, cut: bool | None = None, latency_s: float | None = None) -> None:
        if latency_s is not None:
            self.latency_s = latency_s
        if cut is not None:
            self.cut = cut
        for line in self.lines:
            line.mended()


class Line:
    """One dial and what comes of it: a `Listener` to the wire, and what the station's end sends by."""

    __slots__ = ("_clock", "_dialling", "_end", "_faults", "_held", "_timer", "_wire")

    def __init__(self, end: End, clock: Clock, faults: LinkFaults) -> None:
        self._end: End | None = end
        self._clock = clock
        self._faults = faults
        self._held: deque[tuple[float, Callable[[], None]]] | None = None
        """In order: the earliest instant of the world, and what happens then. None, for it is large, until needed."""
        self._timer: asyncio.TimerHandle | None = None
        self._wire: websocket.Link | None = None
        self._dialling: asyncio.Task[None] | None = None

    # --- the station's side ------------------------------------------------------------------------------------------

    def dial(self, dial: Dial) -> None:
        if self._faults.cut:
            self._timer = self._clock.call_later(dial.timeout_s, self._lose, NOBODY)
            return
        self._faults.lines += (self,)
        self._dialling = websocket.dial(_patient(dial, self._clock), self)

    def send(self, data: bytes) -> None:
        self._pass(lambda: self._wire.send(data) if self._wire else None)

    def ping(self) -> None:
        self._pass(lambda: self._wire.ping() if self._wire else None)

    def hang_up(self, code: int, reason: str) -> None:
        """Say goodbye; with the cable out nobody hears it, and nobody need answer."""
        if self._faults.cut or self._wire is None:
            self._lose(f"hung up: {reason}")
        else:
            self._pass(lambda: self._wire.close(code, reason) if self._wire else None)

    def cut(self) -> None:
        """No power any more: neither goodbye nor what was still on its way. The end is told nothing."""
        self._end = None
        self._held = None
        if self._faults.cut:
            self._held = deque([(0.0, self._drop)])
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
        self._pass(lambda: self._end.line_up(self, subprotocol) if self._end else None)

    def received(self, data: bytes) -> None:
        self._pass(lambda: self._end.line_received(self, data) if self._end else None)

    def ponged(self) -> None:
        self._pass(lambda: self._end.line_ponged(self) if self._end else None)

    def closed(self, reason: str, status: int | None) -> None:
        def tell() -> None:
            self._leave()
            end, self._end = self._end, None
            if end:
                end.line_down(self, reason, status)

        self._wire = self._dialling = None
        self._pass(tell)

    # --- what is wrong with the network ------------------------------------------------------------------------------

    def _pass(self, what: Callable[[], None]) -> None:
        """At once on a sound line; else in order, each when its time has come."""
        if not (self._held or self._faults.cut or self._faults.latency_s):
            what()
            return
        if self._held is None:
            self._held = deque()
        if len(self._held) >= HELD_MAX:
            self._lose("the connection was lost: too much was on its way")
            return
        self._held.append((self._clock.now() + self._faults.latency_s, what))
        if len(self._held) == 1:
            self._arm()

    def _arm(self) -> None:
        if self._held and not self._faults.cut:
            self._timer = self._clock.call_at(self._held[0][0], self._deliver)

    def _deliver(self) -> None:
        while self._held and not self._faults.cut and self._held[0][0] <= self._clock.now():
            self._held.popleft()[1]()
        self._arm()

    def mended(self) -> None:
        """The faults have changed."""
        if self._held:
            if self._timer:
                self._timer.cancel()
            self._arm()


def _patient(dial: Dial, clock: Clock) -> Dial:
    """The dial with its time-out in the machine's time."""
    timeout_s = max(clock.machine_s(dial.timeout_s), DIAL_MIN_S)
    return msgspec.structs.replace(dial, timeout_s=timeout_s)
