"""What stands around an EVlink station and who turns its key: modem, time server, remote system, button, sockets.

EVlink OCPP guide (6.3, 7.1, 8.1) and commissioning guide of the EVlink family.
"""

from itertools import pairwise

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.drivers.simulated import CARS
from chargepost.ocpp import messages
from chargepost.run import kept
from chargepost.run.given import Unfit, judge
from chargepost.station.core import datecode, serial_number
from tests.rules.rig import Rig

WALLBOX = "evlink-smart-wallbox"
CAR = CARS["Compact"]


def idle(model: str = WALLBOX, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(5)
    rig.forget()
    return rig


# --- datecodes (commissioning guide, At a Glance) --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "made", "runs"),
    [
        ("evlink-parking@R5", "15271", False),
        ("evlink-parking@R5", "15272", True),
        ("evlink-city@R5", "15401", False),
        ("evlink-city@R5", "15402", True),
        ("evlink-city@R4", "15401", True),
        ("evlink-smart-wallbox@R5", "12011", True),
    ],
)
def test_r_004_r_005_software_3101_refuses_a_board_that_is_too_old(model: str, made: str, runs: bool) -> None:
    serial = f"3N{made}0234A1S1B7551700014"
    if runs:
        assert judge("CP-1", load(model), {"SerialNumber": serial}).settings == {"serialnumber": serial}
    else:
        with pytest.raises(Unfit, match=f"greater than .*{made}: take another release"):
            judge("CP-1", load(model), {"SerialNumber": serial})


