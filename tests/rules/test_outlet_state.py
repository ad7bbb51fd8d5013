"""One outlet in the words of the commissioning guide (Maintenance, Status): every value of every list, and when.

R-341 to R-346; numbers of the Modbus registers 6 and 9.
"""

import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from chargepost.station import electrics, pilot
from tests.rules.rig import CAR, TAG, Rig, info, utc


def state(rig: Rig, connector: int = 1) -> sig.OutletState:
    return rig.station.outlet_state(connector, rig.now)


def parked(model: str = "evlink-parking/rfid", **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    return rig


def words(table: tuple[electrics.Line, ...]) -> list[str]:
    return [row.name for row in table]


# --- the lists are complete ------------------------------------------------------------------------------------------


def test_r_342_ev_state_has_the_nine_values_of_the_guide_with_their_voltages() -> None:
    """R-342; state D is with ventilation required (Q-055)."""
    assert {row.guide: row.voltage_v for row in pilot.STATES.values()} == {
        "A_Not_Present_12V": 12,
        "B_Present_9V": 9,
        "B_Present_Asked_9V_M12V": 9,
        "C_Ready_6V": 6,
        "C_Ready_6V_M12V": 6,
        "D_Ready_VR_3V": 3,
        "D_Ready_VR_3V_M12V": 3,
        "E_ShortCut": 0,
        "F_NotAvailable": -12,
    }
    for row in pilot.STATES.values():
        assert row.modulated == row.guide.endswith("M12V")


def test_r_343_evse_status_has_thirteen_lines() -> None:
    """Two of them hold one of two words: fifteen. Misprints are set right (Q-056)."""
    assert len(words(electrics.EVSE_STATUS)) == len(set(words(electrics.EVSE_STATUS))) == 15
    assert "Booked_Plc_Cmd_Received" in words(electrics.EVSE_STATUS)
    assert "Unavailable_OCPP_Cmd_Received" in words(electrics.EVSE_STATUS)


def test_r_344_outlet_status_has_fourteen_values() -> None:
    assert len(set(words(electrics.OUTLET_STATUS))) == 14


def test_r_345_outlet_last_error_has_fifteen_values() -> None:
    assert len(set(electrics.LAST_ERRORS)) == 15


def test_cpw_state_and_last_charge_have_every_number_of_their_registers() -> None:
    """Modbus registers 6 and 9; 3 is not used."""
    assert sorted(row.number for row in electrics.CPW_STATES) == [0, 1, 2, *range(4, 16)]
    assert sorted(electrics.LAST_CHARGE) == [*range(16), 69, 70, 73, 74, 75, 76, 77, 254, 255]


# --- a charge, step by step ------------------------------------------------------------------------------------------


def test_a_charge_is_told_step_by_step() -> None:
    """R-341, R-342, R-344: from the free socket through the charge to the free socket."""
    rig = Rig("evlink-parking/rfid")
    assert state(rig).outlet_status == "OK_InitDone"
    rig.run(3)
    free = state(rig)
    assert (free.cable_state, free.ev_state, free.cpw_state, free.cpw_number) == (
        "Not_Plugged",
        "A_Not_Present_12V",
        "EVSE_Available_StateA",
        1,
    )
    assert (free.outlet_status, free.outlet_last_error) == ("OK_ChargeAuthorisationStarted", "Not_Initialized")
    assert (free.last_charge, free.last_charge_number) == ("Not_Initialized", 255)
    rig.badge()
    assert state(rig).outlet_status == "OK_PlugProcedureStarted"
    rig.plug(None)
    assert (state(rig).cable_state, state(rig).cpw_number) == ("32 A", 2)
    assert rig.hardware.plug_car(1, CAR, rig.now)
    rig.run(0.1)
    assert (state(rig).ev_state, state(rig).cpw_number) == ("B_Present_Asked_9V_M12V", 7)
    rig.run(10)
    charging = state(rig)
    assert (charging.ev_state, charging.cpw_state, charging.cpw_number) == ("C_Ready_6V_M12V", "EV_Charging_StateC2", 9)
    assert charging.outlet_status == "OK_ChargeLoopStarted"
    assert charging.outputs == (("contactor", True), ("lock", True))
    assert charging.evse_status == ("Normal_Mode_3", "Three-Phase")
    rig.badge()
    rig.run(3)
    assert (state(rig).outlet_status, state(rig).last_charge) == ("OK_UnplugProcedureStarted", "OK")
    rig.unplug()
    assert state(rig).outlet_status == "OK_ChargeAuthorisationStarted"


def test_a_plugged_car_that_nobody_has_let_in_is_connected_without_modulation() -> None:
    rig = parked()
    rig.plug()
    assert (state(rig).ev_state, state(rig).cpw_number) == ("B_Present_9V", 4)


@pytest.mark.parametrize(("rating_a", "word"), [(13, "13 A"), (20, "20 A"), (32, "32 A"), (63, "63 A_OR_70 A")])
def test_r_341_cable_state_is_what_the_cable_can_carry(rating_a: float, word: str) -> None:
    rig = parked()
    rig.hardware.plug_in(1, CAR, rig.now, rating_a)
    rig.run(1)
    assert state(rig).cable_state == word


def test_r_342_a_short_circuit_and_a_missing_pilot_have_their_own_words() -> None:
    rig = parked()
    rig.charge()
    rig.hardware.short_pilot(1, True, rig.now)
    rig.run(3)
    told = state(rig)
    assert (told.ev_state, told.cpw_number, told.last_charge) == ("E_ShortCut", 14, "Short_Cut")
    rig.tell(sig.PilotChanged(1, "F"))
    assert state(rig).ev_state == "F_NotAvailable"


# --- what there is to say besides ------------------------------------------------------------------------------------


def test_r_343_what_the_supervision_and_other_systems_say() -> None:
    rig = parked()
    c = rig.station.connectors[0]
    c.operative = False
    c.modes = frozenset({"booked", "suspended", "unavailable", "maintenance", "postponed", "cluster", "vip"})
    assert state(rig).evse_status == (
        "Normal_Mode_3",
        "Cluster_Mode",
        "Three-Phase",
        "VIP_badge_mode",
        "Unavailable_OCPP_Cmd_Received",
        "Charge_Postpone",
        "Maintenance_Plc_Cmd_Received",
        "Booked_Plc_Cmd_Received",
        "Suspend_Plc_Cmd_Received",
        "Unavailable_Plc_Cmd_Received",
    )
    assert state(rig).outlet_status == "OK_MaintenanceCity"
    assert state(rig).cpw_state == "EVSE_Not_Available"


def test_r_343_no_current_to_give_is_too_little_energy() -> None:
    rig = parked(maxIntensitySocket="0")
    rig.plug()
    rig.badge()
    rig.run(3)
    assert "not_Enough_Energy_To_Start_Charge" in state(rig).evse_status


def test_r_343_a_domestic_cable_is_single_phase() -> None:
    rig = parked("evlink-parking/rfid-te")
    assert rig.hardware.plug_in(1, CAR, rig.now, outlet="TE")
    rig.run(1)
    assert state(rig).evse_status == ("Normal_Mode_3", "Single-Phase", "Domestic_cable_detected")


# --- how the last charge ended ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "number"), [("6", 69), ("7", 70), ("11", 0), ("17", 4), ("19", 6), ("21", 8), ("22", 10), ("8", 254)]
)
def test_an_error_that_ends_a_charge_says_how_it_ended(code: str, number: int) -> None:
    rig = parked()
    rig.charge()
    rig.tell(sig.FaultRaised(1, code))
    rig.run(3)
    assert state(rig).last_charge_number == number


