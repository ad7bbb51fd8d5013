"""The hardware of one station, simulated: its outlets, their cars, its reader, key, buttons and inputs, its modem.

Pure: tell it what is wished or what hands do and at which instant, take the facts, ask when to look again.
"""

from collections.abc import Sequence
from math import inf

import msgspec

from chargepost.drivers.car import CARS, CarSpec
from chargepost.drivers.mains import Mains
from chargepost.drivers.modem import SimulatedModem
from chargepost.drivers.network import AS_USUAL, Around, Obstacle, obstacle
from chargepost.drivers.outlet import CABLE_RATINGS_A, Outlet, SimulatedConnector
from chargepost.signals import (
    BadgePresented,
    ButtonPressed,
    Fact,
    InputChanged,
    Interface,
    LockCable,
    MeterBy,
    MeterRead,
    ModemRead,
    ModemState,
    OfferCurrent,
    PulsePilot,
    Reading,
    ReadMeter,
    ReadModem,
    RemoteAuthorized,
    ShowLight,
    SwitchPower,
    UseNetwork,
    Wish,
)

__all__ = ["CARS", "CarSpec", "Mains", "Outlet", "SimulatedConnector", "SimulatedStation"]


KEY = "key"
"""The key switch, among the buttons: active is locked."""
METER = "meter"
"""An input that no wire leads to the station: the meter of connector 1 answers while it is active; of connector 2,
"meter_2"."""
MODEM, MODEM_SIGNAL = "modem", "modem_signal"
"""Inputs that no wire leads to the station: the modem answers, and its signal is good, while they are active."""


