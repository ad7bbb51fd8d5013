"""OCPP 1.6, 3.16 meter values: sampled, clock-aligned, at the stop, triggered; traps 50 to 55; reference 9."""

import itertools
from datetime import datetime

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.model import AfterPowerCut
from chargepost.ocpp import messages, outbox
from chargepost.station import metering
from chargepost.station.connector import Connector
from tests.rules.rig import CAR, EPOCH_UTC_S, Rig, two_connectors

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)
ENERGY = "Energy.Active.Import.Register"
MIDNIGHT_UTC_S = 1_700_006_400.0
"""2023-11-15 00:00 UTC."""

READING = sig.Reading(
    energy_wh=12_345.67, current_a=(16.004, 15.5, 0.0), voltage_v=(230.456, 229.0, 231.0),
    power_w=(3680.4, 3549.5, 0.0), frequency_hz=49.987, reactive_varh=77.9,
)  # fmt: skip


def idle(model: str = "evlink-pro-ac", **settings: str) -> Rig:
    rig = Rig(model)
    rig.own(**settings)
    rig.run(2)
    rig.forget()
    return rig


def values(rig: Rig, action: str = "MeterValues") -> list[list[messages.SampledValue]]:
    return [list(p.meter_value[0].sampled_value) for p in rig.said(action)]


def stamps(rig: Rig) -> list[datetime]:
    return [p.meter_value[0].timestamp for p in rig.said("MeterValues")]


def contexts(rig: Rig) -> list[str]:
    data = rig.last("StopTransaction").transaction_data
    return [] if data is msgspec.UNSET else [v.sampled_value[0].context for v in data]


def miss_a_sample(rig: Rig) -> None:
    """The meter is silent while it is sampled next; not long enough to be an error (quirk meter_polled)."""
    rig.run(rig.station.core.alarms["sample", 1] - rig.now - 1)
    rig.hardware.mute_meter(1, True)
    rig.run(3)
    rig.hardware.mute_meter(1, False)


def stop(rig: Rig) -> None:
    rig.badge()
    rig.run(2)


# --- sampled ---------------------------------------------------------------------------------------------------------


@both
def test_trap_50_samples_count_from_the_start_of_the_transaction(model: str) -> None:
    """R-152: and only during one."""
    rig = idle(model, MeterValueSampleInterval="15")
    rig.run(100)
    assert not rig.said("MeterValues")
    rig.charge(seconds=0)
    rig.run(100)
    start = rig.last("StartTransaction").timestamp
    assert [round((t - start).total_seconds(), 2) for t in stamps(rig)] == [15, 30, 45, 60, 75, 90]
    stop(rig)
    rig.forget()
    rig.run(100)
    assert not rig.said("MeterValues")


@both
def test_trap_50_0_switches_samples_off_and_a_change_reaches_the_running_transaction(model: str) -> None:
    """R-151, R-164."""
    rig = idle(model, MeterValueSampleInterval="0")
    rig.charge()
    rig.run(300)
    assert not rig.said("MeterValues")
    assert rig.change("MeterValueSampleInterval", "30") == "Accepted"
    rig.run(95)
    assert {round((b - a).total_seconds()) for a, b in itertools.pairwise(stamps(rig))} == {30}
    told = len(rig.said("MeterValues"))
    assert told >= 3
    assert rig.change("MeterValueSampleInterval", "0") == "Accepted"
    rig.run(100)
    assert len(rig.said("MeterValues")) == told


@both
def test_3_16_an_empty_list_tells_nothing(model: str) -> None:
    rig = idle(model, MeterValueSampleInterval="15", MeterValuesSampledData="")
    rig.charge(seconds=60)
    assert not rig.said("MeterValues")


@both
def test_trap_54_the_form_of_a_sampled_value(model: str) -> None:
    rig = idle(model, MeterValueSampleInterval="15")
    rig.charge(seconds=20)
    ((value,),) = values(rig)
    assert isinstance(value.value, str)
    assert (value.measurand, value.context, value.unit) == (ENERGY, "Sample.Periodic", "Wh")
    assert value.phase is msgspec.UNSET


