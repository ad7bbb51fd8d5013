"""Charging profiles of a station: what may be installed, where it is kept, what it allows now.

OCPP 1.6, 3.13, 5.5, 5.7, 5.16; reference 10.

A station without a profile has none of this: `core.profiles` is None and nothing is reckoned.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from chargepost.ocpp import messages as m
from chargepost.signals import Limit
from chargepost.station import charging, composite, metering
from chargepost.station.composite import Installed, Plan, Value
from chargepost.station.connector import Connector
from chargepost.station.core import Core, Refusal

if TYPE_CHECKING:
    from chargepost.station.station import Station

UNSET = msgspec.UNSET

PROFILES_MAX = 100
"""Profiles at a time where the product states no number: a few levels of each purpose for each of a few connectors."""

PERIODS_MAX = 100
"""Periods of a schedule where the product states no number: a quarter of an hour each, for a day."""

COMPOSITE_MAX_S = 14 * 86_400
"""As far ahead as a composite schedule looks: what recurs weekly is seen twice. Longer is shortened (ref. 10.5)."""

COMPOSITE_PERIODS_MAX = 1_000
"""Periods of a composite schedule, about 40 kB of JSON; what would have more is shortened."""

IDLE_S = 60.0
"""A car that has been offered current and has taken none for so long is full, or waits for its hour."""

NEAR_S = 0.001
"""An instant this near has come: what two clocks add up to may fall short of it by a rounding."""

DIRECT = frozenset({"CCS2", "CHAdeMO"})
"""Outlets of direct current: limits are W, and their current is no whole tenth."""

KEY_UNITS = {"Current": "A", "Power": "W"}
"""What ChargingScheduleAllowedChargingRateUnit calls the units (1.6, 9.4)."""

ATTRIBUTES = {
    "minChargingRate": lambda profile: profile.charging_schedule.min_charging_rate is not UNSET,
    "numberPhases": lambda profile: any(
        period.number_phases is not UNSET for period in profile.charging_schedule.charging_schedule_period
    ),
}
"""What products refuse or ignore, and whether a profile has it."""


class Kept(msgspec.Struct, gc=False):
    """A profile on disk."""

    connector: int
    transaction: str
    profile: m.ChargingProfile


class Profiles:
    """The profiles of one station and what they come to now."""

    __slots__ = ("due", "installed", "limits", "most", "own", "rests_on")

    def __init__(self) -> None:
        self.installed: dict[int, Installed] = {}
        """By chargingProfileId."""
        self.limits: dict[int, Limit] = {}
        """What each connector is allowed now."""
        self.own: dict[int, Value | None] = {}
        """What its TxProfile or TxDefaultProfile says now."""
        self.most: Value | None = None
        """What the ChargePointMaxProfile says now, for all connectors together."""
        self.due = inf
        """When one of them says something else, in monotonic seconds."""
        self.rests_on: tuple[object, ...] = ()


# --- what may be installed -------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """A profile that somebody wants installed."""

    s: "Station"
    connector: int
    profile: m.ChargingProfile
    now: float

    @property
    def rules(self) -> Any:
        return self.s.core.model.smart_charging

    @property
    def schedule(self) -> m.ChargingSchedule:
        return self.profile.charging_schedule

    @property
    def purpose(self) -> str:
        return self.profile.charging_profile_purpose

    @property
    def kind(self) -> str:
        return self.profile.charging_profile_kind

    def lacks(self, name: str, word: object) -> bool:
        """The product's list has words, and this is none of them."""
        return bool(getattr(self.rules, name)) and word not in getattr(self.rules, name)

    def number(self, key: str, default: int) -> int:
        return self.s.core.settings.number(key, default)


Check = Callable[[Wanted], bool]


def _switched_off(w: Wanted) -> bool:
    """A key of the product keeps profiles out (Q-189)."""
    return not obeyed(w.s.core)


def _no_such_outlet(w: Wanted) -> bool:
    return w.connector > 0 and not takes_profiles(w.s.core, w.s.connectors[w.connector - 1])


