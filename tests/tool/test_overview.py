"""The picture of a station: what it says of each connector, who limits it, its last hours, and the hands of a
simulated one (ux, checks 5, 13, 26)."""

import asyncio
import re
from pathlib import Path

import pytest

from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.tabs.overview import author, quantity
from chargepost.commissioning.words import words
from chargepost.energy import cluster
from chargepost.energy.tree import Fuse, Tree
from chargepost.run import history
from chargepost.run.history import SAMPLES
from chargepost.signals import FrameReceived
from chargepost.station import charging as rules
from tests.shells.rig import until
from tests.tool.rig import Client, Commissioned, commissioned

PAGE = "overview/station"


async def hand(client: Client, action: str, **what: str) -> str:
    """Do something with the hands of the page; what it says."""
    answer = await client.http.post(f"{client.at}{PAGE}/do/{action}", data={"csrf": await client.csrf(PAGE)} | what)
    assert answer.status_code == 303, answer.text
    said = re.search(r'<p class="(?:problem|done)" role="(?:alert|status)">([^<]*)', (await client.get(PAGE)).text)
    return said[1] if said else ""


async def live(client: Client) -> str:
    answer = await client.get(f"{PAGE}/live")
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


async def charging(site: Commissioned, client: Client, number: int = 1) -> None:
    await hand(client, "plug_in", connector=str(number), car="Fast charger")
    await hand(client, "present_badge", id_tag="04A2911B")
    host = site.host()
    await until(lambda: host.view().connectors[number - 1].power_w > 0, asyncio.Event())


FREE = {"operatingMode": "2"}


async def test_a_charge_is_seen_with_its_power_energy_badge_and_author_of_the_limit() -> None:
    settings = {"maxIntensitySocket": "16", "enableUnknown": "true"}
    async with commissioned(speed=20, settings=settings) as site, site.client(ADMIN) as client:
        assert "Available" in await live(client)
        await charging(site, client)
        text = await live(client)
    assert "Charging" in text
    assert re.search(r"Power to the car 1[01]\.\d kW", text)
    assert "Badge 04A2911B" in text
    assert "Limited to 16 A by the setting Derated charging current" in text
    assert "Car Fast charger" in text
    assert "Light blue" in text
    limits = re.search(r"Who limits the current\? (.*) The lowest counts", text)
    assert limits
    assert limits[1].split(" A ")[0] == "16"
    assert "the rating of the outlet" in limits[1]
    assert "the cable of 32 A" in limits[1]


async def test_the_lowest_limit_is_bold_and_changes_with_its_author_within_one_refresh() -> None:
    """ux, check 26: a contact, then a setting; each with its author in the next answer."""
    settings = {"loadSheddingSetPoint": "16", "enableUnknown": "true", "maxIntensitySocket": "32"}
    async with commissioned(speed=20, settings=settings) as site, site.client(ADMIN) as client:
        await charging(site, client)
        await hand(client, "input", name="load_shedding", active="true")
        page = (await client.get(f"{PAGE}/live")).text
        field = "Setting of local temporary charging current limitation"
        assert f"<strong>16 A load shedding (setting {field})</strong>" in page
        await hand(client, "input", name="load_shedding", active="false")
        site.embedded().port.change({"maxIntensitySocket": "20"}, ADMIN)
        assert "<strong>20 A the setting Derated charging current</strong>" in (await client.get(f"{PAGE}/live")).text


async def test_hands_say_what_is_in_their_way() -> None:
    async with commissioned(speed=20, settings={"enableUnknown": "true"}) as site, site.client(USER) as client:
        assert "Nothing is plugged in." in await hand(client, "unplug", connector="1")
        assert "Nothing is charging there." in await hand(client, "stop", connector="1")
        await charging(site, client)
        assert "The cable is locked." in await hand(client, "unplug", connector="1")
        assert await hand(client, "stop", connector="1") == ""
        await until(lambda: not site.host().hardware.connector(1).locked, asyncio.Event())
        assert await hand(client, "unplug", connector="1") == ""
        assert await hand(client, "plug_in", connector="1", car="Flying carpet") != ""
        assert await hand(client, "plug_in", connector="7") != ""


