"""What the Pro DC meters at its outlet belongs together: power is voltage times current (R-154, R-155, R-156)."""

from math import isclose

from chargepost.drivers.car import CarSpec
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
