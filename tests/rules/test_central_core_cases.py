"""The Core cases of the conformance list for a central system (ids as there), played by a scripted station."""

from typing import Any

import msgspec
import pytest

from chargepost.supervision import commands
from chargepost.supervision.roster import Knock
from chargepost.supervision.wishes import Admit, Refuse

from .central_harness import BLOCKED, EXPIRED, GOOD, OTHER, Peer, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def peer(world: World) -> Peer:
    return world.station()


def charging(peer: Peer, id_tag: str = GOOD, connector: int = 1) -> int:
    """The reusable state Charging."""
    assert peer.ask("Authorize", {"idTag": id_tag})["idTagInfo"]["status"] == "Accepted"
    peer.status("Preparing", connector)
    started = peer.start(id_tag, connector)
    assert started["idTagInfo"]["status"] == "Accepted"
    peer.status("Charging", connector)
    return int(started["transactionId"])


def status_at(peer: Peer, connector: int = 1) -> str:
    return str(peer.world.central.state.stations[peer.identity].connectors[connector].row.status)


def is_open(peer: Peer, transaction: int) -> bool:
    return transaction in peer.world.central.state.open


def command(peer: Peer, action: str, payload: str, answer: dict[str, Any], ticket: int = 1) -> Any:
    """Send a command as the API does, answer it as a station, and give what the operator sees."""
    world = peer.world
    world.central.command(peer.identity, commands.read(action, payload.encode()), ticket, world.now)
    world.drain()
    kind, ident, sent_action, sent = peer.open_call()
    assert (kind, sent_action) == (2, action)
    peer.send([3, ident, answer])
    outcome = world.outcomes[ticket]
    assert outcome.error == ""
    assert outcome.payload is not None
    return sent, msgspec.json.decode(msgspec.json.encode(outcome.payload))


def test_TC_001_CSMS_cold_boot(world: World) -> None:
    peer = world.station(boot=False)
    answer = peer.ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert (answer["status"], answer["interval"]) == ("Accepted", 300)
    assert answer["currentTime"] == "2027-01-15T08:00:00Z"
    for connector in (0, 1, 2):
        peer.status("Available", connector)
    world.pass_time(300)
    assert peer.ask("Heartbeat", {}) == {"currentTime": "2027-01-15T08:05:00Z"}


def test_TC_003_CSMS_plugin_first_and_TC_004_1_CSMS_identification_first(peer: Peer) -> None:
    peer.status("Preparing")
    first = charging(peer)
    second = charging(peer, OTHER, connector=2)
    assert first != second
    assert 0 < first < 2**31
    assert 0 < second < 2**31


def test_TC_004_2_CSMS_connection_time_out(peer: Peer) -> None:
    assert peer.ask("Authorize", {"idTag": GOOD})["idTagInfo"]["status"] == "Accepted"
    peer.status("Preparing")
    peer.status("Available")
    assert status_at(peer) == "Available"


def test_TC_005_1_CSMS_ev_side_disconnected(peer: Peer) -> None:
    transaction = charging(peer)
    peer.status("SuspendedEV")
    peer.stop(transaction, reason="EVDisconnected")
    peer.status("Finishing")
    peer.status("Available")
    assert not is_open(peer, transaction)
    assert peer.world.books.stops[transaction].reason == "EVDisconnected"


def test_TC_007_CSMS_start_with_a_cached_id(peer: Peer) -> None:
    peer.status("Preparing")
    assert peer.start(GOOD)["idTagInfo"]["status"] == "Accepted"


def test_TC_061_CSMS_clear_cache(peer: Peer) -> None:
    sent, seen = command(peer, "ClearCache", "", {"status": "Accepted"})
    assert (sent, seen) == ({}, {"status": "Accepted"})


@pytest.mark.parametrize("case", ["TC_010_CSMS", "TC_011_1_CSMS"])
def test_TC_010_011_1_CSMS_remote_start(peer: Peer, case: str) -> None:
    if case == "TC_010_CSMS":
        peer.status("Preparing")
    sent, seen = command(peer, "RemoteStartTransaction", '{"idTag": "GOOD", "connectorId": 1}', {"status": "Accepted"})
    assert sent == {"connectorId": 1, "idTag": GOOD}
    assert seen == {"status": "Accepted"}
    assert is_open(peer, charging(peer))