def test_7_37_a_silent_meter_stops_nothing_and_its_gap_has_two_ends() -> None:
    """Interruption.Begin is the last reading, at its own time; Interruption.End the next one."""
    rig = idle(MeterValueSampleInterval="10", StopTxnSampledData=ENERGY, StopTxnMinimumDurationData="0")
    rig.charge(seconds=25)
    miss_a_sample(rig)
    assert rig.power()
    rig.run(20)
    told = [v.context for (v,) in values(rig)]
    assert told[:5] == [*["Sample.Periodic"] * 2, "Interruption.Begin", "Interruption.End", "Sample.Periodic"]
    begin, end = rig.said("MeterValues")[2:4]
    assert begin.meter_value[0].timestamp == stamps(rig)[1]
    assert begin.meter_value[0].sampled_value[0].value == values(rig)[1][0].value
    assert (end.meter_value[0].timestamp - begin.meter_value[0].timestamp).total_seconds() == 20
    stop(rig)
    assert contexts(rig) == ["Transaction.Begin", *told, "Transaction.End"]


def test_7_37_a_power_cut_interrupts_the_row_with_the_last_durable_register() -> None:
    """Q-188: the Pro AC resumes; what the meter did in between is not known, where it stood is."""
    rig = idle(MeterValueSampleInterval="10", RestoreTimeout="30", MeterValuesSampledData=f"{ENERGY},Voltage")
    rig.charge(seconds=25)
    last = rig.said("MeterValues")[-1].meter_value[0]
    rig.forget()
    rig.power_cycle(60)
    back_s = EPOCH_UTC_S + rig.now
    rig.run(60)
    begin, end, *rest = rig.said("MeterValues")
    assert {p.transaction_id for p in (begin, end, *rest)} == {501}
    (value,) = begin.meter_value[0].sampled_value
    assert (value.context, value.measurand, value.value) == ("Interruption.Begin", ENERGY, last.sampled_value[0].value)
    assert begin.meter_value[0].timestamp == last.timestamp
    assert [v.context for v in end.meter_value[0].sampled_value] == ["Interruption.End"] * 2
    assert end.meter_value[0].timestamp.timestamp() - back_s == pytest.approx(30, abs=0.01), "when it goes on"
    assert {v.context for p in rest for v in p.meter_value[0].sampled_value} == {"Sample.Periodic"}


def test_7_37_who_asked_for_no_samples_is_told_of_no_gap() -> None:
    rig = idle(MeterValueSampleInterval="0", RestoreTimeout="30")
    rig.charge(seconds=25)
    rig.power_cycle(60)
    rig.run(60)
    assert rig.power()
    assert not rig.said("MeterValues")


# --- measurands of the products --------------------------------------------------------------------------------------