def test_r_004_r_005_a_serial_number_that_nobody_gave_is_new_enough() -> None:
    """And no two stations of a fleet share one."""
    serials = [serial_number(f"CP-{n}", 26) for n in range(1000)]
    codes = [datecode(serial) or 0 for serial in serials]
    assert len(set(serials)) == 1000
    assert {len(serial) for serial in serials} == {26}
    assert all(code > 15401 and 1 <= code // 10 % 100 <= 52 and 1 <= code % 10 <= 5 for code in codes)


def test_a_serial_number_that_was_given_is_the_one_that_is_told() -> None:
    rig = Rig("evlink-parking", settings={"SerialNumber": "3N152820234A1S1B7551700014"})
    rig.run(5)
    rig.power_cycle()  # it is told anew at each start
    rig.run(5)
    assert rig.said("BootNotification")[-1].charge_point_serial_number == "3N152820234A1S1B755170001"


# --- attached cables (commissioning guide, Socket-outlets) -----------------------------------------------------------


def test_a_t1_connector_is_at_the_end_of_an_attached_cable() -> None:
    """Nothing but a car can be plugged in, and the cable is no plug procedure that waits for one (event 14)."""
    rig = idle(f"{WALLBOX}/rfid-t1")
    assert not rig.hardware.plug_in(1, None, rig.now), "the cable is there already"
    rig.run(120)
    assert rig.view.status == "Available"
    rig.charge()
    assert rig.hardware.unplug(1, rig.now), "no lock holds the car"


# --- modem (OCPP guide, 6.3.3.1, 7.1, 8.1) ---------------------------------------------------------------------------


def modem_reads(rig: Rig) -> list[float]:
    return [when for when, wish in rig.wishes if isinstance(wish, sig.ReadModem)]


@pytest.mark.parametrize(("interval", "every_s"), [("60", 60), ("15", 15), ("5", 30), ("61", 30)])
def test_r_032_the_modem_is_read_in_its_rhythm(interval: str, every_s: int) -> None:
    """Q-014: out of range is stored as 0 and works as 30 s."""
    rig = idle(ModemPresent="true", confModemRetryInterval=interval)
    rig.run(400)
    reads = modem_reads(rig)
    assert {round(later - earlier, 6) for earlier, later in pairwise(reads)} == {every_s}
    assert rig.station.view(rig.now).modem == rig.hardware.modem.state


@pytest.mark.parametrize("lost", ["modem", "modem_signal"])
def test_r_243_r_285_silence_or_a_weak_signal_is_event_24_until_it_is_over(lost: str) -> None:
    rig = idle(ModemPresent="true")
    rig.hardware.set_input(lost, False)
    rig.run(31)
    last = rig.notification(0)
    assert (last.status, last.error_code, last.vendor_error_code) == ("Available", "WeakSignal", "24")
    seen = rig.station.view(rig.now).modem
    assert (seen is None) == (lost == "modem")
    rig.plug()
    rig.badge()
    rig.run(5)
    assert rig.power(), "it is a warning"
    rig.hardware.set_input(lost, True)
    rig.run(31)
    assert rig.notification(0).error_code == "NoError"


@pytest.mark.parametrize(("rssi", "good"), [(9, False), (10, True)])
def test_r_243_the_signal_must_be_at_least_10(rssi: int, good: bool) -> None:
    rig = idle(ModemPresent="true")
    rig.hardware.modem.state = msgspec.structs.replace(rig.hardware.modem.state, rssi=rssi)
    rig.run(31)
    assert (rig.view.vendor_error == "") == good


def test_r_033_the_modem_and_its_addresses_are_used_only_while_its_switch_is_on() -> None:
    """Factory value off (Q-012)."""
    rig = idle(ocppConfModemAddress="192.168.0.254", ocppConfSimModemAddress="10.94.197.21")
    rig.hardware.set_input("modem", False)
    rig.run(120)
    assert not modem_reads(rig)
    assert rig.station.view(rig.now).modem is None
    rig.own(ModemPresent="true")
    rig.run(1)
    asked = rig.wished(sig.ReadModem)
    assert asked == [sig.ReadModem("192.168.0.254", "10.94.197.21")]
    assert rig.view.vendor_error == "24"
    rig.own(ModemPresent="false")
    assert rig.view.vendor_error == ""
    rig.run(120)
    assert rig.wished(sig.ReadModem) == asked


def test_another_product_reads_no_modem() -> None:
    rig = idle("evlink-pro-ac")
    rig.run(120)
    assert not modem_reads(rig)


# --- time server (commissioning guide, Date and Time; OCPP guide, 7.1) -----------------------------------------------


def test_r_285_a_silent_time_server_is_event_31_until_it_answers() -> None:
    rig = idle(TimeSettings="NTP server")
    rig.tell(sig.NtpSilent("another.example"))
    assert rig.view.vendor_error == "", "that one is not asked any more"
    rig.tell(sig.NtpSilent("pool.ntp.org"))
    assert (rig.view.vendor_error, rig.notification(0).vendor_error_code) == ("31", "31")
    rig.tell(sig.ClockSet(rig.station.core.utc(rig.now), "the installer"))
    assert rig.view.vendor_error == "31"
    rig.tell(sig.ClockSet(rig.station.core.utc(rig.now), "NTP"))
    assert rig.view.vendor_error == ""


def test_r_285_a_date_set_by_hand_misses_no_time_server() -> None:
    rig = idle()
    rig.tell(sig.NtpSilent("pool.ntp.org"))
    assert rig.view.vendor_error == ""
    rig.own(TimeSettings="NTP server")
    rig.tell(sig.NtpSilent("pool.ntp.org"))
    rig.own(TimeSettings="Manually")
    assert rig.view.vendor_error == ""


# --- a remote system that is no supervision (commissioning guide, General settings; OCPP guide, 8.1) -----------------


def test_r_078_r_083_a_remote_system_lets_in_and_the_built_in_reader_does_not() -> None:
    """Nobody is asked, online or not; the same word again ends what it began."""
    rig = idle(authenticationManager="1")
    rig.plug()
    rig.badge()
    rig.run(5)
    assert not rig.power()
    assert "the reader is not used while authenticationManager is 1" in rig.wished(sig.BadgeJudged)[-1].why
    rig.tell(sig.RemoteAuthorized("REMOTE-1", 1))
    rig.run(5)
    assert rig.power()
    assert not rig.said("Authorize")
    assert rig.last("StartTransaction").id_tag == "REMOTE-1"
    rig.tell(sig.RemoteAuthorized("REMOTE-1", 1))
    rig.run(5)
    assert rig.last("StopTransaction").reason is msgspec.UNSET or rig.last("StopTransaction").reason == "Local"
    assert not rig.power()


def test_r_078_the_remote_system_is_obeyed_while_the_supervision_is_away() -> None:
    rig = idle(authenticationManager="1", enableUnknown="false")
    rig.cut()
    rig.plug()
    rig.tell(sig.RemoteAuthorized("REMOTE-1"))
    rig.run(5)
    assert rig.power()


def test_r_082_a_badge_from_a_remote_reader_is_judged_as_any_other() -> None:
    rig = idle(operatingMode="5")
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=messages.IdTagInfo(status="Blocked"))
    rig.plug()
    rig.tell(sig.RemoteAuthorized("STRANGER"))
    rig.run(5)
    assert not rig.power()
    del rig.answers["Authorize"]
    rig.tell(sig.RemoteAuthorized("FRIEND"))
    rig.run(5)
    assert [p.id_tag for p in rig.said("Authorize")] == ["STRANGER", "FRIEND"]
    assert rig.power()


