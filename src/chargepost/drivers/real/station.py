"""A station with real instruments; what it has none of stays simulated.

The simulation follows the real contacts: its contactor is where the auxiliary contact says, and at a domestic socket,
which has no pilot, its plug is where the wired contact `plug` says. A meter that is real is the one that is read.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol, TypeVar

import msgspec

from chargepost.drivers.outlet import NO_PILOT, OVERDRAWN, OVERDRAWN_S, Outlet, SimulatedConnector
from chargepost.drivers.ports import Contactor, HouseMeter, Inputs, Lights, Meter, Reader
from chargepost.drivers.real.instrument import Changed, NotHeardYet
from chargepost.drivers.simulated import KEY, SimulatedStation
from chargepost.signals import (
    BadgePresented,
    Fact,
    FaultCleared,
    FaultRaised,
    InputChanged,
    MeterBy,
    MeterRead,
    Overdrawn,
    Reading,
    ShowLight,
    SwitchPower,
    Tic,
    TicRead,
    Wish,
)

BUTTONS: Final = frozenset({"emergency_stop", "stop", "suspend", KEY})
"""Wired contacts that are a push button or a key."""
PLUG: Final = "plug"
"""The contact of a domestic socket that its plug closes; of connector 2, `plug_2`."""
REST_S: Final = 3.0
"""How long the end of the program waits for a board to have switched everything off."""
AS_IS: Final = (0, 1, 2)
"""A meter whose inputs are connected to the station's terminals in their order."""

T = TypeVar("T")


class Runs(Protocol):
    """What keeps a wire, or listens to the kernel."""

    async def run(self, changed: Changed) -> None: ...


class Rests(Protocol):
    async def rest(self) -> None:
        """Everything off, for the end of the program."""


@dataclass
class Fittings:
    """The instruments of one station, by connector where each has its own."""

    meters: dict[int, Meter] = field(default_factory=dict)
    contactors: dict[int, Contactor] = field(default_factory=dict)
    inputs: list[Inputs] = field(default_factory=list)
    lights: dict[int, list[Lights]] = field(default_factory=dict)
    reader: Reader | None = None
    tic: HouseMeter | None = None
    wires: list[Runs] = field(default_factory=list)
    boards: list[Rests] = field(default_factory=list)
    reader_error: str = "ReaderFailure"
    """The product's code for a reader that is silent."""


