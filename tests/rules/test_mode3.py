"""IEC 61851-1 mode 3: the sequences of the control pilot with their time limits, and what goes wrong on it (R-270)."""

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.drivers import pilot as drawn
from chargepost.drivers.car import CarSpec
from chargepost.ocpp import frames, messages
from chargepost.station import pilot
from tests.rules.rig import CAR, SILENCE, TAG, Rig, info

PARKING, WALLBOX, PRO_AC, CHARGE = "evlink-parking/rfid", "evlink-smart-wallbox", "evlink-pro-ac", "schneider-charge"
SOCKETS = (PARKING, WALLBOX, PRO_AC, CHARGE)


def idle(model: str = PARKING, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    return rig


def begin(rig: Rig, car: CarSpec = CAR, seconds: float = 10) -> None:
    """A visit up to where power would flow, also where there is no reader."""
    rig.plug(car)
    if rig.model.authentication.reader:
        rig.badge()
    else:
        rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(seconds)


def charging(model: str = PARKING, **settings: str) -> Rig:
    rig = idle(model, **settings)
    begin(rig)
    assert rig.power()
    rig.forget()
    return rig


def opened_after_s(rig: Rig, seconds: float = 10) -> float | None:
    """From now to the wish that opens the contactor."""
    since = rig.now
    rig.run(seconds)
    return next((at - since for at, wish in rig.wishes if wish == sig.SwitchPower(1, False)), None)


def within(name: str) -> float:
    return pilot.SEQUENCES[name].within_s


# --- tables ----------------------------------------------------------------------------------------------------------


def test_61851_a_sequence_names_states_of_the_table_and_a_time() -> None:
    for row in pilot.SEQUENCES.values():
        assert {row.before, row.after} <= pilot.STATES.keys()
        assert row.within_s > 0


def test_61851_the_driver_draws_the_voltages_of_the_table() -> None:
    for row in pilot.STATES.values():
        assert drawn.VOLTAGE_V[row.name[0]] == row.voltage_v  # type: ignore[index]  # its letters are the states


@pytest.mark.parametrize("current_a", range(6, 52))
def test_61851_duty_cycle_from_6_to_51_a(current_a: int) -> None:
    """Annex A: 0.6 A per percent."""
    assert drawn.duty_percent(current_a) == pytest.approx(current_a / 0.6)
    assert drawn.offered_a(drawn.duty_percent(current_a)) == pytest.approx(current_a)


# --- the station obeys the sequences ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model", SOCKETS)
def test_61851_power_within_3_s_of_the_wish_of_the_car(model: str) -> None:
    rig = idle(model)
    begin(rig, msgspec.structs.replace(CAR, ready=False), 12)
    assert not rig.power()
    since = rig.now
    rig.hardware.set_car(1, rig.now, ready=True)
    rig.run(5)
    closed = next(at - since for at, wish in rig.wishes if wish == sig.SwitchPower(1, True))
    assert closed <= within("power") + 0.5  # the car's own reaction


@pytest.mark.parametrize("model", SOCKETS)
def test_61851_a_car_that_stops_by_itself_opens_the_contactor_at_once(model: str) -> None:
    rig = charging(model)
    rig.tell(sig.PilotChanged(1, "B"))
    assert opened_after_s(rig, 0.1) == 0


@pytest.mark.parametrize("model", SOCKETS)
def test_61851_a_pulled_plug_opens_the_contactor_at_once(model: str) -> None:
    rig = charging(model)
    rig.hardware.unplug_car(1, rig.now)
    opened = opened_after_s(rig, 1)
    assert opened is not None
    assert opened <= within("pulled")
    assert rig.last("StopTransaction").reason == "EVDisconnected"


@pytest.mark.parametrize(("state", "row"), [("E", "short"), ("F", "lost")])
def test_61851_a_shorted_or_lost_pilot_opens_the_contactor(state: sig.PilotState, row: str) -> None:
    rig = charging()
    rig.tell(sig.PilotChanged(1, state))
    opened = opened_after_s(rig, 5)
    assert opened is not None
    assert opened <= within(row)


def test_61851_a_charge_ends_by_the_pilot_first_and_the_car_stops_drawing() -> None:
    """The offer goes, the car opens its switch, then the contactor opens: not under load."""
    rig = charging()
    rig.badge()
    rig.run(5)
    order = [wish for wish in rig.wished(sig.Signal) if wish in (sig.OfferCurrent(1, 0.0), sig.SwitchPower(1, False))]
    assert order == [sig.OfferCurrent(1, 0.0), sig.SwitchPower(1, False)]
    times = {type(wish): at for at, wish in rig.wishes if wish in order}
    assert 0.4 < times[sig.SwitchPower] - times[sig.OfferCurrent] < within("let go")
    assert rig.last("StopTransaction").reason == "Local"


def test_61851_a_car_that_does_not_let_go_is_cut_off_after_6_s() -> None:
    rig = charging()
    rig.hardware.connector(1).set_car(rig.now, simplified=True)  # it keeps its switch closed whatever it is offered
    rig.drain()
    rig.forget()
    rig.tell(sig.StopAsked(1, "Local"))
    assert opened_after_s(rig, 10) == pytest.approx(within("cut"))
    assert rig.last("StopTransaction").reason == "Local"


def test_61851_a_pause_gives_the_car_its_time_each_time() -> None:
    rig = charging(loadSheddingSetPoint="0", Input1Function="Load-shedding")
    for _ in range(2):
        rig.forget()
        rig.hardware.connector(1).set_car(rig.now, simplified=True)
        rig.tell(sig.InputChanged("load_shedding", True))
        assert rig.view.status == "SuspendedEVSE"
        assert opened_after_s(rig, 10) == pytest.approx(within("cut"))
        rig.tell(sig.InputChanged("load_shedding", False))
        rig.run(5)
        assert rig.power()


def test_61851_what_is_broken_does_not_wait_for_the_car() -> None:
    rig = charging()
    rig.hardware.press("emergency_stop")
    assert opened_after_s(rig, 1) == 0


def test_61851_a_refused_badge_gets_not_even_the_moment_of_letting_go() -> None:
    rig = idle()
    rig.answers["StartTransaction"] = SILENCE
    begin(rig)
    assert rig.power()
    (start,) = [f for _, _, f in rig.frames if isinstance(f, frames.Call) and f.action == "StartTransaction"]
    rig.hear(
        frames.write_result(start.id, messages.StartTransactionResponse(transaction_id=1, id_tag_info=info("Blocked")))
    )
    assert opened_after_s(rig, 5) == 0
    assert rig.last("StopTransaction").reason == "DeAuthorized"


# --- ventilation (R-270) ---------------------------------------------------------------------------------------------

GASSING = msgspec.structs.replace(CAR, ventilation=True)


@pytest.mark.parametrize(("model", "code"), [(PARKING, "22"), (WALLBOX, "22"), ("evlink-city", "22"), (PRO_AC, "15.0")])
def test_r_270_indoors_a_car_that_asks_for_ventilation_is_an_error(model: str, code: str) -> None:
    rig = idle(model)
    begin(rig, GASSING)
    assert (rig.view.status, rig.view.vendor_error, rig.power()) == ("Faulted", code, False)
    rig.unplug()
    assert (rig.view.status, rig.view.vendor_error) == ("Preparing", "")


def test_r_270_in_the_open_air_it_charges() -> None:
    rig = idle(StationLocation="Outdoor")
    begin(rig, GASSING)
    assert (rig.view.status, rig.view.vendor_error, rig.power()) == ("Charging", "", True)
    assert "Ventilation_required" in rig.station.outlet_state(1, rig.now).evse_status


def test_r_270_a_charge_stops_when_the_car_begins_to_ask_for_it() -> None:
    """Within 3 s, and the outlet says why."""
    rig = charging()
    rig.hardware.set_car(1, rig.now, ventilation=True)
    opened = opened_after_s(rig, 5)
    assert opened is not None
    assert opened <= within("ventilation")
    assert rig.last("StopTransaction").reason == "Other"
    assert rig.station.outlet_state(1, rig.now).last_charge == "Ventilation_Not_Allowed"


def test_r_270_a_station_that_is_told_to_be_indoors_acts_at_once() -> None:
    rig = idle(StationLocation="Outdoor")
    begin(rig, GASSING)
    rig.own(StationLocation="Indoor")
    rig.run(3)
    assert (rig.view.vendor_error, rig.power()) == ("22", False)


# --- diode, simplified pilot -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", SOCKETS)
def test_61851_without_its_diode_a_car_gets_no_power(model: str) -> None:
    rig = idle(model)
    begin(rig, msgspec.structs.replace(CAR, diode=False))
    assert (rig.view.error, rig.power()) == ("EVCommunicationError", False)
    assert rig.view.vendor_error == {PARKING: "17", WALLBOX: "17", PRO_AC: "10.0", CHARGE: "0x100217"}[model]
    assert not rig.wished(sig.SwitchPower)
    rig.unplug()
    assert rig.view.error == "NoError"


def test_61851_a_diode_that_breaks_ends_the_charge() -> None:
    rig = charging()
    rig.hardware.set_car(1, rig.now, diode=False)
    opened = opened_after_s(rig, 5)
    assert opened is not None
    assert opened <= within("diode")


QUADRICYCLE = CarSpec(name="Quadricycle", phases=1, max_current_a=16, simplified=True)


def test_61851_a_simplified_pilot_gets_10_a_on_one_phase() -> None:
    rig = idle()
    begin(rig, QUADRICYCLE)
    assert (rig.view.offered_a, rig.view.limit_source, rig.power()) == (10, "simplified control pilot", True)
    told = rig.station.outlet_state(1, rig.now)
    assert {"Simplified_Mode_3", "Single-Phase"} <= set(told.evse_status)
    rig.badge()
    rig.run(10)
    rig.unplug()
    assert "Normal_Mode_3" in rig.station.outlet_state(1, rig.now).evse_status


def test_61851_a_car_that_is_charging_when_the_program_starts_is_not_taken_for_simplified() -> None:
    rig = charging(PRO_AC, RestoreTimeout="0")
    rig.power_cycle()
    rig.run(10)
    assert (rig.power(), rig.view.limit_source) == (True, "cable 32 A")
    rig = charging()
    rig.station = rig.build({})  # only the program was stopped: the pilot is in C as it begins anew
    rig.start()
    assert rig.view.pilot == "C"
    assert "Normal_Mode_3" in rig.station.outlet_state(1, rig.now).evse_status


@pytest.mark.parametrize(("model", "code"), [(PARKING, "15"), (PRO_AC, "13.0"), (WALLBOX, "")])
def test_a_simplified_pilot_on_three_phases_is_an_error_where_the_product_has_one(model: str, code: str) -> None:
    rig = idle(model, MeterValueSampleInterval="15")
    begin(rig, msgspec.structs.replace(QUADRICYCLE, phases=3), 40)
    assert rig.view.vendor_error == code
    rig = idle(model, MeterValueSampleInterval="15")
    begin(rig, CAR, 40)
    assert rig.view.vendor_error == ""


# --- a car that sleeps -----------------------------------------------------------------------------------------------

SLEEPER = msgspec.structs.replace(CAR, asleep=True)


def test_61851_a_sleeping_car_is_woken_by_a_pulse() -> None:
    rig = idle()
    begin(rig, SLEEPER, 20)
    assert rig.view.status == "SuspendedEV"
    rig.run(30)
    (pulse,) = rig.wished(sig.PulsePilot)
    assert pulse.lasts_s == pilot.WAKE.lasts_s
    assert (rig.view.status, rig.power()) == ("Charging", True)


def test_61851_a_car_that_waits_for_its_own_timer_is_asked_once() -> None:
    rig = idle()
    begin(rig, msgspec.structs.replace(CAR, ready=False), 300)
    assert len(rig.wished(sig.PulsePilot)) == 1


def test_61851_a_car_that_is_full_or_awake_gets_no_pulse() -> None:
    rig = charging()
    rig.hardware.set_car(1, rig.now, soc_percent=100)
    rig.run(300)
    assert rig.view.status == "SuspendedEV"
    assert not rig.wished(sig.PulsePilot)


def test_61851_after_a_pause_a_car_that_fell_asleep_is_woken() -> None:
    rig = charging(loadSheddingSetPoint="0", Input1Function="Load-shedding")
    rig.tell(sig.InputChanged("load_shedding", True))
    rig.run(600)
    rig.hardware.set_car(1, rig.now, asleep=True)
    rig.tell(sig.InputChanged("load_shedding", False))
    rig.run(40)
    assert (len(rig.wished(sig.PulsePilot)), rig.power()) == (1, True)


# --- the contactor ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "code"), [(PARKING, "5"), (PRO_AC, "12.0"), (CHARGE, "0x100208"), ("evlink-pro-dc", "0x100208")]
)
def test_a_welded_contactor_is_an_error_that_takes_the_service(model: str, code: str) -> None:
    rig = charging(model)
    rig.hardware.weld(1, True)
    rig.tell(sig.StopAsked(1, "Local"))
    rig.run(5)
    assert rig.last("StopTransaction").reason == "Local"
    assert (rig.view.status, rig.view.vendor_error) == ("Faulted", code)
    rig.tell(sig.FaultCleared(1, code))
    assert rig.view.vendor_error == ""


