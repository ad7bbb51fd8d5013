"""A site as a tree: fuses and sub-fuses per phase, what else draws under them, and where each connector hangs.

Currents are reckoned in whole steps of 0.1 A, so that sums are exact: a limit is rounded down, a draw up.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor, isfinite

import msgspec

STEPS_PER_A = 10
"""Allowances go in tenths of an ampere: finer than any pilot says them (0.6 A for each percent of duty cycle)."""

FUSES_MAX = 1000
"""In one site: more than any switchboard has; it bounds what a table can ask for."""

RATING_MAX_A = 10_000.0
"""Of a fuse per phase: beyond is a slip of the keyboard."""

Amperes = tuple[float, float, float]
"""L1, L2, L3."""

WIRINGS: Mapping[str, tuple[int, int, int]] = {
    "RST": (0, 1, 2), "RTS": (0, 2, 1), "SRT": (1, 0, 2), "STR": (1, 2, 0), "TRS": (2, 0, 1), "TSR": (2, 1, 0),
}  # fmt: skip
"""On which phase of the site a connector's L1, L2 and L3 lie (ConnectorPhaseRotation; OCPP 1.6, 9.1.7)."""

UNKNOWN = "Unknown"
"""A connector of which nobody knows the phases counts on all of them, whatever it charges on."""


class TreeError(ValueError):
    """A site that cannot be; `path` is the part that is wrong, the text one line with the remedy."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path


class Fuse(msgspec.Struct, frozen=True):
    """A protection for some of the stations, and perhaps for loads beside them."""

    name: str
    rating_a: Amperes
    parent: str = ""
    """The fuse before it; empty for the main one."""
    metered: bool = False
    """Somebody tells what else draws under it; while nobody does, all of it may be drawn by others. It is a load of its
    own: what is told of one fuse is no part of what is told of another."""
    building_a: float = 0.0
    """That on each phase at its busiest, where it is known before."""


class Place(msgspec.Struct, frozen=True):
    """Where a connector of a station hangs."""

    station: str
    connector: int
    fuse: str
    wiring: str = "RST"
    """One of WIRINGS, or UNKNOWN."""
    floor_a: float = 0.0
    """What it falls back to when the one who gives allowances is silent: 0, or 6 A and more."""


class Tree:
    """The site, checked. A line is one phase of one fuse: number 3 * fuse + phase."""

    def __init__(self, fuses: Sequence[Fuse], places: Sequence[Place]) -> None:
        """Raises TreeError."""
        self.fuses, self.places = tuple(fuses), tuple(places)
        self._number = {fuse.name: number for number, fuse in enumerate(fuses)}
        _check_fuses(self.fuses, self._number)
        self._above = [self._climb(number) for number in range(len(fuses))]
        _check_places(self.places, self._number)
        self.rating = [steps_within(rating_a) for fuse in fuses for rating_a in fuse.rating_a]
        """Of each line, in steps."""
        self.floors = [steps_within(place.floor_a) for place in places]
        self._paths = [tuple(self._path(place, phases) for phases in (1, 2, 3)) for place in places]
        self._check_floors()

    def _climb(self, number: int) -> tuple[int, ...]:
        """The fuse and all before it."""
        found = [number]
        while parent := self.fuses[found[-1]].parent:
            found.append(self._number[parent])
            if len(found) > len(self.fuses):
                raise TreeError(f"fuses[{number}].parent", f"{parent!r} leads back to itself: name the fuse before it")
        return tuple(found)

    def _path(self, place: Place, phases: int) -> tuple[int, ...]:
        wired = WIRINGS[place.wiring][:phases] if place.wiring in WIRINGS else (0, 1, 2)
        return tuple(3 * fuse + phase for fuse in self._above[self._number[place.fuse]] for phase in sorted(wired))

    def path(self, place: int, phases: int) -> tuple[int, ...]:
        """The lines that a charge on so many phases loads, the nearest fuse first."""
        return self._paths[place][phases - 1]

    def carrying(self, fuse: str, phase: int) -> list[int]:
        """The lines that carry what draws under a fuse: its own, and those before it."""
        return [3 * number + phase for number in self._above[self._number[fuse]]]

    def line(self, fuse: str, phase: int) -> int:
        """By the fuse's name and the phase, 0 to 2."""
        return 3 * self._number[fuse] + phase

    def name(self, line: int) -> str:
        """As people call a line: "fuse garage L2"."""
        fuse, phase = divmod(line, 3)
        return f"fuse {self.fuses[fuse].name} L{phase + 1}"

    def _check_floors(self) -> None:
        """What a line carries in the worst case: nobody is heard, and what else draws there is at its busiest."""
        floors, beside = [0] * len(self.rating), [0] * len(self.rating)
        for place, floor_steps in enumerate(self.floors):
            for line in self.path(place, 3):
                floors[line] += floor_steps
        for fuse in self.fuses:
            for line in (line for phase in range(3) for line in self.carrying(fuse.name, phase)):
                beside[line] += steps_around(fuse.building_a)
        for line, rating in enumerate(self.rating):
            if floors[line] + beside[line] <= rating:
                continue
            parts = {"the floors of its stations": floors[line], "what else draws there at its busiest": beside[line]}
            says = " and ".join(f"{what} ({amperes(steps):g} A)" for what, steps in parts.items() if steps)
            raise TreeError(
                f"fuses[{line // 3}]",
                f"{says} come to more than the {amperes(rating):g} A of {self.name(line)}: lower them, or raise it",
            )


