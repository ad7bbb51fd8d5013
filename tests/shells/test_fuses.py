"""Stations of `run` under the fuses of their site file, sixty times as fast as the clock."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.ports.benches import slave
from tests.shells.rig import until

from chargepost.drivers.simulated import CARS
from chargepost.run import site
from chargepost.run.addresses import parse
from chargepost.run.house import House, Plan, opened
from chargepost.run.sharing import SharedSite
from chargepost.run.store import Store

GARAGE = """
schema = 1
name = "garage"

[[stations]]
id = "A"
model = "evlink-pro-ac/cable"
settings = { AuthenticationOCPPMode = false }

[[stations]]
id = "B"
model = "evlink-pro-ac/cable"
settings = { AuthenticationOCPPMode = false }

[[stations]]
id = "ALONE"
model = "evlink-pro-ac/cable"
settings = { AuthenticationOCPPMode = false }

[[fuses]]
name = "main"
rating = "40 A"
members = ["A", "B"]

[site]
REGULATION
"""
METERED = """
[[fuses]]
name = "garage"
parent = "main"
rating = "32 A"
members = ["ALONE"]

[fuses.building_meter]
at = "WIRE"
poll = "20 ms"
"""
FAST = CARS["Fast charger"]


def plan_of(text: str) -> Plan:
    return Plan(site.read(text, "garage.toml"), Store(None), "0", speed=60.0, control=parse("127.0.0.1:0"))


async def house_of(text: str) -> AsyncIterator[House]:
    async with opened(plan_of(text)) as house:
        yield house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async for each in house_of(GARAGE.replace("REGULATION", "")):
        yield each


@pytest.mark.slow
async def test_a_real_meter_of_a_building_is_a_limit_that_follows_it() -> None:
    """An iEM3x5x in another process; when it is silent all of the fuse counts as drawn."""
    nothing = asyncio.Event()
    async with slave("meter", "tcp") as meter:
        text = GARAGE.replace("REGULATION", "").replace("[site]", METERED.replace("WIRE", meter.at) + "[site]")
        async with opened(plan_of(text)) as house:
            assert house.stations.hosts["ALONE"].plug_in(1, FAST)
            await until(lambda: offered(house)["ALONE"] == 16, nothing)
            await meter.do("load 20")
            await until(lambda: offered(house)["ALONE"] == 12, nothing)
            await meter.do("silent")
            await until(lambda: offered(house)["ALONE"] == 0, nothing)


def offered(house: House) -> dict[str, float]:
    return {name: host.view().connectors[0].offered_a for name, host in house.stations.hosts.items()}


async def test_the_stations_under_a_fuse_share_it_and_say_who_limits_them(house: House) -> None:
    nothing = asyncio.Event()
    for name in ("A", "ALONE"):
        assert house.stations.hosts[name].plug_in(1, FAST)
    await until(lambda: offered(house) == {"A": 32, "B": 0, "ALONE": 32}, nothing)
    assert house.stations.hosts["B"].plug_in(1, FAST)
    most = 0.0

    def shared() -> bool:
        nonlocal most
        most = max(most, sum(host.hardware.connectors[0].current_a[0] for host in hosts))
        return offered(house) == {"A": 20, "B": 20, "ALONE": 32}

    hosts = [house.stations.hosts[name] for name in ("A", "B")]
    await until(shared, nothing)
    assert most <= 40
    async with httpx2.AsyncClient(base_url=house.control_url, trust_env=False) as http:
        shown = {each["id"]: each["connectors"][0]["limit_source"] for each in (await http.get("/stations")).json()}
    assert shown["A"] == shown["B"] == "fuse main L1, 40 A"


TWIN = """
[[stations]]
id = "TWIN"
model = "evlink-parking"
settings = { maxIntensityStation = 32, maxIntensitySocket = 32, AuthenticationOCPPMode = false }
"""


async def test_what_two_outlets_of_a_station_cannot_use_together_is_for_others() -> None:
    """maxIntensityStation is one more line that both load: 16 A each, and 22 of the 54 A for the other station."""
    text = GARAGE.replace("REGULATION", "").replace("[[fuses]]", f"{TWIN}\n[[fuses]]").replace("40 A", "54 A")
    async with opened(plan_of(text.replace('["A", "B"]', '["A", "TWIN"]'))) as house:
        twin = house.stations.hosts["TWIN"]
        assert all(twin.plug_in(connector, FAST) for connector in (1, 2))
        assert house.stations.hosts["A"].plug_in(1, FAST)

        def all_of_it() -> bool:
            return [each.offered_a for each in twin.view().connectors] == [16, 16] and offered(house)["A"] == 22

        await until(all_of_it, asyncio.Event())
        shared = house.stations._carriage.site
        assert isinstance(shared, SharedSite)
        authors = {each.station: each.author for each in shared.leader.view()}
        assert authors["TWIN"] == "shared with the other charge point, setting maxIntensityStation"
        assert authors["A"] == "fuse main L1, 54 A"


async def test_a_station_without_power_leaves_its_part_to_the_others(house: House) -> None:
    nothing = asyncio.Event()
    for name in ("A", "B"):
        assert house.stations.hosts[name].plug_in(1, FAST)
    await until(lambda: offered(house)["A"] == offered(house)["B"] == 20, nothing)
    house.stations.hosts["B"].power_cycle(6000)
    await until(lambda: offered(house)["A"] == 32, nothing)
    assert house.stations.hosts["B"].station is None, "it is still dark"


@pytest.fixture
async def closed() -> AsyncIterator[House]:
    """Charging waits for hours that are never now."""
    hour = time.gmtime(time.time() + 7 * 3600).tm_hour
    async for each in house_of(GARAGE.replace("REGULATION", f'off_peak = ["{hour}:00-{hour}:01"]')):
        yield each


async def test_the_owner_overrides_the_hours_of_a_site(closed: House) -> None:
    """The control API lets one charge begin, and says why it cannot where nobody waits."""
    nothing = asyncio.Event()
    assert closed.stations.hosts["A"].plug_in(1, FAST)
    shared = closed.stations._carriage.site
    assert isinstance(shared, SharedSite)
    await until(lambda: "off-peak" in shared.leader.view()[0].author, nothing)
    async with httpx2.AsyncClient(base_url=closed.control_url, trust_env=False) as http:
        assert (await http.post("/stations/A/charge_now", json={"connector": 1})).status_code == 200
        idle = await http.post("/stations/B/charge_now", json={"connector": 1})
        alone = await http.post("/stations/ALONE/charge_now", json={"connector": 1})
    await until(lambda: offered(closed)["A"] == 32, nothing)
    assert (idle.status_code, alone.status_code) == (409, 409)
    assert "nobody waits" in idle.text
    assert "under no fuse" in alone.text
