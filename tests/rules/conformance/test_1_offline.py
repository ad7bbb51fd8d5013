"""Conformance 1.9, 1.13, 1.14 and 1.16: meter values, power failure, offline behaviour, faults."""

from typing import Any

import msgspec

from chargepost.ocpp import messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import TAG, info

ENERGY = "Energy.Active.Import.Register"

ALARM_S = 0.05
"""How late an alarm may ring."""


# --- 1.9 meter values ------------------------------------------------------------------------------------------------


def measurands(value: Any) -> set[str]:
    return {ENERGY if each.measurand is msgspec.UNSET else each.measurand for each in value.sampled_value}


def contexts(value: Any) -> set[str]:
    return {"Sample.Periodic" if each.context is msgspec.UNSET else each.context for each in value.sampled_value}


def keeps_for_the_stop(case: Case, key: str) -> bool:
    """It keeps the energy for StopTransaction, all of it where it would thin it (quirk thin_stop_data)."""
    gap_key = case.model.quirks.get("thin_stop_data", {}).get("gap_key")
    if gap_key:
        case.configure(**{str(gap_key): "0"})
    if case.can(**{key: ENERGY}):
        return True
    case.deviates("its StopTransaction holds no samples", case.source(key))
    return False


def expect_kept(case: Case, samples: int, context: str) -> None:
    """The charge ends, and StopTransaction holds so many of the samples."""
    data = case.stop().transaction_data
    kept = [] if data is msgspec.UNSET else [value for value in data if contexts(value) == {context}]
    assert len(kept) == samples
    assert all(measurands(value) == {ENERGY} for value in kept)


@covers("TC_070_CS")
def test_tc_070_sampled_meter_values(case: Case) -> None:
    """3.16.4, 9.1.17, 9.1.18, 9.1.30"""
    case.booted()
    listed = case.list_of("MeterValuesSampledData", ENERGY, "Power.Active.Import")
    case.configure(MeterValuesSampledData=listed, MeterValueSampleInterval="20")
    keeps = keeps_for_the_stop(case, "StopTxnSampledData")
    number = case.charging()
    started = case.at_of(case.said("StartTransaction")[-1].timestamp)
    case.nothing(65 - (case.now - started))
    samples = case.said("MeterValues")
    assert [round(case.at_of(each.meter_value[0].timestamp) - started) for each in samples] == [20, 40, 60]
    for each in samples:
        assert (each.connector_id, each.transaction_id) == (1, number)
        assert measurands(each.meter_value[0]) == set(listed.split(","))
        assert contexts(each.meter_value[0]) == {"Sample.Periodic"}
    expect_kept(case, 3 if keeps else 0, "Sample.Periodic")


@covers("TC_071_CS")
def test_tc_071_clock_aligned_meter_values(case: Case) -> None:
    """3.16.3, 9.1.3, 9.1.16, 9.1.29: on the grid of the clock, counted from midnight."""
    case.booted()
    needs_acting(case, "ClockAlignedDataInterval", "MeterValuesAlignedData")
    listed = case.list_of("MeterValuesAlignedData", ENERGY, "Power.Active.Import")
    case.configure(ClockAlignedDataInterval="60", MeterValuesAlignedData=listed)
    keeps = keeps_for_the_stop(case, "StopTxnAlignedData")
    case.charging()
    case.nothing(200)
    samples = [each for each in case.said("MeterValues") if each.transaction_id is not msgspec.UNSET]
    samples = [each for each in samples if contexts(each.meter_value[0]) == {"Sample.Clock"}]
    assert len(samples) >= 3
    for each in samples:
        stamp = each.meter_value[0].timestamp
        assert stamp.timestamp() % 60 < ALARM_S
        assert measurands(each.meter_value[0]) == set(listed.split(","))
    expect_kept(case, len(samples) if keeps else 0, "Sample.Clock")


