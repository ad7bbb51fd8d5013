"""Faults: every vendor code of both products raised, told, and cleared as its row says (1.6, 4.9 and 7.6)."""

import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.ocpp import messages
from tests.rules.rig import TAG, Rig, two_connectors
from tests.rules.table_4_9 import BESIDE

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
CODES = [(model, code) for model in MODELS for code in load(model).errors]
each = pytest.mark.parametrize(("model", "code"), CODES)


def charging(model: str, code: str) -> Rig:
    """A charge on a variant that has this error."""
    variants = load(model).errors[code].variants
    rig = Rig(f"{model}/{variants[0]}" if variants else model)
    rig.run(2)
    rig.charge()
    rig.forget()
    return rig


@each
def test_every_error_is_told_and_stops_or_warns(model: str, code: str) -> None:
    """R-071 and R-072: the errorCode, the vendor's own code and its name."""
    rig = charging(model, code)
    spec = rig.model.errors[code]
    rig.tell(sig.FaultRaised(1, code))
    rig.run(3)
    told = rig.notification()
    beside = spec.ocpp == "EVCommunicationError"
    assert (told.error_code, told.vendor_error_code, told.info) == (spec.ocpp, code, spec.name[:50])
    assert told.vendor_id == rig.model.identity.vendor
    if not spec.stops:
        assert told.status == "Charging"
        assert rig.power()
        assert not rig.said("StopTransaction")
    else:
        assert told.status == ("Finishing" if beside else "Faulted")
        assert not rig.power()
        assert [p.reason for p in rig.said("StopTransaction")] == ["Other"]
    if not spec.connector_only:
        zero = rig.notification(0)
        assert (zero.status, zero.error_code) == ("Faulted" if spec.stops else "Available", spec.ocpp)
    else:
        assert rig.statuses(0) == []


def test_the_log_names_a_fault_once_and_what_to_do_where_that_is_known() -> None:
    rig = Rig("evlink-pro-ac")
    rig.run(2)
    rig.tell(sig.FaultRaised(1, "OverVoltage"))
    rig.tell(sig.FaultRaised(1, "6.0"))
    told = [note.text for note in rig.wished(sig.Note) if note.event == "fault"]
    assert told[0] == "OverVoltage"
    assert told[1].startswith(f"6.0 {rig.model.errors['6.0'].name}: ")


@each
def test_every_error_goes_as_its_row_says(model: str, code: str) -> None:
    """R-242: error 25 by itself; the others with their cause, some by unplugging."""
    rig = charging(model, code)
    spec = rig.model.errors[code]
    rig.tell(sig.FaultRaised(1, code))
    rig.run(3)
    if spec.clears == "self":
        assert spec.clears_after_s
        rig.run(spec.clears_after_s)
    elif spec.clears == "unplug":
        rig.run(30)
        assert rig.view.vendor_error == code, "it stays until the cable is out"
        rig.unplug()
    else:
        if spec.stops:
            rig.unplug()
        rig.run(30)
        assert rig.view.vendor_error == code, "unplugging does not end it"
        rig.tell(sig.FaultCleared(1, code))
        rig.run(1)
    assert (rig.view.error, rig.view.vendor_error) == ("NoError", "")
    assert rig.notification().error_code == "NoError"
    assert rig.statuses(0)[-1:] in ([], ["Available"])
    after = "Finishing" if spec.clears == "self" else "Available" if spec.stops else "Charging"
    assert rig.view.status == after


@each
def test_no_charge_begins_beside_a_fault_that_stops(model: str, code: str) -> None:
    variants = load(model).errors[code].variants
    rig = Rig(f"{model}/{variants[0]}" if variants else model)
    rig.run(2)
    rig.plug()
    rig.tell(sig.FaultRaised(1, code))
    rig.badge()
    rig.run(15)
    assert rig.power() != rig.model.errors[code].stops


def test_an_error_of_another_variant_is_unknown() -> None:
    rig = Rig("evlink-pro-ac")
    rig.run(2)
    rig.forget()
    rig.tell(sig.FaultRaised(1, "2.4"))
    assert rig.notes() == ["fault unknown"]
    assert rig.view.status == "Available"


def test_a_code_nobody_knows_is_noted_and_no_more() -> None:
    rig = Rig()
    rig.run(2)
    rig.forget()
    for code in ("99.9", "", "NoError"):
        rig.tell(sig.FaultRaised(1, code))
    assert rig.notes() == ["fault unknown"] * 3
    assert not rig.said("StatusNotification")


@pytest.mark.parametrize("code", ["GroundFailure", "HighTemperature", "OverVoltage", "UnderVoltage", "WeakSignal"])
def test_an_ocpp_error_code_may_be_raised_where_the_product_has_none(code: str) -> None:
    rig = Rig()
    rig.run(2)
    rig.tell(sig.FaultRaised(1, code))
    assert rig.notification().error_code == code
    rig.tell(sig.FaultCleared(1))
    assert rig.notification().error_code == "NoError"


