"""The peers among themselves: each is content with the other, and objects to what is wrong."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.patience import PATIENCE_S
from tests.shells.peers import CENTRALS, STATIONS, central_of, stations_of
from tests.shells.peers.proxy import Cable
from tests.shells.peers.record import CentralPeer
from tests.shells.peers.visits import SAMPLES, core_operations, visit
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

PROTOCOL = [Subprotocol("ocpp1.6")]
BOOT = {"chargePointVendor": "Elsewhere", "chargePointModel": "Other 22"}
SAMPLE = {"timestamp": "2026-11-20T12:00:00Z", "sampledValue": [{"value": "1"}]}

WRONG_OF_STATION: dict[str, list[list[Any]]] = {
    "a missing field": [[2, "1", "BootNotification", {"chargePointVendor": "Elsewhere"}]],
    "a text too long": [[2, "1", "BootNotification", BOOT | {"chargePointSerialNumber": 26 * "9"}]],
    "an unknown field": [[2, "1", "Heartbeat", {"extra": 1}]],
    "an unknown word": [
        [2, "1", "StatusNotification", {"connectorId": 1, "status": "Sleepy", "errorCode": "NoError"}]
    ],
    "a number as text": [[2, "1", "MeterValues", {"connectorId": "1", "meterValue": [SAMPLE]}]],
    "an unknown unit": [
        [2, "1", "MeterValues", {"connectorId": 1, "meterValue": [
            SAMPLE | {"sampledValue": [{"value": "1", "unit": "hp"}]}
        ]}]
    ],
    "an unknown action": [[2, "1", "Sing", {}]],
    "no array": [{"action": "Heartbeat"}],  # type: ignore[list-item]
    "an id too long": [[2, 37 * "x", "Heartbeat", {}]],
    "an id again": [[2, "1", "Heartbeat", {}], [2, "1", "BootNotification", BOOT]],
    "an answer to nothing": [[3, "9", {}]],
}  # fmt: skip

WRONG_OF_CENTRAL: dict[str, list[Any]] = {
    "a missing field": [2, "1", "ChangeConfiguration", {"key": "HeartbeatInterval"}],
    "an unknown word": [2, "1", "Reset", {"type": "Gentle"}],
    "an unknown field": [2, "1", "ClearCache", {"extra": 1}],
    "an answer without its field": [3, "BOOT", {"status": "Accepted", "interval": 60}],
    "an answer with a word unknown": [
        3, "BOOT", {"status": "Perhaps", "interval": 60, "currentTime": "2026-11-20T12:00:00Z"}
    ],
}  # fmt: skip


@pytest.fixture(params=CENTRALS)
async def central(request: pytest.FixtureRequest) -> AsyncIterator[CentralPeer]:
    async with central_of(request.param) as peer:
        yield peer


@pytest.mark.parametrize("kind", STATIONS)
async def test_peers_are_content_with_each_other(central: CentralPeer, kind: str) -> None:
    async with stations_of(kind) as station:
        await station.connect(central.url, "CP 1")
        number = await visit(station, "CP 1")
        said = [call.action for call in central.record.calls("CP 1")]
        assert said.count("MeterValues") == SAMPLES
        assert said.index("StartTransaction") < said.index("MeterValues") < said.index("StopTransaction")
        assert said[-1] == "DataTransfer"
        operations = core_operations(number)
        for action, payload in operations:
            await central.call("CP 1", action, payload)
        assert [(call.action, call.payload) for call in station.record.calls("CP 1")] == operations
        station.record.clean()
    await central.record.until(lambda: central.record.links[-1] == ("CP 1", "closed"), "the station goes")
    central.record.clean()


@pytest.mark.parametrize("wrong", WRONG_OF_STATION)
async def test_a_central_system_objects(central: CentralPeer, wrong: str) -> None:
    async with connect(f"{central.url}/CP1", subprotocols=PROTOCOL, proxy=None) as socket:
        for message in WRONG_OF_STATION[wrong]:
            await socket.send(json.dumps(message))
        await central.record.until(lambda: bool(central.record.objections), wrong)


async def test_j_4_1_1_a_central_system_objects_to_a_second_call(central: CentralPeer) -> None:
    """Neither package does by itself; that the second comes before the first is answered is made sure of."""
    record = central.record
    record.frame("CP1", True, '[2, "1", "Heartbeat", {}]')
    record.frame("CP1", True, '[2, "2", "Heartbeat", {}]')
    assert "J 4.1.1" in record.objections[0]


@pytest.mark.parametrize("kind", STATIONS)
@pytest.mark.parametrize("wrong", WRONG_OF_CENTRAL)
async def test_a_station_objects(kind: str, wrong: str) -> None:
    async def serve_wrong(socket: ServerConnection) -> None:
        booted = json.loads(await socket.recv())
        message = WRONG_OF_CENTRAL[wrong]
        message = [booted[1] if part == "BOOT" else part for part in message]
        await socket.send(json.dumps(message))
        await socket.wait_closed()

    async with serve(serve_wrong, "127.0.0.1", 0, subprotocols=PROTOCOL) as server, stations_of(kind) as station:
        port = server.sockets[0].getsockname()[1]
        await station.connect(f"ws://127.0.0.1:{port}", "CP1")
        boot = asyncio.create_task(station.call("CP1", "BootNotification", BOOT))
        await station.record.until(lambda: bool(station.record.objections), wrong)
        boot.cancel()
        await asyncio.gather(boot, return_exceptions=True)


@pytest.mark.parametrize("kind", STATIONS)
async def test_a_station_tells_when_it_is_not_let_in(kind: str) -> None:
    async with Cable("ws://127.0.0.1:1/nobody") as cable, stations_of(kind) as station:
        with pytest.raises(ConnectionError):
            await station.connect(cable.url, "CP1")


async def test_a_pulled_cable_is_silence_at_both_ends(central: CentralPeer) -> None:
    record = central.record

    async def beat() -> Any:
        await socket.send('[2, "1", "Heartbeat", {}]')
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await socket.recv())

    async with Cable(central.url) as cable:
        async with connect(f"{cable.url}/CP1", subprotocols=PROTOCOL, proxy=None) as socket:
            assert (await beat())[0] == 3
            cable.pull()
            await socket.send('[2, "2", "Heartbeat", {}]')
            await cable.until(lambda: cable.lost_bytes > 0, "the cable swallows it")
            cable.plug()  # what was lost stays lost, and with it the link
            socket.transport.abort()
        async with connect(f"{cable.url}/CP1", subprotocols=PROTOCOL, proxy=None) as socket:
            assert (await beat())[0] == 3
        assert [call.id for call in record.calls("CP1")] == ["1", "1"]
        assert record.links.index(("CP1", "closed")) > 0, "the old end heard of its death only from the new link"
    record.clean()
