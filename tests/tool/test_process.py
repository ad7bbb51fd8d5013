"""The tools of a whole process: one port, many stations, and what outlives it."""

import asyncio
import re
import sys
from pathlib import Path

import httpx2
import pytest

from chargepost.catalogue import load
from chargepost.commissioning import access, tabs
from chargepost.commissioning.access import ADMIN, SESSIONS_MAX, USER
from chargepost.commissioning.api import TOLDS_MAX
from chargepost.run.given import judge
from chargepost.run.store import hold
from tests.patience import PATIENCE_S
from tests.tool.rig import OWN, Client, commissioned

RSS_MAX_KB = 60 * 1024
"""Of one station with its tool: many stations fit into a small machine."""


def rss_kb(process: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1])


async def test_a_hundred_stations_have_a_tool_each_on_one_port() -> None:
    async with commissioned(*["evlink-smart-wallbox@R7"] * 100) as site, site.client() as client:
        assert len({site.first(account, f"S{n}") for n in range(1, 101) for account in (ADMIN, USER)}) == 200
        rows = [row for row in site.house.addresses() if "/stations/" in row[1]]
        assert len({where for _what, where, _note in rows}) == 100
        assert all(site.first(ADMIN, where.split("/")[-2]) in note for _what, where, note in rows)
        assert "S100" in (await client.http.get(site.url)).text
        for number in (1, 50, 100):
            answer = await client.http.get(site.page("login", f"S{number}"))
            assert answer.status_code == 200
        assert (await client.http.get(site.page("login", "S101"))).status_code == 404


async def test_one_station_is_led_to_at_once() -> None:
    async with commissioned() as site, httpx2.AsyncClient(trust_env=False, follow_redirects=True) as http:
        answer = await http.get(site.url)
        assert str(answer.url).endswith("/stations/S1/login?next=/stations/S1/")
        assert "Log in" in answer.text


async def test_accounts_outlive_the_process_and_first_passwords_are_shown_once(tmp_path: Path) -> None:
    async with commissioned(store=hold(tmp_path)) as site:
        assert any(site.first() in note for _what, _where, note in site.house.addresses())
        assert site.house.as_json()["stations"][0]["passwords"] == {ADMIN: site.first(), USER: site.first(USER)}
        first = site.first()
        async with site.client(ADMIN):
            pass
    async with commissioned(store=hold(tmp_path)) as site, site.client() as client:
        assert not site.house.tools or not site.house.tools.tools.first_passwords
        assert not any(first in str(row) for row in site.house.addresses())
        assert "passwords" not in site.house.as_json()["stations"][0]
        assert (await client.log_in(ADMIN, first)).status_code == 401
        assert (await client.log_in(ADMIN, OWN)).status_code == 303
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())  # noqa: ASYNC240
    assert OWN.encode() not in everything
    assert first.encode() not in everything


async def test_a_restore_makes_the_first_passwords_good_again_and_logs_everybody_out() -> None:
    """Q-065."""
    async with commissioned(speed=100) as site, site.client(ADMIN) as client:
        await site.house.stations.restore("S1")
        await asyncio.sleep(0)
        await site.up()
        assert (await client.get("api/fields")).status_code == 401
        assert (await client.log_in(ADMIN, OWN)).status_code == 401
        assert (await client.log_in(ADMIN, site.first())).status_code == 303


async def test_a_station_that_is_made_later_has_its_tool_and_its_passwords_are_told() -> None:
    async with commissioned() as site:
        assert site.house.tools
        told: list[tuple[str, str]] = []
        site.house.tools.tools.announce = lambda identity, words: told.append((identity, words))
        await site.house.stations.create("LATE", site.host().model, None, {})
        async with site.client() as client:
            assert (await client.http.get(site.page("login", "LATE"))).status_code == 200
            assert told[0][0] == "LATE"
            assert site.first(ADMIN, "LATE") in told[0][1]
            await site.house.stations.remove("LATE")
            assert (await client.http.get(site.page("login", "LATE"))).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "configuration/general/files/..%2f..%2fcli.py",
     "configuration/general%00", "x" * 3000, "api/fields?sub=%00", "configuration/general/live"],
)  # fmt: skip
async def test_an_address_that_is_none_leads_nowhere(path: str) -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        answer = await client.http.get(f"{client.at}{path}")
        assert answer.status_code in (200, 404)
        assert answer.status_code == 404 or answer.json() == []


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "/stations/S2/", "/stations/S1/../S2/",
               "javascript:alert(1)", "/stations/S1//evil.example"],
)  # fmt: skip
async def test_a_login_leads_to_a_page_of_its_own_station_alone(target: str) -> None:
    async with commissioned() as site, site.client() as client:
        form = {"user": ADMIN, "password": site.first(), "next": target}
        answer = await client.http.post(f"{client.at}login", data=form)
        assert answer.headers["location"] == "/stations/S1/"


