"""One outlet with its cable, car, contactor, lock and meter: the physics, event by event.

Between two events nothing changes but what is closed form in time: the currents are constant, the voltage is a sum of
sines, so energy, state of charge and temperature are known at any instant from the last event alone. How often anyone
looks therefore cannot change what is measured, and an outlet where nothing happens costs nothing.
"""

from collections.abc import Sequence
from math import acos, exp, inf, nextafter, tan
from typing import Final, NamedTuple, Protocol

import msgspec

from chargepost.drivers import pilot
from chargepost.drivers.car import SOC_EQUAL, CarSpec
from chargepost.drivers.mains import IMPEDANCE_OHM, Mains
from chargepost.signals import (
    CableChanged,
    Fact,
    FaultCleared,
    FaultRaised,
    InputChanged,
    LockChanged,
    Overdrawn,
    PilotChanged,
    PilotState,
    PowerSwitched,
    Reading,
)

CONTACTOR_S: Final = 0.05
"""From the coil's command to the contacts' new place."""
LOCK_S: Final = 0.4
"""The travel of the lock's bolt."""
REACTION_S: Final = 0.5
"""From a change of the pilot or of the power to the car's answer (the standard allows 3 to 5 s)."""
OVERDRAWN: Final = 1.1
"""Of its offer a car may draw so much: its own error and that of who measures it."""
OVERDRAWN_S: Final = 5.1
"""For so long, too: it has 5 s to follow a lower offer (IEC 61851-1, annex A). A hair more, so that it had them."""
AMBIENT_C: Final = 20.0
HEAT_C_PER_A2: Final = 0.01
"""Steady rise over ambient for the sum of the squares of the currents: three times 32 A make 31 degrees."""
HEAT_BUILT_FOR_A: Final = 32.0
"""An outlet for more than this is built so much bigger that its rating warms it as much."""
HEAT_S: Final = 900.0
"""Time constant of the outlet's warming."""
TRIP_MA: Final = 30.0
"""Residual current at which the protection opens the contactor and locks it out (IEC 61851-1, 8.5)."""
CABLE_RATINGS_A: Final = (13.0, 20.0, 32.0, 63.0)
"""What the resistor of a plug can say (IEC 61851-1, annex B)."""
NO_CODE_A: Final = 0.0
"""A plug whose resistor has none of those values."""
ATTACHED: Final = frozenset({"cable", "T1", "CCS2", "CHAdeMO"})
TELLS_SOC: Final = frozenset({"CCS2", "CHAdeMO"})
"""On AC the pilot carries no state of charge; only the car knows it."""
DIGITAL: Final = TELLS_SOC
"""On DC the current is agreed in messages: any can be said, and the pilot only tells that there are messages."""
NO_PILOT: Final = frozenset({"TE"})
"""A domestic socket has no pilot: its driver tells the plug's contact as A or C."""
SECONDS_PER_HOUR: Final = 3600.0
NOTHING: Final = (0.0, 0.0, 0.0)


class Outlet(Protocol):
    """What the physics must know of an outlet; a product file's connector says it."""

    @property
    def kind(self) -> str: ...
    @property
    def phases(self) -> int: ...
    @property
    def max_current_a(self) -> float: ...
    @property
    def lock(self) -> bool: ...


class Beside(NamedTuple):
    """What is plugged into another socket of the same connector: it has no contact and no power."""

    socket: int
    car: CarSpec | None
    cable_rating_a: float


OTHER_SOCKET: Final = "other_socket_"
"""The input, with the connector's number, that is active while two sockets of one connector are taken."""