def needs_acting(case: Case, *keys: str) -> None:
    """These keys do something here."""
    for key in keys:
        spec = case.model.keys.get(key.lower())
        case.needs(spec, f"it has no key {key}")
        assert spec
        case.needs(not spec.inert, f"{key} has no effect: {spec.inert}")


# --- 1.13 power failure ----------------------------------------------------------------------------------------------


@covers("TC_032_1_CS")
def test_tc_032_1_power_failure_with_back_up_power(case: Case) -> None:
    """3.7"""
    case.booted()
    case.needs("back_up_power" in case.model.quirks, "it has no back-up power")
    case.charging()
    case.hands.power_cycle()
    case.expect("StopTransaction", reason="PowerLoss")
    case.expect("BootNotification", within_s=RESTART_S)
    case.expect_any_statuses()


@covers("TC_032_2_CS")
def test_tc_032_2_power_failure_closes_the_transaction_after_it(case: Case) -> None:
    """3.7, 4.10"""
    case.booted()
    number = case.charging()
    case.wait(60)
    case.hands.power_cycle()
    case.expect("BootNotification", within_s=RESTART_S)
    power = case.model.after_power_cut
    if power.resumes:
        case.expect_any_statuses()
        soon_s = float(case.setting(power.delay_key)) + 15
        case.expect("Charging 1", within_s=soon_s, perhaps=("SuspendedEVSE 1", "SuspendedEV 1"))
        case.nothing(5)
        assert case.transaction() == number
        case.deviates("goes on with the charge after a power cut", power.source)
        case.stop()
        return
    told = case.expect_all(*[f"Available {n}" for n in (0, *case.connectors[1:])], "Finishing 1", "StopTransaction")
    stop = told["StopTransaction"]
    assert (stop.reason, stop.transaction_id) == ("PowerLoss", number)
    assert stop.meter_stop > 0
    case.hands.unplug()
    case.expect("Available 1")


@covers("TC_034_CS")
def test_tc_034_unavailable_survives_a_power_failure(case: Case) -> None:
    """5.2"""
    case.booted()
    case.asked(messages.ChangeAvailability(connector_id=0, type="Inoperative"))
    case.expect_statuses("Unavailable", zero="Unavailable")
    case.hands.power_cycle()
    case.expect("BootNotification", within_s=RESTART_S)
    case.expect_statuses("Unavailable", zero="Unavailable")
    case.asked(messages.ChangeAvailability(connector_id=0, type="Operative"))
    case.expect_statuses("Available")


# --- 1.14 offline behaviour ------------------------------------------------------------------------------------------


@covers("TC_036_CS")
def test_tc_036_connection_loss_during_a_transaction(case: Case) -> None:
    """3.7.1: every missed sample comes, in order, with its own time; no BootNotification."""
    case.booted()
    case.configure(MeterValueSampleInterval="15")
    while_offline = case.model.quirks.get("offline_samples", {}).get("interval_key")
    if while_offline:
        case.configure(**{str(while_offline): "15"})
    number = case.charging()
    before = len(case.said("MeterValues"))
    case.hands.cut_link()
    gone = case.now
    case.nothing(60)
    case.hands.mend_link()
    back = case.now
    case.nothing(5)
    missed = case.said("MeterValues")[before:]
    stamps = [case.at_of(each.meter_value[0].timestamp) for each in missed]
    assert stamps == sorted(stamps)
    assert len([at for at in stamps if gone <= at < back]) >= 3
    assert {each.transaction_id for each in missed} == {number}
    assert case.stop().transaction_id == number


def offline(case: Case, **keys: str) -> None:
    """Who comes now is not known to the station."""
    case.booted()
    case.needs(case.reader, "it has no badge reader")
    case.configure(LocalAuthorizeOffline="true", AllowOfflineTxForUnknownId="true", **keys)
    case.hands.cut_link()


def start_offline(case: Case) -> float:
    """When the charge began."""
    case.hands.plug()
    case.hands.badge(TAG, 1)
    case.wait(100)
    assert case.view().transaction
    return case.now - 100


