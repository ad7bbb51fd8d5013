"""Who gets in, and what ends a session (commissioning guide, chapters 1 and 2; OCPP guide, 5.5; Q-048, Q-187)."""

import re
from itertools import count

import pytest

from chargepost.commissioning import access
from chargepost.commissioning.access import ADMIN, USER
from tests.tool.rig import OWN, commissioned


async def test_r_249_first_passwords_are_random_for_each_station_and_account() -> None:
    async with commissioned("evlink-parking", "evlink-parking") as site:
        firsts = [site.first(account, station) for station in ("S1", "S2") for account in (ADMIN, USER)]
    assert len(set(firsts)) == 4
    assert all(re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", each) for each in firsts)


@pytest.mark.parametrize(
    ("user", "password"), [("admin", "ADMIN"), ("user", "USER"), ("admin", "admin"), ("admin", ""), ("root", "ADMIN")]
)
async def test_r_249_no_well_known_credential_works(user: str, password: str) -> None:
    async with commissioned() as site, site.client() as client:
        answer = await client.log_in(user, password)
        assert answer.status_code == 401
        assert "User name or password is wrong." in answer.text
        assert "set-cookie" not in answer.headers


async def test_r_250_r_352_the_first_password_is_changed_before_anything_else() -> None:
    async with commissioned() as site, site.client() as client:
        await client.log_in(ADMIN, site.first())
        answer = await client.get("configuration/general")
        assert answer.status_code == 303
        assert "/password" in answer.headers["location"]
        assert (await client.get("api/fields")).status_code == 403
        csrf = await client.csrf("password")
        form = {"csrf": csrf, "old": site.first(), "new": OWN, "again": OWN}
        weak = await client.http.post(f"{client.at}password", data=form | {"new": "weak", "again": "weak"})
        assert weak.status_code == 422
        assert "too weak" in weak.text
        assert (await client.http.post(f"{client.at}password", data=form | {"old": "x"})).status_code == 403
        assert (await client.http.post(f"{client.at}password", data=form)).status_code == 303
        assert (await client.get("configuration/general")).status_code == 200
        assert (await client.log_in(ADMIN, site.first())).status_code == 401


def test_r_352_a_password_is_strong() -> None:
    assert access.weakness("Brand-new 1", ADMIN) == ""
    for weak in ("Short-1", "all-lower-1", "ALL-UPPER-1", "No-digits-here", "NoSpecial123", "x" * 129, "Admin-123!"):
        assert access.weakness(weak, ADMIN), weak


def draw_zeros() -> access.Access:
    drawn = count()
    accounts, _firsts = access.new_accounts(lambda size: next(drawn).to_bytes(size, "big"))
    return access.Access(accounts, lambda size: next(drawn).to_bytes(size, "big"), lambda changed: None)


def test_wrong_passwords_make_an_account_wait_longer_each_time_and_the_right_one_ends_it() -> None:
    station = draw_zeros()
    for _try in range(access.TRIES_FREE - 1):
        station.tried(ADMIN, 0, right=False)
        assert station.must_wait_s(ADMIN, 0) == 0
    station.tried(ADMIN, 0, right=False)
    assert station.must_wait_s(ADMIN, 0) == access.WAIT_FIRST_S
    assert station.must_wait_s(USER, 0) == 0
    assert station.must_wait_s(ADMIN, access.WAIT_FIRST_S) == 0
    station.tried(ADMIN, 30, right=False)
    assert station.must_wait_s(ADMIN, 30) == 2 * access.WAIT_FIRST_S
    for _try in range(20):
        station.tried(ADMIN, 90, right=False)
    assert station.must_wait_s(ADMIN, 90) == access.WAIT_MAX_S
    station.tried(ADMIN, 5000, right=True)
    assert station.must_wait_s(ADMIN, 5000) == 0


def test_a_session_ends_for_want_of_use_and_a_poll_is_no_use() -> None:
    station = draw_zeros()
    token = station.begin(ADMIN, 0)
    assert station.session(token, access.IDLE_S - 1)
    assert station.session(token, 2 * access.IDLE_S - 2, using=False)
    assert station.session(token, 2 * access.IDLE_S) is None
    assert station.session(token, 0) is None  # for good


def test_a_changed_password_ends_the_sessions_of_its_account_alone() -> None:
    station = draw_zeros()
    admin, user = station.begin(ADMIN, 0), station.begin(USER, 0)
    station.set_password(ADMIN, "16$00$00", by=ADMIN)
    assert station.session(admin, 1) is None
    assert station.session(user, 1)
    assert not station.must_change(ADMIN)
    station.set_password(USER, "16$00$00", by=ADMIN)
    assert station.must_change(USER)


async def test_a_login_locks_out_after_wrong_passwords_and_says_how_long() -> None:
    async with commissioned() as site, site.client() as client:
        for _try in range(access.TRIES_FREE):
            assert (await client.log_in(ADMIN, "wrong")).status_code == 401
        answer = await client.log_in(ADMIN, site.first())
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= access.WAIT_FIRST_S
        assert (await client.log_in(USER, site.first(USER))).status_code == 303


async def test_a_token_that_the_browser_brings_is_never_taken_over() -> None:
    """Session fixation."""
    async with commissioned() as site, site.client() as client:
        brought = {"cookie": "chargepost_tool=chosen-by-an-attacker"}
        answer = await client.http.post(
            f"{client.at}login", data={"user": ADMIN, "password": site.first()}, headers=brought
        )
        assert "chosen-by-an-attacker" not in answer.headers["set-cookie"]
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        assert "Path=/stations/S1/" in answer.headers["set-cookie"]


async def test_logout_ends_the_session_and_not_only_the_cookie() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        cookies = dict(client.http.cookies)
        await client.http.post(f"{client.at}logout", data={"csrf": await client.csrf()})
        client.http.cookies.update(cookies)
        assert (await client.get("configuration/general")).status_code == 303


async def test_a_form_without_the_token_of_its_session_or_from_another_site_changes_nothing() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        before = site.setting("stationName")
        at = f"{client.at}configuration/general"
        csrf = await client.csrf()
        assert (await client.http.post(at, data={"station-name": "X"})).status_code == 403
        assert (await client.http.post(at, data={"station-name": "X", "csrf": "wrong"})).status_code == 403
        foreign = {"origin": "http://evil.example", "host": "127.0.0.1"}
        assert (
            await client.http.post(at, data={"station-name": "X", "csrf": csrf}, headers=foreign)
        ).status_code == 403
        assert (await client.http.get(at, headers={"host": "evil.example"})).status_code == 403
        json = {"values": {"station-name": "X"}}
        assert (await client.http.patch(f"{client.at}api/fields", json=json)).status_code == 403
        assert site.setting("stationName") == before
        answer = await client.http.patch(f"{client.at}api/fields", json=json, headers={"x-csrf": csrf})
        assert answer.json()["changed"] == ["station-name"]
        assert site.setting("stationName") == "X"


async def test_a_session_of_one_station_is_none_of_another() -> None:
    async with commissioned("evlink-parking", "evlink-parking") as site, site.client(ADMIN) as client:
        token = client.http.cookies["chargepost_tool"]
        answer = await client.http.get(site.page("api/fields", "S2"), headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401