def test_the_worst_fault_is_told_and_the_other_when_it_is_over() -> None:
    rig = Rig()
    rig.run(2)
    rig.tell(sig.FaultRaised(1, "9.0"))
    rig.tell(sig.FaultRaised(1, "3.0"))
    assert rig.notification().vendor_error_code == "3.0"
    rig.tell(sig.FaultCleared(1, "3.0"))
    assert (rig.notification().vendor_error_code, rig.notification().status) == ("9.0", "Available")


def test_a_fault_of_one_connector_leaves_the_other_alone() -> None:
    rig = two_connectors()
    rig.tell(sig.FaultRaised(2, "3.0"))
    assert (rig.statuses(1), rig.statuses(2)) == ([], ["Faulted"])
    rig.tell(sig.FaultCleared(2))
    rig.tell(sig.FaultRaised(2, "6.0"))
    assert (rig.statuses(0)[-1], rig.statuses(1)[-1], rig.statuses(2)[-1]) == ("Faulted", "Faulted", "Faulted")
    rig.tell(sig.FaultCleared(2, "6.0"))
    assert (rig.statuses(0)[-1], rig.statuses(1)[-1], rig.statuses(2)[-1]) == ("Available", "Available", "Available")


def test_a_welded_contactor_does_not_hold_up_the_stop() -> None:
    """It is read after 2 s all the same."""
    rig = charging("evlink-pro-ac", "3.0")
    rig.hardware.weld(1, True)
    rig.badge()
    rig.run(4)
    assert rig.last("StopTransaction").reason == "Local"


def test_a_residual_current_stops_and_the_connector_comes_back() -> None:
    rig = charging("evlink-smart-wallbox", "4")
    rig.hardware.leak(1, 35, rig.now)
    rig.run(2)
    assert (rig.last("StopTransaction").reason, rig.notification().error_code) == ("Other", "GroundFailure")
    rig.hardware.leak(1, 0, rig.now)
    rig.run(2)
    assert (rig.notification().status, rig.notification().error_code) == ("Finishing", "NoError")


def test_beside_is_what_the_specification_says() -> None:
    assert {"Available", "Charging", "Faulted"}.isdisjoint(BESIDE)


def test_a_fault_of_the_station_that_clears_by_unplugging_ends_with_the_last_connector_that_has_it() -> None:
    rig = two_connectors()
    rig.plug(None, connector=1)
    rig.hardware.plug_in(2, None, rig.now)
    rig.run(1)
    rig.tell(sig.FaultRaised(0, "5.0"))
    rig.unplug(connector=1)
    assert (rig.statuses(0)[-1], rig.statuses(1)[-1], rig.statuses(2)[-1]) == ("Faulted", "Available", "Faulted")
    rig.unplug(connector=2)
    assert (rig.statuses(0)[-1], rig.statuses(2)[-1]) == ("Available", "Available")


@pytest.mark.parametrize(
    "variant", ["evlink-pro-ac", "evlink-pro-ac/cable", "evlink-smart-wallbox", "schneider-charge"]
)
def test_61851_a_shorted_pilot_is_its_fault_and_not_a_car_that_left(variant: str) -> None:
    """State E: the charge ends, the car is still there, and what is told is the error of the product."""
    rig = Rig(variant)
    rig.run(2)
    if rig.model.authentication.reader:
        rig.charge()
    else:
        rig.plug()
        rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
        rig.run(10)
    assert rig.power()
    rig.forget()
    rig.hardware.short_pilot(1, True, rig.now)
    rig.run(3)
    (stop,) = rig.said("StopTransaction")
    assert stop.reason == "Other"
    assert not rig.power()
    told = rig.notification()
    assert (told.status, told.error_code) == ("Finishing", "EVCommunicationError")
    quirk = rig.model.quirks.get("pilot_short", {"error": told.vendor_error_code})
    assert told.vendor_error_code == quirk["error"] != ""
    rig.hardware.short_pilot(1, False, rig.now)
    rig.run(2)
    assert rig.view.error == "EVCommunicationError", "its row says that unplugging ends it"
    assert rig.view.status == "Finishing"
    rig.unplug()
    rig.run(2)
    assert (rig.view.status, rig.view.error) == ("Available", "NoError")


def test_61851_a_short_that_nobody_is_plugged_into_goes_with_its_cause() -> None:
    rig = Rig("evlink-pro-ac/cable")
    rig.run(2)
    rig.hardware.short_pilot(1, True, rig.now)
    rig.run(2)
    assert rig.view.pilot == "E"
    rig.hardware.short_pilot(1, False, rig.now)
    rig.run(2)
    assert (rig.view.status, rig.view.error) == ("Available", "NoError")
    rig.charge()