async def test_hands_reach_buttons_faults_the_car_and_the_mains() -> None:
    async with commissioned(speed=20, settings={"enableUnknown": "true"}) as site, site.client(ADMIN) as client:
        await charging(site, client)
        await hand(client, "change_car", connector="1", ready="false")
        await until(lambda: site.host().view().connectors[0].status == "SuspendedEV", asyncio.Event())
        assert "Paused by the car" in await live(client)
        code, error = next(iter(site.host().model.errors.items()))
        await hand(client, "inject_fault", connector="1", code=code)
        assert error.name in await live(client)
        await hand(client, "clear_fault", connector="1")
        await hand(client, "button", name="emergency_stop", active="true")
        assert "Fault" in await live(client)
        await hand(client, "button", name="emergency_stop", active="false")
        answer = await client.http.post(
            f"{client.at}{PAGE}/do/power_cycle", data={"csrf": await client.csrf(PAGE), "seconds": "20"}
        )
        assert answer.status_code == 303
        assert site.host().station is None
        await site.up()


async def test_a_refused_badge_is_told_with_the_reason() -> None:
    async with commissioned(speed=20, own_supervision=True) as site, site.client(ADMIN) as client:
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        await hand(client, "present_badge", id_tag="04FFFF")
        await until(lambda: site.embedded().port.badge_refused() is not None, asyncio.Event())
        assert "Badge 04FFFF was refused." in await live(client)


async def test_nobody_has_hands_without_a_login_or_a_page_of_ours() -> None:
    async with commissioned() as site, site.client() as nobody, site.client(USER) as client:
        answer = await nobody.http.post(f"{client.at}{PAGE}/do/plug_in", data={"connector": "1"})
        assert answer.status_code == 303
        assert "/login" in answer.headers["location"]
        assert (await client.http.post(f"{client.at}{PAGE}/do/plug_in", data={"connector": "1"})).status_code == 403
        assert not site.host().hardware.connector(1).plugged


async def test_guide_layout_only_hides_the_tab() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        assert "overview/station" in (await client.get("configuration/general")).text
        await client.save("configuration/general", guide_layout="true")
        assert "overview/station" not in (await client.get("configuration/general")).text
        assert (await client.get(PAGE)).status_code == 404
        assert "configuration" in (await client.get("")).headers["location"]


@pytest.mark.parametrize("model", ["evlink-parking", "evlink-pro-ac", "evlink-pro-dc", "schneider-charge"])
async def test_each_product_has_a_picture_of_its_own_outlets(model: str) -> None:
    async with commissioned(model) as site, site.client(USER) as client:
        page = (await client.get(PAGE)).text
        assert page.count('class="lamp ') == len(site.host().view().connectors)
        assert page.count('<section class="card"') == len(site.host().view().connectors)


async def test_the_last_hours_are_kept_in_a_bounded_ring_and_a_hundred_stations_take_little() -> None:
    async with commissioned(*["evlink-parking"] * 3) as site:
        assert site.house.tools
        kept = site.house.tools.tools.history
        for _turn in range(SAMPLES + 10):
            kept.sample()
        assert kept.count == SAMPLES + 10
        found = kept.samples("S1", 1)
        assert len(found) == SAMPLES
        assert found == sorted(found)
        assert len(kept.samples("S1", 1, kept.count - 3)) == 3
        connectors = sum(len(site.host(f"S{n}").view().connectors) for n in (1, 2, 3))
        assert kept.bytes == connectors * 3 * 4 * SAMPLES
        assert kept.bytes / 3 * 100 < 4_000_000
        await site.house.stations.remove("S3")
        kept.sample()
        assert kept.samples("S3", 1) == []
        assert site.embedded("S1").port.samples(1)


async def test_no_more_than_so_many_connectors_have_a_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "CONNECTORS_MAX", 1)
    async with commissioned("evlink-pro-ac", "evlink-pro-ac") as site:
        assert site.house.tools
        kept = site.house.tools.tools.history
        kept.sample()
        kept.sample()
        assert [len(kept.samples(each, 1)) for each in ("S1", "S2")] == [kept.count, 0]
        await site.house.stations.remove("S1")
        kept.sample()
        kept.sample()
        assert kept.samples("S2", 1)


async def test_the_curve_has_the_step_of_the_limit() -> None:
    """ux, check 26."""
    async with commissioned(speed=20, settings={"enableUnknown": "true"}) as site, site.client(ADMIN) as client:
        assert site.house.tools
        kept = site.house.tools.tools.history
        await charging(site, client)
        kept.sample()
        site.embedded().port.change({"maxIntensitySocket": "14"}, ADMIN)
        await until(lambda: site.host().view().connectors[0].offered_a == 14, asyncio.Event())
        kept.sample()
        before, after = (each.offered_a for each in site.embedded().port.samples(1)[-2:])
    assert (before > after, after) == (True, 14)