@pytest.mark.parametrize(("button", "number"), [("emergency_stop", 75), ("stop", 1)])
def test_a_button_ends_a_charge(button: str, number: int) -> None:
    rig = parked()
    rig.charge()
    rig.hardware.press(button)
    rig.run(3)
    assert state(rig).last_charge_number == number


def test_the_supervision_cancels_a_charge() -> None:
    rig = parked()
    rig.charge()
    rig.ask(messages.RemoteStopTransaction(transaction_id=501))
    rig.run(3)
    assert state(rig).last_charge == "Cancelled_By_Supervisor"


# --- the last error --------------------------------------------------------------------------------------------------


def test_r_345_a_badge_nobody_knows_and_the_error_is_kept() -> None:
    """R-345: after the error is over it is still shown."""
    rig = parked()
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info("Invalid"))
    rig.badge("STRANGER")
    assert state(rig).outlet_last_error == "KO_BadgeUnknown"
    rig.answers.clear()
    rig.charge()
    assert state(rig).outlet_last_error == "KO_BadgeUnknown"


def test_r_345_a_badge_of_somebody_else() -> None:
    """R-345: during a charge it is not the current user's, on a reserved outlet not the booker's (Q-056)."""
    rig = parked()
    rig.charge()
    rig.badge("OTHER")
    assert state(rig).outlet_last_error == "KO_BadgeIsNotTheCurrentUser"
    rig = parked()
    until = utc(rig).replace(year=2030)
    rig.ask(messages.ReserveNow(connector_id=1, expiry_date=until, id_tag=TAG, reservation_id=7))
    rig.run(1)
    rig.badge("OTHER")
    assert state(rig).outlet_last_error == "KO_BadgeIsNotTheBooker"


