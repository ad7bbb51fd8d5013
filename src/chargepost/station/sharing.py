"""What a station shares with others: its two charge points one supply, all stations of a site its fuses.

In a managed site a station tells what each connector could take (`Demand`) and obeys what it is allowed (`Allowance`).
No allowance means nothing, not everything; one that is not renewed in time falls to the floor, and never rises to it.

Load balancing (commissioning guide of the EVlink family, Advanced settings) is the station's own: between its charge
points it divides maxIntensityStation. Whoever is shed first goes last: who has started first, or has delivered the
most (Load Shedding Priority). Nobody is given what a car may still draw that has just been told to take less.
"""

from math import ceil, inf
from typing import TYPE_CHECKING

from chargepost import signals as sig
from chargepost.signals import Limit
from chargepost.station import charging, composite, faults, pilot, profiles
from chargepost.station.connector import Connector
from chargepost.station.core import Core

if TYPE_CHECKING:
    from chargepost.station.station import Station

FOLLOW_S = 5.0
"""A car has so long to follow a lower offer (IEC 61851-1, annex A)."""

HAIR_S = 0.1
"""After the last instant at which a car may still draw by an earlier offer."""

OPENED_S = pilot.SEQUENCES["cut"].within_s + 1.0
"""Told to take nothing, a car that does not let go is cut off by then."""

SETTLED_S = 15.0
"""After an offer has risen, so long until a reading says what the car takes of it: ramps of chargers are slow."""

LOOK_S = 30.0
"""How often the meter of a charge on a shared supply is looked at, beside the samples that somebody may have switched
off: for what a car takes of its offer. That it takes more the hardware tells at once (`signals.Overdrawn`)."""

HEADROOM_A = 2.0
"""Above what a car takes of its offer: enough to see that it wants more."""

MOST_TAKEN_A = 1.0
"""A car that leaves less than this of its offer takes all of it."""

NO_ALLOWANCE = Limit(0.0, "no allowance from the site yet")

BALANCING_KEY = "LoadBalancing"
STATION_KEY = "maxIntensityStation"
SHARED = f"shared with the other charge point, setting {STATION_KEY}"
"""Who says so, where the station divides its power."""
MANAGEMENT_KEY = "EMsetting"
UNMANAGED = "0"
"""Core: no energy management, so each point is set independently."""
PRIORITY_KEY = "loadSheddingPriority"
BY_ENERGY = "1"
"""Who has delivered the most is shed first; else who has started first (R-177)."""

SWAP_WH = 1000.0
"""A charge that runs must be so much ahead of one that waits before they change places; else they would take turns."""


QUIET = "quiet"
"""Nothing of any connector has changed."""


# --- facts -----------------------------------------------------------------------------------------------------------


def managed(s: "Station", fact: sig.Managed, now: float) -> None:
    s.core.floor_a = fact.floor_a
    for c in s.connectors:
        c.allowed = NO_ALLOWANCE
        c.modes |= {"cluster"}
        c.fading_a, c.fades_at = c.spec.max_current_a, now + OPENED_S  # what an earlier program offered
        s.core.wish(sig.OfferCurrent(c.number, 0.0))
        s.core.wake_at("follow", c.number, c.fades_at)


def allowance(s: "Station", fact: sig.Allowance, now: float) -> str | None:
    if s.core.floor_a is None or not 0 < fact.connector <= len(s.connectors):
        return QUIET
    c = s.connectors[fact.connector - 1]
    s.core.wake_at("allowance", c.number, now + fact.valid_s if fact.valid_s < inf else None)
    code = _error_of(s.core)
    is_back = code in s.zero.faults and fact.valid_s < inf
    if is_back:
        faults.cleared(s, 0, code, now)
    given, before = Limit(fact.current_a, fact.author), (c.allowed, c.allowed_phases, c.modes)
    c.allowed, c.allowed_phases = given, fact.phases
    c.modes = c.modes | {"vip"} if fact.is_vip else c.modes - {"vip"}
    return QUIET if before == (given, fact.phases, c.modes) and not is_back else None


