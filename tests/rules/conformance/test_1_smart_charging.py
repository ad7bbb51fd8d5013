"""Conformance 1.21: smart charging; and what other suites add to it (4 and 5).

Limits are written as the tool's tables print them, in A; a product that takes W only gets a thousand W for each.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from chargepost.ocpp import frames, messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import TAG

Periods = Sequence[tuple[int, float]]
"""Start in seconds, limit."""

W_FOR_A = 1000
DAY_S = 86_400

OF_056: Periods = ((0, 6), (60, 10), (120, 8))
OF_MAX: Periods = ((0, 10),)


def smart(case: Case) -> None:
    """Booted, and profiles are taken."""
    case.booted()
    case.needs("SetChargingProfile" in case.model.messages.answers, "SetChargingProfile is none of its messages")
    kinds = case.model.smart_charging.connector_kinds
    case.needs(not kinds or case.outlet.kind in kinds, "its outlet takes no profiles")
    for key, values in case.model.smart_charging.while_setting.items():
        if case.setting(key) not in values:
            case.configure(**{key: values[0]})


def unit(case: Case) -> Any:
    return case.model.smart_charging.units[0]


def times(case: Case) -> int:
    return 1 if unit(case) == "A" else W_FOR_A


def profile(
    case: Case, number: int, purpose: str, periods: Periods, *, level: int = 0, kind: str = "Absolute", **more: Any
) -> messages.ChargingProfile:
    """`more`: duration, start (seconds from now, None for none), phases, and fields of the profile."""
    spec = case.model.smart_charging
    case.needs(purpose in spec.purposes, f"{purpose} is none of its purposes")
    case.needs(kind in spec.kinds, f"{kind} is none of its kinds of profiles")
    start, duration, phases = more.pop("start", 0), more.pop("duration", UNSET), more.pop("phases", UNSET)
    schedule = messages.ChargingSchedule(
        duration=duration,
        start_schedule=UNSET if start is None or kind == "Relative" else case.date(start),
        charging_rate_unit=more.pop("unit", None) or unit(case),
        charging_schedule_period=tuple(
            messages.ChargingSchedulePeriod(start_period=at, limit=limit * times(case), number_phases=phases)
            for at, limit in periods
        ),
    )
    return messages.ChargingProfile(
        charging_profile_id=number, stack_level=level, charging_profile_purpose=purpose,  # type: ignore[arg-type]
        charging_profile_kind=kind, charging_schedule=schedule, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def install(case: Case, what: messages.ChargingProfile, connector: int = 1, status: str = "Accepted") -> None:
    case.asked(messages.SetChargingProfile(connector_id=connector, cs_charging_profiles=what), status)


def composite(case: Case, duration: int, connector: int = 1) -> list[tuple[int, float]]:
    """(seconds from now, limit), as the tables print it."""
    asked = messages.GetCompositeSchedule(connector_id=connector, duration=duration, charging_rate_unit=unit(case))
    answer = case.asked(asked)
    schedule = answer.charging_schedule
    assert schedule.charging_rate_unit == unit(case)
    assert schedule.duration == duration
    assert schedule.charging_schedule_period[0].start_period == 0
    return [(each.start_period, each.limit / times(case)) for each in schedule.charging_schedule_period]


def since(case: Case, began: float, told: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """The same by the seconds since then; what lies before now begins there."""
    passed = case.now - began
    return [(round(at + passed) if at else 0, limit) for at, limit in told]


def hardware(case: Case) -> float:
    """What it may offer without any profile."""
    return composite(case, 300)[0][1]


def within(most: float, periods: Periods) -> list[tuple[int, float]]:
    """Under the hardware's limit, without what then changes nothing."""
    told: list[tuple[int, float]] = []
    for at, limit in periods:
        if not told or told[-1][1] != min(limit, most):
            told.append((at, min(limit, most)))
    return told


@covers("TC_056_CS")
def test_tc_056_tx_default_profile(case: Case) -> None:
    """3.13.2, 5.7: and the hardware's limit after its end."""
    smart(case)
    most = hardware(case)
    began = case.now
    install(case, profile(case, 1, "TxDefaultProfile", OF_056, duration=300))
    case.charging()
    assert since(case, began, composite(case, 400)) == [*OF_056, (300, most)]