def _other_transaction(w: Wanted) -> bool:
    """A TxProfile is for what runs on its connector."""
    if w.purpose != "TxProfile":
        return w.profile.transaction_id is not UNSET
    c = w.s.connectors[w.connector - 1] if w.connector else None
    if c is None or c.transaction is None or c.stopping:
        return True
    return w.profile.transaction_id not in (UNSET, c.transaction.number)


def _unit(w: Wanted) -> bool:
    allowed = {KEY_UNITS.get(item) for item in w.s.core.settings.items("ChargingScheduleAllowedChargingRateUnit")}
    unit = w.schedule.charging_rate_unit
    return w.lacks("units", unit) or (bool(allowed) and unit not in allowed)


def _periods(w: Wanted) -> bool:
    starts = [period.start_period for period in w.schedule.charging_schedule_period]
    most = w.number("ChargingScheduleMaxPeriods", PERIODS_MAX)
    return not 0 < len(starts) <= most or starts[0] != 0 or starts != sorted(set(starts))


def _level(w: Wanted) -> bool:
    highest = w.number("ChargeProfileMaxStackLevel", w.profile.stack_level)
    return not 0 <= w.profile.stack_level <= highest


def _recurrence(w: Wanted) -> bool:
    """Recurring says how often, other kinds do not."""
    return (w.kind == "Recurring") != (w.profile.recurrency_kind is not UNSET)


def _validity(w: Wanted) -> bool:
    valid_from, valid_to = w.profile.valid_from, w.profile.valid_to
    if valid_to is UNSET:
        return False
    return valid_to.timestamp() <= w.s.core.utc(w.now) or (valid_from is not UNSET and valid_to <= valid_from)


def _limits(w: Wanted) -> bool:
    limits = [period.limit for period in w.schedule.charging_schedule_period]
    least_w = w.rules.min_limit_w
    too_little = least_w is not None and w.schedule.charging_rate_unit == "W"
    return any(limit < 0 or (too_little and 0 < limit < least_w) for limit in limits)


def _phases(w: Wanted) -> bool:
    return any(
        period.number_phases is not UNSET and not 1 <= period.number_phases <= 3
        for period in w.schedule.charging_schedule_period
    )


def _full(w: Wanted) -> bool:
    installed = w.s.core.profiles.installed if w.s.core.profiles else {}
    most = w.number("MaxChargingProfilesInstalled", PROFILES_MAX)
    return len(installed) - len(_replaced(w, installed)) >= most


PRODUCT_LACKS: dict[Check, str] = {
    lambda w: w.lacks("purposes", w.purpose): "the product has no profile of this purpose",
    lambda w: w.lacks("kinds", w.kind): "the product has no profile of this kind",
    lambda w: w.profile.recurrency_kind is not UNSET and w.lacks("recurrencies", w.profile.recurrency_kind): (
        "the product does not repeat a profile so"
    ),
    _no_such_outlet: "this kind of outlet takes no profile",
}
"""Answered NotSupported (Q-091), and why."""

NOT_NOW: dict[Check, str] = {
    _switched_off: "a setting of the station keeps profiles out",
    lambda w: any(ATTRIBUTES[name](w.profile) for name in w.rules.refused_attributes): (
        "the product refuses an attribute that the profile has"
    ),
    lambda w: w.purpose == "ChargePointMaxProfile" and (w.connector > 0 or w.kind == "Relative"): (
        "a ChargePointMaxProfile is of connector 0 and not Relative"
    ),
    _level: "stackLevel is not within 0 to ChargeProfileMaxStackLevel",
    _unit: "the product does not take this chargingRateUnit",
    _periods: "the periods do not begin at 0 and rise, or are more than ChargingScheduleMaxPeriods",
    _recurrence: "recurrencyKind belongs to a Recurring profile, and to no other",
    lambda w: w.kind != "Relative" and w.schedule.start_schedule is UNSET: "startSchedule is missing",
    lambda w: w.schedule.duration is not UNSET and w.schedule.duration <= 0: "duration is not above 0",
    _validity: "validTo is over, or before validFrom",
    _limits: "a limit is negative, or above 0 and less than the product can keep to",
    _phases: "numberPhases is not within 1 to 3",
    _full: "MaxChargingProfilesInstalled are installed",
}
"""Answered Rejected (reference 10.2), and why."""


