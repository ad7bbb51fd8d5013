"""A hundred stations of one process: each has its tool, its accounts and its sessions, all on one port."""

import asyncio
import contextlib

import httpx2
import pytest

from chargepost.commissioning import access
from chargepost.commissioning.access import ADMIN
from chargepost.commissioning.api import COOKIE
from chargepost.run.addresses import Address
from chargepost.run.house import Plan, opened
from chargepost.run.site import Site, StationPart
from chargepost.run.store import Store
from tests.patience import PATIENCE_S
from tests.shells.rig import until
from tests.tool.rig import OWN, Commissioned, commissioned

COUNT = 100


def logged_in(site: Commissioned, identity: str) -> str:
    """The token of a new session of the administrator, whose password is their own."""
    doors = site.embedded(identity).access
    cheap = access.password_hash(OWN, b"salt", access.FAST_N)
    doors.set_password(ADMIN, cheap, by=ADMIN)
    return doors.begin(ADMIN, asyncio.get_running_loop().time())


async def test_a_hundred_stations_have_a_tool_each_on_one_port() -> None:
    async with commissioned(*["evlink-parking"] * COUNT) as site:
        ids = list(site.house.stations.hosts)
        await until(lambda: all(host.station for host in site.house.stations.hosts.values()), asyncio.Event())
        assert len({site.first(identity=each) for each in ids}) == COUNT
        tokens = {each: logged_in(site, each) for each in ids}
        async with site.client() as client:
            stations = (await client.http.get(site.url)).text
            for each in ids:
                assert f'"/stations/{each}/"' in stations
                cookie = {"cookie": f"{COOKIE}={tokens[each]}"}
                page = await client.http.get(site.page("maintenance/report", each), headers=cookie)
                assert (page.status_code, f'data-prefix="/stations/{each}"' in page.text) == (200, True), each
                other = ids[ids.index(each) - 1]
                assert (await client.http.get(site.page("api/fields", other), headers=cookie)).status_code == 401


@pytest.mark.parametrize(("at", "elsewhere"), [("127.0.0.1", False), ("0.0.0.0", True)])
async def test_r_259_the_tool_is_reached_by_a_cable_or_through_the_network(at: str, elsewhere: bool) -> None:
    """The address of --tool decides: that of one port, or every one of the machine. 127.0.0.2 stands for a second."""
    site = Site(name="tools", stations=(StationPart(id="S1", model="evlink-parking"),))
    async with opened(Plan(site, Store(None), "0", tool=Address(at, 0))) as house:
        assert house.tools
        port = house.tools.server.port
        async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_S) as http:
            answer = await http.get(f"http://127.0.0.1:{port}/stations/S1/login")
            assert answer.status_code == 200
            with contextlib.nullcontext() if elsewhere else pytest.raises(httpx2.ConnectError):
                assert (await http.get(f"http://127.0.0.2:{port}/stations/S1/login")).status_code == 200