def test_TC_011_2_CSMS_remote_start_time_out(peer: Peer) -> None:
    command(peer, "RemoteStartTransaction", '{"idTag": "GOOD"}', {"status": "Accepted"})
    peer.ask("Authorize", {"idTag": GOOD})
    peer.status("Preparing")
    peer.status("Available")
    assert peer.world.central.state.open == {}


def test_TC_012_CSMS_remote_stop(peer: Peer) -> None:
    transaction = charging(peer)
    sent, _ = command(peer, "RemoteStopTransaction", f'{{"transactionId": {transaction}}}', {"status": "Accepted"})
    assert sent == {"transactionId": transaction}
    peer.stop(transaction, reason="Remote")
    peer.status("Finishing")
    peer.status("Available")
    assert not is_open(peer, transaction)


@pytest.mark.parametrize(("case", "kind"), [("TC_013_CSMS", "Hard"), ("TC_014_CSMS", "Soft")])
def test_TC_013_014_CSMS_reset(peer: Peer, case: str, kind: str) -> None:
    sent, _ = command(peer, "Reset", f'{{"type": "{kind}"}}', {"status": "Accepted"})
    assert sent == {"type": kind}
    peer.cut()
    peer.connect()
    assert peer.ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})["status"] == "Accepted"
    for connector in (0, 1):
        peer.status("Available", connector)


HANDLED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "TC_017_1_CSMS": ("UnlockConnector", '{"connectorId": 1}', {"status": "Unlocked"}),
    "TC_017_2_CSMS": ("UnlockConnector", '{"connectorId": 1}', {"status": "NotSupported"}),
    "TC_021_CSMS": (
        "ChangeConfiguration",
        '{"key": "MeterValueSampleInterval", "value": "60"}',
        {"status": "Accepted"},
    ),
    "TC_026_CSMS": ("RemoteStartTransaction", '{"idTag": "GOOD"}', {"status": "Rejected"}),
    "TC_028_CSMS": ("RemoteStopTransaction", '{"transactionId": 5}', {"status": "Rejected"}),
    "TC_030_CSMS": ("UnlockConnector", '{"connectorId": 1}', {"status": "UnlockFailed"}),
    "TC_031_CSMS": ("UnlockConnector", '{"connectorId": 9}', {"status": "NotSupported"}),
    "TC_040_1_CSMS": ("ChangeConfiguration", '{"key": "NoSuch", "value": "1"}', {"status": "NotSupported"}),
    "TC_040_2_CSMS": (
        "ChangeConfiguration",
        '{"key": "MeterValueSampleInterval", "value": "-1"}',
        {"status": "Rejected"},
    ),
    "TC_019_1_CSMS": (
        "GetConfiguration",
        "{}",
        {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]},
    ),
    "TC_019_2_CSMS": (
        "GetConfiguration",
        '{"key": ["SupportedFeatureProfiles"]}',
        {"configurationKey": [{"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core"}]},
    ),
}


@pytest.mark.parametrize("case", HANDLED)
def test_the_operator_sees_what_the_station_answered(peer: Peer, case: str) -> None:
    """TC_017, 019, 021, 026, 028, 030, 031, 040: sent as typed, answered as given, and the next command can go."""
    action, payload, answer = HANDLED[case]
    sent, seen = command(peer, action, payload, answer)
    assert sent == msgspec.json.decode(payload)
    assert seen == answer
    assert command(peer, "ClearCache", "{}", {"status": "Accepted"}, ticket=2)


def test_TC_018_1_CSMS_unlock_with_a_charging_session(peer: Peer) -> None:
    transaction = charging(peer)
    command(peer, "UnlockConnector", '{"connectorId": 1}', {"status": "Unlocked"})
    peer.status("Finishing")
    peer.stop(transaction, reason="UnlockCommand")
    peer.status("Available")
    assert not is_open(peer, transaction)