def refusal(w: Wanted, *, starting: bool = False) -> m.ChargingProfileStatus | None:
    """What SetChargingProfile answers when the profile cannot be installed, which is noted; None when it can.

    `starting`: it comes with a remote start, for a transaction that is not there yet.
    """
    lacks = [why for check, why in PRODUCT_LACKS.items() if check(w)]
    elsewhere = ["a TxProfile is for the transaction that runs"] if not starting and _other_transaction(w) else []
    why = lacks or elsewhere or [why for check, why in NOT_NOW.items() if check(w)]
    if why:
        w.s.core.refused(f"charging profile {w.profile.charging_profile_id}", why[0], w.connector)
    return "NotSupported" if lacks else "Rejected" if why else None


def brought(core: Core, ask: m.RemoteStartTransaction) -> m.ChargingProfile | None:
    """The profile of a remote start; a station that knows no profiles starts without (trap 90)."""
    known = "SetChargingProfile" in core.model.messages.answers
    return ask.charging_profile if known and ask.charging_profile is not UNSET else None


def refused_at_start(s: "Station", connector: int | None, profile: m.ChargingProfile, now: float) -> bool:
    """Whether a remote start with this profile is refused."""
    if profile.charging_profile_purpose != "TxProfile" or profile.transaction_id is not UNSET:
        s.core.refused("remote start", "its profile is no TxProfile, or names a transaction", connector)
        return True
    wanted = Wanted(s, connector or 0, _plain(s.core, profile), now)
    return refusal(wanted, starting=True) is not None


def takes_profiles(core: Core, c: Connector) -> bool:
    kinds = core.model.smart_charging.connector_kinds
    return not kinds or c.spec.kind in kinds


def obeyed(core: Core) -> bool:
    """Some products look at profiles only while a key allows it (Q-189)."""
    rows = core.model.smart_charging.while_setting.items()
    return all(core.settings.text(key) in values for key, values in rows)


def _plain(core: Core, profile: m.ChargingProfile) -> m.ChargingProfile:
    """Without what the product ignores, and without the start that a relative schedule cannot have."""
    ignored = core.model.smart_charging.ignored_attributes
    schedule = profile.charging_schedule
    if "minChargingRate" in ignored:
        schedule = msgspec.structs.replace(schedule, min_charging_rate=UNSET)
    if "numberPhases" in ignored:
        rows = schedule.charging_schedule_period
        rows = tuple(msgspec.structs.replace(period, number_phases=UNSET) for period in rows)
        schedule = msgspec.structs.replace(schedule, charging_schedule_period=rows)
    if profile.charging_profile_kind == "Relative":
        schedule = msgspec.structs.replace(schedule, start_schedule=UNSET)
    return msgspec.structs.replace(profile, charging_schedule=schedule)


# --- where it is kept ------------------------------------------------------------------------------------------------


def _transaction(w: Wanted) -> str:
    tx = w.s.connectors[w.connector - 1].transaction if w.connector and w.purpose == "TxProfile" else None
    return tx.name if tx else ""


def _replaced(w: Wanted, installed: dict[int, Installed]) -> list[int]:
    """The ids of what makes room: the same id, or the same level of the same purpose in the same place."""
    place = (w.connector, w.purpose, w.profile.stack_level, _transaction(w))
    return [
        number
        for number, each in installed.items()
        if number == w.profile.charging_profile_id
        or place == (each.connector, each.profile.charging_profile_purpose, each.profile.stack_level, each.transaction)
    ]


def _install(w: Wanted) -> None:
    core = w.s.core
    _remove(core, _replaced(w, core.profiles.installed) if core.profiles else [])
    if core.profiles is None:
        core.profiles = Profiles()
    kept = Kept(w.connector, _transaction(w), w.profile)
    core.profiles.installed[w.profile.charging_profile_id] = _made_ready(kept)
    core.profiles.rests_on = ()
    core.memory.put(f"profile/{w.profile.charging_profile_id}", kept)


def _made_ready(kept: Kept) -> Installed:
    return Installed(kept.connector, kept.transaction, kept.profile, composite.plan(kept.profile))


