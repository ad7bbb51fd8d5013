"""How much a connector may offer, and who says so: the lowest limit wins and carries its author."""

from collections.abc import Callable
from math import inf

from chargepost.signals import Limit
from chargepost.station import contacts, metering, pilot
from chargepost.station.connector import Connector
from chargepost.station.core import Core
from chargepost.station.usage import Usage

SETTING_LIMITS = ("iMaxDeratingSwCapacity", "maxIntensitySocket", "maxIntensityStation")
"""Keys of the products that hold a current in A."""

ON_FEWER_PHASES = "allowed on fewer phases"

OPEN = Limit(inf, "")
"""No limit."""

Rule = Callable[[Core, Connector, float], Limit | None]


def _rating(core: Core, c: Connector, now: float) -> Limit:
    return Limit(c.spec.max_current_a, "rating")


def _cable(core: Core, c: Connector, now: float) -> Limit | None:
    return Limit(c.cable_rating_a, f"cable {c.cable_rating_a:g} A") if c.cable_in else None


LEAST_CABLE_A = 13.0
"""The least that the resistor of a cable can say (IEC 61851-1, annex B): what is less is a domestic socket's."""

DOMESTIC_KEY = "IMaxEvseCapacityTE"


def is_domestic(c: Connector) -> bool:
    """The domestic socket, where two share a connector: the one in use."""
    return c.spec.kind == "TE" or (c.cable_in and 0 < c.cable_rating_a < LEAST_CABLE_A)


def _domestic(core: Core, c: Connector, now: float) -> Limit | None:
    row = core.settings.row(DOMESTIC_KEY)
    if row is None or not is_domestic(c):
        return None
    return Limit(float(core.settings.number(DOMESTIC_KEY)), f"setting {row.spec.name}")


def _simplified(core: Core, c: Connector, now: float) -> Limit | None:
    return Limit(pilot.SIMPLIFIED_A, "simplified control pilot") if c.simplified else None


def _derating(core: Core, c: Connector, now: float) -> Limit | None:
    lowest: Limit | None = None
    for name in SETTING_LIMITS:
        row = core.settings.row(name)
        if row is None or not core.settings.text(name):
            continue
        current_a = float(core.settings.own_number(name, c.number))
        if name == DERATING_KEY:
            # It holds for good: a car that has not shown its phases yet may begin, else none on one phase ever could.
            current_a = zeroed(core, c, current_a, phases(c) if c.flowing else 1)
        limit = Limit(current_a, f"setting {row.spec.name}")
        lowest = limit if lowest is None else min(lowest, limit)
    return lowest


def _switch(core: Core, c: Connector, now: float) -> Limit | None:
    rule = core.model.quirks.get("derating_switch")
    return Limit(float(core.settings.number(str(rule["switch_key"]))), "microswitch") if rule else None


def _temperature(core: Core, c: Connector, now: float) -> Limit | None:
    """What heat leaves of it (derating.py)."""
    return Limit(c.hot_a, "temperature") if c.hot_a < inf else None


def _refused(core: Core, c: Connector, now: float) -> Limit | None:
    tx = c.transaction
    return Limit(0.0, "refused by the central system") if tx and tx.refused else None


def _restoring(core: Core, c: Connector, now: float) -> Limit | None:
    return Limit(0.0, "waiting after a power cut") if c.resume_at is not None and now < c.resume_at else None


SHEDDING_KEY = "loadSheddingSetPoint"
DERATING_KEY = "maxIntensitySocket"

FLOORS = {1: "monophasedLoadSheddingFloorValue", 3: "triphasedLoadSheddingFloorValue"}
"""Below this a charge is suspended where the station divides its power, by the phases of the charge."""