class FittedStation(SimulatedStation):
    """Hardware to a carrier, which lets `run` go on for as long as it uses it."""

    __slots__ = ("_inputs", "_last", "_over", "_phases", "_quiet", "_tic", "_where", "fittings")

    def __init__(
        self, fittings: Fittings, outlets: Sequence[Outlet], *, points: int | None = None, seed: int = 0,
        register_wh: Sequence[float] = (),
    ) -> None:  # fmt: skip
        super().__init__(outlets, points=points, seed=seed, register_wh=register_wh)
        self.fittings = fittings
        self._where = dict.fromkeys(fittings.contactors, False)
        """Where the auxiliary contacts were last seen."""
        self._inputs: dict[str, bool] = {}
        self._quiet: set[Fact] = set()
        """What was told of instruments that are silent."""
        self._tic: Tic | None = None
        self._last: dict[int, Reading] = {}
        self._over: dict[int, tuple[float, float]] = {}
        """Offers that a real meter sees exceeded, and when that is told."""
        self._phases: dict[int, tuple[int, int, int]] = {}
        """How the meters are wired."""

    async def run(self, changed: Changed) -> None:
        """Ends only by being cancelled; everything that can be switched is off then."""
        try:
            await asyncio.gather(*(wire.run(changed) for wire in self.fittings.wires))
        finally:
            for contactor in self.fittings.contactors.values():
                contactor.switch(False)
            for board in self.fittings.boards:
                with suppress(OSError, TimeoutError):
                    async with asyncio.timeout(REST_S):
                        await board.rest()

    # --- the carrier's side ---

    def advance(self, now: float) -> None:
        super().advance(now)
        if self.powered:
            self._look(now)
            super().advance(now)

    def do(self, wish: Wish, now: float) -> None:
        if not self.powered:
            return
        match wish:
            case SwitchPower(number, on) if number in self.fittings.contactors:
                self.fittings.contactors[number].switch(on)
                return
            case ShowLight(number, light, intensity_percent):
                for connector, lamps in self.fittings.lights.items():
                    for lamp in lamps if number in (0, connector) else ():
                        lamp.show(light, intensity_percent)
            case MeterBy(number, None, phases) if number in self.fittings.meters:
                self._phases[number] = phases
                wish = msgspec.structs.replace(wish, at=None)  # where it is stands in the site file
        super().do(wish, now)

    def metered(self, outlet: SimulatedConnector) -> Reading | None:
        meter = self.fittings.meters.get(outlet.number)
        if meter is None or outlet.muted:
            return super().metered(outlet)
        try:
            reading = self._last[outlet.number] = _at_terminals(meter.read(), self._phases.get(outlet.number, AS_IS))
        except OSError:
            return None
        return reading

    def shown(self, number: int) -> tuple[float, float]:
        """Of a real meter that is silent, the register it had last."""
        if number not in self.fittings.meters:
            return super().shown(number)
        reading = self.metered(self.connector(number))
        last = self._last.get(number)
        return sum(reading.power_w) if reading else 0.0, last.energy_wh if last else 0.0

    def power_cut(self, now: float) -> None:
        for number, contactor in self.fittings.contactors.items():
            contactor.switch(False)
            self._where[number] = False
        super().power_cut(now)

    def tell_again(self) -> None:
        super().tell_again()
        self._inputs = {name: active for name, active in self._inputs.items() if name.startswith(PLUG)}
        self._quiet.clear()
        self._tic = None

    # --- the instruments ---

    def _look(self, now: float) -> None:
        """Whatever reads otherwise than before becomes a fact."""
        fittings = self.fittings
        for number, contactor in fittings.contactors.items():
            closed = self._asked(contactor.closed, *_fault(number, "PowerSwitchFailure"))
            if closed is not None and closed != self._where[number]:
                self._where[number] = closed
                self.connector(number).switch(closed, now)
        for inputs in fittings.inputs:
            for name, active in (self._asked(inputs.read, *_fault(0, "InternalError")) or {}).items():
                if active != self._inputs.get(name, False):
                    self._inputs[name] = active
                    self._touched(name, active, now)
        if fittings.reader and (badge := self._asked(fittings.reader.badge, *_fault(0, fittings.reader_error))):
            self._tell(BadgePresented(badge))
        for number, meter in fittings.meters.items():
            if reading := self._asked(meter.read, MeterRead(number, 0, None), None):
                self._watch(number, max(reading.current_a), now)
        if fittings.tic and (tic := self._asked(fittings.tic.read, TicRead(None), None)) and tic is not self._tic:
            self._tic = tic
            self._tell(TicRead(tic))

    def _watch(self, number: int, current_a: float, now: float) -> None:
        """A car has its time to follow each offer."""
        offered_a = self.connector(number).offered_a
        if not offered_a or current_a <= offered_a * OVERDRAWN:
            self._over.pop(number, None)
            return
        over_a, due = self._over.get(number, (0.0, inf))
        if over_a != offered_a:
            self._over[number] = offered_a, now + OVERDRAWN_S
        elif now >= due:
            self._over[number] = offered_a, inf
            self._tell(Overdrawn(number))

    def _touched(self, name: str, active: bool, now: float) -> None:
        kind, _, number = name.rpartition("_")
        if name == PLUG or (kind == PLUG and number.isdecimal()):
            self._plugged(int(number) if kind else 1, active, now)
        elif name in BUTTONS:
            self.press(name, active)
        else:
            self._tell(InputChanged(name, active))

    def _plugged(self, number: int, active: bool, now: float) -> None:
        """No lock that is only simulated holds a real plug."""
        outlet = self.connector(number)
        if active:
            outlet.plug_in(None, now, kind=next((each.kind for each in outlet.sockets if each.kind in NO_PILOT), ""))
        else:
            outlet.locked = False
            outlet.unplug(now)

    def _asked(self, ask: Callable[[], T], silent: Fact, again: Fact | None) -> T | None:
        """None while the instrument is silent: that is told once, and what ends it. Never heard is not missed yet."""
        try:
            answer = ask()
        except NotHeardYet:
            return None
        except OSError:
            if silent not in self._quiet:
                self._quiet.add(silent)
                self._tell(silent)
            return None
        if silent in self._quiet:
            self._quiet.discard(silent)
            if again:
                self._tell(again)
        return answer


def _at_terminals(reading: Reading, phases: tuple[int, int, int]) -> Reading:
    """The meter's phases in the order of the station's terminals."""
    if phases == AS_IS:
        return reading
    first, second, third = phases

    def at(values: tuple[float, float, float]) -> tuple[float, float, float]:
        return (values[first], values[second], values[third])

    return msgspec.structs.replace(
        reading, current_a=at(reading.current_a), voltage_v=at(reading.voltage_v), power_w=at(reading.power_w)
    )


def _fault(connector: int, error: str) -> tuple[Fact, Fact]:
    return FaultRaised(connector, error), FaultCleared(connector, error)


def by_connector(names: Mapping[str, int]) -> dict[int, dict[str, int]]:
    """`green` is of connector 1, `green_2` of connector 2."""
    found: dict[int, dict[str, int]] = {}
    for name, line in names.items():
        kind, _, number = name.rpartition("_")
        known = (kind, int(number)) if kind and number.isdecimal() else (name, 1)
        found.setdefault(known[1], {})[known[0]] = line
    return found