OFFLINE_START = messages.StartTransactionResponse


@covers("TC_037_1_CS")
def test_tc_037_1_offline_start(case: Case) -> None:
    """4.8, 9.1.1: the present status, not its history."""
    offline(case)
    at = start_offline(case)
    case.hands.mend_link()
    start = case.expect_all("StartTransaction", "Charging 1")["StartTransaction"]
    assert case.at_of(start.timestamp) <= at + 1
    assert (start.id_tag, start.meter_start) == (TAG, 0)


@covers("TC_037_2_CS")
def test_tc_037_2_offline_start_refused_and_kept_open(case: Case) -> None:
    """4.8, 9.1.28: false."""
    offline(case, StopTransactionOnInvalidId="false")
    start_offline(case)
    case.refuse("StartTransaction")
    case.hands.mend_link()
    case.expect_all("StartTransaction", "SuspendedEVSE 1", perhaps=("Charging 1",))
    case.nothing(5)
    assert not case.view().contactor
    case.hands.badge(TAG, 1)
    assert case.expect_stop("Local").transaction_id == 501


@covers("TC_037_3_CS")
def test_tc_037_3_offline_start_refused_and_ended(case: Case) -> None:
    """4.8, 9.1.28: true; errata 3.17: only the tag or its group releases the cable."""
    offline(case, StopTransactionOnInvalidId="true")
    start_offline(case)
    case.answers["StartTransaction"] = OFFLINE_START(transaction_id=9, id_tag_info=info("Invalid", "GROUP"))
    case.hands.mend_link()
    told = case.expect_all("StartTransaction", "StopTransaction", "Finishing 1", perhaps=("Charging 1",))
    stop = told["StopTransaction"]
    assert (stop.transaction_id, stop.reason, stop.id_tag) == (9, "DeAuthorized", msgspec.UNSET)
    if not case.outlet.lock:
        return
    assert case.view().locked
    case.refuse()
    case.hands.badge("STRANGER", 1)
    case.expect("Authorize")
    assert case.view().locked
    case.hands.badge(TAG, 1)
    case.hands.unplug()
    case.expect("Available 1", perhaps=("Authorize",))


@covers("TC_038_CS")
def test_tc_038_offline_stop(case: Case) -> None:
    """4.10"""
    case.booted()
    case.needs(case.reader, "it has no badge reader")
    number = case.charging()
    case.hands.cut_link()
    case.hands.badge(TAG, 1)
    at = case.now
    case.nothing(100)
    case.hands.mend_link()
    stop = case.expect_stop("Local")
    assert stop.transaction_id == number
    assert case.at_of(stop.timestamp) <= at


@covers("TC_039_CS")
def test_tc_039_offline_transaction(case: Case) -> None:
    """4.8, 4.10: with the number just received."""
    offline(case)
    start_offline(case)
    case.hands.badge(TAG, 1)
    case.hands.unplug()
    case.nothing()
    case.hands.mend_link()
    start = case.expect("StartTransaction", perhaps=("Available 1",))
    stop = case.expect("StopTransaction", transaction_id=501, perhaps=("Available 1",))
    assert stop.reason in ("Local", msgspec.UNSET)
    assert stop.meter_stop > start.meter_start


# --- 1.16 faults -----------------------------------------------------------------------------------------------------


@covers("TC_041_CS")
def test_tc_041_fault_behaviour(case: Case) -> None:
    """4.9, 7.6: Faulted, no start, and back to the status before."""
    case.booted()
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.leak()
    case.expect("Faulted 1", error_code="GroundFailure")
    if case.reader:
        case.hands.badge(TAG, 1)
    else:
        case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1), "Rejected")
    case.wait(10)
    assert not case.said("StartTransaction")
    case.hands.leak(current_ma=0)
    case.expect("Preparing 1", perhaps=("Authorize",), error_code="NoError")