def _remove(core: Core, numbers: Sequence[int]) -> None:
    if core.profiles is None or not numbers:
        return
    for number in numbers:
        del core.profiles.installed[number]
        core.memory.drop(f"profile/{number}")
    core.profiles.rests_on = ()
    if not core.profiles.installed:
        core.profiles = None
        core.wake_at("profile", 0, None)


def recall(core: Core, running: set[str]) -> None:
    """After a start: what is on disk, without the TxProfiles whose transaction is not."""
    for _, kept in core.memory.load_all("profile/", Kept):
        if core.profiles is None:
            core.profiles = Profiles()
        core.profiles.installed[kept.profile.charging_profile_id] = _made_ready(kept)
        if kept.transaction and kept.transaction not in running:
            _remove(core, [kept.profile.charging_profile_id])


def forget(core: Core) -> None:
    """Factory settings: no profile any more (Q-111)."""
    _remove(core, list(core.profiles.installed) if core.profiles else [])


def transaction_begun(s: "Station", c: Connector, profile: m.ChargingProfile, now: float) -> None:
    """The profile that a remote start brought becomes the TxProfile of its transaction."""
    wanted = Wanted(s, c.number, _plain(s.core, profile), now)
    if refusal(wanted) is None:
        _install(wanted)
    else:
        s.core.note("warning", "profile refused", f"TxProfile {profile.charging_profile_id}", c.number)


def transaction_over(core: Core, name: str) -> None:
    """A TxProfile ends with its transaction (1.6, 7.10)."""
    if core.profiles:
        _remove(core, [number for number, each in core.profiles.installed.items() if each.transaction == name])


# --- what it allows now ----------------------------------------------------------------------------------------------


def _plans(s: "Station", c: Connector, now: float) -> list[Plan]:
    """The plans of a connector, ranked; relative ones begin with its transaction, or now for a forecast.

    They count from a whole second, as all schedules do: so a composite schedule in seconds is exact.
    """
    core, tx = s.core, c.transaction
    if core.profiles is None or not takes_profiles(core, c) or not obeyed(core):
        return []
    start = _start(core, c, now) // 1
    ranked = composite.ranked(core.profiles.installed.values(), c.number, tx.name if tx else "")
    return [composite.begun(plan, start) for plan in ranked]


def _start(core: Core, c: Connector, now: float) -> float:
    """When the transaction of a connector began, as the date is now.

    A clock that is set moves no duration; of a transaction that outlived the program only the date is known.
    """
    if c.transaction is None:
        return core.utc(now)
    if c.began_at is not None:
        return core.utc(c.began_at)
    return min(c.transaction.start_utc_s, core.utc(now))


def _maxima(core: Core) -> list[Plan]:
    return composite.maxima(core.profiles.installed.values()) if core.profiles and obeyed(core) else []


def govern(s: "Station", now: float) -> list[Connector]:
    """Work out what each connector is allowed; the connectors in the order in which they are to be told.

    Whoever gives way goes first: what is offered to all together is never more than it may be.
    """
    core, profiles = s.core, s.core.profiles
    if profiles is None:
        return s.connectors
    runs = tuple((c.transaction.name if c.transaction else "", charging.phases(c)) for c in s.connectors)
    rests_on = (core.offset_s, core.settings.version, runs)
    if rests_on != profiles.rests_on or now >= profiles.due:
        _reckon(s, profiles, now)
        profiles.rests_on = rests_on
    profiles.limits = {}
    for c in s.connectors:
        own = profiles.own[c.number]
        found = [_limit(c, value) for value in (own, profiles.most) if value is not None]
        if found:
            profiles.limits[c.number] = min(found)
    if profiles.most and len(s.connectors) > 1:
        _share(s, profiles, profiles.most, now)
    unlimited = Limit(inf, "")
    return sorted(
        s.connectors,
        key=lambda c: charging.wants(c) and profiles.limits.get(c.number, unlimited).current_a >= c.offered_a,
    )


def clock_moved(core: Core, now: float) -> None:
    """Another date: the limits of this instant are worked out anew at once."""
    if core.profiles:
        core.profiles.rests_on = ()
        core.wake_at("profile", 0, now)


