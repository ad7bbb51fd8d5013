"""Stations written by others, connected to our supervision: nothing to object to, and what they say is seen."""

import pytest
from tests.shells.peers import STATIONS, stations_of
from tests.shells.peers.ours import our_supervision
from tests.shells.peers.visits import BADGE, SAMPLES, START_WH, STEP_WH, core_operations, visit

IDENTITY = "OTHER 1"


@pytest.mark.parametrize("kind", STATIONS)
async def test_a_foreign_station_is_supervised(kind: str) -> None:
    """OCPP 1.6, chapter 4 as the station says it, chapter 5 as our API sends it."""
    async with our_supervision() as ours, stations_of(kind) as station:
        await ours.put_badge(BADGE)
        await station.connect(ours.url, IDENTITY)
        number = await visit(station, IDENTITY)

        [booked] = await ours.get("transactions", station=IDENTITY)
        assert booked["transaction"] == number
        assert (booked["id_tag"], booked["reason"]) == (BADGE, "Local")
        assert (booked["start_wh"], booked["stop_wh"]) == (START_WH, START_WH + SAMPLES * STEP_WH)
        shown = await ours.get(f"stations/{IDENTITY}")
        assert (shown["online"], shown["registration"], shown["vendor"]) == (True, "Accepted", "Elsewhere")
        assert [each["status"] for each in shown["connectors"] if each["connector"] == 1] == ["Available"]

        operations = core_operations(number)
        record = station.record
        seen = [await ours.command(IDENTITY, action, payload) for action, payload in operations]
        await record.until(lambda: len(record.answers(IDENTITY)) == len(operations), "the peer tells what it said")
        assert [(call.action, call.payload) for call in record.calls(IDENTITY)] == operations
        assert seen == record.answers(IDENTITY)
        record.clean()


@pytest.mark.parametrize("kind", STATIONS)
async def test_a_blocked_badge_is_refused_to_a_foreign_station(kind: str) -> None:
    """OCPP 1.6, 4.1."""
    async with our_supervision() as ours, stations_of(kind) as station:
        await ours.put_badge(BADGE, status="Blocked")
        await station.connect(ours.url, IDENTITY)
        await station.call(IDENTITY, "BootNotification", {"chargePointVendor": "E", "chargePointModel": "O"})
        answer = await station.call(IDENTITY, "Authorize", {"idTag": BADGE})
        assert answer["idTagInfo"]["status"] == "Blocked"
        station.record.clean()
