"""How bright the lamps are: one intensity by day and, where the product has keys for it, another by night."""

from chargepost.station.core import Core

NIGHT_KEY = "LedNightIntensity"
DAY_STARTS_KEY, DAY_ENDS_KEY = "LedDayStartHour", "LedDayEndHour"
"""Times of day as hh:mm, in UTC as long as no time zone is known. Alike: it is always day."""

DAY_S = 86400


def intensity_percent(core: Core, now: float) -> int:
    """The brightness of now; products without a key for it shine fully."""
    settings = core.settings
    return settings.number("LightIntensity", 100) if _is_day(core, now) else settings.number(NIGHT_KEY)


def changes_at(core: Core, now: float) -> float | None:
    """When day or night begins next, in monotonic seconds; None where they are alike."""
    if core.settings.row(NIGHT_KEY) is None:
        return None
    passed_s = core.utc(now) % DAY_S
    waits_s = [(_second(core, key) - passed_s) % DAY_S or DAY_S for key in (DAY_STARTS_KEY, DAY_ENDS_KEY)]
    return now + min(waits_s)


def _is_day(core: Core, now: float) -> bool:
    if core.settings.row(NIGHT_KEY) is None:
        return True
    starts, ends = _second(core, DAY_STARTS_KEY), _second(core, DAY_ENDS_KEY)
    lasts_s = (ends - starts) % DAY_S or DAY_S
    return (core.utc(now) - starts) % DAY_S < lasts_s


def _second(core: Core, key: str) -> int:
    """A time of day as seconds since midnight."""
    hour, _, minute = core.settings.text(key, "00:00").partition(":")
    return int(hour) * 3600 + int(minute) * 60
