"""When a charge of a site may begin: a randomised delay, and off-peak hours; the owner may override both.

A delay keeps all cars of a country from starting in the same second; the usual is up to 600 s, and 1,800 s at most
(The Electric Vehicles (Smart Charge Points) Regulations 2021, 10 and 11).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

DELAY_S = 600.0
"""Up to so long, where a delay is switched on and no number is named."""

DELAY_MAX_S = 1800.0

DAY_S = 86_400


class Regulation(msgspec.Struct, frozen=True):
    """What a site is told about when to charge. The default: nothing."""

    delay_s: float = 0.0
    """A charge begins up to so long after it could: 0 to DELAY_MAX_S."""
    off_peak: tuple[tuple[int, int], ...] = ()
    """Seconds of the local day, from and to; empty: at any hour."""
    zone: str = "UTC"

    def is_open(self, utc_s: float) -> bool:
        """A charge may go on at this hour."""
        if not self.off_peak:
            return True
        second = self._second(utc_s)
        return any(_within(second, hours) for hours in self.off_peak)

    def opens_at(self, utc_s: float) -> float:
        """The first instant from here on at which a charge may go on."""
        if self.is_open(utc_s):
            return utc_s
        second = self._second(utc_s)
        return utc_s + min((begin - second) % DAY_S for begin, _ in self.off_peak)

    def changes_at(self, utc_s: float) -> float | None:
        """When hours begin or end next; None where every hour is the same."""
        second = self._second(utc_s)
        edges = [edge for hours in self.off_peak for edge in hours]
        return utc_s + min((edge - second - 1e-6) % DAY_S for edge in edges) + 1e-6 if edges else None

    def begins_at(self, utc_s: float, chance: float) -> float:
        """When a charge that could begin now does; `chance` lies in 0 to 1."""
        return self.opens_at(utc_s) + self.delay_s * chance

    def _second(self, utc_s: float) -> float:
        local = datetime.fromtimestamp(utc_s, UTC).astimezone(ZoneInfo(self.zone))
        return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6


def _within(second: float, hours: tuple[int, int]) -> bool:
    begin, end = hours
    return begin <= second < end if begin < end else second >= begin or second < end


def delay_s(said: float | bool) -> float:
    """The longest delay, by its seconds, or by true and false."""
    return DELAY_S * said if isinstance(said, bool) else said


def read_hours(written: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Hours as people write them, "22:00-06:00". Raises ValueError."""
    return tuple(_read(each) for each in written)


def _read(written: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", written.strip())
    if not found:
        raise ValueError(f"{written!r} are no hours: write them as 22:00-06:00")
    begin, end = (int(hour) * 3600 + int(minute) * 60 for hour, minute in (found.groups()[:2], found.groups()[2:]))
    if max(begin, end) > DAY_S or begin == end or max(int(found[2]), int(found[4])) > 59:
        raise ValueError(f"{written!r} are no hours of a day: write them as 22:00-06:00")
    return begin, end % DAY_S