def test_a_contactor_that_does_not_close_is_the_same_error() -> None:
    rig = idle()
    rig.hardware.connector(1).tripped = True
    begin(rig)
    assert (rig.view.vendor_error, rig.last("StopTransaction").reason) == ("5", "Other")
    assert rig.station.outlet_state(1, rig.now).last_charge == "Unexpected_Contactor_Open"


def test_a_contactor_that_is_closed_and_should_not_be_is_sent_open() -> None:
    rig = idle()
    rig.tell(sig.PowerSwitched(1, True))
    assert rig.wished(sig.SwitchPower) == [sig.SwitchPower(1, False)]
    rig.run(5)
    assert rig.view.vendor_error == ""


def test_a_cable_pulled_out_of_the_station_during_the_charge_is_told_as_such() -> None:
    rig = charging()
    rig.hardware.connector(1).locked = False
    rig.unplug()
    rig.run(3)
    assert rig.station.outlet_state(1, rig.now).last_charge == "Cable_Disconnected"


@pytest.mark.parametrize(("model", "code"), [(PARKING, "19"), (WALLBOX, "19"), (PRO_AC, "")])
def test_a_car_that_is_unplugged_under_load_is_the_products_error_until_the_cable_is_out(model: str, code: str) -> None:
    """EVlink: error 19, Charge Alarm EV Disconnected, in the tool and in the registers; OCPP hears what 4.9 has."""
    rig = charging(model)
    c = rig.station.connectors[0]
    assert rig.hardware.unplug_car(1, rig.now)
    rig.run(3)
    assert rig.last("StopTransaction").reason == "EVDisconnected"
    told = rig.notification()
    assert (told.status, told.error_code, told.info) == ("Finishing", "NoError", "EV side disconnected")
    assert (list(c.faults), rig.power()) == ([code] if code else [], False)
    rig.unplug()
    rig.run(3)
    assert (rig.view.status, list(c.faults)) == ("Available", [])