def test_r_345_nobody_plugs_in() -> None:
    rig = parked()
    rig.badge()
    rig.run(40)
    assert state(rig).outlet_last_error == "KO_PlugNotDetected"


def test_r_345_nobody_opens_the_shutter() -> None:
    """R-345: on the City the shutter comes before the plug."""
    rig = parked("evlink-city/rfid")
    rig.badge()
    rig.run(40)
    assert state(rig).outlet_last_error == "KO_ShutterNotOpened"


def test_r_345_a_cable_without_a_car() -> None:
    rig = parked()
    rig.badge()
    rig.plug(None)
    rig.run(70)
    assert state(rig).outlet_last_error == "KO_EvNotDetected"


def test_r_345_a_lock_that_does_not_lock_or_does_not_let_go() -> None:
    rig = parked()
    rig.hardware.jam_lock(1, True)
    rig.plug()
    rig.badge()
    rig.run(3)
    assert state(rig).outlet_last_error == "KO_PlugOrShutterAbnormallyNotLocked"
    rig = parked()
    rig.charge()
    rig.hardware.jam_lock(1, True)
    rig.badge()
    rig.run(3)
    assert state(rig).outlet_last_error == "KO_PlugOrShutterAbnormallyLocked"


def test_r_345_a_plug_that_comes_loose_during_the_charge() -> None:
    rig = parked()
    rig.charge()
    rig.tell(sig.LockChanged(1, locked=False))
    assert state(rig).outlet_last_error == "KO_UnlockPlugInCharge"


def test_r_345_r_346_an_open_shutter_during_the_charge_is_of_the_city_only() -> None:
    for model, word in (("evlink-city/rfid", "KO_OnStreetOpenShutterInCharge"), ("evlink-parking/rfid", "")):
        rig = parked(model)
        rig.charge()
        rig.hardware.set_input("shutter", True)
        rig.run(1)
        assert state(rig).outlet_last_error == (word or "Not_Initialized")


def test_r_345_a_fault_while_plugging_in_or_out() -> None:
    rig = parked()
    rig.badge()
    rig.tell(sig.FaultRaised(1, "18"))
    assert state(rig).outlet_last_error == "KO_PlugProcedureError"
    rig = parked()
    rig.charge()
    rig.badge()
    rig.run(3)
    rig.tell(sig.FaultRaised(1, "18"))
    assert state(rig).outlet_last_error == "KO_UnplugProcedureError"


def test_r_345_what_is_left_after_a_charge() -> None:
    """R-345: a minute after the charge the car, the cable or the open shutter is still there."""
    rig = parked()
    rig.charge()
    rig.badge()
    rig.run(70)
    assert state(rig).outlet_last_error == "KO_EVStillDetected"
    rig = parked()
    rig.charge()
    rig.badge()
    rig.hardware.unplug_car(1, rig.now)
    rig.run(70)
    assert state(rig).outlet_last_error == "KO_PlugStillDetected"
    rig = parked("evlink-city/rfid")
    rig.charge()
    rig.badge()
    rig.run(3)
    rig.unplug()
    rig.hardware.set_input("shutter", True)
    rig.run(70)
    assert state(rig).outlet_last_error == "KO_ShutterNotClosed"


def test_an_outlet_that_there_is_not_is_named() -> None:
    with pytest.raises(IndexError, match="no connector 2: this station has 1 to 1"):
        state(parked(), 2)
