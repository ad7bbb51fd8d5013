"""What a station of the peers says in a visit, and every operation of the Core profile."""

from typing import Any

from tests.shells.peers.policy import date
from tests.shells.peers.record import StationPeer

BADGE = "04A2B3C4D5E680"
START_WH, STEP_WH, SAMPLES = 1000, 120, 3


async def visit(peer: StationPeer, identity: str) -> int:
    """Boot, a whole visit, a word of the vendor. The transaction's number."""

    async def say(action: str, **payload: Any) -> dict[str, Any]:
        return await peer.call(identity, action, payload)

    async def status(connector: int, told: str) -> None:
        await say("StatusNotification", connectorId=connector, status=told, errorCode="NoError", timestamp=date())

    boot = await say("BootNotification", chargePointVendor="Elsewhere", chargePointModel="Other 22")
    assert boot["status"] == "Accepted"
    assert boot["interval"] > 0
    await status(0, "Available")
    await status(1, "Available")
    await say("Heartbeat")
    await status(1, "Preparing")
    assert (await say("Authorize", idTag=BADGE))["idTagInfo"]["status"] == "Accepted"
    begun = await say("StartTransaction", connectorId=1, idTag=BADGE, meterStart=START_WH, timestamp=date())
    assert begun["idTagInfo"]["status"] == "Accepted"
    number: int = begun["transactionId"]
    await status(1, "Charging")
    for count in range(1, SAMPLES + 1):
        value = {
            "value": str(START_WH + count * STEP_WH),
            "context": "Sample.Periodic",
            "measurand": "Energy.Active.Import.Register",
            "unit": "Wh",
        }
        sample = {"timestamp": date(), "sampledValue": [value]}
        await say("MeterValues", connectorId=1, transactionId=number, meterValue=[sample])
    stop_wh = START_WH + SAMPLES * STEP_WH
    await say("StopTransaction", transactionId=number, idTag=BADGE, meterStop=stop_wh, timestamp=date(), reason="Local")
    await status(1, "Finishing")
    await status(1, "Available")
    await say("DataTransfer", vendorId="org.example", messageId="Greeting", data="hello")
    return number


def core_operations(transaction: int) -> list[tuple[str, dict[str, Any]]]:
    """Every operation a central system has in the Core profile, in the ways it has them, and TriggerMessage."""
    return [
        ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
        ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "600"}),
        ("ChangeConfiguration", {"key": "NumberOfConnectors", "value": "7"}),
        ("ChangeConfiguration", {"key": "NoSuchKey", "value": "1"}),
        ("GetConfiguration", {}),
        ("GetConfiguration", {"key": ["HeartbeatInterval", "NoSuchKey"]}),
        ("ClearCache", {}),
        ("DataTransfer", {"vendorId": "org.example", "messageId": "Greeting", "data": "hello"}),
        ("DataTransfer", {"vendorId": "org.example"}),
        ("RemoteStartTransaction", {"idTag": BADGE, "connectorId": 1}),
        ("RemoteStartTransaction", {"idTag": BADGE}),
        ("RemoteStopTransaction", {"transactionId": transaction}),
        ("UnlockConnector", {"connectorId": 1}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
        ("Reset", {"type": "Soft"}),
        ("Reset", {"type": "Hard"}),
    ]