def test_numbers_have_three_digits_and_their_unit() -> None:
    told = [quantity(value, "W") for value in (0, 0.5, 12.34, 345.6, 6941.2, 11000.0, 180000.0)]
    assert told == ["0 W", "0.500 W", "12.3 W", "346 W", "6.94 kW", "11.0 kW", "180 kW"]
    assert [quantity(value, "A") for value in (0, 6, 13.54, 32)] == ["0 A", "6 A", "13.5 A", "32 A"]


def test_an_author_without_words_of_ours_is_told_as_the_station_tells_it() -> None:
    spoken = words("en")
    assert author("TxProfile 7", spoken) == "the supervision (TxProfile 7)"
    assert author("cluster C1", spoken) == "cluster C1"


def test_what_a_fuse_has_is_written_as_the_language_writes_numbers() -> None:
    told = author("fuse floor 1.2 L1, 37.5 A", words("de"))
    assert "37,5 A" in told
    assert "floor 1.2" in told


async def test_a_profile_of_the_supervision_is_named_as_the_author() -> None:
    """ux, check 26: by profile."""
    profile = (
        '{"connectorId":0,"csChargingProfiles":{"chargingProfileId":12,"stackLevel":0,"chargingProfilePurpose":'
        '"ChargePointMaxProfile","chargingProfileKind":"Absolute","chargingSchedule":{"chargingRateUnit":"A",'
        '"startSchedule":"2026-01-01T00:00:00Z","chargingSchedulePeriod":[{"startPeriod":0,"limit":15}]}}}'
    )
    async with commissioned("evlink-pro-ac", own_supervision=True) as site, site.client(ADMIN) as client:
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        site.host().tell(FrameReceived(f'[2,"p","SetChargingProfile",{profile}]'.encode()))
        text = await live(client)
    assert "Limited to 15 A by the supervision (ChargePointMaxProfile 12)" in text


async def test_hands_are_those_of_the_product() -> None:
    """Each product has its own contacts, push button and key (product file)."""
    for model, has, lacks in (
        ("evlink-smart-wallbox@R7", ("load_shedding", "suspend"), ("load_shedding_2",)),
        ("evlink-parking", ("load_shedding", "load_shedding_2"), ("suspend",)),
        ("evlink-pro-dc", ("modem",), ("load_shedding", "suspend")),
    ):
        async with commissioned(model) as site, site.client(USER) as client:
            page = (await client.get(PAGE)).text
            assert set(port_inputs(site)) <= set(re.findall(r'<option value="([a-z_0-9]+)"', page))
        for name in has:
            assert f'value="{name}"' in page, (model, name)
        for name in lacks:
            assert f'value="{name}"' not in page, (model, name)


def port_inputs(site: Commissioned) -> list[str]:
    return list(site.host().model.inputs)


def test_every_author_that_the_station_names_has_words_of_ours() -> None:
    told = set()
    for path in Path(rules.__file__).parent.glob("*.py"):
        told |= set(re.findall(r'Limit\([^"\n]*, f?"([^"{][^"]*)', path.read_text("utf-8")))
    named = {re.sub(r"\{[^}]*\}", "1", each) for each in told}
    assert len(named) > 10
    assert {each for each in named if author(each, words("en")) == each} == set()


def test_every_author_of_a_shared_site_has_words_of_ours() -> None:
    fuse = Tree([Fuse("left hall", (32.0, 32.0, 32.0))], []).name(2) + ", 31.5 A"
    source = Path(cluster.__file__).read_text("utf-8")
    waits = [why for why in re.findall(r'"([^"{]*)"', source) if why.startswith(("the site", "regulation: "))]
    assert {"the site", "regulation: a random delay"} <= set(waits), waits
    for said in (*waits, "the site: given when others have less", fuse, f"{fuse}: given when others have less"):
        assert author(said, words("de")) not in (said, author(said, words("en")))
    assert author(fuse, words("en")) == "the fuse left hall, which has 31.5 A for all on L3"


@pytest.mark.parametrize(("product", "numbers"), [("evlink-parking", ["2", "1"]), ("evlink-pro-dc", ["1", "2"])])
async def test_r_299_position_1_is_drawn_at_the_right(product: str, numbers: list[str]) -> None:
    async with commissioned(product) as site, site.client(USER) as client:
        page = (await client.get("overview/station")).text
    assert re.findall(r'class="number"[^>]*>(\d)<', page) == numbers