@pytest.mark.parametrize("model", [WALLBOX, "evlink-pro-ac"])
def test_r_078_without_such_a_setting_no_remote_system_is_obeyed(model: str) -> None:
    rig = idle(model)
    rig.plug()
    rig.tell(sig.RemoteAuthorized("REMOTE-1", 1))
    rig.run(5)
    assert not rig.power()
    assert [judged.accepted for judged in rig.wished(sig.BadgeJudged)] == [False]


# --- the key in front, and the lamp (commissioning guide, chapter 2, General settings, Network) ----------------------

KEYS = pytest.mark.parametrize("model", [f"{WALLBOX}/key", "evlink-parking/key-two", "evlink-city/key"])


def lamp(rig: Rig, connector: int = 1) -> str:
    return rig.hardware.connector(connector).light


@KEYS
def test_a_station_with_a_key_reads_no_badge(model: str) -> None:
    rig = idle(model)
    rig.badge()
    assert "no badge reader" in rig.wished(sig.BadgeJudged)[0].why
    assert not rig.wished(sig.BadgeJudged)[0].accepted


@KEYS
def test_r_258_a_locked_station_lets_nobody_new_charge_and_shows_no_light(model: str) -> None:
    rig = idle(model)
    rig.hardware.press("key")
    rig.run(1)
    assert (rig.view.status, lamp(rig), rig.station.view(rig.now).key_locked) == ("Unavailable", "off", True)
    rig.plug()
    rig.run(10)
    assert not rig.power()
    assert rig.ask(messages.RemoteStartTransaction(id_tag="A1", connector_id=1)).status == "Rejected"
    rig.power_cycle()
    rig.run(10)
    assert not rig.power(), "the key stays where it is turned to"
    assert lamp(rig) == "off"
    rig.hardware.press("key", False)
    rig.run(10)
    assert rig.power()
    assert (rig.view.status, lamp(rig)) == ("Charging", "blue")


def test_a_charge_that_runs_goes_on_when_the_key_is_turned() -> None:
    rig = idle(f"{WALLBOX}/key")
    rig.plug()
    rig.run(10)
    rig.hardware.press("key")
    rig.run(10)
    assert (rig.view.status, lamp(rig)) == ("Charging", "blue")
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    assert (rig.view.status, lamp(rig)) == ("Finishing", "off")
    rig.unplug()
    assert rig.view.status == "Unavailable"


def test_r_081_locked_while_a_car_waits_for_a_command() -> None:
    """ControlChargeByRemoteCommand with a smart key lock: the command is refused while it is locked."""
    rig = idle(f"{WALLBOX}/key", ControlChargeByRemoteCommand="true")
    rig.plug()
    rig.hardware.press("key")
    rig.run(1)
    assert rig.view.status == "Preparing", "the table of 4.9 knows no way from Preparing to Unavailable"
    assert rig.ask(messages.RemoteStartTransaction(id_tag="A1", connector_id=1)).status == "Rejected"
    rig.unplug()
    assert rig.statuses()[-2:] == ["Available", "Unavailable"]
    rig.hardware.press("key", False)
    rig.plug()
    assert rig.ask(messages.RemoteStartTransaction(id_tag="A1", connector_id=1)).status == "Accepted"
    rig.run(10)
    assert rig.power()


