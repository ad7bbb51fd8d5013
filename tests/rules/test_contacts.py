"""Wired contacts and sensors of each product: what they do, when they are active, and where each has one of its own.

Commissioning guide of the EVlink family, Socket-outlets (R-304 to R-309, R-229, R-300, R-301); tables of errors.
"""

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.ocpp import messages
from chargepost.station import contacts
from tests.rules.rig import CAR, TAG, Rig

PARKING, CITY, WALLBOX, PRO_AC, DC = (
    "evlink-parking/rfid",
    "evlink-city/rfid",
    "evlink-smart-wallbox",
    "evlink-pro-ac",
    "evlink-pro-dc",
)
ONE_PHASE = msgspec.structs.replace(CAR, phases=1, max_current_a=32)
THREE = msgspec.structs.replace(CAR, max_current_a=32)


def idle(model: str = PARKING, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    return rig


def charging(model: str = PARKING, car: object = THREE, **settings: str) -> Rig:
    rig = idle(model, MeterValueSampleInterval="15", **settings)
    rig.plug(car)  # type: ignore[arg-type]  # a CarSpec
    rig.badge()
    rig.run(30)
    return rig


def set_to(rig: Rig, name: str, active: bool = True, seconds: float = 8) -> None:
    rig.tell(sig.InputChanged(name, active))
    rig.run(seconds)


def told(rig: Rig, connector: int = 1) -> tuple[str, str]:
    view = rig.station.view(rig.now).connectors[connector - 1]
    return view.status, view.vendor_error


# --- which there are -------------------------------------------------------------------------------------------------


def test_an_input_that_is_not_there_is_noted_with_those_that_are() -> None:
    rig = idle()
    set_to(rig, "window")
    (note,) = [note for note in rig.wished(sig.Note) if note.event == "input unknown"]
    assert note.text == "window: there are load_shedding, conditional_line, door, surge_arrestor, protection"
    assert rig.station.core.inputs == frozenset()


@pytest.mark.parametrize("name", ["load_shedding_1", "load_shedding_3", "load_shedding_", "door_2", "_2", ""])
def test_a_number_is_that_of_a_connector_which_has_the_input(name: str) -> None:
    rig = Rig("evlink-parking")
    assert contacts.find(rig.station.core, "load_shedding_2") is not None
    assert contacts.find(rig.station.core, name) is None or name == "load_shedding_1"


def test_each_connector_of_two_has_its_own() -> None:
    rig = Rig("evlink-city")
    assert set(contacts.names(rig.station.core)) >= {"protection", "protection_2", "door", "detection_loop_2"}
    assert "door_2" not in contacts.names(rig.station.core)


# --- input 1 (R-304, R-306) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "there"), [("evlink-parking", True), ("evlink-city", False)])
def test_r_304_what_input_1_may_be(line: str, there: bool) -> None:
    """R-304: not used by factory; watching protection devices is of the Parking, the City has an input for it."""
    for release in ("R4", "R5", "R6", "R7"):
        spec = load(f"{line}@{release}").key("Input1Function")
        assert spec
        assert (spec.default, "Load-shedding" in spec.allowed) == ("Not used", True)
        assert ("Protection devices" in spec.allowed) == there
        assert "protection" in load(f"{line}@{release}").inputs


def test_r_304_input_1_does_nothing_while_it_is_not_used() -> None:
    rig = charging(loadSheddingSetPoint="0")
    set_to(rig, "load_shedding")
    assert rig.view.offered_a == 32


def test_r_304_input_1_sheds_the_charge_point() -> None:
    rig = charging(loadSheddingSetPoint="20", Input1Function="Load-shedding")
    set_to(rig, "load_shedding")
    assert (rig.view.offered_a, rig.view.limit_source) == (20, "load shedding, setting loadSheddingSetPoint")
    set_to(rig, "load_shedding", False)
    assert rig.view.offered_a == 32


def test_r_304_input_1_watches_the_protection_devices() -> None:
    """R-304: error 11 while the contact says that they have tripped."""
    rig = charging(Input1Function="Protection devices")
    set_to(rig, "protection")
    assert told(rig) == ("Faulted", "11")
    assert rig.station.outlet_state(1, rig.now).last_charge == "Circuit_Breaker"
    set_to(rig, "protection", False)
    assert told(rig) == ("Finishing", "")


def test_r_304_the_city_has_an_input_for_its_protection_devices_whatever_input_1_does() -> None:
    rig = charging(CITY, Input1Function="Load-shedding", loadSheddingSetPoint="20")
    set_to(rig, "load_shedding")
    assert rig.view.offered_a == 20
    set_to(rig, "protection")
    assert told(rig) == ("Faulted", "11")


def test_r_306_normally_open_by_factory_else_an_open_contact_is_active() -> None:
    """R-306: the contact of protection devices that is closed at rest; a broken wire is a tripped breaker."""
    spec = load("evlink-parking").key("Input1NormallyOpen")
    assert spec
    assert spec.default == "true"
    rig = idle(Input1Function="Protection devices", Input1NormallyOpen="false")
    assert told(rig) == ("Faulted", "11")
    rig.power_cycle()
    rig.run(5)
    assert told(rig) == ("Faulted", "11")
    set_to(rig, "protection", True)
    assert told(rig) == ("Available", "")
    rig.own(Input1NormallyOpen="true")
    rig.run(1)
    assert told(rig) == ("Faulted", "11")
    rig.own(Input1Function="Not used")
    rig.run(1)
    assert told(rig) == ("Available", "")


def test_r_306_a_shedding_contact_that_is_closed_at_rest() -> None:
    rig = charging(loadSheddingSetPoint="20", Input1Function="Load-shedding", Input1NormallyOpen="false")
    assert rig.view.offered_a == 20
    set_to(rig, "load_shedding")
    assert rig.view.offered_a == 32


# --- input 2 (R-305) -------------------------------------------------------------------------------------------------


def test_r_305_input_2_is_a_condition_to_start_and_not_to_go_on() -> None:
    rig = charging(Input2Function="Conditional outgoing line")
    assert (rig.view.offered_a, rig.view.limit_source) == (0, "input: condition not met")
    assert (rig.view.status, rig.power()) == ("SuspendedEVSE", False)
    set_to(rig, "conditional_line")
    assert (rig.view.status, rig.power()) == ("Charging", True)
    set_to(rig, "conditional_line", False)
    assert (rig.view.status, rig.power()) == ("Charging", True)


def test_r_305_by_factory_nothing_is_a_condition() -> None:
    spec = load("evlink-parking").key("Input2Function")
    assert spec
    assert spec.default == "Not used"
    assert charging().power()


def test_r_305_each_charge_is_asked_anew() -> None:
    rig = charging(Input2Function="Conditional outgoing line")
    set_to(rig, "conditional_line")
    set_to(rig, "conditional_line", False)
    rig.badge()
    rig.run(3)
    rig.unplug()
    rig.plug()
    rig.badge()
    rig.run(10)
    assert (rig.view.status, rig.power()) == ("SuspendedEVSE", False)


# --- each socket-outlet its own (R-304 to R-309) ---------------------------------------------------------------------


def two(**settings: str) -> Rig:
    rig = idle("evlink-parking", MeterValueSampleInterval="15", **settings)
    for n in (1, 2):
        rig.plug(THREE, n)
        rig.badge(f"{TAG[:-1]}{n}", n)
    rig.run(30)
    return rig


def offered(rig: Rig) -> list[float]:
    return [view.offered_a for view in rig.station.view(rig.now).connectors]


def test_r_309_each_socket_outlet_has_its_set_point_and_its_contact() -> None:
    """The second follows the first until it has a value of its own."""
    rig = two(loadSheddingSetPoint="20", Input1Function="Load-shedding")
    set_to(rig, "load_shedding_2")
    assert offered(rig) == [32, 20]
    rig.own(**{"loadSheddingSetPoint/2": "16"})
    set_to(rig, "load_shedding")
    assert offered(rig) == [20, 16]
    rig.own(**{"Input1Function/2": "Not used"})
    rig.run(5)
    assert offered(rig) == [20, 32]
    rig.power_cycle()
    rig.run(5)
    assert rig.station.core.settings.own("Input1Function", 2) == "Not used"


def test_r_300_each_socket_outlet_has_its_derated_current() -> None:
    rig = two(maxIntensitySocket="25")
    assert offered(rig) == [25, 25]
    rig.own(**{"maxIntensitySocket/2": "15"})
    rig.run(5)
    assert offered(rig) == [25, 15]


@pytest.mark.parametrize(
    "key", ["maxIntensitySocket/3", "maxIntensitySocket/1", "maxIntensitySocket/02", "stationName/2"]
)
def test_a_value_of_a_connector_that_is_none_is_refused(key: str) -> None:
    rig = idle("evlink-parking")
    rig.own(**{key: "10"})
    assert rig.notes()[-1] == "setting refused"


def test_no_supervision_sees_the_value_of_one_socket_outlet() -> None:
    """OCPP writes the key as it is printed, and no other."""
    rig = idle("evlink-parking")
    assert rig.change("maxIntensitySocket/2", "10") == "NotSupported"
    answer = rig.ask(messages.GetConfiguration(key=("maxIntensitySocket/2",)))
    assert answer.unknown_key == ("maxIntensitySocket/2",)


# --- Smart Wallbox (R-307, R-308) ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("contact", "at_rest"), [("Normally open", False), ("Normally closed", True)])
def test_r_307_a_delayed_start_waits_or_interrupts(contact: str, at_rest: bool) -> None:
    rig = idle(WALLBOX, DelayedStartContact=contact)
    set_to(rig, "delayed_start", not at_rest)
    rig.plug()
    rig.badge()
    rig.run(10)
    assert (rig.view.status, rig.view.limit_source) == ("SuspendedEVSE", "input: charging is delayed")
    set_to(rig, "delayed_start", at_rest)
    assert (rig.view.status, rig.power()) == ("Charging", True)
    set_to(rig, "delayed_start", not at_rest)
    assert (rig.view.status, rig.power()) == ("SuspendedEVSE", False)


@pytest.mark.parametrize(("contact", "at_rest"), [("Normally open", False), ("Normally closed", True)])
def test_r_308_a_local_limitation_has_its_value(contact: str, at_rest: bool) -> None:
    rig = charging(WALLBOX, CurrentLimitContact=contact, loadSheddingSetPoint="15")
    set_to(rig, "load_shedding", not at_rest)
    assert rig.view.offered_a == 15
    set_to(rig, "load_shedding", at_rest)
    assert rig.view.offered_a == 16


def test_r_308_by_factory_it_is_normally_open_and_0() -> None:
    model = load(WALLBOX)
    limit, contact = model.key("loadSheddingSetPoint"), model.key("CurrentLimitContact")
    assert limit
    assert contact
    assert (limit.default, contact.default) == ("0", "Normally open")


# --- zeroing (R-229, R-300, R-301, R-309) ----------------------------------------------------------------------------

ZEROED = [
    (PARKING, "false", THREE, 5, 0), (PARKING, "false", THREE, 6, 6), (PARKING, "false", ONE_PHASE, 5, 0),
    (PARKING, "false", ONE_PHASE, 6, 6), (PARKING, "true", ONE_PHASE, 7, 0), (PARKING, "true", ONE_PHASE, 8, 8),
    (PARKING, "true", THREE, 13, 0), (PARKING, "true", THREE, 14, 14), (CITY, "true", THREE, 13, 0),
    (CITY, "false", THREE, 13, 13), (WALLBOX, "", ONE_PHASE, 7, 0), (WALLBOX, "", ONE_PHASE, 8, 8),
    (WALLBOX, "", THREE, 13, 0), (WALLBOX, "", THREE, 14, 14),
]  # fmt: skip


@pytest.mark.parametrize(("model", "balancing", "car", "entered", "works_as"), ZEROED)
def test_r_229_r_300_r_301_too_little_derated_current_works_as_0(
    model: str, balancing: str, car: object, entered: int, works_as: float
) -> None:
    """R-229, R-300, R-301; the value that was entered stays (Q-051)."""
    own = {"LoadBalancing": balancing} if balancing else {}
    rig = charging(model, car, maxIntensitySocket=str(entered), **own)
    assert rig.view.offered_a == works_as
    assert rig.station.core.settings.text("maxIntensitySocket") == str(entered)


@pytest.mark.parametrize(("model", "balancing", "car", "entered", "works_as"), ZEROED)
def test_r_229_r_309_too_little_of_a_set_point_works_as_0(
    model: str, balancing: str, car: object, entered: int, works_as: float
) -> None:
    """R-229, R-308, R-309."""
    own = {"LoadBalancing": balancing, "Input1Function": "Load-shedding"} if balancing else {}
    rig = charging(model, car, loadSheddingSetPoint=str(entered), **own)
    set_to(rig, "load_shedding")
    assert rig.view.offered_a == works_as


def test_r_300_a_derated_station_lets_a_car_show_its_phases_first() -> None:
    """R-303: a single-phase car on a three-phase station counts as single-phase; nobody knows before it charges."""
    rig = charging(PARKING, ONE_PHASE, maxIntensitySocket="10")
    assert (rig.view.offered_a, rig.power()) == (10, True)
    rig = idle(maxIntensitySocket="10", MeterValueSampleInterval="15")
    rig.plug(THREE)
    rig.badge()
    rig.run(5)
    assert rig.view.offered_a == 10
    rig.run(20)
    assert rig.view.offered_a == 0


# --- doors, tilt, emergency stop -------------------------------------------------------------------------------------

SENSORS = [
    ("evlink-parking", "door", "7"), ("evlink-city", "door", "7"), ("evlink-parking", "surge_arrestor", "6"),
    (PRO_AC, "protection", "3.0"), ("schneider-charge", "door", "0x10020C"), (DC, "door", "0x10020C"),
    (DC, "tilt", "0x10020E"), (DC, "water", "0x10020B"), (DC, "humidity", "0x10020D"), (DC, "breaker", "0x200209"),
    (DC, "cabinet_door", "0x200204"), (DC, "cabinet_tilt", "0x20020B"), (DC, "cabinet_water", "0x200203"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "name", "code"), SENSORS)
def test_a_sensor_is_the_error_of_its_guide_while_it_is_active(model: str, name: str, code: str) -> None:
    rig = idle(model)
    set_to(rig, name)
    assert told(rig)[1] == code
    set_to(rig, name, False)
    assert code not in rig.station.connectors[0].faults or rig.station.connectors[0].faults[code].clears != "cause"


@pytest.mark.parametrize(("button", "code"), [(True, "0x100202"), (False, "0x200202")])
def test_an_emergency_stop_of_terminal_or_cabinet_ends_all_charges(button: bool, code: str) -> None:
    rig = charging(DC)
    if button:
        rig.tell(sig.ButtonPressed("emergency_stop"))
        rig.run(8)
    else:
        set_to(rig, "cabinet_emergency_stop")
    assert rig.last("StopTransaction").reason == "EmergencyStop"
    assert [told(rig, 1), told(rig, 2)] == [("Faulted", code), ("Faulted", code)]
