"""A meter that does not answer: an error after so many questions, gone when it answers (quirk meter_polled)."""

import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from tests.rules.rig import Rig

AC, WALLBOX, DC = "evlink-pro-ac", "evlink-smart-wallbox", "evlink-pro-dc"


def idle(model: str) -> Rig:
    rig = Rig(model)
    rig.run(3)
    rig.forget()
    return rig


def meter(rig: Rig, *, answers: bool, name: str = "meter") -> None:
    """By the input of the control API."""
    rig.hardware.set_input(name, answers)
    rig.drain()


def test_r_246_three_polls_without_an_answer_are_7_0_and_an_answer_ends_it() -> None:
    """Pro AC, Vendor Error Codes: 7.0 after 3 consecutive unsuccessful attempts."""
    rig = idle(AC)
    meter(rig, answers=False)
    rig.run(5)
    assert rig.view.vendor_error == "", "two polls"
    rig.run(5)
    assert (rig.view.vendor_error, rig.view.status) == ("7.0", "Faulted")
    told = rig.notification()
    assert (told.error_code, told.vendor_error_code, told.status) == ("InternalError", "7.0", "Faulted")
    rig.run(600)
    meter(rig, answers=True)
    rig.run(5)
    assert (rig.view.vendor_error, rig.notification().status) == ("", "Available")


def test_r_246_an_answer_between_them_begins_the_count_anew() -> None:
    rig = idle(AC)
    for _ in range(5):
        meter(rig, answers=False)
        rig.run(5)
        meter(rig, answers=True)
        rig.run(5)
    assert rig.notes().count("fault") == 0


def test_r_246_nobody_asks_a_meter_that_answers() -> None:
    rig = idle(AC)
    rig.run(3600)
    assert rig.wished(sig.ReadMeter) == []


def test_r_246_it_ends_a_charge_with_the_last_register_known() -> None:
    rig = idle(AC)
    rig.charge(seconds=600)
    meter(rig, answers=False)
    rig.run(60)
    assert (rig.view.status, rig.view.vendor_error) == ("Faulted", "7.0")
    assert rig.last("StopTransaction").reason == "Other"


def test_r_246_a_fault_raised_by_hand_stays_although_the_meter_answers() -> None:
    rig = idle(AC)
    rig.tell(sig.FaultRaised(1, "7.0"))
    meter(rig, answers=True)
    rig.run(60)
    assert rig.view.vendor_error == "7.0"


def test_r_246_a_meter_that_is_silent_at_the_start_is_found_then() -> None:
    rig = idle(AC)
    meter(rig, answers=False)
    rig.power_cycle()
    rig.run(15)
    assert rig.view.vendor_error == "7.0"


def test_r_153_error_12_of_the_evlink_family_warns_and_the_estimate_goes_on() -> None:
    rig = Rig(WALLBOX, settings={"meterValueSampleInterval": "15", "EnergyMetering": "IEM_3x5x"})
    rig.run(3)
    rig.charge(seconds=60)
    meter(rig, answers=False)
    rig.run(30)
    assert (rig.view.vendor_error, rig.view.status) == ("12", "Charging")
    rig.forget()
    rig.run(300)
    registers = [int(each.meter_value[0].sampled_value[0].value) for each in rig.said("MeterValues")]
    assert len(registers) == 20
    assert registers == sorted(set(registers))
    meter(rig, answers=True)
    rig.run(15)
    assert (rig.view.vendor_error, rig.view.status) == ("", "Charging")


def test_r_246_each_connector_has_its_meter() -> None:
    rig = idle("evlink-parking")
    rig.own(EnergyMetering="IEM_3x5x")
    meter(rig, answers=False, name="meter_2")
    rig.run(15)
    assert [each.vendor_error for each in rig.station.view(rig.now).connectors] == ["", "12"]


def test_a_product_without_such_an_error_has_none() -> None:
    assert "meter_polled" not in load(DC).quirks
    rig = idle(DC)
    meter(rig, answers=False)
    rig.run(60)
    assert rig.view.vendor_error == ""


def test_a_meter_that_there_is_not_is_refused() -> None:
    rig = idle(AC)
    with pytest.raises(ValueError, match="no connector 7"):
        rig.hardware.set_input("meter_7", True)