EXPECTED: dict[str, dict[str, tuple[str, str | None]]] = {
    "evlink-pro-ac": {
        ENERGY: ("12345", "Wh"),
        "Energy.Reactive.Import.Register": ("77", "varh"),
        "Current.Import": ("16", "A"),
        "Current.Import.L1": ("16", "A"),
        "Current.Import.L2": ("15.5", "A"),
        "Current.Import.L3": ("0", "A"),
        "Current.Offered": ("16", "A"),
        "Power.Active.Import": ("7.23", "kW"),
        "Power.Active.Import.L1": ("3.68", "kW"),
        "Power.Active.Import.L2": ("3.55", "kW"),
        "Power.Active.Import.L3": ("0", "kW"),
        "Power.Offered": ("11.04", "kW"),
        "Frequency": ("49.99", None),
        "Voltage": ("230.15", "V"),
        "Voltage.L1": ("230.46", "V"),
        "Voltage.L2": ("229", "V"),
        "Voltage.L3": ("231", "V"),
        "Voltage.L1-N": ("230.46", "V"),
        "Voltage.L2-N": ("229", "V"),
        "Voltage.L3-N": ("231", "V"),
    },
    "evlink-smart-wallbox": {
        ENERGY: ("12345", "Wh"),
        "Current.Import": ("16", "A"),
        "Current.Import.L1": ("16", "A"),
        "Current.Import.L2": ("15.5", "A"),
        "Current.Import.L3": ("0", "A"),
        "Current.Offered": ("16", "A"),
        "Voltage": ("230.15", "V"),
        "Voltage.L1": ("230.46", "V"),
        "Voltage.L2": ("229", "V"),
        "Voltage.L3": ("231", "V"),
        "Voltage.L1-N": ("230.46", "V"),
        "Voltage.L2-N": ("229", "V"),
        "Voltage.L3-N": ("231", "V"),
        "Voltage.L1-L2": ("397.9", "V"),
        "Voltage.L2-L3": ("398.37", "V"),
        "Voltage.L3-L1": ("399.63", "V"),
    },
}
"""Every item a list may name, what it says of READING, and its unit."""


@both
def test_every_measurand_and_phase_of_the_product(model: str) -> None:
    """R-148, R-149, R-162, R-163, R-165: units and phases as each product has them; frequency without a unit."""
    product = load(model)
    items = {name: phase for name, spec in product.measurands.items() for phase in ("", *spec.phases)}
    assert items
    assert {f"{n}.{p}" if p else n for n, spec in product.measurands.items() for p in ("", *spec.phases)} == set(
        EXPECTED[model]
    )
    c = Connector(1, product.connectors[0])
    c.offered_a = 16
    for item, (text, unit) in EXPECTED[model].items():
        (value,) = metering.sampled(product, [item], READING, (c,), "Other")
        phase = "" if item in product.measurands else item.rpartition(".")[2]
        said = (value.value, value.unit or None, value.phase or "")
        assert said == (text, unit, phase), item


@pytest.mark.parametrize(("low", "high"), [(42.9, "42"), (42.0, "42"), (0.0, "0"), (1e6 + 0.999, "1000000")])
def test_a_register_shows_what_is_full(low: float, high: str) -> None:
    """Else the last sample would be above meterStop."""
    assert metering.text(low, 0, register=True) == high


def test_no_minus_nought() -> None:
    assert metering.text(-0.0004, 2) == "0"


@both
@pytest.mark.parametrize("wrong", [
    "Energy.Active.Export.Register", "SoC", "Voltage.L4", "Energy.Active.Import.Register.L1", "nonsense", "Voltage.",
])  # fmt: skip
def test_trap_53_one_wrong_measurand_refuses_the_whole_list(model: str, wrong: str) -> None:
    rig = idle(model)
    before = rig.value("MeterValuesSampledData")
    assert rig.change("MeterValuesSampledData", f"Voltage.L1,{wrong}") == "Rejected"
    assert rig.value("MeterValuesSampledData") == before
    assert rig.change("MeterValuesSampledData", f" Voltage.L1 , {ENERGY}") == "Accepted"
    assert rig.value("MeterValuesSampledData") == f"Voltage.L1,{ENERGY}"


@pytest.mark.parametrize(("key", "most"), [
    ("MeterValuesSampledData", 10), ("MeterValuesAlignedData", 10),
    ("StopTxnSampledData", 5), ("StopTxnAlignedData", 5),
])  # fmt: skip
def test_r_164_lists_of_the_pro_ac_have_their_bound(key: str, most: int) -> None:
    rig = idle()
    items = list(EXPECTED["evlink-pro-ac"])
    assert rig.change(key, ",".join(items[:most])) == "Accepted"
    assert rig.change(key, ",".join(items[: most + 1])) == "Rejected"
    assert rig.value(key) == ",".join(items[:most])


