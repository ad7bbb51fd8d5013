"""What charging profiles come to over time, as a pure function over the instants of change (OCPP 1.6, 3.13; ref. 10).

Instants are UTC seconds. A plan is one profile's schedule made ready for reckoning; a line is a value over a stretch of
time, as the instants where it changes. Nothing here knows a station or a clock.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import floor, inf
from operator import itemgetter
from typing import NamedTuple

import msgspec

from chargepost.ocpp.messages import ChargingProfile, ChargingRateUnitType
from chargepost.station.metering import NOMINAL_V

UNSET = msgspec.UNSET

RECURS_S = {"Daily": 86_400.0, "Weekly": 604_800.0}

PHASES = 3
"""Of a period that does not say."""


class Value(NamedTuple):
    """A limit with its author: "TxProfile 7", "rating"."""

    limit: float
    unit: ChargingRateUnitType
    """A is per phase, W the total (1.6, 7.12)."""
    phases: int | None
    """None: not said."""
    author: str


class Plan(NamedTuple):
    """When a profile has which value."""

    since: float
    until: float
    """No value before and from here on: validity, and the start of the first schedule."""
    start: float
    """Of the first schedule; 0 of a relative one before `begun`."""
    every: float
    """Seconds from one schedule to the next; infinite: there is only one."""
    length: float
    """Seconds of a schedule, never more than `every`."""
    starts: list[float]
    values: list[Value]
    relative: bool


class Installed(NamedTuple):
    """A profile in its place."""

    connector: int
    transaction: str
    """The station's own name of the transaction of a TxProfile; else empty."""
    profile: ChargingProfile
    plan: Plan


LIMIT_MAX = 1e9
"""In A or W, more than any site has. Some central systems write the largest number they know for "no limit"."""

ROUNDING = 1e-7
"""What floating point may have taken from a limit or added to it, in A or W: less than this is no difference."""

Line = list[tuple[float, Value | None]]
"""What holds from each instant on, in order; the first instant is the beginning."""


# --- one profile -----------------------------------------------------------------------------------------------------


def plan(profile: ChargingProfile) -> Plan:
    """A profile that `profiles.refusal` has nothing against, made ready (reference 10.3)."""
    schedule = profile.charging_schedule
    author = f"{profile.charging_profile_purpose} {profile.charging_profile_id}"
    unit = schedule.charging_rate_unit
    periods = schedule.charging_schedule_period
    relative = profile.charging_profile_kind == "Relative"
    start = 0.0 if relative or schedule.start_schedule is UNSET else schedule.start_schedule.timestamp()
    every = inf if profile.recurrency_kind is UNSET else RECURS_S[profile.recurrency_kind]
    return Plan(
        since=max(-inf if profile.valid_from is UNSET else profile.valid_from.timestamp(), -inf if relative else start),
        until=inf if profile.valid_to is UNSET else profile.valid_to.timestamp(),
        start=start,
        every=every,
        length=min(inf if schedule.duration is UNSET else float(schedule.duration), every),
        starts=[float(p.start_period) for p in periods],
        values=[
            Value(min(p.limit, LIMIT_MAX), unit, None if p.number_phases is UNSET else p.number_phases, author)
            for p in periods
        ],
        relative=relative,
    )


def begun(plan: Plan, start: float) -> Plan:
    """A relative plan counts from the start of its transaction."""
    return plan._replace(start=start, since=max(plan.since, start)) if plan.relative else plan


def at_rest(plan: Plan) -> Plan:
    """A relative plan while nothing has started: its first period, for as long as that takes."""
    if not plan.relative:
        return plan
    return plan._replace(every=inf, length=inf, starts=plan.starts[:1], values=plan.values[:1])


def value_at(plan: Plan, instant: float) -> Value | None:
    if not plan.since <= instant < plan.until:
        return None
    offset = instant - plan.start
    if plan.every != inf:
        offset %= plan.every
    return plan.values[bisect_right(plan.starts, offset) - 1] if offset < plan.length else None


def next_change(plan: Plan, instant: float) -> float:
    """The next instant, later than this one, at which the value may be another; infinite: never."""
    if instant >= plan.until:
        return inf
    if instant < plan.since:
        return plan.since
    cycle = plan.start + _cycles(plan, instant)
    ahead = bisect_right(plan.starts, instant - cycle)
    period = cycle + plan.starts[ahead] if ahead < len(plan.starts) else inf
    return min(at for at in (period, cycle + plan.length, cycle + plan.every, plan.until) if at > instant)


def _cycles(plan: Plan, instant: float) -> float:
    """Seconds from the first schedule to the one of this instant."""
    return 0.0 if plan.every == inf else (instant - plan.start) // plan.every * plan.every


# --- several of one purpose ------------------------------------------------------------------------------------------


