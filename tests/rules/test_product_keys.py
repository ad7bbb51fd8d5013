"""Keys of the products that act: inputs and buttons, lamps, time-outs, sampling, badges; each seen in what it does."""

from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.ocpp import messages
from tests.rules.rig import CAR, EPOCH_UTC_S, SILENCE, TAG, Rig

WALLBOX, PARKING, CITY = "evlink-smart-wallbox", "evlink-parking", "evlink-city"
DC, CHARGE, AC = "evlink-pro-dc", "schneider-charge", "evlink-pro-ac"


def idle(model: str, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    rig.forget()
    return rig


def charging(model: str, **settings: str) -> Rig:
    rig = idle(model, **settings)
    rig.charge()
    rig.forget()
    return rig


def at(rig: Rig, hour: int, minute: int = 0) -> None:
    """Let the time go by until it is that late, UTC."""
    now = datetime.fromtimestamp(EPOCH_UTC_S + rig.now, UTC)
    passed_s = now.hour * 3600 + now.minute * 60 + now.second
    rig.run((hour * 3600 + minute * 60 - passed_s) % 86400)


# --- load shedding ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("set_point", "floor", "offered_a"), [("20", "14", 16), ("15", "14", 15), ("14", "14", 14), ("13", "14", 0)]
)
def test_r_169_r_175_the_shedding_input_limits_to_the_set_point_and_below_the_floor_suspends(
    set_point: str, floor: str, offered_a: float
) -> None:
    rig = charging(WALLBOX, loadSheddingSetPoint=set_point, triphasedLoadSheddingFloorValue=floor)
    rig.tell(sig.InputChanged("load_shedding", True))
    rig.run(5)
    assert rig.view.offered_a == offered_a
    assert rig.notification().status == "SuspendedEVSE" if offered_a == 0 else not rig.statuses()
    if offered_a != 16:
        assert rig.view.limit_source == "load shedding, setting loadSheddingSetPoint"
    rig.tell(sig.InputChanged("load_shedding", False))
    rig.run(5)
    assert (rig.view.offered_a, rig.view.limit_source) == (16, "setting maxIntensitySocket")
    assert rig.power()


@pytest.mark.parametrize(("set_point", "offered_a"), [("9", 9), ("8", 8), ("7", 0)])
def test_r_175_a_single_phase_outlet_has_the_other_floor(set_point: str, offered_a: float) -> None:
    rig = charging(f"{WALLBOX}/rfid-t1", loadSheddingSetPoint=set_point)
    rig.tell(sig.InputChanged("load_shedding", True))
    rig.run(5)
    assert rig.view.offered_a == offered_a


def test_r_169_a_product_without_set_point_knows_no_shedding_input() -> None:
    rig = charging(AC)
    rig.tell(sig.InputChanged("load_shedding", True))
    rig.run(5)
    assert rig.view.offered_a == 32


# --- push button -----------------------------------------------------------------------------------------------------


def test_r_174_the_push_button_holds_a_charge_and_lets_it_go_on() -> None:
    rig = charging(WALLBOX, EnableSuspendChargeByButton="true")
    rig.tell(sig.ButtonPressed("suspend"))
    rig.tell(sig.ButtonPressed("suspend", False))
    rig.run(5)
    assert (rig.view.status, rig.view.limit_source, rig.power()) == ("SuspendedEVSE", "push button", False)
    rig.tell(sig.ButtonPressed("suspend"))
    rig.run(5)
    assert (rig.view.status, rig.power()) == ("Charging", True)


def test_r_174_the_button_does_nothing_while_the_key_is_false_or_nobody_charges() -> None:
    rig = charging(WALLBOX)
    rig.tell(sig.ButtonPressed("suspend"))
    rig.run(5)
    assert rig.power()
    rig = idle(WALLBOX, EnableSuspendChargeByButton="true")
    rig.tell(sig.ButtonPressed("suspend"))
    rig.charge()
    assert rig.power()


def test_r_174_a_held_charge_leaves_nothing_to_the_next() -> None:
    rig = charging(WALLBOX, EnableSuspendChargeByButton="true")
    rig.tell(sig.ButtonPressed("suspend"))
    rig.run(5)
    rig.badge()
    rig.run(5)
    rig.unplug()
    rig.charge()
    assert rig.power()


