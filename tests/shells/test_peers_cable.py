"""A network cable pulled in mid-charge and put back: silence at both ends, as no closing of a socket ever is."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import pytest
from tests.shells.peers import CENTRALS, central_of
from tests.shells.peers.ours import OurStation, our_station
from tests.shells.peers.products import at_each_product, energies_wh, is_register
from tests.shells.peers.proxy import Cable
from tests.shells.peers.record import CentralPeer, Record
from tests.shells.peers.visits import BADGE

AWAY_MIN = 10
"""Station-minutes without a network; with a sample each."""

SAMPLE_WH = (20, 370)
"""A minute at 6 A on one phase, at 32 A on three."""


@pytest.mark.parametrize(("kind", "stops"), list(zip(CENTRALS, ("back", "away"), strict=True)))
@pytest.mark.slow
async def test_a_pulled_cable_loses_nothing(kind: str, stops: str) -> None:
    """Errata 3.18 and OCPP-J 1.6, 5.3: the charge goes on; every sample and the stop arrive, once and in order.

    `stops`: once the network is back, or while it is away.
    """
    async with central_of(kind) as central:
        await at_each_product(partial(_visit, central, stops))
        central.record.clean()


async def _visit(central: CentralPeer, stops: str, model: str, keys: Mapping[str, str]) -> None:
    identity, record = f"{model}-1", central.record
    async with Cable(central.url) as cable, our_station(model, identity, cable.url, keys) as station:
        await record.until(lambda: "Available" in record.statuses(identity), f"{model} boots")
        await station.do("plug_in", connector=1)
        await station.do("present_badge", id_tag=BADGE, connector=1)
        await record.until(lambda: bool(record.calls(identity, "MeterValues")), f"{model} charges")
        await station.until_nothing_waits()  # an answer that is lost would have its request come twice

        cable.pull()
        heard = len(record.calls(identity))
        await station.until(lambda: station.view["link"]["state"] != "open", "the half-open link is found")
        await station.until(
            lambda: station.view["link"]["waiting_messages"] >= AWAY_MIN, "ten samples wait for the network"
        )
        assert station.connector["status"] == "Charging"
        assert station.connector["power_w"] > 0
        assert len(record.calls(identity)) == heard, "nothing passes a pulled cable"
        assert cable.lost_bytes > 0

        if stops == "away":
            await station.do("stop", connector=1)
        cable.plug()
        await record.until(lambda: len(record.calls(identity, "MeterValues")) > AWAY_MIN, "what waited arrives")
        if stops == "back":
            await station.do("stop", connector=1)
        await record.until(lambda: bool(record.calls(identity, "StopTransaction")), f"{model} stops")
        await station.until_nothing_waits()
        await _once_and_in_order(record, station)


async def _once_and_in_order(record: Record, station: OurStation) -> None:
    identity = station.identity
    [start], [stop] = record.calls(identity, "StartTransaction"), record.calls(identity, "StopTransaction")
    assert len(record.calls(identity, "BootNotification")) == 1, "a lost link is no boot (trap 11)"
    assert record.connections(identity) >= 2
    samples = record.calls(identity, "MeterValues")
    told = [call.action for call in record.calls(identity, "StartTransaction", "MeterValues", "StopTransaction")]
    assert told == ["StartTransaction", *len(samples) * ["MeterValues"], "StopTransaction"]
    readings = [start.payload["meterStart"], *energies_wh(samples), stop.payload["meterStop"]]
    steps = [after - before for before, after in pairwise(readings)]
    assert all(SAMPLE_WH[0] < step < SAMPLE_WH[1] for step in steps[1:-1]), f"each minute once: {readings}"
    register_wh = (await station.show())["connectors"][0]["energy_wh"]
    assert is_register(stop.payload["meterStop"], register_wh)