def steps_within(current_a: float) -> int:
    """Of a limit: rounded down, but for what floating point adds."""
    return floor(current_a * STEPS_PER_A + 1e-6)


def steps_around(current_a: float) -> int:
    """Of a draw: rounded up, but for what floating point adds."""
    return ceil(current_a * STEPS_PER_A - 1e-6)


def amperes(steps: int) -> float:
    return steps / STEPS_PER_A


def wiring(phase_rotation: str, connector: int) -> str:
    """What ConnectorPhaseRotation says of a connector ("0.RST, 1.STR"); UNKNOWN where it says nothing of use."""
    items = [item.strip() for item in phase_rotation.split(",")]
    said = dict(item.split(".", 1) for item in items if "." in item)
    word = said.get(str(connector), phase_rotation.strip()).strip()
    return word if word in WIRINGS else UNKNOWN


def _check_fuses(fuses: Sequence[Fuse], number: Mapping[str, int]) -> None:
    if not 0 < len(fuses) <= FUSES_MAX:
        raise TreeError("fuses", f"there are {len(fuses)}: a site has 1 to {FUSES_MAX}")
    for at, fuse in enumerate(fuses):
        path = f"fuses[{at}]"
        if not fuse.name:
            raise TreeError(f"{path}.name", "is empty: give the fuse a name")
        if any(other.name == fuse.name for other in fuses[:at]):
            raise TreeError(f"{path}.name", f"{fuse.name!r} is there twice: give each fuse its own")
        if fuse.parent and fuse.parent not in number:
            raise TreeError(f"{path}.parent", f"there is no fuse {fuse.parent!r}: known are {_listed(number)}")
        if not all(isfinite(each) and 0 <= each <= RATING_MAX_A for each in fuse.rating_a) or not any(fuse.rating_a):
            raise TreeError(f"{path}.rating", f"must lie in 0 to {RATING_MAX_A:g} A, and not be 0 on every phase")


def _check_places(places: Sequence[Place], number: Mapping[str, int]) -> None:
    seen = set()
    for at, place in enumerate(places):
        if place.fuse not in number:
            raise TreeError(f"places[{at}].fuse", f"there is no fuse {place.fuse!r}: known are {_listed(number)}")
        if (place.station, place.connector) in seen:
            raise TreeError(f"places[{at}]", f"{place.station} hangs under two fuses: name it once")
        seen.add((place.station, place.connector))
        if place.wiring not in WIRINGS and place.wiring != UNKNOWN:
            raise TreeError(f"places[{at}].wiring", f"{place.wiring!r} is none of {_listed([*WIRINGS, UNKNOWN])}")
        if place.floor_a and not LEAST_A <= place.floor_a <= RATING_MAX_A:
            raise TreeError(
                f"places[{at}].floor", f"{place.floor_a:g} A cannot be offered: 0, or {LEAST_A:g} A and more"
            )


LEAST_A = 6.0
"""The pilot cannot say less (IEC 61851-1, annex A)."""


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
