"""What a station needs of its hardware: one Protocol per instrument, and the whole as a carrier sees it.

A station without an instrument has no such port. Every method answers at once with what the instrument last knew;
a driver that must wait for a wire does so on its own. `OSError` means that the instrument is silent, `ValueError`
that it was asked for what it cannot do. `check.py` says in code what each promises.
"""

from collections.abc import Mapping
from typing import Protocol

from chargepost.signals import Fact, ModemState, PilotState, Reading, Tic, Wish


class Pilot(Protocol):
    """The control pilot of one outlet (IEC 61851-1, annex A)."""

    def offer(self, current_a: float) -> None:
        """PWM for 6 to 80 A per phase; 0 A is a steady level. ValueError for anything else."""

    def pulse(self, lasts_s: float) -> None:
        """Take the pilot away (state F) for so long and put it back as it was offered: a sleeping car wakes. A board
        without a pilot has no such port, and nothing to wake."""

    def state(self) -> PilotState:
        """The vehicle's side, debounced: a state shorter than the standard allows for is never told."""


class Contactor(Protocol):
    def switch(self, on: bool) -> None:
        """Drive the coil."""

    def closed(self) -> bool:
        """Where the main contacts are, by their own auxiliary contact: not where they were sent."""


class Lock(Protocol):
    """The bolt that holds a cable in the station's socket."""

    def drive(self, locked: bool) -> None:
        """Send the bolt; it takes less than a second."""

    def locked(self) -> bool:
        """Where it is, by its own switch: not where it was sent."""


class Meter(Protocol):
    def read(self) -> Reading:
        """Registers and instantaneous values of one instant; the register never falls. OSError when silent."""


class HouseMeter(Protocol):
    """The meter of the house that the station belongs to, by its tele-information."""

    def read(self) -> Tic:
        """What is subscribed and drawn, as of the last frame. OSError when none came for a while."""


class Reader(Protocol):
    def badge(self) -> str | None:
        """The badge presented since last asked, each once, as the idTag that OCPP carries (at most 20 characters)."""


class Lights(Protocol):
    def show(self, light: str, intensity_percent: int) -> None:
        """A lamp by its word in `signals.ShowLight`, 0 to 100 %. ValueError outside that."""


class Inputs(Protocol):
    """Wired contacts, buttons, door, tilt, detection loop."""

    def read(self) -> Mapping[str, bool]:
        """By name, true when active; normally open or closed is settled below this port, but of an input for which the
        station has a setting (`normally_key` in the product file): of that one, true when closed. The names never
        change."""


class Modem(Protocol):
    def read(self) -> ModemState:
        """Its addresses and the strength of its signal. OSError when silent."""


class Hardware(Protocol):
    """All instruments of one station as a carrier drives them; `SimulatedStation` is one.

    It says by itself what cannot wait to be asked for: also, as `Overdrawn`, that a car draws more than it is offered.
    """

    def do(self, wish: Wish, now: float) -> None:
        """Do what concerns the hardware; other wishes are somebody else's."""

    def advance(self, now: float) -> None:
        """Look at the instruments, or let the simulated world go on."""

    def next_wake(self) -> float | None:
        """When to advance again; None when only a wish or a hand can change anything."""

    def take(self) -> list[Fact]:
        """The facts since the last take, in order."""