def fell(s: "Station", c: Connector, now: float) -> None:
    """The allowance was not renewed: the floor, or the less that was allowed last; and the product's error for it."""
    if c.allowed is not None and s.core.floor_a is not None:
        if code := _error_of(s.core):
            faults.raised(s, 0, code, now)
        if c.allowed.current_a > s.core.floor_a:
            s.core.note("warning", "allowance over", f"{c.allowed.source}: not renewed", c.number)
        c.allowed = Limit(min(c.allowed.current_a, s.core.floor_a), "the site is silent: its floor")


def _error_of(core: Core) -> str:
    """Under which the product shows that its site is silent (quirk cluster_watched); empty: it does not."""
    return str(core.model.quirks.get("cluster_watched", {}).get("error", ""))


# --- what a car may draw, and what it takes --------------------------------------------------------------------------


def offering(s: "Station", c: Connector, offered_a: float, now: float) -> None:
    """The offer is about to become this."""
    if not shares(s.core, c):
        return
    watch(s, c, now)
    if offered_a < c.offered_a:
        c.fading_a, c.fades_at = may_draw_a(c, now), now + (FOLLOW_S if offered_a else OPENED_S)
        s.core.wake_at("follow", c.number, c.fades_at)
    else:
        c.risen_at = now


def shares(core: Core, c: Connector) -> bool:
    """What it draws counts for somebody else."""
    return c.allowed is not None or c.part_a is not None or balances(core)


def watch(s: "Station", c: Connector, now: float) -> None:
    """The offer or the contactor has changed: as soon as the car must have followed, its meter is looked at."""
    if shares(s.core, c):
        s.core.wake_at("look", c.number, now + FOLLOW_S + HAIR_S)


def look(s: "Station", c: Connector, now: float) -> None:
    """Alarm: does the car obey (mode3.py), and on how many phases does it charge?"""
    if c.contactor and shares(s.core, c):
        s.read_meter(c.number, "poll", None)
        s.core.wake_at("look", c.number, now + LOOK_S)


def may_draw_a(c: Connector, now: float) -> float:
    """What the car may draw now: its offer, or for some seconds one before it that was higher."""
    if not c.contactor and not c.power_wanted:
        return 0.0
    return max(c.offered_a, c.fading_a if now < c.fades_at else 0.0)


def metered(c: Connector, now: float) -> None:
    """A reading has come: what the car takes of what it is offered, once it had time to take it."""
    if c.reading is None or not c.contactor or not c.offered_a or c.spec.direct or now < c.risen_at + SETTLED_S:
        return
    drawn_a = max(c.reading.current_a)
    c.takes_a = inf if drawn_a > c.offered_a - MOST_TAKEN_A else ceil(drawn_a) + HEADROOM_A


def least_a(core: Core, c: Connector, most_a: float) -> float:
    """Less is of no use: the floor of the product, or what its outlet can say. Where there is no PWM: all.

    Somebody else who allows less than the floor of the product is obeyed: the floor is of what is shared.
    """
    if charging.is_domestic(c) or c.simplified:
        return most_a
    width = charging.phases(c)
    floor_a = core.settings.number(charging.FLOORS[width]) if core.settings.row(charging.FLOORS[width]) else 0
    return min(max(c.spec.min_current_a, float(floor_a)), most_a)


def most_a(core: Core, c: Connector, now: float) -> float:
    """What it would be offered were there nobody else."""
    return charging.own(core, c, now).current_a if charging.wants(c) else 0.0


def energy_wh(c: Connector) -> float:
    """Delivered in this charge, as far as it was metered."""
    tx = c.transaction
    return max((c.reading.energy_wh if c.reading else tx.last_wh) - tx.start_wh, 0.0) if tx else 0.0


# --- what the site is told -------------------------------------------------------------------------------------------


def tell(s: "Station", now: float) -> None:
    """The demand of each connector, when it is another than the one told last."""
    for c in s.connectors:
        if c.allowed is None:
            return
        told = demand(s, c, now)
        if told != c.demand:
            c.demand = told
            s.core.wish(told)


