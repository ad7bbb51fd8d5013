"""The station's own list of badges, kept with the installer's tool (commissioning guide, chapter 5; R-315 to R-326).

It decides while no supervision does: the station is alone, or its setting says that it decides itself. `User` and `VIP`
charge, a VIP before others where stations share (R-316). How badges at the reader change it: badge_window.py.
"""

import msgspec

from chargepost.signals import BadgeType
from chargepost.station.badges import fold
from chargepost.station.core import Core

BADGES_MAX = 5_000
"""More than a site has; some 500 kB of memory."""

ID_TAG_MAX = 20
"""Characters of an idTag: CiString20."""


class Kept(msgspec.Struct, gc=False):
    """One badge, as it is remembered."""

    id_tag: str
    type: BadgeType
    number: int
    """In the order of adding, from 1; never given anew while the badge is there."""


class Window:
    """The time in which badges at the reader change the list."""

    __slots__ = ("ends", "heard", "mode")

    def __init__(self, mode: str, ends: float) -> None:
        self.mode, self.ends = mode, ends
        """What a badge does: "add", "remove", "turn" (one or the other); empty: what badges do."""
        self.heard: list[tuple[str, str]] = []


class OwnBadges:
    """The list."""

    __slots__ = ("core", "kept", "window")

    def __init__(self, core: Core) -> None:
        self.core = core
        self.kept: dict[str, Kept] = dict(core.memory.load_all("badge/", Kept))
        self.window: Window | None = None
        """The last one that was opened."""

    def keep(self, id_tag: str, kind: BadgeType) -> bool:
        """False when the list is full, or that is no badge."""
        key = fold(id_tag)
        known = self.kept.get(key)
        if not is_badge(id_tag) or (known is None and len(self.kept) >= BADGES_MAX):
            return False
        number = known.number if known else 1 + max((each.number for each in self.kept.values()), default=0)
        self.kept[key] = Kept(known.id_tag if known else id_tag, kind, number)
        self.core.memory.put(f"badge/{key}", self.kept[key])
        return True

    def drop(self, id_tag: str) -> bool:
        key = fold(id_tag)
        self.core.memory.drop(f"badge/{key}")
        return self.kept.pop(key, None) is not None


def is_badge(id_tag: str) -> bool:
    """What OCPP can carry, and a person can read."""
    return 0 < len(id_tag) <= ID_TAG_MAX and id_tag.isprintable() and id_tag == id_tag.strip()