def test_r_174_the_same_car_may_charge_again_after_a_held_charge_was_ended() -> None:
    rig = charging(WALLBOX, EnableSuspendChargeByButton="true")
    rig.tell(sig.ButtonPressed("suspend"))
    rig.run(5)
    rig.badge()
    rig.run(5)
    rig.badge()
    rig.run(10)
    assert rig.power()


# --- the plug procedure ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [WALLBOX, PARKING, CITY])
def test_r_086_a_cable_without_a_car_is_error_14_after_one_minute(model: str) -> None:
    """Q-024: not ConnectionTimeOut, which gives up the badge after 30 s."""
    rig = idle(model)
    rig.plug(None)
    rig.run(58)
    assert rig.view.vendor_error == ""
    rig.run(2)
    assert (rig.notification().vendor_error_code, rig.notification().status) == ("14", "Faulted")
    rig.unplug()
    assert (rig.view.vendor_error, rig.view.status) == ("", "Available")


def test_r_086_a_car_within_the_minute_is_no_error() -> None:
    rig = idle(WALLBOX)
    rig.plug(None)
    rig.run(50)
    rig.hardware.plug_car(1, CAR, rig.now)
    rig.run(600)
    assert rig.view.vendor_error == ""


@pytest.mark.parametrize(
    ("model", "may_stay", "error"),
    [(PARKING, "false", "14"), (PARKING, "true", ""), (CITY, None, "14"), (WALLBOX, None, "")],
)
def test_r_170_r_271_r_272_a_cable_left_behind_is_an_error_where_it_may_not_stay(
    model: str, may_stay: str | None, error: str
) -> None:
    """Q-001, Q-002: City off and Smart Wallbox on without a key; the Parking as the key says."""
    rig = idle(model, **({} if may_stay is None else {"allowPluggedCable": may_stay}))
    rig.charge()
    rig.hardware.unplug_car(1, rig.now)
    rig.run(58)
    assert rig.view.vendor_error == ""
    rig.run(5)
    assert rig.view.vendor_error == error


def test_r_170_a_cable_that_may_stay_is_none_after_a_restart_either() -> None:
    rig = idle(WALLBOX)
    rig.charge()
    rig.hardware.unplug_car(1, rig.now)
    rig.run(5)
    rig.power_cycle()
    rig.run(300)
    assert rig.view.vendor_error == ""


# --- lamps -----------------------------------------------------------------------------------------------------------


def lamp(rig: Rig) -> tuple[str, int]:
    outlet = rig.hardware.connector(1)
    return outlet.light, outlet.intensity_percent


def test_r_209_by_day_and_by_night_the_lamp_has_its_intensity() -> None:
    rig = idle(AC)
    at(rig, 12)
    assert lamp(rig) == ("green", 80)
    at(rig, 19, 59)
    assert lamp(rig) == ("green", 80)
    at(rig, 20)
    assert lamp(rig) == ("green", 40)
    at(rig, 7, 59)
    assert lamp(rig) == ("green", 40)
    at(rig, 8)
    assert lamp(rig) == ("green", 80)


def test_r_209_a_change_of_the_keys_is_seen_at_once() -> None:
    rig = idle(AC)
    at(rig, 12)
    assert rig.change("LightIntensity", "70") == "Accepted"
    assert lamp(rig) == ("green", 70)
    assert rig.change("LedDayEndHour", "11:30") == "Accepted"
    assert lamp(rig) == ("green", 40)
    assert rig.change("LedNightIntensity", "5") == "Accepted"
    assert lamp(rig) == ("green", 5)
    assert rig.change("LedDayStartHour", "11:45") == "Accepted"
    assert lamp(rig) == ("green", 70)
    at(rig, 11, 30)
    assert lamp(rig) == ("green", 5)
    at(rig, 11, 45)
    assert lamp(rig) == ("green", 70)


def test_r_209_a_day_without_end_and_a_step_of_the_clock() -> None:
    rig = idle(AC, LedDayStartHour="09:00", LedDayEndHour="09:00")
    at(rig, 3)
    assert lamp(rig) == ("green", 80)
    rig = idle(AC)
    at(rig, 12)
    rig.answers["Heartbeat"] = messages.HeartbeatResponse(current_time=datetime(2024, 1, 1, 23, 0, tzinfo=UTC))
    rig.run(301)
    assert lamp(rig) == ("green", 40)


