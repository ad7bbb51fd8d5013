"""Under Eichrecht the meter signs begin and end of a charge; anybody can check it (Pro AC, Parameters 2; OCMF 1.0).

Checked by another library over the bytes as they stand in StopTransaction, with the key that GetConfiguration gives.
"""

import json
import random
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.ocpp import messages
from chargepost.station import ocmf
from chargepost.station.meter_key import public_key
from tests.rules.rig import Rig

EICHRECHT = "evlink-pro-ac/socket-eichrecht"
UID = "04A2B3C4D5E680"


class Record(NamedTuple):
    """A line of OCMF, taken apart by its own rules: three parts, bars only between them."""

    payload: dict[str, Any]
    signed: bytes
    proof: dict[str, str]


def parsed(line: str) -> Record:
    head, payload, proof = line.split("|")
    assert head == "OCMF"
    return Record(json.loads(payload), payload.encode(), json.loads(proof))


def verify(record: Record, public_key: str) -> None:
    """Raises InvalidSignature."""
    assert record.proof["SA"] == "ECDSA-secp256r1-SHA256"
    assert (record.proof["SE"], record.proof["SM"]) == ("hex", "application/x-der")
    key = load_der_public_key(bytes.fromhex(public_key))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(bytes.fromhex(record.proof["SD"]), record.signed, ec.ECDSA(SHA256()))


def records(stop: messages.StopTransaction) -> dict[str, Record]:
    """By context."""
    assert isinstance(stop.transaction_data, tuple)
    values = [value for point in stop.transaction_data for value in point.sampled_value]
    signed = [value for value in values if value.format == "SignedData"]
    assert all(value.measurand == "Energy.Active.Import.Register" for value in signed)
    return {str(value.context): parsed(value.value) for value in signed}


