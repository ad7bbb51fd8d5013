"""Every Core operation, and TriggerMessage, from central systems written by others to the demo's two products."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from tests.shells.peers import CENTRALS, central_of
from tests.shells.peers.ours import OurStation, our_station
from tests.shells.peers.products import PRO_AC, at_each_product
from tests.shells.peers.record import CentralPeer
from tests.shells.peers.visits import BADGE


@pytest.fixture(params=CENTRALS)
async def central(request: pytest.FixtureRequest) -> AsyncIterator[CentralPeer]:
    async with central_of(request.param) as peer:
        yield peer
        peer.record.clean()


class Operated:
    """A station of ours, from the seat of a foreign operator."""

    def __init__(self, central: CentralPeer, station: OurStation, model: str) -> None:
        self.central, self.station, self.model = central, station, model
        self.record, self.identity = central.record, station.identity

    async def ask(self, action: str, **payload: Any) -> dict[str, Any]:
        return await self.central.call(self.identity, action, payload)

    async def expect(self, status: str, action: str, **payload: Any) -> None:
        answer = await self.ask(action, **payload)
        assert answer == {"status": status}, f"{self.model} to {action} {payload}"

    async def caused(self, action: str, **fields: Any) -> dict[str, Any]:
        """The call that comes after the answer (reference 1.2), with these fields."""

        def found() -> list[dict[str, Any]]:
            calls = self.record.caused(self.identity, action)
            return [call.payload for call in calls if fields.items() <= call.payload.items()]

        await self.record.until(lambda: bool(found()), f"{self.identity} says {action} {fields}")
        return found()[0]

    async def status(self, status: str) -> None:
        """Told last."""
        await self.record.until(lambda: self.record.statuses(self.identity)[-1:] == [status], f"it tells {status}")

    async def remote_start(self) -> int:
        """Plug and start from afar; the transaction's number."""
        await self.station.do("plug_in", connector=1)
        await self.status("Preparing")
        await self.expect("Accepted", "RemoteStartTransaction", idTag=BADGE, connectorId=1)
        await self.status("Charging")
        number: int = self.record.answers(self.identity, "StartTransaction")[-1]["transactionId"]
        return number

    async def unplug(self) -> None:
        await self.station.until(lambda: not self.station.connector["locked"], "the cable is free")
        await self.station.do("unplug", connector=1)


@pytest.mark.parametrize("doing", ["settings", "availability", "remote", "unlock", "reset"])
@pytest.mark.slow
async def test_core_operations_are_not_objected_to(central: CentralPeer, doing: str) -> None:
    """OCPP 1.6, 5.2 to 5.19."""

    async def operate(model: str, keys: Mapping[str, str]) -> None:
        identity = f"{model}-1"
        async with our_station(model, identity, central.url, keys) as station:
            operated = Operated(central, station, model)
            await operated.status("Available")
            await DOINGS[doing](operated)

    await at_each_product(operate)


async def _settings(at: Operated) -> None:
    """5.3 ChangeConfiguration, 5.8 GetConfiguration, 5.4 ClearCache, 5.6 DataTransfer, 5.17 TriggerMessage."""
    everything = await at.ask("GetConfiguration")
    assert not everything.get("unknownKey")
    keys = {row["key"]: row for row in everything["configurationKey"]}
    assert keys["NumberOfConnectors"] == {"key": "NumberOfConnectors", "readonly": True, "value": "1"}
    assert len(keys) == len(everything["configurationKey"]) > 40
    some = await at.ask("GetConfiguration", key=["numberofconnectors", "NoSuchKey"])
    assert some == {"configurationKey": [keys["NumberOfConnectors"]], "unknownKey": ["NoSuchKey"]}

    await at.expect("Accepted", "ChangeConfiguration", key="MinimumStatusDuration", value="3")
    [changed] = (await at.ask("GetConfiguration", key=["MinimumStatusDuration"]))["configurationKey"]
    assert changed["value"] == "3"
    await at.expect("Rejected", "ChangeConfiguration", key="NumberOfConnectors", value="7")
    await at.expect("Rejected", "ChangeConfiguration", key="MinimumStatusDuration", value="soon")
    await at.expect("NotSupported", "ChangeConfiguration", key="NoSuchKey", value="1")

    # the Pro AC has its cache off in the factory
    await at.expect("Rejected" if at.model == PRO_AC else "Accepted", "ClearCache")
    await at.expect("UnknownVendorId", "DataTransfer", vendorId="org.example", messageId="Greeting", data="hello")
    if at.model == PRO_AC:
        await at.expect("Accepted", "DataTransfer", vendorId="Schneider Electric", messageId="Locate", data="{}")
        await at.expect("UnknownMessageId", "DataTransfer", vendorId="Schneider Electric", messageId="Sing")

    await at.expect("Accepted", "TriggerMessage", requestedMessage="Heartbeat")
    await at.caused("Heartbeat")
    await at.expect("Accepted", "TriggerMessage", requestedMessage="StatusNotification", connectorId=1)
    await at.caused("StatusNotification", connectorId=1, status="Available")
    await at.expect("Rejected", "TriggerMessage", requestedMessage="StatusNotification", connectorId=9)