def test_r_150_the_list_of_the_wallbox_has_at_most_500_characters() -> None:
    rig = idle("evlink-smart-wallbox")
    assert rig.change("MeterValuesSampledData", ",".join([ENERGY] * 16)) == "Accepted"
    rig.own(MeterValuesSampledData=",".join([ENERGY] * 17))
    assert rig.value("MeterValuesSampledData") == ",".join([ENERGY] * 16)


# --- clock-aligned ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval_s", [60, 900, 7000])
@pytest.mark.parametrize("offset_s", [0.0, 0.1, 1 / 3])
def test_trap_51_the_grid_is_counted_from_midnight_and_begins_anew_with_it(interval_s: int, offset_s: float) -> None:
    """With a clock that stands anywhere between two seconds: each point once, also the one of midnight."""
    rig = idle(ClockAlignedDataInterval=str(interval_s))
    begin = MIDNIGHT_UTC_S - 2.5 * interval_s + offset_s
    rig.answers["Heartbeat"] = lambda r, _: messages.HeartbeatResponse(
        current_time=metering.date(r.station.core.utc(r.now))
    )
    rig.tell(sig.ClockSet(begin, "the test"))
    rig.forget()
    rig.run(5 * interval_s)
    grid = []
    t = begin - begin % 86400
    while t < begin + 5 * interval_s:
        t = metering.next_aligned(t, interval_s)
        if begin < t <= begin + 5 * interval_s:
            grid.append(t)
    assert [round(s.timestamp(), 2) for s in stamps(rig)] == grid
    assert MIDNIGHT_UTC_S in grid


def test_trap_51_a_sample_belongs_to_the_transaction_that_runs() -> None:
    rig = idle(ClockAlignedDataInterval="60")
    rig.run(130)
    assert {p.transaction_id for p in rig.said("MeterValues")} == {msgspec.UNSET}
    assert {v.context for vs in values(rig) for v in vs} == {"Sample.Clock"}
    rig.charge()
    rig.forget()
    rig.run(130)
    assert {p.transaction_id for p in rig.said("MeterValues")} == {501}


def test_3_16_a_changed_grid_acts_at_once() -> None:
    rig = idle(ClockAlignedDataInterval="3600")
    assert rig.change("ClockAlignedDataInterval", "10") == "Accepted"
    rig.run(35)
    assert len(rig.said("MeterValues")) in (3, 4)
    assert rig.change("ClockAlignedDataInterval", "0") == "Accepted"
    rig.forget()
    rig.run(100)
    assert not rig.said("MeterValues")


def test_3_16_a_clock_step_moves_the_grid() -> None:
    rig = idle(ClockAlignedDataInterval="900")
    rig.tell(sig.ClockSet(MIDNIGHT_UTC_S - 5, "the test"))
    rig.answers["Heartbeat"] = lambda r, _: messages.HeartbeatResponse(
        current_time=metering.date(r.station.core.utc(r.now))
    )
    rig.run(10)
    assert [s.timestamp() for s in stamps(rig)] == [MIDNIGHT_UTC_S]


@pytest.mark.parametrize("drift_s", [-0.4, 0.4])
def test_trap_51_a_clock_that_is_corrected_by_a_little_tells_each_point_once(drift_s: float) -> None:
    """A heartbeat just before a point of the grid moves the clock over it, or away from it."""
    rig = idle(ClockAlignedDataInterval="60")
    rig.tell(sig.ClockSet(MIDNIGHT_UTC_S - 100, "the test"))
    rig.answers["Heartbeat"] = lambda r, _: messages.HeartbeatResponse(
        current_time=metering.date(r.station.core.utc(r.now))
    )
    for _ in range(5):
        at = rig.station.core.utc(rig.now)
        rig.run(metering.next_aligned(at, 60) - at - 0.2)
        rig.tell(sig.ClockSet(rig.station.core.utc(rig.now) + drift_s, "the test"))
        rig.run(5)
    assert [round(s.timestamp() - MIDNIGHT_UTC_S, 0) for s in stamps(rig)] == [-60, 0, 60, 120, 180]


