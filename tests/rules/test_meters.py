"""What a station of the EVlink family is metered by (commissioning guide, Meters), and what a meter's exchange does."""

from itertools import pairwise

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.drivers.network import Around
from chargepost.ocpp import messages
from chargepost.station import meters
from tests.rules.rig import CAR, Rig

WALLBOX, PARKING, AC = "evlink-smart-wallbox", "evlink-parking", "evlink-pro-ac"
LINES = [WALLBOX, PARKING, "evlink-city"]
VALUES = "Energy.Active.Import.Register,Current.Import,Voltage"


def charging(model: str = WALLBOX, **settings: str) -> Rig:
    rig = Rig(model, settings={"meterValueSampleInterval": "60", "MeterValuesSampledData": VALUES, **settings})
    rig.run(3)
    rig.charge(seconds=10)
    return rig


def sampled(rig: Rig) -> dict[str, list[float]]:
    """The values of the last sample, by measurand."""
    found: dict[str, list[float]] = {}
    for value in rig.last("MeterValues").meter_value[0].sampled_value:
        found.setdefault(str(value.measurand), []).append(float(value.value))
    return found


def told_wh(rig: Rig) -> list[int]:
    values = [each for p in rig.said("MeterValues") for each in p.meter_value[0].sampled_value]
    return [int(each.value) for each in values if each.measurand == "Energy.Active.Import.Register"]


def stop(rig: Rig) -> messages.StopTransaction:
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    return rig.last("StopTransaction")  # type: ignore[no-any-return]


# --- current transformers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", LINES)
def test_r_311_from_the_factory_a_station_meters_by_its_own_transformers(model: str) -> None:
    """Energy metering: IEM_3x5x, or Internal CT (factory); what else the tool asks for has the guide's ranges."""
    keys = load(model).hidden
    assert keys["energymetering"].allowed == ("IEM_3x5x", "Internal CT")
    assert keys["energymetering"].default == "Internal CT"
    assert (keys["powermeterprotocol"].allowed, keys["powermeterprotocol"].default) == (
        ("Modbus TCP", "Modbus RTU"), "Modbus TCP",
    )  # fmt: skip
    for name, least, most, default in (("rtu", 1, 255, "30"), ("gateway", 130, 162, "130")):
        row = keys[f"powermeter{name}address"]
        assert (row.min, row.max, row.default) == (least, most, default)
    rig = Rig(model)
    rig.run(3)
    assert rig.wished(sig.MeterBy)[0] == sig.MeterBy(1, 230.0)


def test_r_311_no_supervision_writes_what_a_station_is_metered_by() -> None:
    rig = Rig(WALLBOX)
    rig.run(3)
    assert rig.change("EnergyMetering", "IEM_3x5x") == "NotSupported"
    rig.own(EnergyMetering="IEM_3x5x")
    assert rig.wished(sig.MeterBy)[-1] == sig.MeterBy(1, None)