@covers("TC_057_CS")
def test_tc_057_tx_profile(case: Case) -> None:
    """3.13.2"""
    smart(case)
    number = case.charging()
    began = case.now
    install(case, profile(case, 1, "TxProfile", OF_056, duration=300, transaction_id=number))
    assert since(case, began, composite(case, 200)) == [*OF_056]
    case.wait(30)
    assert case.view().offered_a > 0


@covers("TC_058_1_CS")
def test_tc_058_1_a_tx_profile_without_a_transaction(case: Case) -> None:
    """5.16.2"""
    smart(case)
    before = composite(case, 300)
    install(case, profile(case, 1, "TxProfile", OF_056, transaction_id=501), status="Rejected")
    assert composite(case, 300) == before


@covers("TC_058_2_CS")
def test_tc_058_2_a_tx_profile_for_another_transaction(case: Case) -> None:
    """5.16.2"""
    smart(case)
    number = case.charging()
    before = composite(case, 300)
    install(case, profile(case, 1, "TxProfile", OF_056, transaction_id=number + 1), status="Rejected")
    assert composite(case, 300) == before


@covers("TC_059_CS")
def test_tc_059_remote_start_with_a_profile(case: Case) -> None:
    """5.11, 3.13.4: it governs that transaction, and goes with it."""
    smart(case)
    most = hardware(case)
    case.hands.plug()
    case.expect("Preparing 1")
    with_it = profile(case, 1, "TxProfile", ((0, 6),), kind="Relative")
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1, charging_profile=with_it))
    case.expect("StartTransaction", perhaps=("Authorize",), id_tag=TAG)
    case.expect("Charging 1")
    assert composite(case, 300) == [(0, 6)]
    case.stop()
    assert hardware(case) == most


@covers("TC_060_CS")
def test_tc_060_remote_start_with_a_profile_of_another_purpose(case: Case) -> None:
    """5.11"""
    smart(case)
    case.hands.plug()
    case.expect("Preparing 1")
    with_it = profile(case, 1, "TxDefaultProfile", ((0, 6),), kind="Relative")
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1, charging_profile=with_it), "Rejected")
    case.nothing(10)


@covers("TC_066_CS")
def test_tc_066_get_composite_schedule(case: Case) -> None:
    """5.7: the lowest of the station's limit and the transaction's, at each instant."""
    smart(case)
    number = case.charging()
    began = case.now
    default = ((0, 6), (60, 10), (120, 8), (180, 25), (260, 8))
    own = ((0, 8), (50, 11), (140, 16), (200, 6), (240, 12))
    install(case, profile(case, 1, "ChargePointMaxProfile", OF_MAX, duration=DAY_S), 0)
    install(case, profile(case, 2, "TxDefaultProfile", default, duration=300))
    install(case, profile(case, 3, "TxProfile", own, duration=260, transaction_id=number))
    expected = [(0, 8), (50, 10), (200, 6), (240, 10), (260, 8), (300, 10)]
    assert since(case, began, composite(case, 400)) == expected


@covers("TC_067_CS")
def test_tc_067_clear_charging_profile(case: Case) -> None:
    """5.5: by id, by criteria, all; Unknown when nothing matches."""
    smart(case)
    most = hardware(case)
    number = case.charging()
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 10),), level=1))
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 8),), level=2))
    install(case, profile(case, 3, "TxProfile", ((0, 6),), level=1, transaction_id=number))
    clear = messages.ClearChargingProfile
    rounds = [
        (clear(id=3), 8),
        (clear(connector_id=1, charging_profile_purpose="TxDefaultProfile", stack_level=2), 10),
        (clear(), most),
    ]
    assert composite(case, 300) == [(0, 6)]
    for ask, limit in rounds:
        case.asked(ask)
        assert composite(case, 300) == [(0, limit)]
        case.asked(ask, "Unknown")


@covers("TC_072_CS")
def test_tc_072_stacking_charging_profiles(case: Case) -> None:
    """3.13.3: the higher level while it lasts."""
    smart(case)
    began = case.now
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 6), (50, 5), (100, 8), (200, 10)), duration=400))
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 7), (100, 9)), level=1, duration=150))
    case.charging()
    assert since(case, began, composite(case, 350)) == [(0, 7), (100, 9), (150, 8), (200, 10)]


@covers("TC_082_CS")
def test_tc_082_a_tx_default_profile_with_an_ongoing_transaction(case: Case) -> None:
    """3.13.2: it follows at once."""
    smart(case)
    case.charging()
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 7),)))
    assert composite(case, 300) == [(0, 7)]