async def test_every_page_forbids_foreign_frames_scripts_and_storage() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        for path in ("configuration/general", "login", "about", "help", "api/fields"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            if not path.startswith("api"):
                assert headers["cache-control"] == "no-store"


async def test_a_form_that_is_too_large_or_none_is_refused() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        at, csrf = f"{client.at}configuration/general", await client.csrf()
        big = await client.http.post(at, data={"csrf": csrf, "station-name": "x" * 100_000})
        assert big.status_code == 413
        many = await client.http.post(at, data={"csrf": csrf, **{f"f{n}": "" for n in range(600)}})
        assert many.status_code == 400
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await client.http.post(at, content=b"\xff\xfe\x00=", headers=form)).status_code in (400, 403)
        assert (await client.http.post(at, content=f"csrf={csrf}&nothing=1".encode(), headers=form)).status_code == 422
        assert site.setting("stationName") == "Smartwallbox 1"


@pytest.mark.parametrize("product", ["evlink-parking@R7", "evlink-pro-ac"])
def test_q_186_naming_a_supervision_as_a_key_makes_the_station_supervised(product: str) -> None:
    model = load(product)
    key, url = model.transport.enable_key, {model.transport.url_key: "ws://127.0.0.1:9/ocpp"}
    assert judge("S1", model, url).settings[key.lower()] == "true"
    assert judge("S1", model, url | {key: "false"}).settings[key.lower()] == "false"
    assert key.lower() not in judge("S1", model, {}).settings


async def test_many_guesses_at_once_are_many_tries() -> None:
    async with commissioned() as site, site.client() as client:
        answers = await asyncio.gather(*(client.log_in(ADMIN, f"guess {number}") for number in range(20)))
        assert sum(answer.status_code == 401 for answer in answers) <= access.TRIES_FREE
        assert {answer.status_code for answer in answers} == {401, 429}


async def test_what_was_said_to_sessions_that_never_look_is_bounded() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        csrf = await client.csrf()
        for _ in range(TOLDS_MAX + 2):  # none of the answers is looked at
            await client.http.post(f"{client.at}configuration/general", data={"csrf": csrf})
        tolds = site.embedded().tolds
        assert [len(each) for each in tolds.values()] == [TOLDS_MAX]
        for number in range(SESSIONS_MAX + 2):
            tolds[f"gone {number}"] = []
        await client.save("configuration/general", station_name="Gate 3")
        assert len(tolds) == SESSIONS_MAX
        assert "Saved: one change." in (await client.get("configuration/general")).text


FULL = """
import asyncio, sys
from chargepost import cli  # as the command is
from chargepost.run.addresses import Address
from chargepost.run.history import SAMPLES
from chargepost.run.house import Plan, opened
from chargepost.run.site import Site, StationPart
from chargepost.run.store import Store
from chargepost.supervision.tracelog import FRAMES_MAX

VALUE = '{{"value":"{n}","context":"Sample.Periodic","measurand":"{what}","phase":"L1","location":"Outlet","unit":"A"}}'
VALUES = ",".join(VALUE.replace("{what}", f"Current.Import.{what}") for what in range(6))
CALL = '[2,"{n}","MeterValues",{{"connectorId":1,"meterValue":[{{"timestamp":"{n}Z","sampledValue":['
CALL += VALUES + "]}}]}}]"

async def main():
    site = Site(name="full", stations=(StationPart(id="S1", model="evlink-parking@R5"),))
    async with opened(Plan(site, Store(None), "0", 1.0, tool=Address("127.0.0.1", 0))) as house:
        for n in range(FRAMES_MAX // 2):
            house.stations.log.sent("S1", CALL.format(n=n).encode(), n)
            house.stations.log.received("S1", f'[3,"{n}",{{}}]'.encode(), n)
        for _ in range(SAMPLES):
            house.tools.tools.history.sample()
        print(house.tools.page("S1"), house.tools.tools.first_passwords["S1"]["admin"], flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""
"""One station with all the frames and samples that are ever kept; tells its address and the first password."""


@pytest.mark.slow
async def test_r_247_one_station_with_its_tool_stays_small_with_a_full_history() -> None:
    """As a process of its own, with every page of it seen."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", FULL, stdin=pipe, stdout=pipe)
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE_S):
            at, first = (await process.stdout.readline()).decode().split()
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            client = Client(http, at)
            await client.log_in(ADMIN, first)
            form = {"csrf": await client.csrf("password"), "old": first, "new": OWN, "again": OWN}
            assert (await http.post(f"{client.at}password", data=form)).status_code == 303
            seen = [await client.get(f"{sub.tab}/{sub.name}") for sub in tabs.SUB_TABS]
            assert sum(answer.status_code == 200 for answer in seen) > 10
            assert (await client.get("overview/frames?action=none")).status_code == 200  # which reads them all
        assert rss_kb(process.pid) < RSS_MAX_KB
    finally:
        process.terminate()
        await process.communicate()