def test_a_car_that_waited_in_vain_at_a_locked_station_is_prepared_for_once_it_is_unlocked() -> None:
    """Of two connectors: the table of 4.9 knows no way from Unavailable to Finishing."""
    rig = idle("evlink-parking/key-two", ControlChargeByRemoteCommand="true")
    rig.hardware.press("key")
    rig.plug()
    rig.run(60)
    assert rig.view.status == "Unavailable"
    rig.hardware.press("key", False)
    rig.run(1)
    assert rig.view.status == "Preparing"


@pytest.mark.parametrize("model", [WALLBOX, "evlink-pro-ac"])
def test_a_station_with_a_reader_has_no_key(model: str) -> None:
    rig = idle(model)
    rig.hardware.press("key")
    rig.charge()
    assert not rig.station.view(rig.now).key_locked


def test_r_258_the_lamp_goes_off_before_a_restart_and_is_green_after_it() -> None:
    rig = idle()
    assert rig.ask(messages.Reset(type="Soft")).status == "Accepted"
    rig.run(30)
    assert [wish.light for wish in rig.wished(sig.ShowLight)] == ["off", "green"]


# --- sockets that share a connector (commissioning guide, Socket-outlets; Pro AC guide, Parameters 2) ----------------

SHARED = pytest.mark.parametrize(
    "model", [f"{WALLBOX}/rfid-te", "evlink-city/rfid-two-te", "evlink-pro-ac/socket-domestic"]
)


@SHARED
def test_r_216_the_domestic_socket_has_the_number_of_its_t2_socket_and_its_own_rating(model: str) -> None:
    """Q-050: outlet n belongs to connector (n - 1) modulo NumberOfConnectors + 1; 10 A at the domestic socket."""
    rig = idle(model)
    last = len(rig.station.connectors)
    assert len(rig.hardware.connectors) == last
    assert rig.hardware.plug_in(last, CAR, rig.now, outlet="TE")
    rig.badge(connector=last)
    rig.run(10)
    view = rig.station.view(rig.now).connectors[last - 1]
    assert (view.status, view.offered_a) == ("Charging", 10)
    outlet = rig.hardware.connector(last)
    assert list(outlet.current_a) == [10, 0, 0]
    charged_wh = outlet.energy_wh
    rig.tell(sig.StopAsked(last))
    rig.run(5)
    assert rig.hardware.unplug(last, rig.now)
    assert outlet.spec.kind.startswith("T2"), "the socket in use, unless another is named"
    rig.run(1)
    assert rig.hardware.plug_in(last, CAR, rig.now)
    rig.badge(connector=last)
    rig.run(10)
    assert rig.hardware.connector(last).current_a[2] > 10, "three phases at the other socket"
    assert rig.hardware.connector(last).energy_wh > charged_wh, "one meter for both"


@pytest.mark.parametrize("rating", ["6", "8", "10"])
@pytest.mark.parametrize("mode", ["0", "1"])
def test_r_216_the_domestic_socket_of_the_pro_ac_is_rated_by_a_key(rating: str, mode: str) -> None:
    """IMaxEvseCapacityTE, whatever number the socket has (PlugNumberingMode)."""
    rig = idle("evlink-pro-ac/socket-domestic", PlugNumberingMode=mode, IMaxEvseCapacityTE=rating)
    rig.power_cycle()  # a numbering takes effect at the next start
    rig.run(5)
    number = int(mode) + 1
    assert len(rig.hardware.connectors) == number
    assert rig.hardware.plug_in(number, CAR, rig.now, outlet="TE")
    rig.badge(connector=number)
    rig.run(10)
    view = rig.station.view(rig.now).connectors[number - 1]
    assert view.offered_a == float(rating)
    assert rig.hardware.connector(number).current_a == (float(rating), 0, 0)


@pytest.mark.parametrize(("model", "code"), [("evlink-city/rfid-te", "14"), (f"{WALLBOX}/rfid-te", "")])
def test_only_one_of_two_sockets_is_used_and_on_the_city_both_at_once_are_event_14(model: str, code: str) -> None:
    """7.1, error 14: domestic and T2 or T3 connected on the same side."""
    rig = idle(model)
    rig.charge()
    assert rig.hardware.plug_in(1, CAR, rig.now, outlet="TE")
    rig.run(5)
    assert rig.view.vendor_error == code
    assert rig.power() == (not code)
    assert not rig.hardware.plug_in(1, CAR, rig.now, outlet="TE"), "it is taken"
    assert rig.hardware.unplug(1, rig.now, outlet="TE")
    assert not rig.hardware.unplug(1, rig.now, outlet="TE")
    rig.run(5)
    assert rig.view.vendor_error == ""


