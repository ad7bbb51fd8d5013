"""What takes current away from an outlet by itself: heat, and the switches that an installer sets on the board.

| what | the product's row |
|---|---|
| too hot, or too cold | quirk `temperature`: where derating begins, where the error is, and which |
| a microswitch that limits the current | quirk `derating_switch`: the setting with its position, and the error |
"""

from math import floor, inf
from typing import TYPE_CHECKING

from chargepost.station import faults
from chargepost.station.connector import Connector

if TYPE_CHECKING:
    from chargepost.station.station import Station

HYSTERESIS_C = 2.0
"""It must be so much cooler than where a step was taken until the step is taken back: else the current would swing."""

LOOKED_AT_S = 60.0
"""How often an outlet that is too hot or too cold is looked at."""


def metered(s: "Station", c: Connector, now: float) -> bool:
    """A reading has come, and with it a temperature; True when something follows from it."""
    rule = s.core.model.quirks.get("temperature")
    if rule is None or c.reading is None or not c.number:
        return False
    is_c, code, most_c, least_c = c.reading.temperature_c, str(rule["error"]), rule["most_c"], rule["least_c"]
    before = (c.hot_a, c.overheated)
    c.hot_a = max(min(c.hot_a, _bearable_a(rule, c, is_c)), _bearable_a(rule, c, is_c + HYSTERESIS_C))
    if not float(least_c) < is_c < float(most_c):
        if not c.overheated and faults.find(s, code):
            faults.raised(s, c.number, code, now)
        c.overheated = True
    elif c.overheated and float(least_c) + HYSTERESIS_C < is_c < float(most_c) - HYSTERESIS_C:
        c.overheated = False
        spec = c.faults.get(code)
        if spec and spec.clears == "cause":
            faults.cleared(s, c.number, code, now)
    if c.hot_a < inf or c.overheated:
        s.core.wake_at("heat", c.number, now + LOOKED_AT_S)
    return before != (c.hot_a, c.overheated)


def _bearable_a(rule: dict[str, str | int | float | bool], c: Connector, is_c: float) -> float:
    """All up to where derating begins, then whole amperes less, down to the least an outlet can offer."""
    begins_c, most_c = float(rule["derates_above_c"]), float(rule["most_c"])
    if is_c <= begins_c:
        return inf
    share = max(most_c - is_c, 0.0) / (most_c - begins_c)
    return max(float(floor(c.spec.max_current_a * share)), c.spec.min_current_a)


def switch_moved(s: "Station", now: float) -> None:
    """Effect of its setting: a change while somebody charges is an error."""
    read_switch(s, now, moved_in_charge=any(c.transaction for c in s.connectors))


def read_switch(s: "Station", now: float, *, moved_in_charge: bool = False) -> None:
    """A position that means nothing is an error, too."""
    rule = s.core.model.quirks.get("derating_switch")
    if rule is None:
        return
    code = str(rule["error"])
    if moved_in_charge or not s.core.settings.number(str(rule["switch_key"])):
        faults.raised(s, 0, code, now)
    else:
        faults.cleared(s, 0, code, now)
