"""The simulated hardware behind the ports: the same physics as one Protocol per instrument, on a clock of any kind."""

from collections.abc import Callable, Mapping

from chargepost.drivers import pilot
from chargepost.drivers.outlet import SimulatedConnector
from chargepost.signals import PilotState, Reading

Clock = Callable[[], float]
"""Monotonic seconds."""


class SimulatedPilot:
    def __init__(self, outlet: SimulatedConnector, clock: Clock) -> None:
        self._outlet, self._clock = outlet, clock

    def offer(self, current_a: float) -> None:
        """By PWM, on direct current too: this instrument has no messages."""
        pilot.duty_percent(current_a)
        self._outlet.offer(current_a, self._clock())

    def pulse(self, lasts_s: float) -> None:
        self._outlet.pulse_pilot(self._clock(), lasts_s)

    def state(self) -> PilotState:
        self._outlet.advance(self._clock())
        return self._outlet.pilot


class SimulatedContactor:
    def __init__(self, outlet: SimulatedConnector, clock: Clock) -> None:
        self._outlet, self._clock = outlet, clock

    def switch(self, on: bool) -> None:
        self._outlet.switch(on, self._clock())

    def closed(self) -> bool:
        self._outlet.advance(self._clock())
        return self._outlet.closed


class SimulatedLock:
    def __init__(self, outlet: SimulatedConnector, clock: Clock) -> None:
        self._outlet, self._clock = outlet, clock

    def drive(self, locked: bool) -> None:
        self._outlet.drive_lock(locked, self._clock())

    def locked(self) -> bool:
        self._outlet.advance(self._clock())
        return self._outlet.locked


class SimulatedMeter:
    def __init__(self, outlet: SimulatedConnector, clock: Clock) -> None:
        self._outlet, self._clock = outlet, clock

    def read(self) -> Reading:
        self._outlet.advance(self._clock())
        if self._outlet.silent:
            raise OSError(f"the meter of connector {self._outlet.number} does not answer")
        return self._outlet.reading


class SimulatedReader:
    """Holds the last badge until it is asked for, as readers do: a second one replaces the first."""

    def __init__(self) -> None:
        self._badge: str | None = None

    def present(self, id_tag: str) -> None:
        self._badge = id_tag

    def badge(self) -> str | None:
        badge, self._badge = self._badge, None
        return badge


class SimulatedLights:
    def __init__(self, outlet: SimulatedConnector) -> None:
        self._outlet = outlet

    def show(self, light: str, intensity_percent: int) -> None:
        self._outlet.show(light, intensity_percent)


class SimulatedInputs:
    def __init__(self, *names: str) -> None:
        self._active = dict.fromkeys(names, False)

    def set(self, name: str, active: bool) -> None:
        """Raises ValueError for a name that is not wired."""
        if name not in self._active:
            raise ValueError(f"no input {name!r}: {', '.join(self._active) or 'none is wired'}")
        self._active[name] = active

    def read(self) -> Mapping[str, bool]:
        return self._active.copy()