def test_r_209_a_product_without_night_shines_alike() -> None:
    rig = idle(WALLBOX)
    at(rig, 1)
    assert lamp(rig) == ("green", 100)


def test_the_lamp_goes_off_at_a_restart_and_on_again() -> None:
    rig = idle(AC)
    rig.ask(messages.Reset(type="Soft"))
    rig.run(5)
    lights = [wish.light for wish in rig.wished(sig.ShowLight)]
    assert lights == ["off", "green"]


# --- time-outs and sampling ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "answered_s"), [("10", 10), ("3", 3), ("25", 25), ("0", 30)])
def test_r_084_an_authorization_has_its_own_time_out(value: str, answered_s: int) -> None:
    """0 leaves it the time-out of all requests."""
    rig = idle(WALLBOX, rfidStatusTimeout=value, AllowOfflineTxForUnknownId="false")
    rig.answers["Authorize"] = SILENCE
    rig.plug()
    rig.tell(sig.BadgePresented(TAG))
    rig.run(answered_s - 1)
    assert not rig.wished(sig.BadgeJudged)
    rig.run(2)
    assert [judged.accepted for judged in rig.wished(sig.BadgeJudged)] == [False]


def test_r_084_other_requests_keep_theirs() -> None:
    rig = idle(WALLBOX, rfidStatusTimeout="2")
    rig.answers["Heartbeat"] = SILENCE
    rig.run(1)
    rig.ask(messages.TriggerMessage(requested_message="Heartbeat"))
    rig.run(20)
    assert rig.station.talk.session.open is not None


def sampled_at(rig: Rig) -> list[float]:
    stamps = [p.meter_value[0].timestamp.timestamp() for p in rig.said("MeterValues")]
    return [round(later - earlier) for earlier, later in pairwise(stamps)]


def test_r_129_offline_the_pro_dc_samples_at_its_other_interval_and_sends_it_later() -> None:
    rig = charging(DC, disconnectedMeterValueSampleInterval="600")
    rig.run(179)
    assert set(sampled_at(rig)) == {60}
    rig.forget()
    rig.cut()
    rig.run(1800)
    rig.mend_at_once()
    rig.run(5)
    assert set(sampled_at(rig)) == {600}
    rig.forget()
    rig.run(240)
    assert set(sampled_at(rig)) == {60}


def test_r_129_a_change_of_the_interval_acts_on_the_running_charge() -> None:
    rig = charging(DC)
    rig.cut()
    rig.own(disconnectedMeterValueSampleInterval="30")
    rig.run(121)
    rig.mend_at_once()
    rig.run(1)
    assert set(sampled_at(rig)) == {30}


def test_r_156_the_output_voltage_joins_the_meter_values_while_the_key_is_true() -> None:
    rig = charging(DC)

    def measurands() -> list[str]:
        rig.forget()
        rig.run(60)
        return [value.measurand for value in rig.last("MeterValues").meter_value[0].sampled_value]

    listed = measurands()
    assert "Voltage" not in listed
    assert rig.change("EnableMeterValuesContainVoltage", "true") == "Accepted"
    assert measurands() == [*listed, "Voltage"]
    assert rig.ask(messages.TriggerMessage(requested_message="MeterValues")).status == "Accepted"
    rig.run(1)
    assert rig.last("MeterValues").meter_value[0].sampled_value[-1].measurand == "Voltage"
    assert rig.change("EnableMeterValuesContainVoltage", "false") == "Accepted"
    assert measurands() == listed


def test_r_156_a_voltage_that_is_listed_is_not_told_twice() -> None:
    rig = charging(DC, EnableMeterValuesContainVoltage="true", MeterValuesSampledData="Voltage,SoC")
    rig.run(60)
    told = [value.measurand for value in rig.last("MeterValues").meter_value[0].sampled_value]
    assert told == ["Voltage", "SoC"]