def _reckon(s: "Station", profiles: Profiles, now: float) -> None:
    """The values of this instant, and when the next is."""
    core = s.core
    instant = core.utc(now) + NEAR_S
    changes = [inf]

    def value(plans: list[Plan]) -> Value | None:
        changes.extend(composite.next_change(plan, instant) for plan in plans)
        return composite.first_value(plans, instant)

    profiles.most = value(_maxima(core))
    for c in s.connectors:
        plans = _plans(s, c, now)
        profiles.own[c.number] = value(plans if c.transaction else [composite.at_rest(plan) for plan in plans])
    profiles.due = now + min(changes) - core.utc(now)
    core.wake_at("profile", 0, profiles.due if profiles.due < inf else None)


def _limit(c: Connector, value: Value, limit: float | None = None) -> Limit:
    """A value, or a part of it, as what the connector may offer."""
    if limit is not None:
        value = value._replace(limit=limit)
    current_a = composite.in_unit(value, "A", charging.phases(c)).limit
    return Limit(current_a if c.spec.kind in DIRECT else composite.tenths(current_a), value.author)


def _share(s: "Station", profiles: Profiles, most: Value, now: float) -> None:
    """Divide what all may have together between those who want current; who began first goes before.

    Where it is not enough for all, an idle car goes last and is offered what it needs to come back, no more.
    """
    takers: list[tuple[Connector, float, float]] = []
    wanting = [c for c in s.connectors if charging.wants(c)]
    for c in sorted(wanting, key=lambda c: (idle(s, c, now), c.started_at if c.transaction else inf)):
        own_a = charging.usable(s.core, c, now, profiles.limits[c.number]).current_a
        width = charging.phases(c)
        if own_a > 0:
            takers.append((c, _in_unit_of(most, own_a, width), _in_unit_of(most, c.spec.min_current_a, width)))
        else:
            profiles.limits[c.number] = min(profiles.limits[c.number], Limit(0.0, most.author))
    scarce = sum(own for _, own, _ in takers) > most.limit
    parts = shares(most.limit, [(least if scarce and c.idle else own, least) for c, own, least in takers])
    for (c, _, _), part in zip(takers, parts, strict=True):
        profiles.limits[c.number] = min(profiles.limits[c.number], _limit(c, most, part))


def idle(s: "Station", c: Connector, now: float) -> bool:
    """The car was offered current and has taken none for long. It stays idle while it is offered nothing."""
    if c.transaction is None or c.pilot in ("C", "D"):
        c.idle = False
    elif c.status == "SuspendedEV" and not c.idle:
        due = c.status_since + IDLE_S
        c.idle = now >= due
        s.core.wake_at("share", c.number, None if c.idle else due)
    return c.idle


def _in_unit_of(most: Value, current_a: float, width: int) -> float:
    return composite.in_unit(most._replace(limit=current_a, unit="A"), most.unit, width).limit


def shares(budget: float, takers: Sequence[tuple[float, float]]) -> list[float]:
    """Parts of a budget for takers of (most they can use, least that is of use), in the order of who goes first.

    Equal parts, and what one cannot use is for the others. Where the parts would be of no use, the last goes without.
    """
    for count in range(len(takers), 0, -1):
        left, parts = budget, [0.0] * len(takers)
        for rank, index in enumerate(sorted(range(count), key=lambda index: takers[index][0])):
            parts[index] = min(takers[index][0], left / (count - rank))
            left -= parts[index]
        if all(parts[index] >= takers[index][1] for index in range(count)):
            return parts
    return [0.0] * len(takers)


# --- answers ---------------------------------------------------------------------------------------------------------


def set_profile(s: "Station", ask: m.SetChargingProfile, ident: str, now: float) -> Any:
    if not 0 <= ask.connector_id <= len(s.connectors):
        raise Refusal(
            "PropertyConstraintViolation", f"connectorId {ask.connector_id}: there are 0 to {len(s.connectors)}"
        )
    wanted = Wanted(s, ask.connector_id, _plain(s.core, ask.cs_charging_profiles), now)
    status = refusal(wanted)
    if status is None:
        _install(wanted)
    return m.SetChargingProfileResponse(status=status or "Accepted")


