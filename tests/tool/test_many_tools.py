"""A hundred stations of one process: each has its tool, its accounts and its sessions, all on one port."""

import asyncio

from chargepost.commissioning import access
from chargepost.commissioning.access import ADMIN
from chargepost.commissioning.api import COOKIE
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