def test_a_car_that_is_unplugged_after_the_charge_is_no_error() -> None:
    rig = charging()
    rig.tell(sig.StopAsked(1))
    rig.run(10)
    assert rig.hardware.unplug_car(1, rig.now)
    rig.run(3)
    assert (rig.view.status, rig.station.connectors[0].faults) == ("Finishing", {})


# --- more than is offered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "code"), [(PARKING, "21"), (PRO_AC, "14.0"), (CHARGE, "0x100213")])
def test_61851_a_car_that_draws_more_than_it_is_offered_is_stopped(model: str, code: str) -> None:
    """It has 5 s to follow an offer (sequence "follow"), and a tenth is nobody's fault."""
    rig = idle(model)
    begin(rig, msgspec.structs.replace(CAR, max_current_a=32, overdraws=1.2), 1)
    rig.run(2)
    assert rig.power()
    rig.station.read_meter(1, "poll", None)
    rig.run(1)
    assert (rig.view.vendor_error, rig.power()) == ("", True)
    rig.run(5)
    assert (rig.view.vendor_error, rig.power()) == (code, False)


@pytest.mark.parametrize(("model", "code"), [(PARKING, "21"), (PRO_AC, "14.0"), (CHARGE, "0x100213")])
def test_61851_it_is_noticed_at_any_time_and_whatever_the_samples(model: str, code: str) -> None:
    """The hardware says so: nobody has to ask the meter every few seconds."""
    rig = idle(model)
    rig.own(MeterValueSampleInterval="0")
    begin(rig, msgspec.structs.replace(CAR, max_current_a=32, overdraws=1.09), 300)
    assert (rig.view.vendor_error, rig.power()) == ("", True)
    rig.hardware.connectors[0].set_car(rig.now, overdraws=1.2)
    rig.run(pilot.SEQUENCES["follow"].within_s + 2)
    assert (rig.view.vendor_error, rig.power()) == (code, False)