def zeroed(core: Core, c: Connector, current_a: float, width: int) -> float:
    """What a set current comes to: too little for a charge on so many phases is nothing (R-229, R-300, R-301, R-309).

    The value that was entered stays as it is (Q-051).
    """
    rule = core.model.quirks.get("low_current_zeroed")
    if rule is None:
        return current_a
    divided = "while_key" not in rule or core.settings.flag(str(rule["while_key"]))
    floor_a = core.settings.number(FLOORS[width]) if divided else c.spec.min_current_a
    return current_a if current_a >= floor_a else 0.0


FLOWS_A = 0.5
"""Less is a meter's zero, not a phase that is charged with."""


def phases(c: Connector) -> int:
    """Phases of the charge: a single-phase car or cable at a three-phase station counts as single-phase (R-303)."""
    return 1 if c.spec.phases == 1 or is_domestic(c) or c.simplified or c.flowing == 1 else 3


def metered(c: Connector) -> None:
    """A reading has come: it tells on how many phases the car charges. A pause does not forget that."""
    flowing = sum(current_a >= FLOWS_A for current_a in c.reading.current_a) if c.reading and c.transaction else 0
    c.flowing = flowing or c.flowing


def car_gone(c: Connector) -> None:
    """What was learned of a car is not true of the next."""
    c.flowing, c.idle, c.takes_a, c.powered = 0, False, inf, False


def _shed(core: Core, c: Connector, now: float) -> Limit | None:
    row = core.settings.row(SHEDDING_KEY)
    if row is None or not contacts.any_active(core, contacts.SHED, c.number):
        return None
    current_a = zeroed(core, c, core.settings.own_number(SHEDDING_KEY, c.number), phases(c))
    return Limit(float(current_a), f"load shedding, setting {row.spec.name}")


def _held(core: Core, c: Connector, now: float) -> Limit | None:
    return Limit(0.0, "input: charging is delayed") if contacts.any_active(core, contacts.HOLD, c.number) else None


def _conditional(core: Core, c: Connector, now: float) -> Limit | None:
    """A charge that has had power goes on: it is a condition of the start."""
    return Limit(0.0, "input: condition not met") if not c.powered and contacts.unmet(core, c.number) else None


def _paused(core: Core, c: Connector, now: float) -> Limit | None:
    return Limit(0.0, "push button") if c.paused else None


def _profile(core: Core, c: Connector, now: float) -> Limit | None:
    """What the charging profiles come to: `profiles.govern` keeps it up to date."""
    return core.profiles.limits.get(c.number) if core.profiles else None


def _allowed(core: Core, c: Connector, now: float) -> Limit | None:
    """In a managed site no allowance means nothing, not everything (sharing.py); nor does one for fewer phases."""
    if c.allowed is not None and c.allowed_phases < phases(c):
        return Limit(0.0, ON_FEWER_PHASES)
    return c.allowed


def _balanced(core: Core, c: Connector, now: float) -> Limit | None:
    """What the station divides between its charge points (sharing.py)."""
    return c.balanced


def _external(core: Core, c: Connector, now: float) -> Limit | None:
    """What an external system allows: `external.govern` keeps it up to date."""
    return core.external.get(c.number) if core.external else None


def _tic(core: Core, c: Connector, now: float) -> Limit | None:
    """What the house leaves (tic.py)."""
    return core.tic


STANDING: tuple[Rule, ...] = (_rating, _cable, _domestic, _simplified, _derating, _switch)
"""What holds as long as nobody touches the station."""

PASSING: tuple[Rule, ...] = (
    _refused, _restoring, _temperature, _shed, _held, _conditional, _paused, _external, _tic,
)  # fmt: skip

OWN: tuple[Rule, ...] = (*STANDING, *PASSING, _profile)
"""What a connector may do by itself."""

RULES: tuple[Rule, ...] = (*OWN, _allowed, _balanced)

AUTHORS: dict[Rule, str] = {
    _rating: "rating",
    _cable: "cable",
    _domestic: "domestic socket",
    _simplified: "simplified control pilot",
    _derating: "derating",
    _switch: "microswitch",
    _temperature: "temperature",
    _shed: "load shedding input",
    _held: "delayed start input",
    _conditional: "conditional start input",
    _paused: "push button",
    _restoring: "power cut",
    _refused: "central system",
    _profile: "charging profile",
    _allowed: "site",
    _balanced: "other charge point",
    _external: "external system",
    _tic: "meter of the house",
}
"""Whose limit it is, as registers have numbers for it."""
NOBODY = "none"


