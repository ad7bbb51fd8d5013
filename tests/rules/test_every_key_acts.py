"""Each key that can be written does what it says, or its product file says why it does nothing.

A row below writes one key, as its access allows, and looks at what a driver or the central system can see of it. It is
run for the newest release of each line that has the key; older releases have no key without a row.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.load import releases
from chargepost.catalogue.model import KeySpec, Model
from chargepost.ocpp import messages
from tests.rules.rig import CAR, SILENCE, TAG, Refuse, Rig, info

LINES = list(releases())
ALL = [f"{line}@{release}" for line, known in releases().items() for release in known]


def inner(spec: KeySpec) -> str:
    """The name a rule knows the key by, whatever the product calls it."""
    return (spec.setting or spec.name).lower()


def writable(model: Model) -> list[KeySpec]:
    return [spec for spec in model.keys.values() if spec.access != "R"]


class Key:
    """A key of an idle station, and the hands of whoever tries it."""

    def __init__(self, model: str, name: str, *, tolerant: bool = False) -> None:
        self.name = name
        self.line = model
        self.rig = Rig(model, tolerant=tolerant)
        self.rig.run(3)
        self.rig.forget()

    def write(self, value: str) -> None:
        """As the product allows, with the restart it may ask for."""
        spec = self.rig.model.key(self.name)
        assert spec
        if spec.ocpp_writes:
            assert self.rig.change(self.name, value) == ("RebootRequired" if spec.reboot else "Accepted")
        else:
            self.rig.own(**{self.name: value})
        if spec.reboot:
            self.restart()

    def own(self, **settings: str) -> None:
        self.rig.own(**settings)

    def restart(self) -> None:
        self.rig.ask(messages.Reset(type="Soft"))
        self.rig.run(5)

    def has(self, name: str) -> bool:
        return self.rig.model.key(name) is not None

    def let_in(self) -> None:
        """A badge, or where there is no reader a command."""
        if self.rig.model.authentication.reader:
            self.rig.badge()
        else:
            self.rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
        self.rig.run(10)

    def charge(self) -> None:
        self.rig.plug()
        self.let_in()
        assert self.rig.power(), f"no power: {self.rig.view}"

    def stop(self) -> None:
        self.rig.tell(sig.StopAsked(1))
        self.rig.run(5)

    def free(self) -> None:
        """Nobody is asked for a badge from here on."""
        if self.has("operatingMode"):
            self.own(operatingMode="1")
        elif self.has("AuthenticationOCPPMode"):
            self.own(AuthenticationOCPPMode="false")
        else:
            self.rig.cut()

    def measurands(self) -> set[str]:
        return {v.measurand for p in self.rig.said("MeterValues") for v in p.meter_value[0].sampled_value}

    def sampled_s(self) -> set[int]:
        """The distances of the samples."""
        at = [p.meter_value[0].timestamp.timestamp() for p in self.rig.said("MeterValues")]
        return {round(later - earlier) for earlier, later in pairwise(at)}

    def waits_for_an_answer_s(self) -> float:
        """How long a Heartbeat waits for its answer."""
        self.rig.answers["Heartbeat"] = SILENCE
        self.rig.ask(messages.TriggerMessage(requested_message="Heartbeat"))
        began = self.rig.now
        while self.rig.station.talk.session.open is not None and self.rig.now < began + 100:
            self.rig.run(1)
        return self.rig.now - began

    def lamp(self) -> int:
        return self.rig.hardware.connector(1).intensity_percent


# --- rows: each writes the key and sees its effect -------------------------------------------------------------------


def unknown_badges_offline(k: Key) -> None:
    k.write("false")
    k.rig.cut()
    k.rig.plug()
    k.let_in()
    assert not k.rig.power()
    k.own(**{k.name: "true"})
    k.let_in()
    assert k.rig.power()


def cable_may_stay(k: Key) -> None:
    k.write("true")
    k.charge()
    k.rig.hardware.unplug_car(1, k.rig.now)
    k.rig.run(90)
    assert k.rig.view.vendor_error == ""


def who_decides(k: Key) -> None:
    k.write("0")
    k.charge()
    assert not k.rig.said("Authorize")


def badges_are_asked_for(k: Key) -> None:
    k.write("false")
    k.rig.plug()
    k.rig.run(10)
    assert k.rig.power()


def cache(k: Key) -> None:
    k.write("true")
    assert k.rig.ask(messages.ClearCache()).status == "Accepted"
    k.write("false")
    assert k.rig.ask(messages.ClearCache()).status == "Rejected"


def password(k: Key) -> None:
    k.write("a secret of 20 chars")
    k.restart()
    assert k.rig.dials[-1][1].password == b"a secret of 20 chars"


def remote_starts_are_authorized(k: Key) -> None:
    k.write("false")
    k.rig.plug()
    k.rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    k.rig.run(10)
    assert k.rig.power()
    assert not k.rig.said("Authorize")


def identity(k: Key) -> None:
    k.write("Post 7")
    k.rig.run(5)
    assert k.rig.dials[-1][1].url.endswith("/Post%207")


def aligned(k: Key) -> None:
    k.write("60")
    k.rig.run(61)
    assert {p.meter_value[0].sampled_value[0].context for p in k.rig.said("MeterValues")} == {"Sample.Clock"}


def modem_interval(k: Key) -> None:
    k.own(**{str(k.rig.model.quirks["modem_retry_zero"]["switch_key"]): "true"})
    k.write("15")
    k.rig.run(1)
    k.rig.forget()
    k.rig.run(60)
    assert len(k.rig.wished(sig.ReadModem)) == 4


def connection_time_out(k: Key) -> None:
    k.write("20")
    k.rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    k.rig.run(18)
    assert k.rig.view.status == "Preparing"
    k.rig.run(4)
    assert k.rig.view.status == "Available"


def commands_only(k: Key) -> None:
    k.write("true")
    k.own(operatingMode="1")
    k.rig.plug()
    k.rig.run(10)
    assert not k.rig.power()


def default_tag(k: Key) -> None:
    k.write("GUEST")
    k.free()
    k.rig.plug()
    k.rig.run(10)
    assert k.rig.view.transaction
    assert k.rig.view.transaction.id_tag == "GUEST"


def offline_interval(k: Key) -> None:
    k.charge()
    k.rig.cut()
    k.own(**{k.name: "7"})
    k.rig.forget()
    k.rig.run(60)
    k.rig.mend_at_once()
    k.rig.run(2)
    assert 7 in k.sampled_s()


def loop(k: Key) -> None:
    k.write("true")
    k.rig.tell(sig.InputChanged("detection_loop", True))
    k.rig.run(1)
    assert k.rig.said("DataTransfer")


def mode_of_the_tic(k: Key) -> None:
    """Of the reference that has the interface."""
    k.rig = Rig("schneider-charge/Evh5A22N400F")
    k.rig.run(3)
    k.write("1")
    k.rig.tell(sig.TicRead(sig.Tic("standard", 30.0, (20.0, 0.0, 0.0))))
    k.rig.run(1)
    assert k.rig.view.limit_source == "TIC: 30 A subscribed"


def output_voltage(k: Key) -> None:
    k.write("true")
    k.charge()
    k.rig.run(61)
    assert "Voltage" in k.measurands()


def remote_start_without_a_car(k: Key) -> None:
    k.write("false")
    assert k.rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1)).status == "Rejected"


def button(k: Key) -> None:
    k.write("true")
    k.charge()
    k.rig.tell(sig.ButtonPressed("suspend"))
    k.rig.run(5)
    assert not k.rig.power()


def heartbeat(k: Key) -> None:
    k.write("20")
    k.rig.run(45)
    assert len(k.rig.said("Heartbeat")) == 2


def two_points_share(k: Key, budget_a: str) -> tuple[float, float]:
    """What both are offered, where the supply is too small for two; the second began an hour after the first."""
    k.own(maxIntensityStation=budget_a)
    for connector, wait_s in ((1, 3600), (2, 20)):
        k.rig.plug(CAR, connector)
        k.rig.ask(messages.RemoteStartTransaction(id_tag=f"{TAG[:-1]}{connector}", connector_id=connector))
        k.rig.run(wait_s)
    first, second = k.rig.station.view(k.rig.now).connectors
    return first.offered_a, second.offered_a


def who_is_shed(k: Key) -> None:
    """Who began first has also delivered the most: with 0 and 1 it is shed. So the second is made to deliver more."""
    k.write("0")
    assert two_points_share(k, "24") == (0, 24)
    k.rig.run(2 * 3600)
    k.write("1")
    k.rig.run(20)
    first, second = k.rig.station.view(k.rig.now).connectors
    assert first.offered_a >= 14 > second.offered_a == 0, "it has charged for one hour, the other for two"


def energy_is_managed(k: Key) -> None:
    if k.has("LoadBalancing"):
        assert two_points_share(k, "32") == (16, 16)
        k.write("0")
        k.rig.run(20)
        assert [c.offered_a for c in k.rig.station.view(k.rig.now).connectors] == [32, 32]
    if "SetChargingProfile" in k.rig.model.messages.answers:
        profiles_are_looked_at(k)


def profiles_are_looked_at(k: Key) -> None:
    period = messages.ChargingSchedulePeriod(start_period=0, limit=8)
    schedule = messages.ChargingSchedule(charging_rate_unit="A", charging_schedule_period=(period,))
    profile = messages.ChargingProfile(
        charging_profile_id=1, stack_level=0, charging_profile_purpose="TxDefaultProfile",
        charging_profile_kind="Relative", charging_schedule=schedule,
    )  # fmt: skip
    ask = messages.SetChargingProfile(connector_id=1, cs_charging_profiles=profile)
    k.write("1")
    assert k.rig.ask(ask).status == "Rejected"
    k.write("2")
    assert k.rig.ask(ask).status == "Accepted"


def current(k: Key) -> None:
    """15 A: less than 14 is nothing for a charge on three phases, where the station divides its power (R-300)."""
    k.write("15")
    k.charge()
    assert (k.rig.view.offered_a, k.rig.view.limit_source) == (15, f"setting {k.name}")


def day(k: Key) -> None:
    """One of the two hours, moved so that it is day or night always."""
    k.own(LightIntensity="90", LedNightIntensity="10")
    k.own(LedDayStartHour="00:00", LedDayEndHour="00:00")
    k.rig.run(1)
    assert k.lamp() == 90
    k.write("23:59" if "Start" in k.name else "00:01")
    k.rig.run(1)
    assert k.lamp() == 10


def light(k: Key) -> None:
    k.own(LedDayStartHour="00:00", LedDayEndHour="00:00")
    k.write("33")
    assert k.lamp() == 33


def night_light(k: Key) -> None:
    k.own(LedDayStartHour="00:00", LedDayEndHour="00:01")
    k.write("3")
    assert k.lamp() == 3


def shed(k: Key) -> None:
    """The wired contact that limits, where it has to be said that it does."""
    if k.rig.model.key("Input1Function"):
        k.own(Input1Function="Load-shedding")
    k.rig.tell(sig.InputChanged("load_shedding", True))


def set_point(k: Key) -> None:
    k.write("15")
    k.charge()
    shed(k)
    k.rig.run(5)
    assert k.rig.view.offered_a == 15


def floor_of_three_phases(k: Key) -> None:
    k.own(loadSheddingSetPoint="15")
    shed(k)
    k.write("16")
    k.rig.plug()
    k.let_in()
    assert (k.rig.view.offered_a, k.rig.view.status) == (0, "SuspendedEVSE")


def floor_of_one_phase(k: Key) -> None:
    single = Key(f"{k.line}/rfid-te-only", k.name)
    single.own(loadSheddingSetPoint="9")
    shed(single)
    single.rig.plug(CAR)
    single.let_in()
    assert single.rig.view.offered_a == 9
    single.write("10")
    single.rig.run(5)
    assert (single.rig.view.offered_a, single.rig.view.status) == (0, "SuspendedEVSE")


def known_badges_offline(k: Key) -> None:
    k.own(AuthorizationCacheEnabled="true")
    k.rig.tell(sig.BadgeCached(TAG, "Accepted"))
    k.write("false")
    k.rig.cut()
    k.rig.plug()
    k.let_in()
    assert not k.rig.power()


def local_list(k: Key) -> None:
    assert k.rig.ask(messages.GetLocalListVersion()).list_version == -1
    k.write("true")
    assert k.rig.ask(messages.GetLocalListVersion()).list_version == 0
    listed = messages.AuthorizationData(id_tag=TAG, id_tag_info=info())
    send = messages.SendLocalList(list_version=1, update_type="Full", local_authorization_list=(listed,))
    assert k.rig.ask(send).status == "Accepted"
    k.own(AllowOfflineTxForUnknownId="false", LocalAuthorizeOffline="true")
    k.rig.cut()
    k.charge()


def known_badges_at_once(k: Key) -> None:
    k.own(AuthorizationCacheEnabled="true")
    k.rig.tell(sig.BadgeCached(TAG, "Accepted"))
    k.write("true")
    k.charge()
    assert not k.rig.said("Authorize")


def request_time_out(k: Key) -> None:
    k.write("11")
    assert k.waits_for_an_answer_s() == pytest.approx(11, abs=1)


def aligned_values(k: Key) -> None:
    k.own(ClockAlignedDataInterval="60")
    k.write("Current.Offered")
    k.rig.run(61)
    assert k.measurands() == {"Current.Offered"}


def sample_interval(k: Key) -> None:
    k.write("15")
    k.charge()
    k.rig.run(60)
    assert k.sampled_s() == {15}


def sampled_values(k: Key) -> None:
    k.own(MeterValueSampleInterval="15")
    k.write("Current.Offered")
    k.charge()
    k.rig.run(31)
    assert k.measurands() == {"Current.Offered"}


def stable_status(k: Key) -> None:
    k.write("20")
    k.rig.plug()
    k.rig.run(17)
    assert k.rig.statuses() == []
    k.rig.run(5)
    assert k.rig.statuses() == ["Preparing"]


def silence(k: Key) -> None:
    k.write("8")
    k.rig.run(60)
    assert not k.rig.wished(sig.HangUp), "pongs are signs of life"
    k.rig.pongs = False
    k.rig.answers["Heartbeat"] = SILENCE
    k.rig.run(13)
    assert k.rig.wished(sig.HangUp)


def ocpp_off(k: Key) -> None:
    k.write("false")
    k.rig.run(60)
    assert not k.rig.connected


def mode(k: Key) -> None:
    k.write("1")
    k.rig.plug()
    k.rig.run(10)
    assert k.rig.power()


def plug_numbers(k: Key) -> None:
    both = Key(f"{k.line}/socket-domestic", k.name)
    both.write("1")
    assert both.rig.value("NumberOfConnectors") == "2"


def boot_again(k: Key) -> None:
    k.write("25")
    k.rig.answers["BootNotification"] = Refuse()
    k.restart()
    k.rig.run(60)
    first, second, *_ = k.rig.said_at("BootNotification")
    assert round(second - first) == 25


def resume(k: Key) -> None:
    k.write("30")
    k.charge()
    k.rig.power_cycle()
    k.rig.run(20)
    assert not k.rig.power()
    k.rig.run(20)
    assert k.rig.power()


def badge_time_out(k: Key) -> None:
    k.write("4")
    k.rig.answers["Authorize"] = SILENCE
    k.rig.plug()
    k.rig.badge()
    k.rig.run(2)
    assert not k.rig.wished(sig.BadgeJudged)
    k.rig.run(2)
    assert k.rig.wished(sig.BadgeJudged)


def self_signed(k: Key) -> None:
    k.write("true")
    k.restart()
    assert k.rig.dials[-1][1].accept_self_signed


def car_may_leave(k: Key) -> None:
    k.write("false")
    k.charge()
    k.rig.hardware.unplug_car(1, k.rig.now)
    k.rig.run(10)
    assert not k.rig.said("StopTransaction")


def refused_start_goes_on(k: Key) -> None:
    k.write("false")
    k.rig.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=7, id_tag_info=info("Blocked"))
    k.rig.plug()
    k.let_in()
    assert k.rig.said("StartTransaction")
    assert not k.rig.said("StopTransaction")


def kept_values(k: Key) -> None:
    """What StopTransaction carries."""
    k.own(ClockAlignedDataInterval="60", MeterValueSampleInterval="60")
    k.write("Current.Offered")
    k.charge()
    k.rig.run(200)
    k.stop()
    data = k.rig.last("StopTransaction").transaction_data
    assert len(data) >= 2
    assert {value.measurand for point in data for value in point.sampled_value} == {"Current.Offered"}


def kept_apart(k: Key) -> None:
    k.own(StopTxnSampledData="Current.Offered", MeterValueSampleInterval="10")
    k.write("100")
    k.charge()
    k.rig.run(250)
    k.stop()
    stamps = [point.timestamp.timestamp() for point in k.rig.last("StopTransaction").transaction_data]
    assert len(stamps) == 4, "begin, two samples, end"


def address(k: Key) -> None:
    k.write("ws://elsewhere.example/x")
    k.rig.run(5)
    assert k.rig.dials[-1][1].url.startswith("ws://elsewhere.example/x/")


def modem_address(k: Key) -> None:
    k.own(ModemPresent="true")
    k.write("http://192.168.0.1/")
    k.rig.run(31)
    assert k.rig.view.vendor_error == "24"
    k.write("http://192.168.0.254/")
    k.rig.run(31)
    assert k.rig.view.vendor_error == ""


def way(wrong: str, cause: str, **also: str) -> Callable[[Key], None]:
    """With this value, after the restart, the supervision cannot be reached any more."""

    def row(k: Key) -> None:
        k.own(**{"DhcpEnabled": "false"} | also)
        k.write(k.rig.station.core.settings.factory(k.name))
        before = k.rig.hardware.obstacle("central.example")
        k.write(wrong)
        after = k.rig.hardware.obstacle("central.example")
        assert (before and before.cause, after and after.cause) == (None, cause)

    return row


def sent_times(k: Key, attempts: str, interval: str) -> list[float]:
    """When StopTransaction was sent while the central system fails to process it."""
    k.own(TransactionMessageAttempts=attempts, TransactionMessageRetryInterval=interval)
    k.charge()
    k.rig.answers["StopTransaction"] = Refuse()
    k.stop()
    k.rig.run(600)
    return k.rig.said_at("StopTransaction")


def attempts(k: Key) -> None:
    k.write("4")
    assert len(sent_times(k, "4", "1")) == 4


def retry_interval(k: Key) -> None:
    k.write("40")
    first, second = sent_times(k, "2", "40")
    assert round(second - first) == 40


def reset(k: Key) -> None:
    k.own(DefaultIdTag="MINE")
    k.write("true")
    k.rig.run(1)
    assert k.rig.station.core.settings.text("DefaultIdTag") == "FreeCharge"


def cut_serials(k: Key) -> None:
    long = Key(k.line, k.name, tolerant=True)
    assert len(str(long.rig.station.talk.boot_notification().charge_box_serial_number)) > 25
    long.write("true")
    long.restart()
    boot = long.rig.last("BootNotification")
    assert max(len(boot.charge_box_serial_number), len(boot.charge_point_serial_number)) <= 25


def cable_stays_locked(k: Key) -> None:
    k.write("false")
    k.charge()
    k.rig.hardware.unplug_car(1, k.rig.now)
    k.rig.run(10)
    assert k.rig.said("StopTransaction")
    assert k.rig.locked()


def estimate(k: Key) -> None:
    k.own(MeterValueSampleInterval="15", EnergyMetering="IEM_3x5x")
    k.write("100")
    k.charge()
    k.rig.run(20)
    k.rig.hardware.mute_meter(1, True)
    k.rig.run(20)
    k.rig.forget()
    k.rig.run(3600)
    registers = [int(p.meter_value[0].sampled_value[0].value) for p in k.rig.said("MeterValues")]
    estimated_wh = 100 * 3 * k.rig.view.offered_a
    assert math.isclose((registers[-1] - registers[0]) / (len(registers) - 1) * 240, estimated_wh, rel_tol=0.01)


def pings(k: Key) -> None:
    k.write("7")
    k.rig.run(71)
    assert 10 <= len(k.rig.wished(sig.SendPing)) <= 11


def dial_time_out(k: Key) -> None:
    k.write("9")
    k.restart()
    assert k.rig.dials[-1][1].timeout_s == 9


def security_events(k: Key) -> None:
    k.write("true")
    k.restart()
    assert [p.type for p in k.rig.said("SecurityEventNotification")] == ["ResetOrReboot", "StartupOfTheDevice"]


def security_profile(k: Key) -> None:
    k.own(AuthorizationKey="0123456789abcdefABCD", **{k.name: "2"})
    k.rig.run(5)
    assert k.rig.dials[-1][1].url.startswith("wss:")


def compressed_report(k: Key) -> None:
    for value in ("false", "true"):
        k.write(value)
        k.rig.ask(messages.GetDiagnostics(location="ftp://files.example/"))
        k.rig.run(2)
        assert k.rig.wished(sig.SendReport)[-1].compressed == (value == "true")


def modbus(k: Key) -> None:
    set_point = sig.ExternalSetPoint(1, 7.0)
    k.rig.tell(set_point)
    k.charge()
    assert k.rig.view.offered_a != 7
    k.write("true")
    k.rig.tell(set_point)
    assert k.rig.view.offered_a == 7


ROWS: dict[str, Callable[[Key], None]] = {
    "allowofflinetxforunknownid": unknown_badges_offline,
    "allowpluggedcable": cable_may_stay,
    "authenticationmanager": who_decides,
    "authenticationocppmode": badges_are_asked_for,
    "authorizationcacheenabled": cache,
    "authorizationkey": password,
    "authorizeremotetxrequests": remote_starts_are_authorized,
    "boxidentifier": identity,
    "clockaligneddatainterval": aligned,
    "compressdiagnostic": compressed_report,
    "confmodemretryinterval": modem_interval,
    "connectiontimeout": connection_time_out,
    "controlchargebyremotecommand": commands_only,
    "defaultidtag": default_tag,
    "disconnectedmetervaluesampleinterval": offline_interval,
    "emsetting": energy_is_managed,
    "enableevdetection": loop,
    "enablemetervaluescontainvoltage": output_voltage,
    "enableremotestartnoconnectedev": remote_start_without_a_car,
    "enablesuspendchargebybutton": button,
    "dhcpenabled": way("false", "gateway", DhcpEnabled="true", NetworkGateway="192.168.0.1"),
    "ipaddress": way("192.168.7.102", "gateway_outside"),
    "networksubmask": way("255.0.255.0", "own_address"),
    "networkgateway": way("192.168.0.1", "gateway"),
    "dnsaddress1": way("192.0.2.53", "dns", DnsAddress2="192.0.2.54"),
    "dnsaddress2": way("192.0.2.54", "dns", DnsAddress1="192.0.2.53"),
    "ocppconfmodemaddress": modem_address,
    "evpresencenotification": loop,
    "heartbeatinterval": heartbeat,
    "ticmode": mode_of_the_tic,
    "imaxderatingswcapacity": current,
    "leddayendhour": day,
    "leddaystarthour": day,
    "lednightintensity": night_light,
    "lightintensity": light,
    "loadsheddingsetpoint": set_point,
    "loadsheddingpriority": who_is_shed,
    "localauthlistenabled": local_list,
    "localauthorizeoffline": known_badges_offline,
    "localpreauthorize": known_badges_at_once,
    "maxintensitysocket": current,
    "maxintensitystation": current,
    "messagetimeout": request_time_out,
    "metervaluesaligneddata": aligned_values,
    "metervaluesampleinterval": sample_interval,
    "metervaluessampleddata": sampled_values,
    "minimumstatusduration": stable_status,
    "monophasedloadsheddingfloorvalue": floor_of_one_phase,
    "ocppconnecttimeout": silence,
    "modbusenable": modbus,
    "ocppenable": ocpp_off,
    "operatingmode": mode,
    "plugnumberingmode": plug_numbers,
    "resendbootnotificationinterval": boot_again,
    "restoretimeout": resume,
    "rfidstatustimeout": badge_time_out,
    "selfsignedcertificateauthorized": self_signed,
    "securityeventsenabled": security_events,
    "securityprofile": security_profile,
    "stoptransactiononevsidedisconnect": car_may_leave,
    "stoptransactiononinvalidid": refused_start_goes_on,
    "stoptxnaligneddata": kept_values,
    "stoptxnminimumdurationdata": kept_apart,
    "stoptxnsampleddata": kept_values,
    "supervisionurl": address,
    "transactionmessageattempts": attempts,
    "transactionmessageretryinterval": retry_interval,
    "triggerbackendconfigurationdatareset": reset,
    "triphasedloadsheddingfloorvalue": floor_of_three_phases,
    "truncatebootnotificationsserialnumbers": cut_serials,
    "unlockconnectoronevsidedisconnect": cable_stays_locked,
    "voltagereference": estimate,
    "websocketpinginterval": pings,
    "websocketconnectiontimeout": dial_time_out,
    "websocketrequesttimeout": request_time_out,
}
"""How the effect of each key is seen, by its inner name."""


def unproven(model: Model) -> list[str]:
    """Keys that can be written, and of which nobody says what that does."""
    return [spec.name for spec in writable(model) if not spec.inert and inner(spec) not in ROWS]


@pytest.mark.parametrize("model", ALL)
def test_every_writable_key_acts_or_says_why_it_does_not(model: str) -> None:
    assert unproven(load(model)) == []


def test_no_row_is_about_a_key_nobody_has() -> None:
    assert ROWS.keys() <= {inner(spec) for model in ALL for spec in writable(load(model)) if not spec.inert}


ACTING = [
    (line, spec.name) for line in LINES for spec in writable(load(line)) if not spec.inert and inner(spec) in ROWS
]


@pytest.mark.parametrize(("model", "name"), ACTING)
def test_the_effect_of_a_key_is_seen(model: str, name: str) -> None:
    key = Key(model, name)
    spec = key.rig.model.key(name)
    assert spec
    ROWS[inner(spec)](key)