# --- proximity and domestic sockets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PARKING, WALLBOX, PRO_AC])
@pytest.mark.parametrize("rating_a", [13.0, 20.0, 32.0, 63.0])
def test_61851_annex_b_a_cable_limits_to_what_it_can_carry(model: str, rating_a: float) -> None:
    rig = idle(model, **({} if model == PRO_AC else {"maxIntensitySocket": "32"}))
    rig.hardware.plug_in(1, CAR, rig.now, rating_a)
    rig.run(1)
    rig.badge()
    rig.run(10)
    assert rig.view.offered_a == min(rating_a, 32)
    assert rig.view.limit_source == (f"cable {rating_a:g} A" if rating_a <= 32 else rig.view.limit_source)
    assert rig.power()


def test_61851_without_a_cable_nothing_is_offered() -> None:
    rig = idle()
    rig.badge()
    rig.run(10)
    assert (rig.view.offered_a, rig.station.outlet_state(1, rig.now).cable_state) == (0, "Not_Plugged")


@pytest.mark.parametrize(("model", "code"), [(PARKING, "18"), (PRO_AC, "10.1"), (CHARGE, "0x100218")])
def test_61851_annex_b_a_plug_without_a_valid_resistor_is_an_error(model: str, code: str) -> None:
    rig = idle(model)
    rig.hardware.plug_in(1, CAR, rig.now, 0.0)
    rig.run(5)
    assert rig.view.vendor_error == code
    rig.unplug()
    assert rig.view.vendor_error == ""