def clear_profile(s: "Station", ask: m.ClearChargingProfile, ident: str, now: float) -> Any:
    """An id alone decides; else all that is given has to fit (trap 88)."""
    installed = s.core.profiles.installed if s.core.profiles else {}
    if ask.id is not UNSET:
        found = [ask.id] if ask.id in installed else []
    else:
        found = [number for number, each in installed.items() if _fits(ask, each)]
    _remove(s.core, found)
    return m.ClearChargingProfileResponse(status="Accepted" if found else "Unknown")


def _fits(ask: m.ClearChargingProfile, each: Installed) -> bool:
    return (
        ask.connector_id in (UNSET, each.connector)
        and ask.charging_profile_purpose in (UNSET, each.profile.charging_profile_purpose)
        and ask.stack_level in (UNSET, each.profile.stack_level)
    )


def composite_schedule(s: "Station", ask: m.GetCompositeSchedule, ident: str, now: float) -> Any:
    """What is allowed from this second on (reference 10.5); of connector 0, for all together."""
    core = s.core
    outlet_zero = ask.connector_id > 0 or core.model.smart_charging.composite_connector_zero
    if not 0 <= ask.connector_id <= len(s.connectors) or not outlet_zero or ask.duration <= 0:
        return m.GetCompositeScheduleResponse(status="Rejected")
    shown = s.connectors if ask.connector_id == 0 else [s.connectors[ask.connector_id - 1]]
    unit: m.ChargingRateUnitType = "W" if all(c.spec.kind in DIRECT for c in shown) else "A"
    unit = unit if ask.charging_rate_unit is UNSET else ask.charging_rate_unit
    since, duration_s = float(core.utc(now) // 1), min(ask.duration, COMPOSITE_MAX_S)
    line = _line_of(s, shown, unit, since, since + duration_s, now, whole=ask.connector_id == 0)
    found = composite.periods(line, since)
    if len(found) > COMPOSITE_PERIODS_MAX:
        duration_s = found[COMPOSITE_PERIODS_MAX][0]
    return m.GetCompositeScheduleResponse(
        status="Accepted",
        connector_id=ask.connector_id,
        schedule_start=metering.date(since),
        charging_schedule=m.ChargingSchedule(
            duration=duration_s,
            charging_rate_unit=unit,
            charging_schedule_period=tuple(
                m.ChargingSchedulePeriod(
                    start_period=start, limit=limit, number_phases=UNSET if phases is None else phases
                )
                for start, limit, phases in found[:COMPOSITE_PERIODS_MAX]
            ),
        ),
    )


def _line_of(
    s: "Station", shown: list[Connector], unit: m.ChargingRateUnitType, since: float, until: float, now: float, *,
    whole: bool,
) -> composite.Line:  # fmt: skip
    """The lowest of all limits over time: of one connector, or of the whole station.

    What a whole station is expected to take is what its transactions may, and no more than its maximum; without
    transactions it is the maximum.
    """
    core = s.core
    running = [c for c in shown if c.transaction] if whole else shown
    lines = []
    for c in running or shown:
        width = charging.phases(c)
        stated = composite.stacked(_plans(s, c, now) if running else [], since, until)
        standing: composite.Line = [(since, _standing(s, c, now, unit, width))]
        lines.append(composite.combined([composite.converted(stated, unit, width), standing], composite.least))
    widest = max(charging.phases(c) for c in running or shown)
    most = composite.converted(composite.stacked(_maxima(core), since, until), unit, widest)
    cabinet_w = core.model.variants[core.model.variant].power_w
    cabinet = None if cabinet_w is None else composite.in_unit(Value(cabinet_w, "W", None, "rating"), unit, widest)
    total = lines[0] if len(lines) == 1 else composite.combined(lines, composite.total)
    return composite.combined([total, most, [(since, cabinet)]], composite.least)


def _standing(s: "Station", c: Connector, now: float, unit: m.ChargingRateUnitType, width: int) -> Value:
    """What the connector may take without any profile: its rating, cable and settings; in DC its power as printed."""
    lowest = charging.standing(s.core, c, now)
    cabinet_w = s.core.model.variants[s.core.model.variant].power_w
    if cabinet_w is not None and lowest.current_a >= c.spec.max_current_a:
        return composite.in_unit(Value(cabinet_w, "W", None, lowest.source), unit, width)
    return composite.in_unit(Value(lowest.current_a, "A", None, lowest.source), unit, width)