# --- the main meter --------------------------------------------------------------------------------------------------


def two(**settings: str) -> Rig:
    rig = two_connectors()
    rig.own(**settings)
    rig.charge()
    rig.hardware.plug_in(2, CAR, rig.now)
    rig.badge("SECOND")
    rig.run(20)
    rig.forget()
    return rig


def test_3_16_connector_0_is_the_main_meter_of_them_all() -> None:
    """Clock-aligned, at the inlet, of no transaction: what its connectors have together (errata 3.16)."""
    rig = two(ClockAlignedDataInterval="60",
              MeterValuesAlignedData=f"{ENERGY},Current.Import.L1,Power.Active.Import,Current.Offered,Power.Offered",
              )  # fmt: skip
    rig.run(60)
    by = {p.connector_id: p for p in rig.said("MeterValues")}
    assert by.keys() == {0, 1, 2}
    main = by[0]
    assert main.transaction_id is msgspec.UNSET
    assert by[1].transaction_id != by[2].transaction_id
    assert {v.location for v in main.meter_value[0].sampled_value} == {"Inlet"}
    assert {v.location for v in by[1].meter_value[0].sampled_value} == {msgspec.UNSET}
    assert len({p.meter_value[0].timestamp for p in by.values()}) == 1
    for total, first, second in zip(*(by[n].meter_value[0].sampled_value for n in (0, 1, 2)), strict=True):
        assert float(total.value) == pytest.approx(float(first.value) + float(second.value), abs=1.1), total.measurand
        assert float(first.value) > 0
        assert (total.context, total.unit, total.phase) == ("Sample.Clock", first.unit, first.phase)


def test_5_17_a_trigger_asks_the_main_meter_too() -> None:
    rig = two()
    for connector, told in ((None, [0, 1, 2]), (0, [0]), (2, [2])):
        rig.forget()
        more = {} if connector is None else {"connector_id": connector}
        assert rig.ask(messages.TriggerMessage(requested_message="MeterValues", **more)).status == "Accepted"
        rig.run(1)
        assert sorted(p.connector_id for p in rig.said("MeterValues")) == told


def test_3_16_one_connector_has_no_other_main_meter_but_may_be_asked_as_the_station() -> None:
    rig = idle(ClockAlignedDataInterval="60")
    rig.run(130)
    assert {p.connector_id for p in rig.said("MeterValues")} == {1}
    rig.forget()
    rig.ask(messages.TriggerMessage(requested_message="MeterValues", connector_id=0))
    rig.run(1)
    assert [p.connector_id for p in rig.said("MeterValues")] == [0]


def test_3_16_a_main_meter_of_which_one_part_is_silent_says_nothing_wrong() -> None:
    rig = two(ClockAlignedDataInterval="60")
    rig.hardware.mute_meter(2, True)
    rig.run(60)
    assert {
        p.connector_id for p in rig.said("MeterValues") if p.meter_value[0].sampled_value[0].context == "Sample.Clock"
    } == {1}


# --- offline ---------------------------------------------------------------------------------------------------------