def test_r_153_without_its_meter_the_station_estimates_from_the_reference_voltage() -> None:
    rig = charging(WALLBOX, EnergyMetering="IEM_3x5x", voltageReference="200", meterValueSampleInterval="15")
    rig.run(20)
    rig.hardware.mute_meter(1, True)
    rig.forget()
    rig.run(300)
    registers = [int(p.meter_value[0].sampled_value[0].value) for p in rig.said("MeterValues")]
    assert len(registers) == 20
    an_interval_wh = 3 * 200 * 16 * 15 / 3600
    steps = [later - earlier for earlier, later in pairwise(registers[1:])]
    assert all(abs(step - an_interval_wh) <= 1 for step in steps)
    rig.hardware.mute_meter(1, False)
    rig.run(60)
    rig.badge()
    rig.run(5)
    assert rig.last("StopTransaction").meter_stop >= registers[-1]


def test_r_153_after_an_estimate_that_was_too_high_the_register_waits_for_the_meter() -> None:
    rig = charging(WALLBOX, EnergyMetering="IEM_3x5x", voltageReference="400", meterValueSampleInterval="15")
    rig.run(20)
    rig.hardware.mute_meter(1, True)
    rig.run(60)
    rig.hardware.mute_meter(1, False)
    rig.run(120)
    told = [each for p in rig.said("MeterValues") for each in p.meter_value[0].sampled_value if each.unit == "Wh"]
    registers = [int(each.value) for each in told]
    assert registers == sorted(registers)
    rig.badge()
    rig.run(5)
    assert rig.last("StopTransaction").meter_stop == int(rig.register_wh) >= registers[-1]


def test_r_153_no_reference_voltage_no_estimate() -> None:
    rig = charging(WALLBOX, EnergyMetering="IEM_3x5x", voltageReference="0", meterValueSampleInterval="15")
    rig.hardware.mute_meter(1, True)
    rig.forget()
    rig.run(60)
    (told,) = rig.said("MeterValues")
    assert {v.context for v in told.meter_value[0].sampled_value} == {"Interruption.Begin"}


# --- supervision -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [WALLBOX, PARKING, CITY])
def test_r_285_error_30_is_there_while_the_supervision_is_not(model: str) -> None:
    rig = idle(model)
    assert rig.view.vendor_error == ""
    rig.cut()
    assert (rig.view.vendor_error, rig.view.status) == ("30", "Available")
    rig.forget()
    rig.mend()
    assert rig.view.vendor_error == ""
    assert rig.said("StatusNotification") == [], "the supervision is not told that it was away"


def test_r_285_a_station_without_a_supervision_misses_none() -> None:
    rig = idle(WALLBOX, ocppCentralAddress="")
    rig.run(600)
    assert rig.view.vendor_error == ""


def test_r_285_a_supervision_that_is_taken_away_is_not_missed() -> None:
    rig = idle(WALLBOX)
    rig.own(ocppCentralAddress="")
    rig.run(60)
    assert (rig.connected, rig.view.vendor_error) == (False, "")


# --- who may charge --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "asked"), [("0", False), ("2", True), ("3", True)])
def test_r_083_who_decides_on_a_badge(value: str, asked: bool) -> None:
    """Q-017: 3 is undefined and works as the default, the supervision."""
    rig = idle(WALLBOX, authenticationManager=value)
    rig.plug()
    rig.badge()
    rig.run(5)
    assert bool(rig.said("Authorize")) == asked
    assert rig.power()


def test_r_083_a_station_that_decides_alone_knows_its_own_badges_only() -> None:
    rig = idle(WALLBOX, authenticationManager="0", enableUnknown="false")
    rig.tell(sig.BadgeCached("KNOWN", "Accepted"))
    rig.plug()
    rig.badge("STRANGER")
    rig.badge("KNOWN")
    rig.run(5)
    assert [(judged.accepted, judged.why) for judged in rig.wished(sig.BadgeJudged)] == [
        (False, "the station decides: unknown badge"),
        (True, "cache"),
    ]
    assert rig.last("StartTransaction").id_tag == "KNOWN"


@pytest.mark.parametrize(("mode", "free"), [("1", True), ("2", False), ("5", False), ("0", False), ("3", False)])
def test_r_082_operating_mode_switches_badges_off_and_on(mode: str, free: bool) -> None:
    """Q-017: a value without meaning works as the default."""
    rig = idle(WALLBOX)
    assert rig.change("operatingMode", mode) == "Accepted"
    rig.plug()
    rig.run(10)
    assert rig.power() == free