# --- 4 ---------------------------------------------------------------------------------------------------------------

DAILY: Periods = ((0, 10), (10_000, 22), (20_000, 6))


@covers("profile.recurring_without_start")
def test_a_recurring_profile_wants_a_start_and_its_kind(case: Case) -> None:
    """5.16, 7.9"""
    smart(case)
    for lacking in ({"start": None, "recurrency_kind": "Daily"}, {"start": 0}):
        what = profile(case, 1, "TxDefaultProfile", OF_MAX, kind="Recurring", duration=DAY_S, **lacking)
        install(case, what, status="Rejected")


def recurring(case: Case, number: int, level: int, kind: str, periods: Periods, **more: Any) -> None:
    case.needs(kind in case.model.smart_charging.recurrencies, f"{kind} is none of its recurrencies")
    what = profile(
        case, number, "TxDefaultProfile", periods, level=level, kind="Recurring", recurrency_kind=kind, **more
    )
    install(case, what)


@covers("profile.recurring_daily")
def test_a_daily_profile_comes_again_after_a_day(case: Case) -> None:
    """3.13.1, 7.31"""
    smart(case)
    most, began = hardware(case), case.now
    recurring(case, 1, 1, "Daily", DAILY, duration=DAY_S)
    expected = [*DAILY, *((DAY_S + at, limit) for at, limit in DAILY)]
    assert since(case, began, composite(case, 2 * DAY_S)) == within(most, expected)


@covers("profile.recurring_weekly")
def test_a_weekly_profile_of_a_day_falls_back_to_the_level_below(case: Case) -> None:
    """3.13.1, 3.13.3"""
    smart(case)
    most, began = hardware(case), case.now
    recurring(case, 1, 0, "Weekly", ((0, 14), (5_000, 16), (15_000, 20)))
    recurring(case, 2, 1, "Weekly", DAILY, duration=DAY_S)
    assert since(case, began, composite(case, 2 * DAY_S)) == within(most, [*DAILY, (DAY_S, 20)])


@covers("profile.zero_over_one")
def test_a_higher_level_of_connector_0_goes_before_a_lower_one_of_connector_1(case: Case) -> None:
    """3.13.2, 3.13.3"""
    smart(case)
    most = hardware(case)
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 16), (100, 20)), kind="Relative"), 1)
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 10), (50, 6)), level=1, kind="Relative", duration=200), 0)
    assert composite(case, 300) == within(most, [(0, 10), (50, 6), (200, 20)])


@covers("profile.number_phases")
def test_the_number_of_phases_of_the_winning_period_is_in_the_schedule(case: Case) -> None:
    """7.10"""
    smart(case)
    spec = case.model.smart_charging
    case.needs("numberPhases" not in (*spec.refused_attributes, *spec.ignored_attributes), "it takes no numberPhases")
    install(case, profile(case, 1, "TxDefaultProfile", OF_MAX, phases=1))
    answer = case.ask(messages.GetCompositeSchedule(connector_id=1, duration=300))
    assert answer.charging_schedule.charging_schedule_period[0].number_phases == 1


@covers("profile.composite_zero")
def test_the_composite_schedule_of_connector_0_is_the_stations_limit(case: Case) -> None:
    """5.7"""
    smart(case)
    case.needs(case.model.smart_charging.composite_connector_zero, "it gives no composite schedule of connector 0")
    began = case.now
    install(case, profile(case, 1, "ChargePointMaxProfile", OF_056, duration=DAY_S), 0)
    assert since(case, began, composite(case, 300, 0)) == [*OF_056]


@covers("profile.clear_zero_restart")
def test_what_was_cleared_for_connector_0_stays_away(case: Case) -> None:
    """5.5: over a restart too; what is not of connector 0 stays."""
    smart(case)
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 10),)), 1)
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 8),), level=1), 0)
    assert composite(case, 300) == [(0, 8)]
    case.asked(messages.ClearChargingProfile(connector_id=0))
    assert composite(case, 300) == [(0, 10)]
    reboot(case)
    assert composite(case, 300) == [(0, 10)]


def reboot(case: Case) -> None:
    case.hands.power_cycle()
    case.expect("BootNotification", within_s=RESTART_S)
    case.expect_statuses("Available")


# --- 5 ---------------------------------------------------------------------------------------------------------------