def limit(core: Core, c: Connector, now: float) -> Limit:
    """The lowest limit per phase, worked out when something that it rests on has changed."""
    tx = c.transaction
    restoring = c.resume_at is not None and now < c.resume_at
    refused = tx is not None and tx.refused
    outlet = (c.cable_in, c.cable_rating_a, c.simplified, c.hot_a)
    allowed = _profile(core, c, now)
    given = (allowed, _allowed(core, c, now), c.balanced, _external(core, c, now), core.tic)
    rests_on = (core.settings.version, outlet, refused, restoring, core.inputs, c.flowing, c.powered, c.paused, given)
    if rests_on != c.limit_rests_on:
        lowest = _regulated(c, _lowest(RULES, core, c, now))
        c.limit, c.limit_rests_on = lowest if lowest.current_a else _left(core, c, lowest, now), rests_on
    return c.limit


def _left(core: Core, c: Connector, limit: Limit, now: float) -> Limit:
    """What flows on although a profile says 0: the power modules of some products do not stop by themselves (R-226).

    Their residual current is of the output, here of a battery half full. Whatever else says 0 opens the contactor.
    """
    each_a, modules = core.model.smart_charging.residual_a_per_module, core.model.quirks.get("power_modules")
    if each_a is None or modules is None or usable(core, c, now, OPEN).current_a == 0:
        return limit
    if _regulated(c, min(_allowed(core, c, now) or OPEN, c.balanced or OPEN)).current_a == 0:
        return limit
    count = (core.model.variants[core.model.variant].power_w or 0.0) / float(modules["module_w"])
    power_w = each_a * count * (metering.EMPTY_V + metering.FULL_V) / 2
    return Limit(power_w / (metering.NOMINAL_V * c.spec.phases), limit.source)


def limits(core: Core, c: Connector, now: float) -> list[Limit]:
    """All that limit it now, the lowest first: who would be next if the first one did not."""
    return sorted(found for rule in RULES if (found := rule(core, c, now)) is not None)


def author(core: Core, c: Connector, now: float) -> str:
    """Who says so: a word of `AUTHORS`, or `NOBODY` as long as nothing was worked out."""
    return next(
        (word for rule, word in AUTHORS.items() if (found := rule(core, c, now)) and found.source == c.limit.source),
        NOBODY,
    )


def standing(core: Core, c: Connector, now: float) -> Limit:
    """What the outlet may take without any profile, as long as nobody touches it."""
    return _lowest(STANDING, core, c, now)


def usable(core: Core, c: Connector, now: float, allowed: Limit) -> Limit:
    """What the outlet would offer were it allowed so much: what it can use of a share."""
    return _regulated(c, min(allowed, _lowest((*STANDING, *PASSING), core, c, now)))


def own(core: Core, c: Connector, now: float) -> Limit:
    """What it would offer were there nobody to share with."""
    return _regulated(c, _lowest(OWN, core, c, now))


def wants(c: Connector) -> bool:
    """The connector offers current, as far as its limit goes: a car is there and may charge."""
    preparing = c.usage is Usage.PREPARING and c.grant is not None
    running = c.usage is Usage.CHARGING and c.stopping is None
    return (preparing or running) and c.ev_in and not c.blocked


def _lowest(rules: tuple[Rule, ...], core: Core, c: Connector, now: float) -> Limit:
    return min(found for rule in rules if (found := rule(core, c, now)) is not None)


def _regulated(c: Connector, limit: Limit) -> Limit:
    """Below what the outlet can regulate it is a pause, never less current."""
    return limit if limit.current_a >= c.spec.min_current_a else Limit(0.0, limit.source)
