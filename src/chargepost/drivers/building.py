"""A building that shares a fuse with stations, and the meter in front of it: simulated."""

METER_EVERY_S = 10.0
"""How often a meter of what draws beside the stations is read."""


def building_a(most_a: float, utc_s: float) -> float:
    """What a building draws on each phase: a quarter of its most at 3 o'clock, all of it from 18 to 20."""
    hour = utc_s % 86_400 / 3600
    away = min(abs(hour - 19), 24 - abs(hour - 19))
    return most_a * (0.25 + 0.75 * max(0.0, 1 - max(away - 1, 0.0) / 8))
