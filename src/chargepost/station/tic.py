"""The meter of the house says what is subscribed and what the house draws: the station takes what is left (quirk tic).

What other loads leave is taken back at once when they grow, and given only when it was there for a while: a kettle is
not worth a charge that stops and starts. A meter that was heard and falls silent is the product's error, and nothing
may be drawn: it is not known what is left.
"""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from chargepost.signals import Limit, Tic, TicRead
from chargepost.station import charging, faults
from chargepost.station.connector import Connector

if TYPE_CHECKING:
    from chargepost.station.station import Station

RISE_S = 30.0
"""More is given when it was there for so long; a kettle boils for three minutes, a fridge starts for a second."""

FRESH_S = 2.0
"""A reading is of the same instant as a frame when it is no older: frames come every second or two."""

MODES = {"0": "historic"}
"""What the key of the mode says; any other number is the standard mode."""

SILENT = Limit(0.0, "TIC: the meter is silent")


@dataclass(slots=True)
class House:
    """What is known of the one that this station belongs to."""

    tic: Tic | None = None
    """The last frame; none while the meter is silent."""
    begun: bool = False
    """Something was told of it: a frame, or its silence."""
    room_a: float = inf
    """Per phase, for all that charge here together: what is given now."""
    risen_a: float = inf
    """The least that was left since it could rise."""
    rises_at: float = inf


def heard(s: "Station", fact: TicRead, now: float) -> None:
    """A frame, or that there is none any more. Charges are metered first: what they draw is not the house's."""
    rule, core = s.core.model.quirks.get("tic"), s.core
    if rule is None or core.model.variant != rule.get("variant", core.model.variant):
        core.note("warning", "TIC ignored", f"{core.model.title} has no interface for it")
        return
    if s.house is None:
        s.house = House()
    tic = fact.tic if fact.tic and _is_wanted(s, fact.tic) else None
    if not s.house.begun or (s.house.tic is None) != (tic is None):
        _reach_changed(s, s.house, tic, now)
    s.house.tic = tic
    if tic is None:
        s.house.room_a, s.house.rises_at = 0.0, inf
    powered = [c for c in s.connectors if c.contactor]
    for c in powered:
        s.read_meter(c.number, "tic", None)
    if not powered:
        follow(s, now)


def _is_wanted(s: "Station", tic: Tic) -> bool:
    """A receiver that is set to the other mode hears nothing."""
    key = str(s.core.model.quirks["tic"].get("mode_key", ""))
    return not key or MODES.get(s.core.settings.text(key), "standard") == tic.mode


def _reach_changed(s: "Station", house: House, tic: Tic | None, now: float) -> None:
    rule = s.core.model.quirks["tic"]
    house.begun = True
    if row := s.core.settings.row(str(rule.get("detection_key", ""))):
        s.core.settings.changed[row.inner] = str(tic is not None).lower()  # what is seen, not kept through a restart
        s.core.settings.version += 1
    if code := str(rule.get("error", "")):
        if tic is None:
            faults.raised(s, 0, code, now)
        elif not _external_lost(s):
            faults.cleared(s, 0, code, now)
    level, words = ("info", "the meter is heard") if tic else ("warning", "the meter is silent")
    s.core.note(level, "TIC", words)  # type: ignore[arg-type]  # a level


def _external_lost(s: "Station") -> bool:
    """Of some products one error says that either is lost."""
    return s.external is not None and any(control.life == "lost" for control in s.external.controls.values())


def is_silent(s: "Station") -> bool:
    """It is listened to, in vain."""
    return s.house is not None and s.house.tic is None


def follow(s: "Station", now: float) -> None:
    """The frame and the meters of our charges belong together: what the house leaves goes down at once, up later."""
    house = s.house
    if house is None or house.tic is None:
        return
    left_a = _left_a(s, house.tic, now)
    if left_a <= house.room_a:
        house.room_a, house.rises_at = left_a, inf
    elif house.rises_at == inf:
        house.rises_at, house.risen_a = now + RISE_S, left_a
    else:
        house.risen_a = min(house.risen_a, left_a)
        if now >= house.rises_at:
            house.room_a, house.rises_at = house.risen_a, inf


def govern(s: "Station") -> None:
    """Divide what is left evenly among those who charge, in full A; `charging` takes the limits as they are."""
    house = s.house
    if house is None:
        return
    sharers = [c for c in s.connectors if charging.wants(c)] or s.connectors
    share = SILENT
    if house.tic:
        share = Limit(float(int(house.room_a / len(sharers))), f"TIC: {house.tic.subscribed_a:.0f} A subscribed")
    s.core.tic = share


def _left_a(s: "Station", tic: Tic, now: float) -> float:
    """On the phase where the least is left; the house's frame and our meters are a second apart, never more."""
    own = [_drawn_a(s.connectors, phase, now) for phase in range(3)]
    return min(max(tic.subscribed_a - max(tic.load_a[phase] - own[phase], 0.0), 0.0) for phase in range(tic.phases))


def _drawn_a(connectors: list[Connector], phase: int, now: float) -> float:
    """Of a meter that does not answer it is not known what is ours: nothing, then."""
    metered = [c for c in connectors if c.contactor and now - c.read_at <= FRESH_S]
    return sum(c.reading.current_a[phase] for c in metered if c.reading)