def demand(s: "Station", c: Connector, now: float) -> sig.Demand:
    wanted_a = most_a(s.core, c, now)
    useful_a = least_a(s.core, c, wanted_a)
    if not wanted_a:
        c.wanted_since_utc_s = None
    elif c.wanted_since_utc_s is None:
        c.wanted_since_utc_s = s.core.utc(now)
    tx = c.transaction
    id_tag = tx.id_tag if tx else c.grant.id_tag if c.grant else ""
    budget_a = s.core.settings.number(STATION_KEY) if balances(s.core) else None
    return sig.Demand(
        connector=c.number,
        phases=charging.phases(c),
        least_a=useful_a,
        most_a=wanted_a,
        takes_a=min(max(c.takes_a, useful_a), wanted_a),
        may_draw_a=may_draw_a(c, now),
        since_utc_s=tx.start_utc_s if tx else c.wanted_since_utc_s or 0.0,
        energy_wh=energy_wh(c),
        id_tag=id_tag,
        is_idle=profiles.idle(s, c, now),
        is_vip=bool(id_tag) and s.authorization.is_vip(id_tag),
        station=None if budget_a is None else Limit(float(budget_a), SHARED),
    )


# --- load balancing between the charge points of one station ---------------------------------------------------------


def balances(core: Core) -> bool:
    """The station divides its power between its charge points (R-295), unless its energy is not managed (R-176)."""
    settings = core.settings
    return (
        settings.row(BALANCING_KEY) is not None
        and settings.connectors > 1
        and settings.flag(BALANCING_KEY)
        and settings.text(MANAGEMENT_KEY) != UNMANAGED
    )


def balance(s: "Station", now: float) -> None:
    """What each charge point may take of what the station has. Each of them loads the first phase.

    Who is to have less has it at once; who is to have more gets what the others cannot draw any more.
    """
    core = s.core
    wanting = [c for c in s.connectors if charging.wants(c) and _may(c)] if balances(core) else []
    for c in s.connectors:
        if c not in wanting:
            c.balanced = None
    if not wanting:
        return
    budget_a = float(core.settings.number(STATION_KEY))
    order = sorted(wanting, key=lambda c: _shed_last(s, c, now))
    most = {c: most_a(core, c, now) for c in order}
    for c in order:  # a site that has divided it already is obeyed, not divided once more
        most[c] = min(most[c], c.allowed.current_a) if c.allowed else most[c]
    least = {c: least_a(core, c, most[c]) for c in order}
    if sum(most.values()) > budget_a:  # else a car is offered all it may have, whatever it takes of it
        most = {c: min(most[c], max(c.takes_a, least[c])) for c in order}
    parts = dict(zip(order, profiles.shares(budget_a, [(most[c], least[c]) for c in order]), strict=True))
    had = {c: c.balanced.current_a if c.balanced else may_draw_a(c, now) for c in s.connectors}
    for c, part_a in freed(budget_a, parts, had, now).items():
        c.balanced = Limit(part_a if part_a >= least[c] else 0.0, SHARED)


def _may(c: Connector) -> bool:
    """Its site allows it anything: else there is nothing to divide for it."""
    return c.allowed is None or c.allowed.current_a > 0


def freed(
    budget_a: float, parts: dict[Connector, float], had: dict[Connector, float], now: float
) -> dict[Connector, float]:
    """What each of them has of its part at once: who is to have more, no more than the others cannot draw any more.

    `had` is of all connectors that draw from the budget, also of those that have no part in it any more.
    """
    given = dict(had)
    for c in sorted(parts, key=lambda c: parts[c] > had[c]):  # who gives way goes first
        others_a = sum(max(given[other], may_draw_a(other, now)) for other in given if other is not c)
        given[c] = composite.tenths(min(parts[c], max(budget_a - others_a, given[c])))
    return {c: given[c] for c in parts}


def _shed_last(s: "Station", c: Connector, now: float) -> tuple[float, ...]:
    """Who is to be served first, for sorting; an idle car last."""
    if s.core.settings.text(PRIORITY_KEY) == BY_ENERGY:
        order = energy_wh(c) - (SWAP_WH if c.offered_a else 0.0)
    else:
        order = -c.started_at if c.transaction else -inf
    return (profiles.idle(s, c, now), order, c.number)


def minds_readings(s: "Station") -> bool:
    """What a meter says may change who is allowed what."""
    return s.core.floor_a is not None or (len(s.connectors) > 1 and balances(s.core))