KINDS = [
    ("evlink-smart-wallbox/rfid-t1", "T1", 1), ("evlink-smart-wallbox/rfid-cable", "cable", 3),
    ("evlink-smart-wallbox/rfid", "T2", 3), ("evlink-smart-wallbox/rfid-t3", "T3", 3),
    ("evlink-smart-wallbox/rfid-te-only", "TE", 1), ("evlink-parking/rfid-t3", "T3", 3),
    ("evlink-city/rfid-te-only", "TE", 1),
]  # fmt: skip


@pytest.mark.parametrize(("model", "kind", "phases"), KINDS)
def test_each_kind_of_outlet_charges_as_wide_as_it_is(model: str, kind: str, phases: int) -> None:
    rig = idle(model)
    assert rig.model.connectors[0].kind == kind
    begin(rig)
    assert rig.power()
    assert sum(current_a > 0 for current_a in rig.hardware.connector(1).current_a) == phases


@pytest.mark.parametrize("model", ["evlink-parking/rfid-te", "evlink-city/rfid-te", "evlink-smart-wallbox/rfid-te"])
def test_t2_and_te_are_one_charge_point_and_whichever_is_plugged_charges(model: str) -> None:
    rig = idle(model)
    for kind, most_a in (("T2", 16), ("TE", 10)):
        assert rig.hardware.plug_in(1, CAR, rig.now, outlet=kind)
        rig.run(1)
        rig.badge()
        rig.run(10)
        assert rig.power()
        assert 0 < max(rig.hardware.connector(1).current_a) <= most_a
        rig.badge()
        rig.run(10)
        rig.unplug()


@pytest.mark.parametrize("most_a", [6, 8, 10])
def test_a_domestic_socket_gives_6_8_or_10_a_and_has_no_pilot_to_say_so(most_a: int) -> None:
    """IMaxEvseCapacityTE of the Pro AC; there is no car to be told, so the contactor opens at once."""
    rig = idle(f"{PRO_AC}/socket-domestic", IMaxEvseCapacityTE=str(most_a))
    assert rig.hardware.plug_in(1, CAR, rig.now, outlet="TE")
    rig.run(1)
    rig.badge()
    rig.run(10)
    assert (rig.view.offered_a, rig.power()) == (most_a, True)
    rig.forget()
    rig.tell(sig.StopAsked(1, "Local"))
    assert opened_after_s(rig, 1) == 0
