"""What all parts of one station share: its model, keys, memory, clock, alarms, and the wishes it collects."""

import re
from collections.abc import Callable
from math import inf
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from chargepost.catalogue.model import Model
from chargepost.signals import Level, Limit, Note, Wish
from chargepost.station.memory import SIGNED_PAGES, Memory
from chargepost.station.roots import Roots
from chargepost.station.settings import AUTHOR, Settings

if TYPE_CHECKING:
    from chargepost.station.profiles import Profiles

Alarm = tuple[str, int]
"""What is due, and for which connector (0: the station)."""


SERIAL_CHARACTERS = 20
"""Of a believable serial number; some products have longer ones (quirk over_long_serials)."""


SERIAL_KEY = "SerialNumber"
"""The key by which an owner says the serial number on the label, in products that let them."""

DATECODE_YEARS = range(16, 25)
"""When a believable station was made: after every board that a release is too new for (R-004, R-005)."""


def serial_number(identity: str, characters: int = SERIAL_CHARACTERS) -> str:
    """A serial number of a believable form, always the same for one identity: 3N, the datecode, digits.

    The datecode is year, week and day of the making, two, two and one digit: 3N15282... is of 2015, week 28, day 2
    (commissioning guide of the EVlink family, charge data record and maintenance report).
    """
    digits = characters - 7
    number = 0
    for char in identity:
        number = (number * 1_000_003 + ord(char)) % 10**digits
    year = DATECODE_YEARS[number // 260 % len(DATECODE_YEARS)]
    return f"3N{year}{number // 5 % 52 + 1:02d}{number % 5 + 1}{number:0{digits}d}"


def datecode(serial: str) -> int | None:
    """Year, week and day as one number that grows (15282); None where a serial number does not carry it."""
    found = re.match(r"3N(\d{5})", serial)
    return int(found[1]) if found else None


EMPTY: Final[frozenset[Any]] = frozenset()
"""Python makes a new one of 216 bytes each time it is asked: thousands of stations share this."""

MAC_PREFIX = "00:80:F4"
"""The maker's part of the address of a station's network card."""


def mac_address(identity: str) -> str:
    """A network address of a believable form, always the same for one identity.

    Identities that differ in the number at their end get neighbouring addresses, as from one production line: a fleet
    of 16 million has no duplicates.
    """
    name, digits = re.fullmatch(r"(.*?)(\d*)", identity, re.DOTALL).groups()  # type: ignore[union-attr]  # matches all
    line = 0
    for char in f"{name}{len(digits)}":
        line = (line * 1_000_003 + ord(char)) % 2**24
    card = (line + int(digits or 0)) % 2**24
    return f"{MAC_PREFIX}:{card >> 16:02X}:{card >> 8 & 255:02X}:{card & 255:02X}"


def restart_s(model: Model, usual_s: float) -> float:
    """How long the program takes to begin anew: as the carrier has it, or longer (quirk slow_restart)."""
    return float(model.quirks.get("slow_restart", {}).get("lasts_s", usual_s))


class Refusal(Exception):
    """The request is answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class Core:
    """One per station. `dice` gives numbers from 0 to 1; it is the only chance in a station."""

    __slots__ = (
        "_soonest",
        "alarms",
        "dice",
        "disk_good",
        "external",
        "floor_a",
        "identity",
        "inputs",
        "memory",
        "model",
        "numbers",
        "offset_s",
        "profiles",
        "roots",
        "serial",
        "settings",
        "signed_pages",
        "speed",
        "synchronized",
        "tic",
        "unrung",
        "wishes",
    )

    def __init__(self, model: Model, identity: str, memory: Memory, dice: Callable[[], float]) -> None:
        self.model = model
        self.identity = identity
        self.memory = memory
        long = model.quirks.get("over_long_serials", {}).get("serial_characters", SERIAL_CHARACTERS)
        # What the settings of thousands of stations have in common is kept once.
        changed = {intern(key): intern(value) for key, value in memory.load_all("setting/", str)}
        self.serial = changed.get(SERIAL_KEY.lower()) or serial_number(identity, int(long))
        self.settings = Settings(model, changed, self.serial)
        self.settings.authors |= memory.load_all(AUTHOR, tuple[str, float])
        self.numbers: dict[str, int] = dict(memory.load_all("number/", int))
        """The central system's number of each transaction that is open or whose messages still wait."""
        self.roots = Roots(memory)
        self.signed_pages = memory.load(SIGNED_PAGES, int) or 0
        self.dice = dice
        self.disk_good = True
        """Off while the disk refuses: no new transaction then."""
        self.wishes: list[Wish] = []
        self.alarms: dict[Alarm, float] = {}
        """To be read by all; set by `wake_at`."""
        self._soonest: float | None = inf
        """The first of them; None while it has to be looked for."""
        self.unrung: Alarm | None = None
        """To be read by all; set by `leave_unrung`."""
        self.floor_a: float | None = None
        """In a managed site: what a connector falls back to. None: it is in none."""
        self.inputs: frozenset[str] = EMPTY
        """Wired contacts that are active, by their names."""
        self.profiles: Profiles | None = None
        """Charging profiles; None while there is none."""
        self.external: dict[int, Limit] | None = None
        """What an external system allows each connector (external.py); None while it says nothing."""
        self.tic: Limit | None = None
        """What the house leaves each connector (tic.py); None where its meter is not listened to."""
        self.speed = 1.0
        """Of this world, beside that of its peers."""
        self.offset_s = 0.0
        """UTC minus the monotonic clock: the date is a fact that others set."""
        self.synchronized = False
        """Somebody has set it in this life."""

    def utc(self, now: float) -> float:
        return now + self.offset_s

    def wish(self, wish: Wish) -> None:
        self.wishes.append(wish)

    def note(self, level: Level, event: str, text: str, connector: int | None = None) -> None:
        self.wishes.append(Note(level, event, text, connector))

    def refused(self, what: str, why: str, connector: int | None = None) -> None:
        """The central system asked for what cannot be: the log says why, which the answer has no room for."""
        self.note("info", "refused", f"{what}: {why}", connector or None)

    def wake_at(self, what: str, connector: int, when: float | None) -> None:
        """Set the one alarm of this kind for this connector; None takes it away."""
        alarms, alarm, soonest = self.alarms, (what, connector), self._soonest
        before = alarms.get(alarm)
        if when is None:
            if before is None:
                return
            del alarms[alarm]
        else:
            alarms[alarm] = when
            if soonest is not None and when < soonest and alarm != self.unrung:
                self._soonest = when
                return
        if before is not None and before == soonest:
            self._soonest = None

    @property
    def soonest(self) -> float:
        """When the first alarm rings for which the carrier has to come."""
        soonest = self._soonest
        if soonest is None:
            soonest, unrung = inf, self.unrung
            for alarm, when in self.alarms.items():
                if when < soonest and alarm != unrung:
                    soonest = when
            self._soonest = soonest
        return soonest

    def leave_unrung(self, alarm: Alarm | None) -> None:
        """The carrier catches up with this alarm, whenever it comes; it need not come for it. None: for all."""
        self.unrung, self._soonest = alarm, None