def test_r_082_a_mode_without_meaning_leaves_a_key_station_without_badges() -> None:
    rig = idle(f"{WALLBOX}/key")
    for mode in ("2", "4"):
        assert rig.change("operatingMode", mode) == "Accepted"
    rig.plug()
    rig.run(10)
    assert rig.power()


def test_r_078_r_082_in_mode_5_the_reader_is_not_polled() -> None:
    rig = idle(WALLBOX, operatingMode="5")
    rig.plug()
    rig.badge()
    rig.run(5)
    assert [judged.accepted for judged in rig.wished(sig.BadgeJudged)] == [False]
    assert "operatingMode is 5" in rig.wished(sig.BadgeJudged)[0].why
    assert not rig.power()
    assert rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1)).status == "Accepted"
    rig.run(10)
    assert rig.power()


@pytest.mark.parametrize("model", [f"{WALLBOX}/key", f"{PARKING}/key"])
def test_r_080_r_081_a_command_lets_charge_where_nobody_is_asked_for_a_badge(model: str) -> None:
    rig = idle(model, ControlChargeByRemoteCommand="true")
    rig.plug()
    rig.run(10)
    assert not rig.power()
    assert rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1)).status == "Accepted"
    rig.run(10)
    assert rig.power()


# --- reset by a key --------------------------------------------------------------------------------------------------


def test_r_206_one_key_brings_every_key_back_itself_too() -> None:
    """Q-111: badges go as well; what is not yet told to the supervision stays."""
    rig = idle(CHARGE, DefaultIdTag="MINE", WebSocketPingInterval="7")
    rig.tell(sig.BadgeCached("FRIEND", "Accepted"))
    assert rig.change("TriggerBackendConfigurationDataReset", "false") == "Accepted"
    assert rig.value("DefaultIdTag") == "MINE"
    assert rig.change("TriggerBackendConfigurationDataReset", "true") == "Accepted"
    rig.run(1)
    assert not [key for key in rig.memory if key.startswith(("setting/", "cache/"))]
    assert not rig.connected, "its address is gone with the other keys"
    settings = rig.station.core.settings
    for spec in rig.model.keys.values():
        assert settings.text(spec.name) == settings.factory(spec.name), spec.name
    rig.power_cycle()
    assert rig.station.core.settings.text("DefaultIdTag") == "FreeCharge"


def test_r_206_a_charge_goes_on_over_the_reset_and_is_told_once_there_is_an_address() -> None:
    rig = idle(CHARGE)
    rig.plug()
    rig.ask(messages.RemoteStartTransaction(id_tag=TAG))
    rig.run(10)
    assert rig.change("TriggerBackendConfigurationDataReset", "true") == "Accepted"
    rig.run(60)
    assert rig.power()
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    rig.own(SupervisionUrl="ws://elsewhere.example/ocpp")
    rig.run(5)
    assert rig.last("StopTransaction").reason == "Local"


def test_r_216_plug_numbering_takes_effect_at_the_next_start() -> None:
    """Q-158: NumberOfConnectors is 2 after the restart."""
    rig = idle("evlink-pro-ac/socket-domestic")
    assert (rig.value("NumberOfConnectors"), len(rig.station.connectors)) == ("1", 1)
    assert rig.change("PlugNumberingMode", "1") == "RebootRequired"
    assert rig.value("NumberOfConnectors") == "1"
    rig.ask(messages.Reset(type="Soft"))
    rig.run(10)
    assert (rig.value("NumberOfConnectors"), len(rig.station.connectors)) == ("2", 2)


def test_keys_of_a_product_hold_in_any_model_that_has_them() -> None:
    """No model is asked for its name: what a product file says, the station does."""
    model = load(AC)
    other = msgspec.structs.replace(
        model,
        authentication=msgspec.structs.replace(model.authentication, reader=False, plug_starts_offline=True),
        quirks={**model.quirks, "supervision_watched": {"error": "17.0"}},
    )
    rig = Rig(other)
    rig.run(3)
    rig.cut()
    rig.plug()
    rig.run(10)
    assert (rig.power(), rig.view.vendor_error) == (True, "17.0")