def test_r_310_r_312_transformers_meter_current_times_the_voltage_that_was_measured() -> None:
    """Phase-Neutral Voltage Measured, factory 230 V: apparent power and energy, whatever the mains and the car do."""
    rig = charging(voltageReference="240")
    rig.forget()
    rig.run(3600)
    steps = {later - earlier for earlier, later in pairwise(told_wh(rig))}
    assert steps == {3 * 240 * 16 * 60 // 3600}
    assert sampled(rig)["Voltage"] == [240.0]
    reading = rig.hardware.connector(1).reading
    assert reading.power_w == (240.0 * 16,) * 3
    assert CAR.power_factor < 1, "the power factor is not taken into account"
    before, stopped = told_wh(rig)[-1], stop(rig)
    assert before <= stopped.meter_stop <= before + 200


def test_r_310_a_new_voltage_holds_from_then_on_and_the_register_goes_on() -> None:
    rig = charging()
    rig.run(600)
    before_wh = rig.register_wh
    rig.own(voltageReference="115")
    assert rig.register_wh == pytest.approx(before_wh)
    rig.run(3600)
    assert rig.register_wh - before_wh == pytest.approx(3 * 115 * 16, rel=1e-6)


def test_r_310_the_voltage_is_used_with_transformers_and_without_an_answer_only() -> None:
    """When energy metering is done by power meter, all values V, I, E are read from power meter."""
    rig = charging(EnergyMetering="IEM_3x5x", voltageReference="100")
    rig.forget()
    rig.run(3600)
    true_wh = sum(volt * 16 for volt in (230, 230, 230)) * CAR.power_factor
    assert told_wh(rig)[-1] - told_wh(rig)[0] == pytest.approx(true_wh * 59 / 60, rel=0.03)
    assert sampled(rig)["Voltage"][0] > 220
    rig.hardware.mute_meter(1, True)
    rig.run(120)
    assert sampled(rig)["Voltage"] == [100.0]


def test_r_311_transformers_have_no_wire_that_could_fall_silent() -> None:
    rig = charging()
    rig.hardware.set_input("meter", False)
    rig.run(60)
    assert rig.view.vendor_error == ""
    rig.own(EnergyMetering="IEM_3x5x")
    rig.run(120)
    assert rig.view.vendor_error == "12"


def test_r_311_a_power_meter_at_another_address_is_silent_until_the_address_is_right() -> None:
    """By RTU: its own, factory 30, and its gateway's, factory 130. Three questions in vain are error 12."""
    rig = charging(EnergyMetering="IEM_3x5x", PowerMeterProtocol="Modbus RTU")
    assert rig.view.vendor_error == ""
    for wrong, right in (
        ({"PowerMeterRtuAddress": "2"}, {"PowerMeterRtuAddress": "30"}),
        ({"PowerMeterGatewayAddress": "131"}, {"PowerMeterProtocol": "Modbus TCP"}),
    ):
        rig.own(**wrong)
        rig.run(12)
        assert rig.view.vendor_error == "12"
        rig.own(**right)
        rig.run(6)
        assert rig.view.vendor_error == ""
        for key in (*wrong, *right):
            row = load(WALLBOX).key(key)
            assert row
            assert row.inert == "", "the product file does not say that it has no effect"


def test_a_site_may_have_its_power_meters_elsewhere() -> None:
    """Q-052: the guide sets up a meter with the address 2."""
    rig = Rig(WALLBOX, settings={"EnergyMetering": "IEM_3x5x", "PowerMeterProtocol": "Modbus RTU"}, start=False)
    rig.hardware.around = Around(meter_address=2)
    rig.start()
    rig.run(20)
    assert rig.view.vendor_error == "12"
    rig.own(PowerMeterRtuAddress="2")
    rig.run(6)
    assert rig.view.vendor_error == ""


def test_r_314_each_charge_point_is_metered_by_what_it_has() -> None:
    rig = Rig(PARKING)
    rig.run(3)
    rig.own(**{"EnergyMetering/2": "IEM_3x5x"})
    assert rig.wished(sig.MeterBy)[-2:] == [sig.MeterBy(1, 230.0), sig.MeterBy(2, None)]
    rig.power_cycle()
    rig.run(3)
    assert rig.wished(sig.MeterBy)[-2:] == [sig.MeterBy(1, 230.0), sig.MeterBy(2, None)], "it survives"


def test_r_311_a_product_that_does_not_let_its_owner_choose_is_told_nothing() -> None:
    rig = Rig(AC)
    rig.run(3)
    assert rig.wished(sig.MeterBy) == []


# --- wiring ----------------------------------------------------------------------------------------------------------

COLUMNS = [
    ("Phase 1 - Phase 2 - Phase 3", "Phase 1 - Phase 2 - Phase 3", (0, 1, 2)),
    ("Phase 3 - Phase 1 - Phase 2", "Phase 3 - Phase 1 - Phase 2", (0, 1, 2)),
    ("Phase 1 - Phase 2 - Phase 3", "Phase 3 - Phase 1 - Phase 2", (2, 0, 1)),
    ("Phase 3 - Phase 1 - Phase 2", "Phase 2 - Phase 3 - Phase 1", (2, 0, 1)),
]


@pytest.mark.parametrize(("meter", "network", "order"), COLUMNS)
def test_r_313_the_wiring_says_which_phase_of_the_meter_stands_at_a_terminal(
    meter: str, network: str, order: tuple[int, int, int]
) -> None:
    """Q-054: the four complete columns of the table."""
    rig = Rig(WALLBOX)
    rig.run(3)
    rig.own(EnergyMetering="IEM_3x5x", PowerMeterPhases=meter, NetworkPhases=network)
    assert rig.wished(sig.MeterBy)[-1] == sig.MeterBy(1, None, order)
    assert meters.wiring(meter, network) == order


def test_r_313_a_wiring_that_no_column_has_is_refused() -> None:
    rig = Rig(WALLBOX)
    rig.run(3)
    rig.own(ContactorTerminals="Term 2 - Term 1 - Term 3")
    assert "setting refused" in rig.notes()


# --- exchange --------------------------------------------------------------------------------------------------------


def exchange(rig: Rig, register_wh: float) -> None:
    """Another meter in the place of the old one."""
    outlet = rig.hardware.connector(1)
    outlet.advance(rig.now)
    outlet._settle(rig.now)
    outlet._energy_wh = register_wh
    outlet._decide()


@pytest.mark.parametrize("model", [f"{AC}/socket-mid", WALLBOX])
def test_r_053_the_register_never_falls_and_goes_on_at_a_meter_exchange(model: str) -> None:
    rig = Rig(model, register_wh=700_000, settings={"EnergyMetering": "IEM_3x5x"} if "wallbox" in model else {})
    rig.run(3)
    rig.charge(seconds=3600)
    first = stop(rig).meter_stop
    rig.unplug()
    exchange(rig, 12.0)
    rig.charge(seconds=3600)
    start = rig.last("StartTransaction").meter_start
    second = stop(rig).meter_stop
    assert first == start, "the new meter takes up where the station was"
    assert second - start == pytest.approx(rig.register_wh - 12, abs=1.5), "what the new one has counted"
    assert rig.notes().count("meter exchanged") == 1
    rig.unplug()
    rig.power_cycle()
    rig.run(3)
    own_wh = rig.register_wh
    rig.charge(seconds=600)
    assert rig.last("StartTransaction").meter_start == second, "it survives a power cut"
    assert stop(rig).meter_stop - second == pytest.approx(rig.register_wh - own_wh, abs=1.5)
    assert rig.notes().count("meter exchanged") == 1


def test_r_053_an_exchange_during_a_charge_bills_no_wh_twice() -> None:
    rig = Rig(f"{AC}/socket-mid", register_wh=700_000, settings={"MeterValueSampleInterval": "60"})
    rig.run(3)
    rig.charge(seconds=605)
    drawn_wh = rig.register_wh - 700_000
    exchange(rig, 0.0)
    rig.run(600)
    registers = told_wh(rig)
    assert registers == sorted(registers)
    stopped = stop(rig)
    lost_wh = 3 * 235 * 16 * 60 / 3600
    assert drawn_wh + rig.register_wh - lost_wh <= stopped.meter_stop - 700_000 <= drawn_wh + rig.register_wh + 1


def test_r_053_a_charge_over_an_exchange_is_not_signed_as_one() -> None:
    rig = Rig(f"{AC}/socket-eichrecht", register_wh=700_000, settings={"MeterValueSampleInterval": "60"})
    rig.run(3)
    rig.charge(seconds=600)
    exchange(rig, 0.0)
    rig.run(120)
    stopped = msgspec.json.encode(stop(rig)).decode()
    assert ("Transaction.Begin" in stopped, stopped.count("SignedData")) == (True, 1)
    assert "value not signed" in rig.notes()


def test_an_estimate_that_was_too_high_is_no_exchange() -> None:
    rig = charging(EnergyMetering="IEM_3x5x", voltageReference="400")
    rig.hardware.mute_meter(1, True)
    rig.run(180)
    rig.hardware.mute_meter(1, False)
    rig.run(600)
    assert told_wh(rig) == sorted(told_wh(rig))
    assert "meter exchanged" not in rig.notes()


@pytest.mark.parametrize(("phases", "is_seen"), [(1, True), (1, False), (2, True), (3, True)])
def test_r_153_r_303_the_estimate_is_of_the_phases_that_are_charged_with(phases: int, *, is_seen: bool) -> None:
    """A single-phase car counts as one: estimated on three it would be billed, and shared with, three times."""
    rig = Rig(WALLBOX, settings={"meterValueSampleInterval": "15", "EnergyMetering": "IEM_3x5x"})
    rig.run(3)
    rig.plug(msgspec.structs.replace(CAR, phases=phases, simplified=not is_seen, max_current_a=32))
    rig.badge()
    rig.run(60 if is_seen else 5)
    rig.hardware.mute_meter(1, True)
    rig.run(60)
    rig.forget()
    rig.run(300)
    told = told_wh(rig)
    offered_wh = phases * 230 * rig.view.offered_a * 15 / 3600
    assert rig.view.offered_a == (16 if is_seen else 10)
    assert len(told) == 20
    assert (told[-1] - told[0]) / 19 == pytest.approx(offered_wh, rel=0.01)
