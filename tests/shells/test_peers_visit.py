"""A whole visit at the demo's two products, seen by central systems written by others: nothing to object to."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from tests.shells.peers import CENTRALS, central_of
from tests.shells.peers.ours import OurStation, our_station
from tests.shells.peers.products import at_each_product, energies_wh, in_order, is_register
from tests.shells.peers.record import CentralPeer, Record
from tests.shells.peers.visits import BADGE

CHARGED_MIN = 10
"""Station-minutes; with a sample each."""

LIKELY_WH = (500, 3700)
"""Ten minutes at 6 A on one phase, at 32 A on three: whatever the car, it lies between."""


@pytest.mark.parametrize("kind", CENTRALS)
@pytest.mark.slow
async def test_a_whole_visit_is_not_objected_to(kind: str) -> None:
    """OCPP 1.6, 4.1 to 4.10: boot, plug, badge, ten minutes of charge, stop, unplug."""
    async with central_of(kind) as central:
        await at_each_product(partial(_visit, central))
        central.record.clean()


@pytest.mark.parametrize("kind", CENTRALS)
async def test_the_wallbox_as_it_leaves_the_factory_is_objected_to(kind: str) -> None:
    """Its BootNotification has a serial number of 33 characters: so we know that the peers judge what we say."""
    async with central_of(kind) as central, our_station("evlink-smart-wallbox", "EVB-1", central.url, {}):
        await central.record.until(lambda: bool(central.record.objections), "it objects")
        assert "EVB1A22P2RI" in central.record.objections[0]


async def _visit(central: CentralPeer, model: str, keys: Mapping[str, str]) -> None:
    identity, record = f"{model}-1", central.record
    async with our_station(model, identity, central.url, keys) as station:
        await record.until(lambda: "Available" in record.statuses(identity), f"{model} boots")
        await station.do("plug_in", connector=1)
        await station.do("present_badge", id_tag=BADGE, connector=1)
        await station.until_status("Charging")
        await record.until(lambda: len(record.calls(identity, "MeterValues")) >= CHARGED_MIN, f"{model} charges")
        running = (await station.show())["connectors"][0]["transaction"]
        await station.do("stop", connector=1)
        await record.until(lambda: bool(record.calls(identity, "StopTransaction")), f"{model} stops")
        await station.until(lambda: not station.connector["locked"], "the cable is free")
        await station.do("unplug", connector=1)
        await record.until(lambda: record.statuses(identity)[-1] == "Available", f"{model} is free again")
        await _told_in_full(record, station, running)


async def _told_in_full(record: Record, station: OurStation, running: dict[str, Any]) -> None:
    """Everything once, in order, and the energy is the meter's."""
    identity = station.identity
    assert in_order(
        [call.action for call in record.calls(identity)],
        "BootNotification", "StatusNotification", "Authorize", "StartTransaction", "MeterValues", "StopTransaction",
    )  # fmt: skip
    assert in_order(record.statuses(identity), "Available", "Preparing", "Charging", "Finishing", "Available")
    assert record.statuses(identity, 0) == ["Available"]
    assert record.connections(identity) == 1
    for once in ("BootNotification", "Authorize", "StartTransaction", "StopTransaction"):
        assert len(record.calls(identity, once)) == 1, once
    [start], [stop] = record.calls(identity, "StartTransaction"), record.calls(identity, "StopTransaction")
    assert (running["transaction"], running["start_wh"]) == (stop.payload["transactionId"], start.payload["meterStart"])
    assert start.payload["idTag"] == running["id_tag"] == BADGE
    assert stop.payload["reason"] == "Local"
    samples = record.calls(identity, "MeterValues")
    assert {call.payload["transactionId"] for call in samples} == {stop.payload["transactionId"]}
    readings = energies_wh(samples)
    assert readings == sorted(set(readings)), "each sample is higher than the one before"
    assert start.payload["meterStart"] < readings[0]
    assert readings[-1] <= stop.payload["meterStop"]
    charged_wh = stop.payload["meterStop"] - start.payload["meterStart"]
    assert LIKELY_WH[0] < charged_wh < LIKELY_WH[1]
    register_wh = (await station.show())["connectors"][0]["energy_wh"]
    assert is_register(stop.payload["meterStop"], register_wh), "nothing was drawn after the stop"