def charged(model: str = EICHRECHT, tag: str = UID, seconds: float = 3600, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    rig.charge(tag, seconds=seconds)
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    return rig


@pytest.mark.parametrize("model", [EICHRECHT, "evlink-pro-ac/cable-eichrecht", "evlink-pro-ac/socket-eichrecht@1.2.1"])
def test_r_053_begin_and_end_are_signed_and_the_key_of_the_station_checks_them(model: str) -> None:
    """OCPP 1.6, 7.43: SignedData, with the contexts Transaction.Begin and Transaction.End."""
    rig = charged(model)
    start, stop = rig.last("StartTransaction"), rig.last("StopTransaction")
    found = records(stop)
    assert list(found) == ["Transaction.Begin", "Transaction.End"]
    key = rig.value("MeterPublicKey" if "1.2.1" not in model else "PowerMeterPublicKey") or ""
    for record in found.values():
        verify(record, key)
    begin, end = found["Transaction.Begin"].payload["RD"], found["Transaction.End"].payload["RD"]
    assert [(r["TX"], r["RV"]) for r in begin] == [("B", start.meter_start)]
    assert [(r["TX"], r["RV"]) for r in end] == [("B", start.meter_start), ("E", stop.meter_stop)]
    assert stop.meter_stop > start.meter_start + 5000
    assert {(r["RI"], r["RU"], r["ST"]) for r in end} == {("1-b:1.8.0", "Wh", "G")}
    at = [datetime.strptime(r["TM"], "%Y-%m-%dT%H:%M:%S,%f%z S").astimezone(UTC) for r in end]
    assert at == [start.timestamp, stop.timestamp]


def test_r_053_whoever_changes_a_value_is_found_out() -> None:
    rig = charged(seconds=60)
    record, key = records(rig.last("StopTransaction"))["Transaction.End"], rig.value("MeterPublicKey") or ""
    register = str(record.payload["RD"][1]["RV"])
    forged = record._replace(signed=record.signed.replace(register.encode(), str(int(register) + 1).encode()))
    assert forged.signed != record.signed
    with pytest.raises(InvalidSignature):
        verify(forged, key)
    with pytest.raises(InvalidSignature):
        verify(record, Rig.value(other(), "MeterPublicKey") or "")


def other() -> Rig:
    """A station with another serial number."""
    rig = Rig(EICHRECHT)
    rig.run(3)
    rig.station.core.settings.serial = "3N20011000000000001"
    return rig


def test_r_053_the_record_says_who_charged_where_and_that_it_is_a_simulation() -> None:
    rig = charged(seconds=60)
    payload = records(rig.last("StopTransaction"))["Transaction.End"].payload
    assert (payload["FV"], payload["MM"], payload["MS"]) == (
        "1.0",
        "simulation, not calibrated",
        rig.station.core.serial,
    )
    assert (payload["IS"], payload["IT"], payload["ID"]) == (True, "ISO14443", UID)
    assert (payload["CT"], payload["CI"]) == ("CBIDC", "CP-1 1")
    assert (
        records(charged(tag="FLEET|7", seconds=60).last("StopTransaction"))["Transaction.End"].payload["ID"]
        == "FLEET|7"
    )
    remote = records(charged(tag="FLEET-7", seconds=60).last("StopTransaction"))["Transaction.End"]
    assert remote.payload["IT"] == "CENTRAL"


def test_r_053_a_page_is_numbered_once_in_the_life_of_the_meter() -> None:
    rig = charged(seconds=60)
    pages = [record.payload["PG"] for record in records(rig.last("StopTransaction")).values()]
    rig.unplug()
    rig.power_cycle()
    rig.run(5)
    rig.charge(UID, seconds=60)
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    pages += [record.payload["PG"] for record in records(rig.last("StopTransaction")).values()]
    assert pages == ["T1", "T2", "T3", "T4"]


@pytest.mark.parametrize(
    "model", ["evlink-pro-ac", "evlink-pro-ac/socket-mid", "evlink-smart-wallbox", "evlink-pro-dc"]
)
def test_r_053_other_meters_sign_nothing(model: str) -> None:
    assert not [name for name, facts in load(model).variants.items() if facts.signed_values and "eichrecht" not in name]
    rig = charged(model, seconds=60)
    assert "SignedData" not in msgspec.json.encode(rig.last("StopTransaction")).decode()


def test_r_053_the_signed_values_stay_when_readings_between_them_are_thinned() -> None:
    """Q-142, Q-143: StopTxnMinimumDurationData and StopTxnMaximaleData bound what is between; begin and end stay."""
    rig = charged(
        seconds=10_000,
        MeterValueSampleInterval="5",
        StopTxnSampledData="Energy.Active.Import.Register",
        StopTxnMinimumDurationData="1",
    )
    stop = rig.last("StopTransaction")
    assert isinstance(stop.transaction_data, tuple)
    assert 700 < len(stop.transaction_data) <= 1440
    assert list(records(stop)) == ["Transaction.Begin", "Transaction.End"]
    assert len(msgspec.json.encode(stop)) < 500_000, "peers that read no frame longer than 1 MiB are common"


def test_r_053_signed_offline_they_wait_on_disk_through_a_power_cut() -> None:
    rig = Rig(EICHRECHT, settings={"LocalPreAuthorize": "true"})
    rig.run(3)
    rig.cut()
    rig.charge(UID, seconds=600)
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    rig.power_cycle()
    rig.mend()
    rig.run(120)
    found = records(rig.last("StopTransaction"))
    for record in found.values():
        verify(record, rig.value("MeterPublicKey") or "")
    assert found["Transaction.End"].payload["RD"][1]["RV"] == rig.last("StopTransaction").meter_stop


def test_r_053_a_charge_over_a_power_cut_is_signed_from_its_begin_to_its_end() -> None:
    rig = Rig(EICHRECHT, settings={"RestoreTimeout": "10"})
    rig.run(3)
    rig.charge(UID, seconds=600)
    started = rig.last("StartTransaction")
    rig.power_cycle()
    rig.run(300)
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    found = records(rig.last("StopTransaction"))
    assert list(found) == ["Transaction.Begin", "Transaction.End"]
    assert [r["RV"] for r in found["Transaction.End"].payload["RD"]] == [
        started.meter_start, rig.last("StopTransaction").meter_stop,
    ]  # fmt: skip


def test_r_053_a_meter_that_does_not_answer_signs_nothing_and_that_is_said() -> None:
    rig = Rig(EICHRECHT)
    rig.run(3)
    rig.charge(UID, seconds=60)
    rig.hardware.mute_meter(1, True)
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    assert "Transaction.End" not in records(rig.last("StopTransaction"))
    assert "value not signed" in rig.notes()


def test_r_053_a_thousand_records_are_good_and_not_one_of_them_when_a_byte_is_changed() -> None:
    dice = random.Random(3)
    serial = "3N20011000000000001"
    key = load_der_public_key(bytes.fromhex(public_key(serial)))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    for number in range(1000):
        record = parsed(ocmf.text({"PG": f"T{number}", "ID": chr(dice.randrange(32, 0x2FF)) * 5}, serial))
        signature = bytes.fromhex(record.proof["SD"])
        key.verify(signature, record.signed, ec.ECDSA(SHA256()))
        place = dice.randrange(len(record.signed))
        forged = bytearray(record.signed)
        forged[place] ^= 1 << dice.randrange(8)
        with pytest.raises(InvalidSignature):
            key.verify(signature, bytes(forged), ec.ECDSA(SHA256()))
