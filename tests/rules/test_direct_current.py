"""What the Pro DC meters at its outlet belongs together: power is voltage times current (R-154, R-155, R-156)."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepost import signals as sig
from chargepost.drivers.car import CarSpec
from chargepost.ocpp import messages
from chargepost.station import cabinet
from tests.rules.rig import Rig

DC = "evlink-pro-dc"
CAR = CarSpec(name="direct", battery_wh=60_000, soc_percent=20, phases=3, max_current_a=150)


def samples() -> list[dict[str, float]]:
    rig = Rig(DC, settings={"EnableMeterValuesContainVoltage": "true", "MeterValueSampleInterval": "60"})
    rig.run(3)
    rig.plug(CAR)
    rig.badge()
    rig.run(600)
    told = [p.meter_value[0].sampled_value for p in rig.said("MeterValues")]
    assert len(told) >= 9
    return [{value.measurand: float(value.value) for value in values} for values in told]


def test_r_154_power_is_voltage_times_current() -> None:
    for told in samples()[1:]:
        assert told["Power.Active.Import"] > 50_000
        assert isclose(told["Voltage"] * told["Current.Import"], told["Power.Active.Import"], rel_tol=1e-3)
        assert isclose(told["Voltage"] * told["Current.Offered"], told["Power.Offered"], rel_tol=1e-3)
        assert told["Current.Import"] <= told["Current.Offered"]


def test_r_156_the_output_voltage_is_that_of_the_battery_and_rises_with_its_charge() -> None:
    told = samples()
    charges = [each["SoC"] for each in told]
    volts = [each["Voltage"] for each in told]
    assert charges == sorted(charges)
    assert volts == sorted(volts)
    assert 320 <= volts[0] < volts[-1] <= 420


# --- one cabinet for two outlets -------------------------------------------------------------------------------------

MODULE_A = 30_000 / 690
"""Of a power module, told as three phases of 230 V on the grid's side."""
FAST = CarSpec(name="fast", battery_wh=100_000, soc_percent=20, phases=3, max_current_a=400)


def offers(rig: Rig) -> list[tuple[int, str]]:
    """Power modules of each outlet, and who says so."""
    views = rig.station.view(rig.now).connectors
    return [(round(view.offered_a / MODULE_A), view.limit_source) for view in views]


def visit(rig: Rig, connector: int, car: CarSpec = FAST) -> None:
    rig.plug(car, connector)
    rig.tell(sig.ScreenTouched(connector))
    rig.badge(f"BADGE{connector}", connector)
    rig.run(20)
    assert rig.station.view(rig.now).connectors[connector - 1].contactor


@pytest.mark.parametrize(
    ("reference", "alone", "first", "second"),
    [("EVD1S60TBB", 2, 1, 1), ("EVD1S120TBB", 4, 2, 2), ("EVD1S150TBB", 5, 3, 2), ("EVD1S180TBB", 6, 3, 3)],
)
def test_two_outlets_share_the_modules_of_the_cabinet(reference: str, alone: int, first: int, second: int) -> None:
    """Family and references of the guide: 60 to 180 kW for both; an odd module is of who began first."""
    rig = Rig(f"{DC}/{reference}")
    rig.run(3)
    visit(rig, 2)
    assert offers(rig)[1][0] == alone
    visit(rig, 1)
    assert offers(rig) == [
        (second, f"cabinet, {second} of {alone} power modules"),
        (first, f"cabinet, {first} of {alone} power modules"),
    ]
    rig.badge("BADGE2", 2)
    rig.run(10)
    assert offers(rig)[0][0] == alone


def test_what_a_profile_leaves_unused_the_other_outlet_has() -> None:
    rig = Rig(DC)
    rig.run(3)
    visit(rig, 1)
    visit(rig, 2)
    profile = messages.ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose="TxDefaultProfile",
        charging_profile_kind="Relative",
        charging_schedule=messages.ChargingSchedule(
            charging_rate_unit="W",
            charging_schedule_period=(messages.ChargingSchedulePeriod(start_period=0, limit=40_000),),
        ),
    )
    assert rig.ask(messages.SetChargingProfile(connector_id=1, cs_charging_profiles=profile)).status == "Accepted"
    rig.run(5)
    first, second = rig.station.view(rig.now).connectors
    assert first.offered_a * 690 == pytest.approx(40_000, rel=1e-3)
    assert (round(second.offered_a / MODULE_A), second.limit_source) == (4, "cabinet, 4 of 6 power modules")


def test_never_more_is_offered_together_than_the_cabinet_has() -> None:
    """Who gives modules back is told before who gets them."""
    rig = Rig(DC)
    rig.run(3)
    for connector in (2, 1):
        visit(rig, connector)
    rig.badge("BADGE1", 1)
    rig.run(20)
    offered, most = {1: 0.0, 2: 0.0}, 0.0
    for wish in rig.wished(sig.OfferCurrent):
        offered[wish.connector] = wish.current_a
        most = max(most, sum(offered.values()))
    assert 0 < most * 690 <= 180_001


@given(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4))
def test_modules_are_given_out_whole_and_none_is_left_that_somebody_needs(total: int, needs: list[int]) -> None:
    given_out = cabinet.assigned(total, needs)
    assert all(0 <= got <= need for got, need in zip(given_out, needs, strict=True))
    assert sum(given_out) == min(total, sum(needs))
    for one, (got, need) in enumerate(zip(given_out, needs, strict=True)):
        for other in given_out[one + 1 :]:
            assert got >= other - (0 if got < need else other), "who began first has no fewer, unless it needs no more"