class SimulatedConnector:
    """One outlet. Everything it tells goes to the list of facts of its station.

    Sockets that share a connector number share its meter, contactor and lock too: whichever is taken first is the
    outlet until it is free again.
    """

    __slots__ = (
        "_contactor_at", "_draw_a", "_energy_wh", "_facts", "_heard_a", "_live", "_lock_at", "_mains", "_now", "_over",
        "_over_at", "_pulled_in", "_react_at", "_reactive_varh", "_reckoned_at", "_reckoned_wh", "_since", "_soc_at",
        "_temperature_c", "_to_lock", "_told", "_wants", "_width", "ambient_c", "beside", "cable_rating_a", "car",
        "closed", "intensity_percent", "jammed", "leak_ma", "light", "locked", "missed", "muted", "next_wake", "number",
        "offered_a", "plugged", "powered", "shorted", "soc_percent", "socket", "sockets", "spec", "transformers_v",
        "tripped", "welded",
    )  # fmt: skip

    def __init__(
        self, number: int, sockets: Sequence[Outlet], mains: Mains, register_wh: float, facts: list[Fact]
    ) -> None:
        self.number = number
        self.sockets = tuple(sockets)
        self.socket = 0
        """Which of them is in use, or will be unless another is named."""
        self.spec = spec = self.sockets[0]
        """Of the socket in use."""
        self.beside: Beside | None = None
        self._mains = mains
        self._facts = facts
        self._now = self._since = 0.0

        self.plugged = spec.kind in ATTACHED
        """A cable at the station's side."""
        self.cable_rating_a = spec.max_current_a if self.plugged else 0.0
        self.car: CarSpec | None = None
        self.soc_percent = 0.0
        """Of the car, as of the last event; `soc` is that of now."""

        self.powered = True
        """The mains are there."""
        self.offered_a = 0.0
        self.closed = False
        self.locked = False
        self.light = "off"
        self.intensity_percent = 100
        self.welded = self.jammed = self.shorted = self.muted = self.missed = self.tripped = False
        self.leak_ma = 0.0

        self._heard_a = 0.0
        """The offer the car has understood."""
        self._live = False
        """The car has noticed that there is power on its inlet."""
        self._wants = False
        """The car has closed its switch: C or D."""
        self._pulled_in = False
        """The contactor's coil."""
        self._to_lock = False
        """Where the lock was last sent."""

        self._contactor_at = self._lock_at = self._react_at = self._soc_at = self.next_wake = inf

        self._draw_a = 0.0
        """Per phase, on `_width` phases; constant since `_since`."""
        self._over, self._over_at = False, inf
        """It draws more than it is offered; when that is told, unless it ends before."""
        self._width = 0
        self._reckoned_at, self._reckoned_wh = -inf, 0.0
        """The active energy of this stretch at one instant: register, reading and charge are asked for together."""
        self._energy_wh = register_wh
        self.transformers_v: float | None = None
        """Metered by current transformers at this voltage; None: by a power meter."""
        self._reactive_varh = 0.0
        self.ambient_c = AMBIENT_C
        self._temperature_c = AMBIENT_C
        self._told: tuple[PilotState, bool] = ("A", True)
        if self.plugged:
            facts.append(CableChanged(number, True, self.cable_rating_a))

    # --- what is seen from outside ---

    @property
    def pilot(self) -> PilotState:
        """What a station measures at its end of the pilot."""
        if not self.powered:
            return "F"
        if self.spec.kind in NO_PILOT:
            return "C" if self.plugged else "A"
        if self.shorted:
            return "E"
        if self.car is None:
            return "A"
        if not self._wants and not self.car.simplified:
            return "B"
        return "D" if self.car.ventilation else "C"

    @property
    def diode(self) -> bool:
        """The car's diode shows, or cannot be seen for want of a negative half."""
        seen = self.car is not None and self.offered_a > 0 and not self.shorted and self.spec.kind not in NO_PILOT
        return not seen or self.car is None or self.car.diode

    @property
    def pilot_v(self) -> float:
        """The positive level of the pilot, in V; 0 without mains."""
        return pilot.VOLTAGE_V[self.pilot] if self.powered else 0.0

    @property
    def duty_percent(self) -> float:
        return (
            pilot.DIGITAL_PERCENT
            if self.spec.kind in DIGITAL and self.offered_a
            else pilot.duty_percent(self.offered_a)
        )

    @property
    def current_a(self) -> tuple[float, float, float]:
        """L1, L2, L3."""
        draw, width = self._draw_a, self._width
        return (draw if width > 0 else 0.0, draw if width > 1 else 0.0, draw if width > 2 else 0.0)

    @property
    def voltage_v(self) -> tuple[float, float, float]:
        """L1, L2, L3 at the outlet, ahead of its contactor; 0 where the outlet has no such phase."""
        if not self.powered:
            return NOTHING
        volt, now, drop = self._mains.voltage_v, self._now, self._draw_a * IMPEDANCE_OHM
        width = self._width
        first = volt(0, now) - (drop if width > 0 else 0.0)
        if self.spec.phases == 1:
            return (first, 0.0, 0.0)
        return (first, volt(1, now) - (drop if width > 1 else 0.0), volt(2, now) - (drop if width > 2 else 0.0))

    @property
    def power_factor(self) -> float:
        return self.car.power_factor if self.car and self._draw_a else 1.0

    @property
    def power_w(self) -> float:
        """Active power of all phases."""
        return sum(self.reading.power_w) if self._draw_a else 0.0

    @property
    def energy_wh(self) -> float:
        """The register of the meter."""
        return self._energy_wh + self._metered_wh(self._now, self._active_wh(self._now))

    @property
    def soc(self) -> float | None:
        """Of the car, in %; None without one."""
        return self._soc_after(self._active_wh(self._now)) if self.car else None

    @property
    def stand(self) -> tuple[float, float | None]:
        """Register and state of charge, both as they are asked for above, in one reckoning."""
        energy_wh = self._active_wh(self._now)
        register_wh = self._energy_wh + self._metered_wh(self._now, energy_wh)
        return register_wh, self._soc_after(energy_wh) if self.car else None

    @property
    def temperature_c(self) -> float:
        return self._temperature(self._now)

    @property
    def reading(self) -> Reading:
        """What the meter shows now. All from the one state; the state of charge only where the plug carries it.

        Current transformers know no voltage, power factor or reactive energy.
        """
        current, voltage, factor = self.current_a, self.voltage_v, self.power_factor
        energy_wh = self._active_wh(self._now)
        if (volt := self.transformers_v) is not None:
            voltage = (volt, volt, volt) if self.spec.phases > 1 else (volt, 0.0, 0.0)
            factor = 1.0
        return Reading(
            energy_wh=self._energy_wh + self._metered_wh(self._now, energy_wh),
            current_a=current,
            voltage_v=voltage,
            power_w=(
                voltage[0] * current[0] * factor,
                voltage[1] * current[1] * factor,
                voltage[2] * current[2] * factor,
            ),
            power_factor=factor,
            frequency_hz=self._mains.frequency_hz(self._now) if self.powered else 0.0,
            reactive_varh=self._reactive_varh + self._reactive(energy_wh),
            soc_percent=self._soc_after(energy_wh) if self.car and self.spec.kind in TELLS_SOC else None,
            temperature_c=self._temperature(self._now),
        )

    # --- time ---

    def advance(self, now: float) -> None:
        """Let everything happen that happens up to now, each at its own instant."""
        while (due := self.next_wake) <= now:
            self._happen(due)
        self._now = max(self._now, now)

    def _happen(self, now: float) -> None:
        self._settle(now)
        if self._contactor_at <= now:
            self._contactor_at = inf
            self._move_contactor(self._pulled_in)
        if self._lock_at <= now:
            self._lock_at = inf
            if not self.jammed:
                self.locked = self._to_lock
            self._facts.append(LockChanged(self.number, self.locked, self.locked != self._to_lock))
        if self._react_at <= now:
            self._react_at = inf
            self._heard_a = 0.0 if self.shorted else self.offered_a
            self._live = self.closed
        if self._over_at <= now:
            self._over_at = inf
            self._facts.append(Overdrawn(self.number))
        self._decide()

    def _settle(self, now: float) -> None:
        """Close the stretch that began at the last event: fold what it brought into the state."""
        energy_wh = self._active_wh(now)
        self._temperature_c = self._temperature(now)
        self._energy_wh += self._metered_wh(now, energy_wh)
        self._reactive_varh += self._reactive(energy_wh)
        self.soc_percent = self._soc_after(energy_wh)
        self._since = self._now = now
        self._reckoned_at = -inf

    def _decide(self) -> None:
        """Begin the next stretch: what the car wants and draws, when it next changes its mind, and tell the pilot."""
        car, self._draw_a, self._width, self._soc_at, self._wants = self.car, 0.0, 0, inf, False
        if car is not None and car.ready and not car.asleep and not car.full(self.soc_percent):
            allowed_a = self._allowed_a()
            self._wants = allowed_a > 0 if self.spec.kind in DIGITAL else allowed_a >= car.min_current_a
            if self._wants and self._live and self.closed and self.powered:
                self._draw_a = min(allowed_a, car.wish_a(self.soc_percent)) * car.overdraws
                self._width = min(car.phases, self.spec.phases)
                self._soc_at = self._when(car.next_step(self.soc_percent))
        if (over := self._draw_a > self.offered_a * OVERDRAWN) != self._over:
            self._over, self._over_at = over, self._now + OVERDRAWN_S if over else inf
        self.next_wake = min(self._contactor_at, self._lock_at, self._react_at, self._soc_at, self._over_at)
        if self.powered and (seen := (self.pilot, self.diode)) != self._told:
            self._told = seen
            self._facts.append(PilotChanged(self.number, *seen))

    def _allowed_a(self) -> float:
        """What the car believes it may draw, from the pilot and the resistor of the cable.

        At a domestic socket nothing tells it: its cable is set to what the socket's label says, which is the offer.
        """
        if self.spec.kind in NO_PILOT:
            return min(self.cable_rating_a, self._heard_a or self.cable_rating_a)
        return min(self._heard_a, self.cable_rating_a)

    def _react(self) -> None:
        """The car will notice; when it is already about to, it will notice this as well."""
        if self.car is not None and self._react_at == inf:
            self._react_at = self._now + REACTION_S

    # --- closed forms, all from the last event ---

    def _active_wh(self, now: float) -> float:
        """Active energy since the last event."""
        draw_a = self._draw_a
        if not draw_a or self.car is None:
            return 0.0
        if now == self._reckoned_at:
            return self._reckoned_wh
        start, volt_seconds = self._since, 0.0
        for phase in range(self._width):
            volt_seconds += self._mains.volt_seconds(phase, start, now)
        volt_seconds -= self._width * draw_a * IMPEDANCE_OHM * (now - start)
        self._reckoned_at = now
        self._reckoned_wh = energy_wh = draw_a * self.car.power_factor * volt_seconds / SECONDS_PER_HOUR
        return energy_wh

    def _metered_wh(self, now: float, energy_wh: float) -> float:
        """What the register counts of that: of current transformers, apparent energy at the voltage they were given."""
        volt = self.transformers_v
        if volt is None:
            return energy_wh
        return volt * self._draw_a * self._width * (now - self._since) / SECONDS_PER_HOUR

    def _reactive(self, energy_wh: float) -> float:
        if self.transformers_v is not None:
            return 0.0
        return energy_wh * tan(acos(self.car.power_factor)) if energy_wh and self.car else 0.0

    def _soc_after(self, energy_wh: float) -> float:
        """The state of charge once that much more came from the mains."""
        if not energy_wh or self.car is None:
            return self.soc_percent
        return min(self.soc_percent + 100 * energy_wh * self.car.efficiency / self.car.battery_wh, 100.0)

    def _temperature(self, now: float) -> float:
        drawn = self._draw_a * min(HEAT_BUILT_FOR_A / self.spec.max_current_a, 1.0)
        steady_c = self.ambient_c + HEAT_C_PER_A2 * self._width * drawn**2
        return steady_c + (self._temperature_c - steady_c) * exp((self._since - now) / HEAT_S)

    def _when(self, soc: float) -> float:
        """The instant at which the battery reaches a state of charge at the present current (secant steps).

        The voltage moves by little, so each step gains several digits; eight are more than enough.
        """
        assert self.car is not None
        wanted_wh = (soc - self.soc_percent) * self.car.battery_wh / (100 * self.car.efficiency)
        passed_s = 1.0
        for _ in range(8):
            got_wh = self._active_wh(self._since + passed_s)
            if abs(got_wh - wanted_wh) * 100 < SOC_EQUAL / 100 * self.car.battery_wh:
                break
            passed_s *= wanted_wh / got_wh
        return max(self._since + passed_s, nextafter(self._since, inf))

    # --- what the station wants ---

    def offer(self, current_a: float, now: float) -> None:
        """Set the PWM; 0 A takes it away. Raises ValueError for a current that no pilot can say."""
        if self.spec.kind not in DIGITAL:
            pilot.duty_percent(current_a)
        self.advance(now)
        if self.powered and current_a != self.offered_a:
            self._settle(self._now)
            self.offered_a = float(current_a)
            self._over = False  # whatever it draws, it has its time to follow this offer
            self._react()
            self._decide()

    def switch(self, on: bool, now: float) -> None:
        """Drive the contactor's coil; the contacts' place is told when they arrived, welded ones included."""
        self.advance(now)
        if self.powered:
            self._settle(self._now)
            self._pulled_in = on and not self.tripped
            self._contactor_at = self._now + CONTACTOR_S
            self._decide()

    def drive_lock(self, locked: bool, now: float) -> None:
        """Send the bolt; where it ended is told when it had time to. Without a lock nothing happens."""
        self.advance(now)
        if self.powered and self.spec.lock and self.spec.kind not in ATTACHED:
            self._settle(self._now)
            self._to_lock = locked
            self._lock_at = self._now + LOCK_S
            self._decide()

    def show(self, light: str, intensity_percent: int) -> None:
        """Set the lamp. Raises ValueError outside 0 to 100 %."""
        if not 0 <= intensity_percent <= 100:
            raise ValueError(f"an intensity of {intensity_percent} % is not within 0 to 100 %")
        if self.powered:
            self.light, self.intensity_percent = light, intensity_percent

    def pulse_pilot(self, now: float, lasts_s: float = 0.0) -> None:
        """Take the pilot away for a moment (state F): the car forgets the offer, a sleeping one wakes after it."""
        self.advance(now)
        self._settle(self._now)
        self._forget()
        if self.car is not None:
            self._react_at = self._now + lasts_s + REACTION_S
        self._decide()

    # --- hands ---

    def plug_in(self, car: CarSpec | None, now: float, cable_rating_a: float = 32.0, kind: str = "") -> bool:
        """Plug a cable in, with a car at its other end or nobody yet. False when a cable or a car is in the way.

        `kind` names the socket where there are several; a second one that is taken has no power.
        """
        socket = self.socket_of(kind)
        if cable_rating_a not in (*CABLE_RATINGS_A, NO_CODE_A):
            raise ValueError(f"no cable says {cable_rating_a} A: one of {CABLE_RATINGS_A}")
        self.advance(now)
        if self.spec.kind in ATTACHED:
            return car is not None and self.plug_car(car, now)
        if self.plugged:
            if socket == self.socket or self.beside:
                return False
            self.beside = Beside(socket, car, cable_rating_a)
            self._tell(InputChanged(f"{OTHER_SOCKET}{self.number}", True))
            return True
        self._settle(self._now)
        self.socket, self.spec = socket, self.sockets[socket]
        self.plugged = True
        self.cable_rating_a = self.spec.max_current_a if self.spec.kind in NO_PILOT else cable_rating_a
        self._tell(CableChanged(self.number, True, self.cable_rating_a))
        self._connect(car)
        return True

    def plug_car(self, car: CarSpec, now: float) -> bool:
        """The car's end of a cable that is already there. False without a cable, or with another car on it."""
        self.advance(now)
        if not self.plugged or self.car is not None:
            return False
        self._settle(self._now)
        self._connect(car)
        return True

    def unplug_car(self, now: float) -> bool:
        """Pull the cable at the car's end; a lock at the station does not hinder that. False without a car."""
        self.advance(now)
        if self.car is None:
            return False
        self._settle(self._now)
        self._connect(None)
        return True

    def socket_of(self, kind: str) -> int:
        """Its place among the sockets; without a kind, the first. Raises ValueError for one that is not here."""
        kinds = [each.kind for each in self.sockets]
        if kind and kind not in kinds:
            raise ValueError(f"connector {self.number} has no outlet {kind}: {', '.join(kinds)}")
        return kinds.index(kind) if kind else 0

    def unplug(self, now: float, kind: str = "") -> bool:
        """Pull the cable at the station's end (an attached one: at the car's). False when locked or not plugged.

        `kind` names the socket where there are several; without, it is the one in use.
        """
        socket = self.socket_of(kind) if kind else self.socket
        if socket != self.socket:
            if self.beside is None or self.beside.socket != socket:
                return False
            self._free_beside()
            return True
        if self.spec.kind in ATTACHED:
            return self.unplug_car(now)
        self.advance(now)
        if not self.plugged or self.locked:
            return False
        self._settle(self._now)
        self.plugged, self.cable_rating_a = False, 0.0
        self._connect(None)
        self._tell(CableChanged(self.number, False, 0.0))
        self.socket, self.spec = 0, self.sockets[0]
        if self.beside:
            waiting = self._free_beside()
            self.plug_in(waiting.car, now, waiting.cable_rating_a, self.sockets[waiting.socket].kind)
        return True

    def _free_beside(self) -> Beside:
        assert self.beside
        was, self.beside = self.beside, None
        self._tell(InputChanged(f"{OTHER_SOCKET}{self.number}", False))
        return was

    def replug(self, now: float) -> bool:
        """Pull the car's plug and put it back: the same car with the charge it has, awake. False without a car."""
        self.advance(now)
        if self.car is None or self.soc is None:
            return False
        car = msgspec.structs.replace(self.car, soc_percent=self.soc, asleep=False)
        return self.unplug_car(now) and self.plug_car(car, now)

    def set_car(self, now: float, **changes: object) -> bool:
        """Change what the car is or wants, by the names of `CarSpec`; `soc_percent` is its charge now. False without.

        Raises TypeError for an unknown name, ValueError for a value no car has.
        """
        self.advance(now)
        if self.car is None:
            return False
        car = msgspec.structs.replace(self.car, **changes)
        self._settle(self._now)
        self.car = car
        if "soc_percent" in changes:
            self.soc_percent = car.soc_percent
        self._react()
        self._decide()
        return True

    def _connect(self, car: CarSpec | None) -> None:
        self.car, self._live, self._react_at = car, False, inf
        self._heard_a = 0.0
        self.soc_percent = car.soc_percent if car else 0.0
        self._react()
        self._decide()

    def _forget(self) -> None:
        """The pilot went away: whatever the car understood is void, and it wakes."""
        self._heard_a, self._live = 0.0, False
        if self.car is not None and self.car.asleep:
            self.car = msgspec.structs.replace(self.car, asleep=False)

    # --- faults ---

    def jam_lock(self, jammed: bool) -> None:
        """The bolt stays where it is, wherever it is sent."""
        self.jammed = jammed

    def weld(self, welded: bool) -> None:
        """The contacts stick once they are closed; freed, they follow their coil at once."""
        self._settle(self._now)
        self.welded = welded
        if self.closed != self._pulled_in and self._contactor_at == inf:
            self._move_contactor(self._pulled_in)
        self._decide()

    def short_pilot(self, shorted: bool, now: float) -> None:
        """The pilot against earth: state E. The car sees no pilot and stops; freed, it starts anew."""
        self.advance(now)
        self._settle(self._now)
        self.shorted = shorted
        self._forget()
        self._react()
        self._decide()

    def meter_by(self, transformers_v: float | None, now: float) -> None:
        """By current transformers at this voltage, or (None) by a power meter; the register goes on."""
        self.advance(now)
        if transformers_v != self.transformers_v:
            self._settle(self._now)
            self.transformers_v = transformers_v
            self._decide()

    @property
    def silent(self) -> bool:
        """The power meter does not answer, or is asked elsewhere; current transformers are part of the station."""
        return (self.muted or self.missed) and self.transformers_v is None

    def warm(self, ambient_c: float, now: float) -> None:
        """The air around it; the outlet itself follows slowly."""
        self.advance(now)
        self._settle(self._now)
        self.ambient_c = ambient_c

    def mute_meter(self, muted: bool) -> None:
        """The meter does not answer; it goes on counting."""
        self.muted = muted

    def leak(self, current_ma: float, now: float) -> None:
        """A residual current. The protection trips by itself, and can be closed again once the cause is gone."""
        self.advance(now)
        self._settle(self._now)
        self.leak_ma = current_ma
        trips = current_ma >= TRIP_MA
        if trips and not self.tripped:
            self._pulled_in, self._contactor_at = False, inf
            self._move_contactor(False)
            self._tell(FaultRaised(self.number, "GroundFailure"))
        elif self.tripped and not trips:
            self._tell(FaultCleared(self.number, "GroundFailure"))
        self.tripped = trips
        self._decide()

    def power_cut(self, now: float) -> None:
        """No mains: the contactor falls, the pilot is gone, the lock stays where it is. Nothing can be told."""
        self.advance(now)
        self._settle(self._now)
        self.powered = self._pulled_in = False
        self.closed = self.closed and self.welded
        self.offered_a = 0.0
        self.light = "off"
        self._forget()
        self._contactor_at = self._lock_at = self._react_at = inf
        self._decide()

    def power_up(self, now: float) -> None:
        """The mains are back: all that the hardware can see is told again."""
        self.advance(now)
        self._settle(self._now)
        self.powered = True
        self._told = (self.pilot, self.diode)
        self._react()
        self._decide()
        self.tell_again()

    def tell_again(self) -> None:
        """All positions as they are, for a program that has just begun to run."""
        if not self.powered:
            return
        self._facts.append(CableChanged(self.number, self.plugged, self.cable_rating_a))
        if self.spec.lock:
            self._facts.append(LockChanged(self.number, self.locked))
        self._facts.append(PowerSwitched(self.number, self.closed))
        self._facts.append(PilotChanged(self.number, self.pilot, self.diode))
        if self.beside:
            self._facts.append(InputChanged(f"{OTHER_SOCKET}{self.number}", True))
        if self.tripped:
            self._facts.append(FaultRaised(self.number, "GroundFailure"))

    def _move_contactor(self, closed: bool) -> None:
        self.closed = closed or (self.closed and self.welded)
        if self.closed:
            self._react()
        else:
            self._live = False
        self._tell(PowerSwitched(self.number, self.closed))

    def _tell(self, fact: Fact) -> None:
        if self.powered:
            self._facts.append(fact)