def test_p4_offline_meter_values_are_thinned_by_their_rule_and_no_start_or_stop_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P4, reference 8.3: when too many wait every second one goes, on disk too; a gap that is told keeps both ends."""
    monkeypatch.setattr(outbox, "METERS_MAX", 50)
    rig = idle(MeterValueSampleInterval="10", AllowOfflineTxForUnknownId="true")
    rig.cut()
    rig.charge(seconds=100)
    miss_a_sample(rig)
    rig.run(3000)
    assert len([key for key in rig.memory if key.startswith("outbox/")]) <= 51
    stop(rig)
    rig.forget()
    rig.mend()
    said = [name for name in rig.calls() if name in ("StartTransaction", "MeterValues", "StopTransaction")]
    assert (said[0], said[-1]) == ("StartTransaction", "StopTransaction")
    assert 25 <= len(said) <= 52
    assert stamps(rig) == sorted(stamps(rig))
    assert [v.context for vs in values(rig) for v in vs if "Interruption" in str(v.context)] == [
        "Interruption.Begin", "Interruption.End"
    ]  # fmt: skip
    assert {p.transaction_id for p in rig.said("MeterValues")} == {501}
    (record,) = rig.records.values()
    assert record.delivered
    assert not [key for key in rig.memory if key.startswith("outbox/")]


def test_3_7_offline_values_without_a_transaction_are_dropped() -> None:
    rig = idle(ClockAlignedDataInterval="60")
    rig.cut()
    rig.run(300)
    rig.reachable = True
    rig.mend_at_once()
    rig.run(5)
    assert all(s.timestamp() > EPOCH_UTC_S + rig.now - 70 for s in stamps(rig))


# --- StopTransaction.transactionData ---------------------------------------------------------------------------------


def test_trap_52_both_lists_empty_no_transaction_data() -> None:
    rig = idle(MeterValueSampleInterval="10")
    rig.charge(seconds=60)
    stop(rig)
    assert rig.last("StopTransaction").transaction_data is msgspec.UNSET


@pytest.mark.parametrize("key", ["StopTxnSampledData", "StopTxnAlignedData"])
def test_trap_52_begin_and_end_are_always_there(key: str) -> None:
    rig = idle(MeterValueSampleInterval="0", ClockAlignedDataInterval="0")
    assert rig.change(key, f"{ENERGY},Voltage.L1") == "Accepted"
    rig.charge(seconds=30)
    stop(rig)
    assert contexts(rig) == ["Transaction.Begin", "Transaction.End"]
    data = rig.last("StopTransaction").transaction_data
    assert [v.measurand for v in data[0].sampled_value] == [ENERGY, "Voltage"]
    assert int(data[-1].sampled_value[0].value) == rig.last("StopTransaction").meter_stop


def test_trap_52_a_charge_that_a_power_cut_ended_has_its_begin_and_its_end() -> None:
    """Of the end only the last register on disk is known, which is meterStop."""
    closes = msgspec.structs.replace(load("evlink-pro-ac"), after_power_cut=AfterPowerCut())
    rig = Rig(closes, settings={"StopTxnSampledData": f"{ENERGY},Voltage.L1", "MeterValueSampleInterval": "30"})
    rig.run(2)
    rig.charge(seconds=100)
    rig.power_cycle()
    rig.run(10)
    told = rig.last("StopTransaction")
    assert told.reason == "PowerLoss"
    assert contexts(rig)[0] == "Transaction.Begin"
    assert contexts(rig)[-1] == "Transaction.End"
    assert contexts(rig).count("Transaction.End") == 1
    (end,) = told.transaction_data[-1].sampled_value
    assert int(float(end.value)) == told.meter_stop
    assert told.transaction_data[-1].timestamp == told.timestamp
    assert not any(key.startswith("data/") for key in rig.memory)


def test_trap_52_a_meter_that_is_silent_at_the_start_has_a_begin_too() -> None:
    rig = idle(StopTxnSampledData=f"{ENERGY},Voltage.L1")
    rig.hardware.mute_meter(1, True)
    rig.charge(seconds=5)
    rig.hardware.mute_meter(1, False)
    rig.run(60)
    stop(rig)
    assert contexts(rig) == ["Transaction.Begin", "Transaction.End"]
    (begin,) = rig.last("StopTransaction").transaction_data[0].sampled_value
    assert int(float(begin.value)) == rig.last("StartTransaction").meter_start


def test_r_109_stop_data_are_at_least_so_far_apart() -> None:
    rig = idle(MeterValueSampleInterval="10", StopTxnSampledData=ENERGY)
    assert rig.value("StopTxnMinimumDurationData") == "60"
    rig.charge(seconds=200)
    stop(rig)
    data = rig.last("StopTransaction").transaction_data
    inner = [v.timestamp for v in data[:-1]]
    assert [round((b - a).total_seconds()) for a, b in itertools.pairwise(inner)] == [60, 60, 60]


@pytest.mark.parametrize("most", [2, 3, 20])
def test_r_109_stop_data_are_at_most_so_many_and_show_the_whole_charge(most: int) -> None:
    """1440 with the begin and the end; of too many, every second one between them goes (errata 3.91)."""
    rig = idle(MeterValueSampleInterval="1", StopTxnSampledData=ENERGY, StopTxnMinimumDurationData="0",
               StopTxnMaximaleData=str(most))  # fmt: skip
    rig.charge(seconds=100)
    kept = [key for key in rig.memory if key.startswith("data/")]
    rig.power_cycle()
    stop(rig)
    assert most / 2 <= len(contexts(rig)) <= most
    assert len(kept) <= max(most - 1, 2)
    assert (contexts(rig)[0], contexts(rig)[-1]) == ("Transaction.Begin", "Transaction.End")
    if most == 20:
        at = [p.timestamp for p in rig.last("StopTransaction").transaction_data]
        assert max((b - a).total_seconds() for a, b in itertools.pairwise(at)) < 20
    assert not [key for key in rig.memory if key.startswith("data/")]
    assert rig.model.keys["stoptxnmaximaledata"].default == "1440"


def test_r_167_the_wallbox_has_no_stop_data() -> None:
    rig = idle("evlink-smart-wallbox", MeterValueSampleInterval="15")
    for key in ("StopTxnSampledData", "StopTxnAlignedData"):
        assert rig.change(key, ENERGY) == "Rejected"
        rig.own(**{key: ENERGY})
        assert rig.value(key) == "", "not even for its owner: the length is 0"
    rig.charge(seconds=40)
    stop(rig)
    assert rig.last("StopTransaction").transaction_data is msgspec.UNSET


# --- triggered -------------------------------------------------------------------------------------------------------


def test_trap_55_a_trigger_tells_what_is_sampled() -> None:
    rig = idle(MeterValuesSampledData=f"Power.Active.Import,{ENERGY}")
    rig.charge(seconds=30)
    rig.forget()
    rig.ask(messages.TriggerMessage(requested_message="MeterValues", connector_id=1))
    rig.run(1)
    ((power, energy),) = values(rig)
    assert (power.measurand, power.unit, energy.measurand) == ("Power.Active.Import", "kW", ENERGY)
    assert {power.context, energy.context} == {"Trigger"}
    assert float(power.value) == pytest.approx(11, abs=0.3)
    assert CAR.max_current_a == 16


def test_7_31_the_list_of_measurands_is_changed_live() -> None:
    rig = idle(MeterValueSampleInterval="10", StopTxnSampledData=ENERGY)
    rig.charge(seconds=15)
    assert rig.change("MeterValuesSampledData", "Voltage.L1") == "Accepted"
    assert rig.change("StopTxnSampledData", "Voltage.L1") == "Accepted"
    rig.run(10)
    assert [[v.measurand for v in vs] for vs in values(rig)] == [[ENERGY], ["Voltage"]]
    stop(rig)
    data = rig.last("StopTransaction").transaction_data
    assert (data[0].sampled_value[0].measurand, data[-1].sampled_value[0].measurand) == (ENERGY, "Voltage")


def test_trap_52_begin_and_end_have_what_either_list_asks_for() -> None:
    rig = idle(StopTxnSampledData=f"{ENERGY},Voltage.L1", StopTxnAlignedData=f"Current.Offered,{ENERGY}")
    rig.charge(seconds=10)
    stop(rig)
    for point in rig.last("StopTransaction").transaction_data:
        assert [v.measurand for v in point.sampled_value] == [ENERGY, "Voltage", "Current.Offered"]


def test_5_17_a_trigger_of_meter_values_that_are_none_is_rejected() -> None:
    rig = idle(MeterValuesSampledData="")
    assert rig.ask(messages.TriggerMessage(requested_message="MeterValues")).status == "Rejected"