@covers("profile.reboot")
def test_profiles_survive_a_reboot(case: Case) -> None:
    """5.16: of the station and of every transaction."""
    smart(case)
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 9),)))
    reboot(case)
    assert composite(case, 300) == [(0, 9)]


@covers("profile.mixed_units")
def test_profiles_in_a_and_in_w_together(case: Case) -> None:
    """5.7: the lower of both, at 230 V and three phases."""
    smart(case)
    case.needs(len(case.model.smart_charging.units) > 1, "it takes one unit")
    install(case, profile(case, 1, "ChargePointMaxProfile", ((0, 6_900),), unit="W"), 0)
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 16), (100, 8)), unit="A", duration=200))
    expected = 6_900 / 230 / case.outlet.phases
    assert composite(case, 150) == [(0, min(16, expected)), (100, min(8, expected))]


@covers("profile.gap")
def test_a_composite_schedule_with_a_gap(case: Case) -> None:
    """5.7: between the two, no limit but the hardware's."""
    smart(case)
    most = hardware(case)
    began = case.now
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 7),), duration=100))
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 9),), level=1, start=200, duration=100))
    assert since(case, began, composite(case, 400)) == [(0, 7), (100, most), (200, 9), (300, most)]


@covers("profile.contiguous")
def test_profiles_one_after_the_other(case: Case) -> None:
    """5.7: contiguous, whichever was installed first."""
    smart(case)
    most = hardware(case)
    began = case.now
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 9),), level=1, start=100, duration=100))
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 7),), duration=100))
    assert since(case, began, composite(case, 400)) == [(0, 7), (100, 9), (200, most)]


@covers("profile.installed_max")
def test_no_more_profiles_than_the_key_says(case: Case) -> None:
    """9.4.4; what replaces one needs no room."""
    smart(case)
    most = int(case.setting("MaxChargingProfilesInstalled"))
    levels = int(case.setting("ChargeProfileMaxStackLevel")) + 1
    slots = [(level, connector) for connector in (0, *case.connectors) for level in range(levels)]
    case.needs(len(slots) > most, "its stack levels are not as many")
    for number, (level, connector) in enumerate(slots[:most]):
        install(case, profile(case, number, "TxDefaultProfile", OF_MAX, level=level, kind="Relative"), connector)
    level, connector = slots[most]
    install(case, profile(case, most, "TxDefaultProfile", OF_MAX, level=level, kind="Relative"), connector, "Rejected")
    install(case, profile(case, 0, "TxDefaultProfile", OF_056, level=0, kind="Relative"), 0)


@covers("profile.stack_max")
def test_no_higher_level_than_the_key_says(case: Case) -> None:
    """9.4.1"""
    smart(case)
    most = int(case.setting("ChargeProfileMaxStackLevel"))
    install(case, profile(case, 1, "TxDefaultProfile", OF_MAX, level=most))
    for level in (most + 1, -1):
        install(case, profile(case, 2, "TxDefaultProfile", OF_MAX, level=level), status="Rejected")


@covers("profile.periods_max")
def test_no_more_periods_than_the_key_says(case: Case) -> None:
    """9.4.3"""
    smart(case)
    most = int(case.setting("ChargingScheduleMaxPeriods"))
    periods = [(60 * number, 6.0 + number % 2) for number in range(most + 1)]
    install(case, profile(case, 1, "TxDefaultProfile", periods[:-1]))
    install(case, profile(case, 2, "TxDefaultProfile", periods, level=1), status="Rejected")


@covers("profile.unit_allowed")
def test_no_unit_but_what_the_key_says(case: Case) -> None:
    """9.4.2"""
    smart(case)
    other = {"A", "W"} - set(case.model.smart_charging.units)
    case.needs(other, "it takes both units")
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 9_000),), unit=other.pop()), status="Rejected")


@covers("profile.replaces")
def test_the_same_id_or_the_same_place_replaces(case: Case) -> None:
    """5.16, 3.13.3"""
    smart(case)
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 10),), level=1))
    install(case, profile(case, 1, "TxDefaultProfile", ((0, 9),), level=0))
    assert composite(case, 300) == [(0, 9)], "the same id, another level"
    install(case, profile(case, 2, "TxDefaultProfile", ((0, 8),), level=0))
    assert composite(case, 300) == [(0, 8)], "another id, the same level"
    answer = case.ask(messages.ClearChargingProfile(id=1))
    assert not isinstance(answer, frames.Error)
    assert answer.status == "Unknown"