class SimulatedStation:
    """The instruments of one station. Connectors are numbered from 1, as OCPP does."""

    __slots__ = (
        "_facts", "_modem", "_outlets", "_own", "_seed", "around", "connectors", "locked", "mains", "powered",
    )  # fmt: skip

    def __init__(
        self,
        outlets: Sequence[Outlet],
        *,
        points: int | None = None,
        seed: int = 0,
        register_wh: Sequence[float] = (),
        mains: Mains | None = None,
    ) -> None:
        """`points`: how many connector numbers the outlets share; None: each has its own. `register_wh`: where each
        meter stands, 0 when empty. `mains`: of the site, when several share one.
        """
        self._outlets = tuple(outlets)
        points = len(outlets) if points is None else points
        if register_wh and len(register_wh) != points:
            raise ValueError(f"{len(register_wh)} registers for {points} connectors: one each, or none")
        self.mains = mains or Mains(seed)
        self._seed = seed
        self._modem: SimulatedModem | None = None
        self._own: Interface | None = None
        """How it is set to stand in its network; None: it has just got power."""
        self.around: Around = AS_USUAL
        self.powered = True
        self.locked = False
        """The key switch in front."""
        self._facts: list[Fact] = []
        self.connectors = self._built(register_wh or (0.0,) * points)

    def _built(self, registers: Sequence[float]) -> tuple[SimulatedConnector, ...]:
        """Outlet n has the connector number (n - 1) modulo their number + 1."""
        points = len(registers)
        return tuple(
            SimulatedConnector(number, self._outlets[number - 1 :: points], self.mains, wh, self._facts)
            for number, wh in enumerate(registers, 1)
        )

    def number_outlets(self, points: int, now: float) -> None:
        """The outlets share so many connector numbers from here on. What is plugged stays, and no register falls."""
        before = self.connectors
        if points == len(before):
            return
        self.advance(now)
        share = [
            [old for place, old in enumerate(before) if place % points == new or new % len(before) == place]
            for new in range(points)
        ]
        self.connectors = self._built([max(old.energy_wh for old in olds) for olds in share])
        self.advance(now)
        for place, old in enumerate(before):
            if old.plugged:
                outlet = place + old.socket * len(before)
                new = self.connectors[outlet % points]
                car = old.car and msgspec.structs.replace(old.car, soc_percent=old.soc or 0.0)
                rating_a = old.cable_rating_a if old.cable_rating_a in CABLE_RATINGS_A else CABLE_RATINGS_A[0]
                new.plug_in(car, now, rating_a, self._outlets[outlet].kind)

    def connector(self, number: int) -> SimulatedConnector:
        """By its OCPP number. Raises ValueError naming the numbers there are."""
        if not 1 <= number <= len(self.connectors):
            raise ValueError(f"no connector {number}: this station has 1 to {len(self.connectors)}")
        return self.connectors[number - 1]

    @property
    def modem(self) -> SimulatedModem:
        """Made when somebody first asks for it: most stations have it switched off."""
        if self._modem is None:
            self._modem = SimulatedModem(self._seed)
        return self._modem

    # --- the carrier's side ---

    def advance(self, now: float) -> None:
        """Let everything happen that happens up to now."""
        for connector in self.connectors:
            connector.advance(now)

    def next_wake(self) -> float | None:
        """The next instant at which something happens by itself; None when nothing will."""
        due = inf
        for connector in self.connectors:
            due = min(due, connector.next_wake)
        return None if due == inf else due

    def take(self) -> list[Fact]:
        """The facts since the last take, in order."""
        if not self._facts:
            return []
        facts = self._facts[:]  # the list itself is shared with the outlets
        self._facts.clear()
        return facts

    def do(self, wish: Wish, now: float) -> None:
        """Do what concerns the hardware; other wishes are somebody else's. Without mains nothing is done."""
        if not self.powered:
            return
        match wish:
            case ReadMeter(number, ticket):
                self.advance(now)
                self._facts.append(MeterRead(number, ticket, self.read_meter(number)))
            case OfferCurrent(number, current_a):
                self.connector(number).offer(current_a, now)
            case SwitchPower(number, on):
                self.connector(number).switch(on, now)
            case PulsePilot(number, lasts_s):
                self.connector(number).pulse_pilot(now, lasts_s)
            case LockCable(number, locked):
                self.connector(number).drive_lock(locked, now)
            case ShowLight(number, light, intensity_percent):
                for connector in (self.connector(number),) if number else self.connectors:
                    connector.show(light, intensity_percent)
            case MeterBy(number, transformers_v, _, at):
                outlet, there = self.connector(number), (self.around.meter_address, self.around.meter_gateway)
                was_silent = outlet.silent
                outlet.missed = at not in (None, there)
                outlet.meter_by(transformers_v, now)
                if outlet.silent and not was_silent:
                    self._facts.append(MeterRead(number, 0, None))
            case UseNetwork(own):
                before = self._own or own
                self._own = own if own.wifi == before.wifi else msgspec.structs.replace(own, wifi=before.wifi)
            case ReadModem(address):
                self._facts.append(ModemRead(self.read_modem() if self.around.is_router(address) else None))

    def obstacle(self, host: str) -> Obstacle | None:
        """What of the station's settings, or of what is around, keeps it from a host; None: nothing does."""
        own = self._own
        return obstacle(own, self.around, host, not own.modem or self.read_modem() is not None) if own else None

    @property
    def behind_modem(self) -> bool:
        """Whatever is beyond the sub-network is reached through the modem."""
        return self._own is not None and self._own.modem and not self.around.as_host

    def read_modem(self) -> ModemState | None:
        """None when it is silent."""
        try:
            return self.modem.read()
        except OSError:
            return None

    def read_meter(self, number: int) -> Reading | None:
        """What a meter says at the last advance; 0 is the main meter. None when it, or one it adds up, is silent."""
        if number:
            return self.metered(self.connector(number))
        readings = [reading for each in self.connectors if (reading := self.metered(each))]
        return _sum(readings) if readings and len(readings) == len(self.connectors) else None

    def metered(self, outlet: SimulatedConnector) -> Reading | None:
        """By the meter of one outlet; None when it is silent."""
        return None if outlet.silent else outlet.reading

    def shown(self, number: int) -> tuple[float, float]:
        """Power and register of a connector as a page shows them, in W and Wh."""
        outlet = self.connector(number)
        return outlet.power_w, outlet.energy_wh

    # --- hands; each says whether it could be done ---

    def plug_in(
        self, connector: int, car: CarSpec | None, now: float, cable_rating_a: float = 32.0, outlet: str = ""
    ) -> bool:
        """A cable into the socket, with a car or None at its other end; of an attached cable, the car.

        `outlet` names the kind of socket where several share the number. False when a cable or car is already there.
        """
        return self.connector(connector).plug_in(car, now, cable_rating_a, outlet)

    def plug_car(self, connector: int, car: CarSpec, now: float) -> bool:
        """A car to the cable that is already there."""
        return self.connector(connector).plug_car(car, now)

    def unplug(self, connector: int, now: float, outlet: str = "") -> bool:
        """Pull the cable at the station (an attached one at the car). False when it is locked or not there."""
        return self.connector(connector).unplug(now, outlet)

    def unplug_car(self, connector: int, now: float) -> bool:
        """Pull the cable at the car, the rest stays in the station. False without a car."""
        return self.connector(connector).unplug_car(now)

    def replug(self, connector: int, now: float) -> bool:
        """Pull the car's plug and put it back, which wakes a sleeping car. False without one."""
        return self.connector(connector).replug(now)

    def pulse_pilot(self, connector: int, now: float) -> None:
        """Take the pilot away for a moment (state F), which wakes a sleeping car."""
        self.connector(connector).pulse_pilot(now)

    def set_car(self, connector: int, now: float, **changes: object) -> bool:
        """Change the car by the names of `CarSpec`; False without one."""
        return self.connector(connector).set_car(now, **changes)

    def present_badge(self, id_tag: str, connector: int | None = None) -> None:
        self._tell(BadgePresented(id_tag, connector))

    def authorize_remotely(self, id_tag: str, connector: int | None = None) -> None:
        """A system beside the station lets somebody in, or has read a badge."""
        self._tell(RemoteAuthorized(id_tag, connector))

    def press(self, name: str, active: bool = True) -> None:
        """A push button, key switch or emergency stop. A key stays where it is turned to."""
        if name == KEY:
            self.locked = active
        self._tell(ButtonPressed(name, active))

    def answering(self) -> list[str]:
        """Inputs that are no wire: who answers, and how well."""
        meters = [METER, *(f"{METER}_{n}" for n in range(2, len(self.connectors) + 1))]
        return [*meters, MODEM, MODEM_SIGNAL]

    def set_input(self, name: str, active: bool) -> None:
        """A wired contact, door, tilt or detection loop; or what modem and meter do when they are asked.

        Raises ValueError for the meter of a connector that there is not.
        """
        kind, _, number = name.rpartition("_")
        if name == METER or (kind == METER and number.isdecimal()):
            self.mute_meter(int(number) if kind else 1, not active)
            self._tell_silence()
        elif name == MODEM:
            self.modem.answers = active
        elif name == MODEM_SIGNAL:
            self.modem.weaken(not active)
        else:
            self._tell(InputChanged(name, active))

    # --- faults ---

    def jam_lock(self, connector: int, jammed: bool) -> None:
        self.connector(connector).jam_lock(jammed)

    def weld(self, connector: int, welded: bool) -> None:
        self.connector(connector).weld(welded)

    def short_pilot(self, connector: int, shorted: bool, now: float) -> None:
        self.connector(connector).short_pilot(shorted, now)

    def mute_meter(self, connector: int, muted: bool) -> None:
        self.connector(connector).mute_meter(muted)

    def leak(self, connector: int, current_ma: float, now: float) -> None:
        """A residual current: 30 mA and more trip the protection."""
        self.connector(connector).leak(current_ma, now)

    def power_cut(self, now: float) -> None:
        """The mains go away. Facts not yet taken are lost with the station's processor."""
        self.advance(now)
        for connector in self.connectors:
            connector.power_cut(now)
        self.powered = False
        self._own = None
        self._facts.clear()

    def power_up(self, now: float) -> None:
        """The mains are back; positions and pilots are told again."""
        self.powered = True
        self.advance(now)
        if self.locked:
            self._tell(ButtonPressed(KEY))
        for connector in self.connectors:
            connector.power_up(now)
        self._tell_silence()

    def tell_again(self) -> None:
        """Every position and pilot once more, for a program that has just begun to run."""
        if self.locked:
            self._tell(ButtonPressed(KEY))
        for connector in self.connectors:
            connector.tell_again()
        self._tell_silence()

    def _tell_silence(self) -> None:
        """A driver asks its meters now and then, and says which of them do not answer."""
        for connector in self.connectors:
            if connector.silent:
                self._tell(MeterRead(connector.number, 0, None))

    def _tell(self, fact: Fact) -> None:
        if self.powered:
            self._facts.append(fact)


def _sum(readings: Sequence[Reading]) -> Reading:
    """The meter ahead of several outlets: currents, powers and registers add up, the voltage is the lowest."""

    def add(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
        first, second, third = (sum(phase) for phase in zip(*rows, strict=True))
        return (first, second, third)

    power_w = add([reading.power_w for reading in readings])
    current_a = add([reading.current_a for reading in readings])
    lowest = [min(phase) for phase in zip(*(reading.voltage_v for reading in readings), strict=True)]
    apparent_va = sum(volt * ampere for volt, ampere in zip(lowest, current_a, strict=True))
    return Reading(
        energy_wh=sum(reading.energy_wh for reading in readings),
        current_a=current_a,
        voltage_v=(lowest[0], lowest[1], lowest[2]),
        power_w=power_w,
        power_factor=min(sum(power_w) / apparent_va, 1.0) if apparent_va else 1.0,
        frequency_hz=readings[0].frequency_hz,
        reactive_varh=sum(reading.reactive_varh for reading in readings),
        temperature_c=max(reading.temperature_c for reading in readings),
    )
