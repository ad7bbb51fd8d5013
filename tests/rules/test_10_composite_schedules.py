"""The merge of charging profiles against a slow one that asks each second what 10.3 and 10.4 of the reference say.

The slow one shares no function with the merge: it works on plain rows, in whole numbers only.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from chargepost.ocpp import messages
from chargepost.station import composite
from chargepost.station.composite import Installed, Line, Value
from tests.rules.test_10_smart_charging import idle

NOW = 1_700_000_000
HORIZON_S = 30
LEVELS = 4
LENGTHS = {"Daily": 86_400, "Weekly": 604_800}


class Row(NamedTuple):
    """A profile in plain numbers; instants are seconds from NOW, limits tenths."""

    number: int
    connector: int
    purpose: str
    level: int
    kind: str
    recurs: str | None
    start: int
    duration: int | None
    since: int | None
    until: int | None
    unit: str
    periods: tuple[tuple[int, int, int | None], ...]


class Case(NamedTuple):
    rows: dict[tuple[str, int, int], Row]
    """By purpose, connector and level."""
    began: dict[int, int]
    """Connector -> when its transaction began, in seconds from NOW."""
    asked: Any
    width: int
    hardware: int
    """Tenths of A."""


# --- the slow one ----------------------------------------------------------------------------------------------------


def value(row: Row, at: int, began: int) -> tuple[int, str, int | None] | None:
    if row.since is not None and at < row.since:
        return None
    if row.until is not None and at >= row.until:
        return None
    start, end = row.start, row.duration
    if row.kind == "Relative":
        start = began
    if row.recurs:
        length = LENGTHS[row.recurs]
        if at < start:
            return None
        while at - start >= length:
            start += length
        end = length if end is None else min(end, length)
    offset = at - start
    if offset < 0 or (end is not None and offset >= end):
        return None
    found = None
    for begins, limit, phases in row.periods:
        if begins <= offset:
            found = limit, row.unit, phases
    return found


PARTS = 690
"""A tenth of A or W in whole parts that 230 V times 1, 2 or 3 phases divides."""


def exact(limit: int, unit: str, phases: int | None, asked: str, width: int) -> int:
    """In parts of the unit asked for; the sum stays exact."""
    volt = 230 * min(3 if phases is None else phases, width)
    if unit == asked:
        return limit * PARTS
    return limit * PARTS * volt if asked == "W" else limit * PARTS // volt


Limit = tuple[int, int | None]


def of_purpose(case: Case, purpose: str, connector: int, at: int) -> Limit | None:
    """The first value by descending level; a default of the connector hides that of connector 0 of its level."""
    began = case.began.get(connector, 0)
    for level in range(LEVELS - 1, -1, -1):
        row = case.rows.get((purpose, connector, level))
        if row is None and purpose == "TxDefaultProfile":
            row = case.rows.get((purpose, 0, level))
        found = value(row, at, began) if row else None
        if found:
            limit, unit, phases = found
            return exact(limit, unit, phases, case.asked, case.width), phases
    return None


def of_connector(case: Case, connector: int, at: int) -> Limit:
    """What its own profiles and the hardware allow."""
    own = of_purpose(case, "TxProfile", connector, at) if connector in case.began else None
    own = own or of_purpose(case, "TxDefaultProfile", connector, at)
    hardware = exact(case.hardware, "A", None, case.asked, case.width), None
    return own if own and own[0] <= hardware[0] else hardware


def below_maximum(case: Case, limit: Limit, at: int) -> Limit:
    most = of_purpose(case, "ChargePointMaxProfile", 0, at)
    return most if most and most[0] < limit[0] else limit


def rounded(limit: Limit) -> tuple[float, int | None]:
    return limit[0] // PARTS / 10, limit[1]


# --- random sets -----------------------------------------------------------------------------------------------------


def random_row(dice: random.Random, number: int) -> Row:
    purpose = dice.choice(["ChargePointMaxProfile", "TxDefaultProfile", "TxDefaultProfile", "TxProfile"])
    kinds = ["Absolute", "Recurring"] if purpose == "ChargePointMaxProfile" else ["Absolute", "Recurring", "Relative"]
    kind = dice.choice(kinds)
    recurs = dice.choice(["Daily", "Weekly"]) if kind == "Recurring" else None
    start = dice.randint(-25, 25)
    starts = {0, *(dice.randint(1, 45) for _ in range(dice.randint(0, 4)))}
    duration = dice.choice([None, dice.randint(1, 60)])
    if recurs:
        length = LENGTHS[recurs]
        start -= length * dice.randint(0, 3)
        starts |= {dice.randint(length - 30, length + 20) for _ in range(dice.randint(0, 2))}
        duration = dice.choice([None, duration, length, dice.randint(length - 30, length + 30)])
    unit = dice.choice("AAW")
    limits = {"A": lambda: dice.randint(0, 400), "W": lambda: 10 * dice.randint(0, 25_000) + 3}  # no limit twice
    return Row(
        number=number,
        connector={"ChargePointMaxProfile": 0, "TxProfile": 1}.get(purpose, dice.choice([0, 1, 1, 2])),
        purpose=purpose,
        level=dice.randrange(LEVELS),
        kind=kind,
        recurs=recurs,
        start=start,
        duration=duration,
        since=dice.choice([None, None, dice.randint(-10, 40)]),
        until=dice.choice([None, None, dice.randint(-10, 60)]),
        unit=unit,
        periods=tuple((at, limits[unit](), dice.choice([None, None, 1, 2, 3])) for at in sorted(starts)),
    )


def random_case(dice: random.Random) -> Case:
    rows: dict[tuple[str, int, int], Row] = {}
    for number in range(dice.randint(0, 7)):
        row = random_row(dice, number)
        rows[row.purpose, row.connector, row.level] = row
    began = {connector: -dice.randint(0, 30) for connector in (1, 2) if dice.random() < 0.7}
    return Case(rows, began, dice.choice("AW"), dice.choice([1, 3]), dice.choice([160, 320, 1000]))


def installed(row: Row) -> Installed:
    def given(**fields: Any) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if value is not None}

    def date(at: int | None) -> datetime | None:
        return None if at is None else datetime.fromtimestamp(NOW + at, UTC)

    periods = tuple(
        messages.ChargingSchedulePeriod(start_period=at, limit=limit / 10, **given(number_phases=phases))
        for at, limit, phases in row.periods
    )
    start = None if row.kind == "Relative" else row.start
    schedule = messages.ChargingSchedule(
        charging_rate_unit=row.unit,  # type: ignore[arg-type]
        charging_schedule_period=periods,
        **given(duration=row.duration, start_schedule=date(start)),
    )
    profile = messages.ChargingProfile(
        charging_profile_id=row.number,
        stack_level=row.level,
        charging_profile_purpose=row.purpose,  # type: ignore[arg-type]
        charging_profile_kind=row.kind,  # type: ignore[arg-type]
        charging_schedule=schedule,
        **given(recurrency_kind=row.recurs, valid_from=date(row.since), valid_to=date(row.until)),
    )
    name = f"tx-{row.connector}" if row.purpose == "TxProfile" else ""
    return Installed(row.connector, name, profile, composite.plan(profile))


# --- both against each other -----------------------------------------------------------------------------------------


def merged(case: Case, everything: list[Installed], connectors: Sequence[int]) -> list[tuple[int, float, int | None]]:
    """The merge, put together as a station does."""
    since, until = float(NOW), float(NOW + HORIZON_S)
    lines: list[Line] = []
    for connector in connectors:
        name = f"tx-{connector}" if connector in case.began else ""
        start = since + case.began.get(connector, 0)
        plans = [composite.begun(plan, start) for plan in composite.ranked(everything, connector, name)]
        own = composite.converted(composite.stacked(plans, since, until), case.asked, case.width)
        hardware = composite.in_unit(Value(case.hardware / 10, "A", None, "rating"), case.asked, case.width)
        lines.append(composite.combined([own, [(since, hardware)]], composite.least))
    most = composite.converted(
        composite.stacked(composite.maxima(everything), since, until), case.asked, case.width
    )  # fmt: skip
    whole = lines[0] if len(lines) == 1 else composite.combined(lines, composite.total)
    return composite.periods(composite.combined([whole, most], composite.least), since)


def seconds(periods: list[tuple[int, float, int | None]]) -> list[tuple[float, int | None]]:
    """What holds in each second; the periods are as a station may say them."""
    assert periods[0][0] == 0
    told: list[tuple[float, int | None]] = []
    for (at, limit, phases), (later, *other) in zip(periods, [*periods[1:], (HORIZON_S, None, None)], strict=True):
        assert at < later
        assert [limit, phases] != other
        told += [(limit, phases)] * (later - at)
    return told


def check(case: Case) -> None:
    everything = [installed(row) for row in case.rows.values()]
    ones = [of_connector(case, 1, at) for at in range(HORIZON_S)]
    expected = [rounded(below_maximum(case, one, at)) for at, one in enumerate(ones)]
    assert seconds(merged(case, everything, [1])) == expected, case
    both = []
    for at, one in enumerate(ones):
        two = of_connector(case, 2, at)
        together = one[0] + two[0], one[1] if one[1] == two[1] else None
        both.append(rounded(below_maximum(case, together, at)))
    assert seconds(merged(case, everything, [1, 2])) == both, case


def check_many(seed: int, sets: int) -> None:
    dice = random.Random(seed)
    for _ in range(sets):
        check(random_case(dice))


def test_10_4_two_thousand_random_sets_are_merged_as_each_second_says() -> None:
    check_many(1, 2_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_10_4_ten_thousand_random_sets_of_each_seed(seed: int) -> None:
    check_many(seed, 10_000)


def test_10_3_the_value_now_and_the_next_change_agree_with_the_merge() -> None:
    """What the limit is reckoned from: a plan says the same at each second, and changes only where it said so."""
    dice = random.Random(7)
    for _ in range(1_000):
        row = random_row(dice, 1)
        began = -dice.randint(0, 30)
        plan = composite.begun(installed(row).plan, float(NOW + began))
        change = float(NOW - 1)
        last = None
        for at in range(HORIZON_S):
            found = composite.value_at(plan, float(NOW + at))
            expected = value(row, at, began)
            assert (found and (round(found.limit * 10), found.unit, found.phases)) == expected, row
            if at and found != last:
                assert change == NOW + at, row
            last = found
            if change <= NOW + at:
                change = composite.next_change(plan, float(NOW + at))
                assert change > NOW + at


def test_10_5_a_station_says_what_the_merge_says() -> None:
    """The same sets, installed in a real station and asked a while later: it looks at A, and not at phases."""
    dice = random.Random(3)
    for _ in range(60):
        rig = idle("schneider-charge")
        shift = int(rig.station.core.utc(rig.now)) - NOW
        later = dice.randrange(HORIZON_S - 1)
        kept = {}
        for place, row in random_case(dice).rows.items():
            over = row.until is not None and row.until <= max(row.since or 0, 0)
            if row.purpose == "TxProfile" or row.connector == 2 or over:
                continue
            profile = messages.ChargingProfile(**_moved(installed(row).profile, shift))
            ask = messages.SetChargingProfile(connector_id=row.connector, cs_charging_profiles=profile)
            assert rig.ask(ask).status == "Accepted", row
            kept[place] = row._replace(periods=tuple((at, limit, None) for at, limit, _ in row.periods))
        rig.run(later)
        case = Case(kept, {1: later}, "A", 3, 320)  # what is relative counts from the question
        answer = rig.ask(messages.GetCompositeSchedule(connector_id=1, duration=HORIZON_S - later))
        told = [(p.start_period, p.limit) for p in answer.charging_schedule.charging_schedule_period]
        for at in range(later, HORIZON_S):
            expected = rounded(below_maximum(case, of_connector(case, 1, at), at))[0]
            assert [limit for start, limit in told if start <= at - later][-1] == expected, case


def _moved(profile: messages.ChargingProfile, seconds: int) -> dict[str, Any]:
    """The fields of a profile whose dates lie so much later."""

    def later(date: Any) -> Any:
        return datetime.fromtimestamp(date.timestamp() + seconds, UTC) if isinstance(date, datetime) else date

    schedule = profile.charging_schedule
    fields = {name: getattr(profile, name) for name in profile.__struct_fields__}
    fields |= {"valid_from": later(profile.valid_from), "valid_to": later(profile.valid_to)}
    parts = {name: getattr(schedule, name) for name in schedule.__struct_fields__}
    parts["start_schedule"] = later(schedule.start_schedule)
    return fields | {"charging_schedule": messages.ChargingSchedule(**parts)}
