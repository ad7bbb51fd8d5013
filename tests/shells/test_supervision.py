"""The supervision on real sockets: pages, API and login, and stations that others wrote (PyPI `ocpp`, schemas on)."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from ocpp.v16 import call
from tests.shells.supervised import HOSTILE, Site, running

from chargepost.supervision.access import FAILURES_MAX
from chargepost.supervision.answers import Policy
from chargepost.supervision.api import local_path
from chargepost.supervision.pages import pages


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running() as site:
        yield site


async def test_a_foreign_station_charges_and_the_page_shows_it_escaped(site: Site) -> None:
    async with site.station() as station, site.browser() as browser:
        await station.boot()
        number = await station.charge()
        (shown,) = (await browser.get("/api/stations")).json()
        assert shown["online"]
        (place,) = shown["connectors"]
        assert (place["status"], place["power_w"], place["transaction"]) == ("Charging", 7360, number)
        for path in ("/", "/parts/home", "/stations/S1", "/parts/stations/S1", "/parts/stations/S1/frames"):
            page = await browser.get(path)
            assert page.status_code == 200
            assert HOSTILE not in page.text
        assert "&lt;script&gt;x" in (await browser.get("/")).text
        assert "7.36 kW" in (await browser.get("/")).text
        await station.call(
            call.StopTransaction(meter_stop=900, timestamp="2027-01-15T09:00:00Z", transaction_id=number)
        )
        (record,) = (await browser.get("/api/transactions")).json()
        assert (record["energy_wh"], record["reason"], record["id_tag"]) == (900, "Local", HOSTILE)


async def test_a_command_gives_the_stations_answer_and_its_problems_have_a_status(site: Site) -> None:
    async with site.browser() as browser:
        path = "/api/stations/S1/commands"
        assert (await browser.post(f"{path}/ClearCache", json={})).status_code == 404
        async with site.station() as station:
            await station.boot()
            done = await browser.post(f"{path}/ClearCache", json={})
            assert (done.status_code, done.json()) == (200, {"status": "Accepted"})
            for action, body, status, word in [
                ("ClearCashe", {}, 404, "ClearCache"),
                ("Heartbeat", {}, 404, "no message a central system sends"),
                ("Reset", {"type": "Mild"}, 400, "$.type"),
                ("ReserveNow", {"connectorId": 1}, 400, "expiryDate"),
                ("Reset", {"type": "Hard"}, 502, "NotImplemented"),
            ]:
                refused = await browser.post(f"{path}/{action}", json=body)
                assert refused.status_code == status, refused.text
                assert word in refused.text
                assert status >= 500 or refused.json()["detail"].endswith("."), "a sentence ends before the next one"
        await browser.put("/api/stations/ABSENT", json={})
        assert (await browser.post("/api/stations/ABSENT/commands/ClearCache", json={})).status_code == 409


async def test_a_silent_station_is_504() -> None:
    policy = Policy(accept_unknown_stations=True, accept_open_stations=True, call_timeout_s=0.05)
    async with running(policy=policy) as site, site.browser() as browser:
        url = f"ws://127.0.0.1:{site.server.port}/ocpp/MUTE"
        async with websockets.connect(url, subprotocols=[websockets.Subprotocol("ocpp1.6")]):
            assert (await browser.post("/api/stations/MUTE/commands/ClearCache", json={})).status_code == 504


async def test_frames_come_as_trace_and_carry_no_secret(site: Site) -> None:
    async with site.station() as station, site.browser() as browser:
        await station.boot()
        await browser.post(
            "/api/stations/S1/commands/ChangeConfiguration", json={"key": "AuthorizationKey", "value": "c4naryc4nary"}
        )
        frames = (await browser.get("/api/stations/S1/frames")).json()
        assert [frame["action"] for frame in frames[:2]] == ["BootNotification"] * 2
        assert {frame["schemaVersion"] for frame in frames} == {"1.1"}
        assert frames[2]["payload"]["key"] == "AuthorizationKey"
        for path in ("/api/stations/S1/frames", "/stations/S1", "/parts/stations/S1/frames", "/api/stations/S1/events"):
            assert "c4nary" not in (await browser.get(path)).text
        some = (await browser.get("/api/stations/S1/frames?action=changeconfiguration&direction=csms-to-cp")).json()
        assert [frame["messageType"] for frame in some] == ["CALL"]
        later = (await browser.get(f"/api/stations/S1/frames?after={frames[-1]['meta']['number']}")).json()
        assert later == []


async def test_every_request_asks_for_the_operator_but_those_said_open(site: Site) -> None:
    open_rows = {"/api/login", "/login", "/openapi.json", "/docs", "/docs.css"}
    async with site.browser(log_in=False) as browser:
        paths = (await browser.get("/openapi.json")).json()["paths"]
        asked = [(method, path) for path, methods in paths.items() for method in methods if path not in open_rows]
        asked += [("get", "/parts/home"), ("get", "/parts/stations/x"), ("post", "/logout")]
        assert len(asked) > 15
        for method, path in asked:
            answer = await browser.request(method, re.sub(r"\{\w+\}", "x", path))
            assert answer.status_code == 401, (method, path)
        for path, login in LOGINS.items():
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, login)


LOGINS = {
    "/": "/login",
    "/stations/x": "/login?next=/stations/x",
    "/stations/x%3Fy?action=Reset&more=true": "/login?next=/stations/x%253Fy%3Faction%3DReset%26more%3Dtrue",
}


async def test_a_shared_link_survives_the_login_and_a_wrong_password(site: Site) -> None:
    async with site.browser(log_in=False) as browser:
        for path, login in LOGINS.items():
            form = await browser.get(login)
            (target,) = re.findall(r'name="next" value="([^"]*)"', form.text)
            assert html.unescape(target) == path
            user = {"user": "operator", "next": path}
            wrong = await browser.post("/login", data=user | {"password": "wrong"})
            assert (wrong.status_code, target in wrong.text) == (401, True)
            right = await browser.post("/login", data=user | {"password": site.password})
            assert (right.status_code, right.headers["location"]) == (303, path)


@pytest.mark.parametrize(
    "hostile",
    [
        "//evil.example", "///evil.example", "https://evil.example/", "evil.example", "javascript:alert(1)",
        "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example",
        "\x00//evil.example", "/x\r\nset-cookie: a=b", "/\u2028", "/" + "x" * 1000, "",
    ],
)  # fmt: skip
def test_19_the_login_leads_nowhere_else(hostile: str) -> None:
    assert local_path(hostile) == "/"


@pytest.mark.parametrize(
    "path", ["/", "/stations/S1?action=Reset&more=true#frames", "/stations/x%2F%2Fy", "/@evil.example"]
)
def test_a_path_of_this_server_is_kept(path: str) -> None:
    assert local_path(path) == path


async def test_19_a_hostile_next_ends_on_the_first_page(site: Site) -> None:
    async with site.browser(log_in=False) as browser:
        form = await browser.get("/login", params={"next": "//evil.example"})
        assert "evil" not in form.text
        user = {"user": "operator", "password": site.password, "next": "https://evil.example/"}
        assert (await browser.post("/login", data=user)).headers["location"] == "/"


async def test_pages_are_not_kept_and_a_browser_gets_a_page_for_what_is_not_there(site: Site) -> None:
    async with site.station() as station, site.browser() as browser:
        await station.boot()
        for path in ("/", "/stations/S1", "/login", "/parts/home"):
            assert (await browser.get(path)).headers["cache-control"] == "no-store", path
        nothing = await browser.get("/nope", headers={"accept": "text/html"})
        assert (nothing.status_code, nothing.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_the_page_shows_the_newest_frames_and_a_link_to_more(site: Site) -> None:
    async with site.station() as station, site.browser() as browser:
        await station.boot()
        for _ in range(pages.FRAMES_SHOWN):
            await station.call(call.Heartbeat())
        rows = re.compile(r'<tr data-key="(\d+)"')
        page = await browser.get("/stations/S1?direction=cp-to-csms")
        shown = rows.findall(page.text)
        assert len(shown) == pages.FRAMES_SHOWN
        assert shown[0] == max(shown, key=int), "the newest first"
        (link,) = re.findall(r'href="([^"]*)#frames"', page.text)
        more = await browser.get(html.unescape(link))
        assert len(rows.findall(more.text)) == pages.FRAMES_SHOWN + 1
        assert "More frames" not in more.text
        part = (await browser.get("/parts/stations/S1/frames?direction=cp-to-csms&more=true")).text
        assert part in more.text


async def test_login_guards_and_logout_ends_it(site: Site) -> None:
    async with site.browser() as browser:
        cookie = browser.cookies["chargepost_session"]
        assert (await browser.post("/logout", headers={"origin": "http://evil.example"})).status_code == 403
        assert (await browser.get("/api/stations")).status_code == 200
        await browser.post("/logout")
        answer = await browser.get("/api/stations", headers={"cookie": f"chargepost_session={cookie}"})
        assert answer.status_code == 401
        token = await browser.post("/api/login", json={"user": "operator", "password": site.password})
        headers = {"authorization": f"Bearer {token.json()['token']}"}
        assert (await browser.get("/api/stations", headers=headers)).status_code == 200
        login = await browser.post("/login", data={"user": "operator", "password": site.password})
        words = login.headers["set-cookie"].lower()
        assert "httponly" in words
        assert "samesite=strict" in words


async def test_guessing_passwords_is_stopped(site: Site) -> None:
    async with site.browser(log_in=False) as browser:
        wrong = {"user": "operator", "password": "wrong"}
        statuses = [(await browser.post("/login", data=wrong)).status_code for _ in range(FAILURES_MAX + 1)]
        assert statuses == [401] * FAILURES_MAX + [429]
        right = {"user": "operator", "password": site.password}
        assert (await browser.post("/api/login", json=right)).status_code == 429


async def test_badges_and_stations_are_kept_over_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as site, site.browser() as browser:
        password = site.password
        badge = {"status": "Blocked", "parent": "FAMILY", "expiry": "2030-01-01T00:00:00Z"}
        assert (await browser.put("/api/badges/BADGE", json=badge)).status_code == 200
        assert (await browser.put("/api/badges/123456789012345678901", json={})).status_code == 422
        await browser.put("/api/stations/S1", json={"boot_policy": "Pending"})
        key = (await browser.post("/api/stations/S1/key")).json()["key"]
    async with running(tmp_path) as site:
        assert site.password == "", "the password is shown once"
        site.password = password
        async with site.browser() as browser:
            (badge_out,) = (await browser.get("/api/badges")).json()
            assert (badge_out["status"], badge_out["expiry"]) == ("Blocked", "2030-01-01T00:00:00Z")
            (station,) = (await browser.get("/api/stations")).json()
            assert (station["boot_policy"], station["has_password"]) == ("Pending", True)
            assert key not in (tmp_path / "supervision.sqlite").read_bytes().decode("latin-1")
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with site.station("S1"):
                    pass
            assert refused.value.response.status_code == 401
            (row,) = (await browser.get("/api/refused")).json()
            assert (row["id"], row["peer"], row["status"]) == ("S1", "127.0.0.1", 401)


async def test_a_second_connection_is_refused_while_the_first_lives(site: Site) -> None:
    async with site.station() as station:
        await station.boot()
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with site.station():
                pass
        assert refused.value.response.status_code == 409
        await station.call(call.Heartbeat())


async def test_unknown_stations_are_refused_where_not_accepted() -> None:
    async with running(policy=Policy()) as site:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with site.station("STRANGER"):
                pass
        assert refused.value.response.status_code == 404


async def test_a_page_that_is_not_there_says_what_to_do(site: Site) -> None:
    async with site.station() as station, site.browser() as browser:
        await station.boot()
        page = await browser.get("/stations/S2%3Cb%3E")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "Known: S1." in page.text
        assert "<b>" not in page.text


async def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(site: Site) -> None:
    async with site.station() as station, site.browser() as browser:
        await station.boot()
        for path in ("/", "/stations/S1", "/login"):
            page = await browser.get(path)
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert not re.search(r"""(src|href|action)=["'](https?:)?//""", page.text)
            assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", page.text)
        assert (await browser.get("/static/live.js")).status_code == 200
        assert (await browser.get("/static/style.css")).status_code == 200