def ranked(installed: Iterable[Installed], connector: int, transaction: str) -> list[Plan]:
    """The plans of a connector, whoever goes first: TxProfiles, then TxDefaultProfiles (reference 10.4).

    A default of the connector hides that of the same level which is for all connectors.
    """
    own: list[tuple[int, Plan]] = []
    defaults: dict[int, tuple[int, Plan]] = {}
    for each in installed:
        level = each.profile.stack_level
        purpose = each.profile.charging_profile_purpose
        if purpose == "TxProfile":
            if each.connector == connector and each.transaction == transaction:
                own.append((level, each.plan))
        elif purpose == "TxDefaultProfile" and each.connector in (0, connector):
            known = defaults.get(level)
            if known is None or each.connector > known[0]:
                defaults[level] = (each.connector, each.plan)
    own.sort(key=lambda ranking: -ranking[0])
    return [plan for _, plan in own] + [defaults[level][1] for level in sorted(defaults, reverse=True)]


def maxima(installed: Iterable[Installed]) -> list[Plan]:
    """The plans of the whole station, the highest level first."""
    found = [each for each in installed if each.profile.charging_profile_purpose == "ChargePointMaxProfile"]
    return [each.plan for each in sorted(found, key=lambda each: -each.profile.stack_level)]


def first_value(plans: Iterable[Plan], instant: float) -> Value | None:
    """Of the first that has a value at this instant: a higher level that is over falls back to a lower one."""
    return next((value for plan in plans if (value := value_at(plan, instant)) is not None), None)


def stacked(plans: Iterable[Plan], since: float, until: float) -> Line:
    """`first_value` over a stretch of time: each plan fills what those before it left open."""
    line: Line = []
    gaps = [(since, until)]
    for plan in plans:
        if not gaps:
            break
        gaps = [left for gap in gaps for left in _fill(plan, *gap, line)]
    line += [(opens, None) for opens, _ in gaps]
    line.sort(key=itemgetter(0))
    return line


def _fill(plan: Plan, opens: float, closes: float, line: Line) -> list[tuple[float, float]]:
    """Put a plan's values between two instants into the line; what it leaves open."""
    low, high = max(opens, plan.since), min(closes, plan.until)
    if low >= high:
        return [(opens, closes)]
    gaps = []
    starts, values = plan.starts, plan.values
    cycle = plan.start + _cycles(plan, low)
    while cycle < high:
        first, last = max(low, cycle), min(high, cycle + plan.length)
        if first < last:
            if opens < first:
                gaps.append((opens, first))
            index, end = bisect_right(starts, first - cycle), bisect_left(starts, last - cycle)
            line.append((first, values[index - 1]))
            line += zip([cycle + start for start in starts[index:end]], values[index:end], strict=True)
            opens = last
        cycle += plan.every
    if opens < closes:
        gaps.append((opens, closes))
    return gaps


# --- lines together --------------------------------------------------------------------------------------------------


def in_unit(value: Value, unit: ChargingRateUnitType, width: int) -> Value:
    """The same limit in A per phase or in W, for a charge with so many phases (1 or 3) at the nominal voltage.

    What a period says of phases counts up to those there are.
    """
    if value.unit == unit:
        return value
    volt = NOMINAL_V * min(value.phases or PHASES, width)
    return value._replace(limit=value.limit / volt if unit == "A" else value.limit * volt, unit=unit)


def converted(line: Line, unit: ChargingRateUnitType, width: int) -> Line:
    return [(at, value and in_unit(value, unit, width)) for at, value in line]


def least(values: Sequence[Value | None]) -> Value | None:
    """The lowest of those there are, of equals the first."""
    lowest: Value | None = None
    for value in values:
        if value is not None and (lowest is None or value.limit < lowest.limit - ROUNDING):
            lowest = value
    return lowest


def total(values: Sequence[Value | None]) -> Value | None:
    """What all of them take together; none when one is without limit."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    phases = {value.phases for value in known}
    return known[0]._replace(
        limit=sum(value.limit for value in known), phases=known[0].phases if len(phases) == 1 else None
    )


def combined(lines: Sequence[Line], pick: Callable[[Sequence[Value | None]], Value | None]) -> Line:
    """One line of several that begin at the same instant."""
    changes = [(at, index, value) for index, line in enumerate(lines) for at, value in line]
    changes.sort(key=itemgetter(0))
    now: list[Value | None] = [None] * len(lines)
    line: Line = []
    for (at, index, value), (later, _, _) in pairwise([*changes, (inf, 0, None)]):
        now[index] = value
        if at != later:
            line.append((at, pick(now)))
    return line


def tenths(limit: float) -> float:
    """One decimal at most, downward (reference 10.4); what floating point took from a whole tenth is given back."""
    return floor((limit + ROUNDING) * 10) / 10


def periods(line: Line, since: float) -> list[tuple[int, float, int | None]]:
    """As the wire has them: whole seconds from the beginning, limit, phases; only where something changes."""
    told: list[tuple[int, float, int | None]] = []
    last: tuple[float, int | None] | None = None
    for at, value in line:
        if value is None or (value.limit, value.phases) == last:
            continue
        last = value.limit, value.phases
        step = (int(at - since), tenths(value.limit), value.phases)
        if told and told[-1][0] == step[0]:
            told.pop()
        if not told or told[-1][1:] != step[1:]:
            told.append(step)
    return told
