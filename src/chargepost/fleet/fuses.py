"""The fuses of a scenario and how its sites share them, as written; and what `energy` makes of that."""

from collections.abc import Sequence
from random import Random
from typing import Literal

import msgspec

from chargepost.energy.cluster import Rules
from chargepost.energy.regulation import Regulation, delay_s, read_hours
from chargepost.energy.tree import WIRINGS, Fuse, Place, Tree, TreeError


class FuseTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[fuses]]` of a scenario. Every site of the fleet has all of them."""

    name: str
    rating_a: float | tuple[float, float, float]
    """Of each phase, or of L1, L2 and L3."""
    parent: str = ""
    building_a: float = 0.0
    """What draws beside the stations on each phase at its busiest: least at 3 o'clock, most at 19."""


class SiteTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[site]` of a scenario: how the stations under the fuses share."""

    clusters: int = 1
    """Into so many sites the stations are divided."""
    shed_by: Literal["duration", "energy"] = "duration"
    """duration or energy: who is shed first has charged longest, or has the most."""
    floor_a: float = 0.0
    """What a station falls back to when nobody tells it anything: 0, or 6 A and more."""
    vips: float = 0.0
    """Share of the badges that go before others."""
    wirings: tuple[str, ...] = ("RST",)
    """How the stations are wired, in turn."""
    random_delay_s: float | bool = 0.0
    """A charge begins up to so long after it could; true: up to 600 s."""
    off_peak: tuple[str, ...] = ()
    """Hours at which charges go on, as 22:00-06:00; empty: at any."""
    zone: str = "UTC"
    report_s: float = 10.0
    lease_s: float = 30.0
    delay_s: float = 0.05
    """Of a message between leader and member, on average."""
    lose: float = 0.0
    """Of each message."""
    outages_per_day: float = 0.0
    """Of each member's link."""
    outage_s: float = 600.0
    """On average."""
    leader_restarts_per_day: float = 0.0


def rules_of(table: SiteTable, badges: Sequence[str], dice: Random) -> Rules:
    vips = frozenset(tag.lower() for tag in badges if dice.random() < table.vips)
    regulation = Regulation(delay_s(table.random_delay_s), read_hours(table.off_peak), table.zone)
    return Rules(table.shed_by, vips, regulation)


def fuse_of(table: FuseTable) -> Fuse:
    rating_a = table.rating_a if isinstance(table.rating_a, tuple) else (table.rating_a,) * 3
    return Fuse(table.name, rating_a, table.parent, table.building_a > 0, table.building_a)


def tree_of(table: SiteTable, fuses: Sequence[FuseTable], stations: Sequence[tuple[str, int]]) -> Tree:
    """The stations with so many connectors each, in turn under the fuses that no other hangs under. TreeError."""
    parents = {fuse.parent for fuse in fuses}
    leaves = [fuse.name for fuse in fuses if fuse.name not in parents] or [""]
    places = [
        Place(identity, connector, leaves[n % len(leaves)], table.wirings[n % len(table.wirings)], table.floor_a)
        for n, (identity, connectors) in enumerate(stations)
        for connector in range(1, connectors + 1)
    ]
    if wrong := [wiring for wiring in table.wirings if wiring not in WIRINGS]:
        raise TreeError("site.wirings", f"{wrong[0]!r} is none of {', '.join(WIRINGS)}")
    return Tree([fuse_of(fuse) for fuse in fuses], places)