async def _availability(at: Operated) -> None:
    """5.2: at once when free, after the visit when not; connector 0 is all of it."""
    await at.expect("Accepted", "ChangeAvailability", connectorId=1, type="Inoperative")
    await at.caused("StatusNotification", connectorId=1, status="Unavailable")
    await at.expect("Accepted", "ChangeAvailability", connectorId=1, type="Operative")
    await at.caused("StatusNotification", connectorId=1, status="Available")
    await at.expect("Rejected", "ChangeAvailability", connectorId=9, type="Operative")

    number = await at.remote_start()
    await at.expect("Scheduled", "ChangeAvailability", connectorId=0, type="Inoperative")
    await at.expect("Accepted", "RemoteStopTransaction", transactionId=number)
    await at.caused("StopTransaction", transactionId=number)
    await at.status("Finishing")
    await at.unplug()
    await at.status("Unavailable")  # 4.9, F8
    await at.expect("Accepted", "ChangeAvailability", connectorId=0, type="Operative")
    await at.caused("StatusNotification", connectorId=1, status="Available")


async def _remote(at: Operated) -> None:
    """5.11 RemoteStartTransaction, 5.12 RemoteStopTransaction, and meter values on demand (5.17)."""
    await at.expect("Rejected", "RemoteStopTransaction", transactionId=4711)
    await at.expect("Rejected", "RemoteStartTransaction", idTag=BADGE, connectorId=9)
    number = await at.remote_start()
    await at.expect("Accepted", "TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    values = await at.caused("MeterValues", connectorId=1, transactionId=number)
    assert {value["context"] for value in values["meterValue"][0]["sampledValue"]} == {"Trigger"}
    await at.expect("Rejected", "RemoteStopTransaction", transactionId=number + 1000)
    await at.expect("Accepted", "RemoteStopTransaction", transactionId=number)
    await at.caused("StopTransaction", transactionId=number, reason="Remote")
    await at.status("Finishing")
    await at.unplug()
    await at.status("Available")


async def _unlock(at: Operated) -> None:
    """5.18 UnlockConnector: ends what runs, and opens."""
    await at.expect("NotSupported", "UnlockConnector", connectorId=9)
    number = await at.remote_start()
    await at.expect("Unlocked", "UnlockConnector", connectorId=1)
    stops = at.record.calls(at.identity, "StopTransaction")
    if not stops:
        await at.caused("StopTransaction", transactionId=number, reason="UnlockCommand")
    await at.status("Finishing")
    await at.unplug()
    await at.status("Available")
    await at.expect("Unlocked", "UnlockConnector", connectorId=1)


async def _reset(at: Operated) -> None:
    """5.14 Reset: soft in a transaction, hard without; each time it comes back and says who it is."""
    number = await at.remote_start()
    await at.expect("Accepted", "Reset", type="Soft")
    await at.caused("StopTransaction", transactionId=number, reason="SoftReset")
    await at.record.until(lambda: at.record.connections(at.identity) == 2, "it connects again")
    await at.caused("BootNotification")
    await at.unplug()
    await at.status("Available")
    await at.expect("Accepted", "Reset", type="Hard")
    await at.record.until(lambda: at.record.connections(at.identity) == 3, "it connects again")
    await at.caused("BootNotification")
    await at.caused("StatusNotification", connectorId=1, status="Available")


DOINGS = {
    "settings": _settings,
    "availability": _availability,
    "remote": _remote,
    "unlock": _unlock,
    "reset": _reset,
}
