"""OCPP 1.6, 4.3 and 5.6: the messages of the vendor's own, as each product's guide has them, both ways (trap 66)."""

import json

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.ocpp import messages
from tests.rules.rig import Rig

COST = {"currency": "VNĐ", "method": "CostUpdated", "connectID": 1, "totalCost": 16780, "transactionId": 358}


def idle(model: str, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    rig.forget()
    return rig


def transfer(rig: Rig, vendor: str, message: str, data: str | None) -> messages.DataTransferResponse:
    extra = {} if data is None else {"data": data}
    answer = rig.ask(messages.DataTransfer(vendor_id=vendor, message_id=message, **extra))
    assert isinstance(answer, messages.DataTransferResponse)
    return answer


# --- Pro DC: CostUpdated ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["transactionId", "TransactionId"])
def test_r_235_a_cost_is_accepted_with_empty_data_and_noted(spelled: str) -> None:
    """Q-088: the list of the guide writes TransactionId, its example transactionId."""
    rig = idle("evlink-pro-dc")
    cost = {name: value for name, value in COST.items() if name != "transactionId"} | {spelled: 358}
    answer = transfer(rig, "com.se.cost", "CostUpdated", json.dumps(cost))
    assert (answer.status, answer.data) == ("Accepted", "")
    notes = [(note.event, note.text, note.connector) for note in rig.wished(sig.Note)]
    assert notes == [("cost", "16780 VNĐ", 1)]


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        '{currency:"VNĐ","method":"CostUpdated","connectID":1,"total-Cost":16780,"transactionId":358}',
        "16780",
        "[]",
        "{}",
        json.dumps({name: value for name, value in COST.items() if name != "totalCost"}),
        "[" * 5000,
    ],
)
def test_r_235_what_is_no_cost_is_rejected(data: str | None) -> None:
    rig = idle("evlink-pro-dc")
    assert transfer(rig, "com.se.cost", "CostUpdated", data).status == "Rejected"
    assert rig.notes() == []


def test_r_235_other_messages_and_vendors_are_unknown() -> None:
    rig = idle("evlink-pro-dc")
    assert transfer(rig, "com.se.cost", "CostDowndated", json.dumps(COST)).status == "UnknownMessageId"
    assert transfer(rig, "com.example", "CostUpdated", json.dumps(COST)).status == "UnknownVendorId"


def test_r_235_a_cost_of_any_length_makes_a_short_note() -> None:
    rig = idle("evlink-pro-dc")
    cost = COST | {"currency": "x" * 100_000, "connectID": "one"}
    assert transfer(rig, "com.se.cost", "CostUpdated", json.dumps(cost)).status == "Accepted"
    assert [(len(note.text), note.connector) for note in rig.wished(sig.Note)] == [(50, None)]


# --- Detection loop --------------------------------------------------------------------------------------------------


def loop(rig: Rig, name: str = "detection_loop") -> list[tuple[str, object, object]]:
    rig.forget()
    rig.tell(sig.InputChanged(name, True))
    rig.run(1)
    rig.tell(sig.InputChanged(name, False))
    rig.run(1)
    return [(p.vendor_id, p.message_id, json.loads(p.data)) for p in rig.said("DataTransfer")]


VEHICLE = {"connectorId": 1, "name": "Vehicle", "state": 0}


def test_r_236_a_vehicle_at_the_loop_is_told_while_the_key_is_true() -> None:
    """Q-155: the data is JSON text; told once when the vehicle comes."""
    rig = idle("evlink-pro-ac")
    assert loop(rig) == []
    assert rig.change("EvPresenceNotification", "true") == "Accepted"
    assert loop(rig) == [("Schneider Electric", "Detection loop", VEHICLE)]
    assert loop(rig, "door") == []
    assert rig.change("EvPresenceNotification", "false") == "Accepted"
    assert loop(rig) == []


def test_r_236_an_input_told_twice_is_one_vehicle() -> None:
    rig = idle("evlink-pro-ac", EvPresenceNotification="true")
    for _ in range(3):
        rig.tell(sig.InputChanged("detection_loop", True))
        rig.run(1)
    assert len(rig.said("DataTransfer")) == 1


@pytest.mark.parametrize("release", ["R6", "R7"])
def test_r_234_the_city_tells_of_a_vehicle_at_either_connector(release: str) -> None:
    """Q-027: like the loop of the Pro AC, with the key enableEvDetection."""
    rig = idle(f"evlink-city@{release}")
    assert loop(rig) == []
    rig.own(enableEvDetection="true")
    assert loop(rig) == [("Schneider Electric", "Detection loop", VEHICLE)]
    assert loop(rig, "detection_loop_2") == [("Schneider Electric", "Detection loop", VEHICLE | {"connectorId": 2})]
    assert loop(rig, "detection_loop_3") == []
    assert loop(rig, "detection_loop_0") == []
    assert transfer(rig, "Schneider Electric", "Detection loop", "{}").status == "UnknownVendorId"


@pytest.mark.parametrize("model", ["evlink-city@R5", "evlink-parking", "evlink-smart-wallbox", "schneider-charge"])
def test_r_234_r_238_who_has_no_such_message_tells_nothing(model: str) -> None:
    rig = idle(model)
    for key in ("enableEvDetection", "EvPresenceNotification"):
        if rig.model.key(key):
            rig.own(**{key: "true"})
    assert loop(rig) == []


def test_r_238_schneider_charge_knows_no_vendor() -> None:
    rig = idle("schneider-charge")
    for vendor in ("com.se.cost", "Schneider Electric", "anybody"):
        assert transfer(rig, vendor, "CostUpdated", json.dumps(COST)).status == "UnknownVendorId"


def test_r_237_locate_takes_any_json_and_answers_without_data() -> None:
    rig = idle("evlink-pro-ac")
    for data in ("{}", "[]", "0", '{"a":1}'):
        answer = transfer(rig, "Schneider Electric", "Locate", data)
        assert (answer.status, answer.data) == ("Accepted", msgspec.UNSET)
    assert transfer(rig, "Schneider Electric", "Locate", "here").status == "Rejected"


def test_a_message_without_an_example_takes_any_json() -> None:
    model = load("evlink-pro-ac")
    rows = tuple(msgspec.structs.replace(row, data="") for row in model.data_transfers)
    rig = Rig(msgspec.structs.replace(model, data_transfers=rows), settings={"EvPresenceNotification": "true"})
    rig.run(3)
    assert transfer(rig, "Schneider Electric", "Locate", "{}").status == "Accepted"
    assert loop(rig) == [("Schneider Electric", "Detection loop", {"connectorId": 1})]