@pytest.mark.parametrize(
    ("case", "id_tag", "status"),
    [
        ("TC_023_1_CSMS", "NOBODY", "Invalid"),
        ("TC_023_2_CSMS", EXPIRED, "Expired"),
        ("TC_023_3_CSMS", BLOCKED, "Blocked"),
    ],
)
def test_TC_023_CSMS_authorize_refused(peer: Peer, case: str, id_tag: str, status: str) -> None:
    assert peer.ask("Authorize", {"idTag": id_tag})["idTagInfo"]["status"] == status


def test_TC_024_CSMS_lock_failure_is_stored(peer: Peer) -> None:
    peer.ask("Authorize", {"idTag": GOOD})
    peer.status("Preparing")
    peer.status("Faulted", error="ConnectorLockFailure", vendorErrorCode="E7")
    assert status_at(peer) == "Faulted"
    fault = peer.world.books.events[-1]
    assert fault.event == "fault"
    assert "ConnectorLockFailure" in fault.text


def test_TC_032_1_CSMS_power_failure(peer: Peer) -> None:
    transaction = charging(peer)
    peer.cut()
    peer.connect()
    assert peer.ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})["status"] == "Accepted"
    peer.status("Available")
    peer.stop(transaction, reason="PowerLoss")
    assert peer.world.books.stops[transaction].reason == "PowerLoss"


def test_TC_037_1_CSMS_offline_start(peer: Peer) -> None:
    assert peer.start(GOOD, at="2020-01-01T00:00:00Z")["idTagInfo"]["status"] == "Accepted"


def test_TC_037_3_CSMS_offline_start_with_an_invalid_badge(peer: Peer) -> None:
    answer = peer.start("NOBODY")
    assert answer["idTagInfo"]["status"] == "Invalid"
    assert answer["transactionId"] > 0
    peer.status("Charging")
    peer.stop(answer["transactionId"], reason="DeAuthorized")
    assert peer.world.books.stops[answer["transactionId"]].reason == "DeAuthorized"


def test_TC_039_CSMS_offline_transaction(peer: Peer) -> None:
    transaction = peer.start(GOOD, meter=100, at="2020-01-01T00:00:00Z")["transactionId"]
    assert peer.stop(transaction, meter=900, idTag=GOOD)["idTagInfo"]["status"] == "Accepted"
    ((start, stop),) = peer.world.books.records()
    assert (start.start_wh, stop.stop_wh, stop.reason) == (100, 900, "Local")


def test_TC_064_CSMS_data_transfer(peer: Peer) -> None:
    assert peer.ask("DataTransfer", {"vendorId": "org.nowhere"}) == {"status": "UnknownVendorId"}


def test_TC_085_CSMS_basic_authentication(world: World) -> None:
    world.station("S1").cut()
    world.central.set_password("S1", b"0123456789abcdef")
    world.drain()
    for ticket, password in enumerate([None, b"wrong", b"0123456789abcdef"]):
        world.central.knock(ticket, Knock("S1", ("ocpp1.6",), "S1", password), world.now)
    world.drain()
    verdicts = [wish for wish in world.wishes if isinstance(wish, Admit | Refuse)]
    assert [getattr(verdict, "status", 101) for verdict in verdicts] == [401, 401, 101]


def test_TC_088_CSMS_subprotocol(world: World) -> None:
    world.station("S1").cut()
    world.central.set_password("S1", b"key")
    for ticket, offered in enumerate([("ocpp0.1",), ("ocpp0.1", "ocpp1.6")]):
        world.central.knock(ticket, Knock("S1", offered, "S1", b"key"), world.now)
    world.drain()
    verdicts = [wish for wish in world.wishes if isinstance(wish, Admit | Refuse)]
    assert [getattr(verdict, "status", 101) for verdict in verdicts] == [400, 101]


def test_TC_073_CSMS_update_password(world: World) -> None:
    peer = world.station("S1")
    world.central.set_password("S1", b"old")
    command(peer, "ChangeConfiguration", '{"key": "AuthorizationKey", "value": "30313233"}', {"status": "Accepted"})
    peer.cut()
    for ticket, password in enumerate([b"old", b"0123"]):
        world.central.knock(ticket, Knock("S1", ("ocpp1.6",), "S1", password), world.now)
    world.drain()
    verdicts = [wish for wish in world.wishes if isinstance(wish, Admit | Refuse)]
    assert [getattr(verdict, "status", 101) for verdict in verdicts] == [401, 101]