def test_the_second_plug_is_the_one_in_use_once_the_first_is_out() -> None:
    rig = idle("evlink-city/rfid-te")
    rig.plug()
    assert rig.hardware.plug_in(1, CAR, rig.now, outlet="TE")
    rig.run(1)
    rig.power_cycle()
    rig.run(5)
    assert rig.view.vendor_error == "14", "found again after a power cut"
    assert rig.hardware.unplug(1, rig.now)
    rig.run(5)
    assert (rig.view.vendor_error, rig.view.status) == ("", "Preparing")
    rig.badge()
    rig.run(10)
    assert rig.hardware.connector(1).current_a == (10, 0, 0)


def test_an_outlet_that_is_not_there_is_refused_with_words() -> None:
    rig = idle()
    with pytest.raises(ValueError, match="connector 1 has no outlet TE: T2"):
        rig.hardware.plug_in(1, CAR, rig.now, outlet="TE")


def test_r_216_another_numbering_keeps_what_is_plugged_and_lowers_no_register() -> None:
    rig = idle("evlink-pro-ac/socket-domestic")
    assert rig.hardware.plug_in(1, CAR, rig.now, outlet="TE")
    rig.badge()
    rig.run(600)
    before_wh, soc = rig.hardware.connector(1).energy_wh, rig.hardware.connector(1).soc
    assert before_wh > 100
    rig.own(PlugNumberingMode="1")
    rig.ask(messages.Reset(type="Hard"))
    rig.run(30)
    t2, te = rig.hardware.connectors
    assert (t2.plugged, te.plugged, te.spec.kind) == (False, True, "TE")
    assert te.soc == pytest.approx(soc, abs=0.1)
    assert min(t2.energy_wh, te.energy_wh) >= before_wh
    rig.badge(connector=2)
    rig.run(600)
    assert te.energy_wh > t2.energy_wh + 100
    rig.own(PlugNumberingMode="0")
    rig.ask(messages.Reset(type="Hard"))
    rig.run(30)
    (both,) = rig.hardware.connectors
    assert (both.plugged, both.spec.kind) == (True, "TE")
    assert both.energy_wh >= te.energy_wh


def test_r_216_the_socket_in_use_outlives_the_process() -> None:
    model, now = load("evlink-pro-ac/socket-domestic"), 100.0
    memory: dict[str, bytes] = {}
    hardware = kept.build(model, memory, now, seed=1)
    assert hardware.plug_in(1, CAR, now, outlet="TE")
    later = kept.build(model, kept.puts(hardware.connectors), now, seed=1)
    (outlet,) = later.connectors
    assert (outlet.plugged, outlet.spec.kind, outlet.cable_rating_a) == (True, "TE", 10)


# --- phases of a charge (commissioning guide, Socket-outlets) --------------------------------------------------------


@pytest.mark.parametrize(("car", "offered_a"), [("City car", 9), ("Compact", 0), ("Two-phase", 0)])
def test_r_303_a_single_phase_car_at_a_three_phase_station_has_the_single_phase_floor(
    car: str, offered_a: float
) -> None:
    """As far as its meter has seen the charge: monophasedLoadSheddingFloorValue 8 A, triphased... 14 A."""
    rig = idle(loadSheddingSetPoint="9", meterValueSampleInterval="15")
    rig.plug(CARS[car])
    rig.badge()
    rig.run(31)
    rig.tell(sig.InputChanged("load_shedding", True))
    rig.run(5)
    assert rig.view.offered_a == offered_a
    rig.run(60)
    assert rig.view.offered_a == offered_a, "a pause does not change what it is"


def test_r_303_the_domestic_socket_of_a_three_phase_station_has_it_too() -> None:
    rig = idle(f"{WALLBOX}/rfid-te", loadSheddingSetPoint="9")
    assert rig.hardware.plug_in(1, CAR, rig.now, outlet="TE")
    rig.badge()
    rig.run(10)
    rig.tell(sig.InputChanged("load_shedding", True))
    rig.run(5)
    assert rig.view.offered_a == 9
