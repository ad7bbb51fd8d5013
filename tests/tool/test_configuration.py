"""Tab Configuration: what is set works, and what cannot be is refused with a sentence (commissioning guide, 3)."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from chargepost.commissioning.access import ADMIN, USER
from chargepost.drivers.network import AS_USUAL, Around
from chargepost.ocpp import messages
from chargepost.run.gate import Place
from chargepost.run.ntp import EPOCH_S
from chargepost.run.transfer import Terms
from tests.patience import PATIENCE_S
from tests.shells.rig import until
from tests.tool.rig import commissioned


async def until_so(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await until(what, asyncio.Event())


def sentences(answer: httpx2.Response) -> list[str]:
    """What stands in red."""
    return [part.split("</p>")[0] for part in answer.text.split('class="wrong" role="alert">')[1:] if part[0] != "<"]


# --- general settings -------------------------------------------------------------------------------------------------


async def test_r_257_r_273_the_name_stands_at_the_top_and_is_the_key_that_ocpp_reads() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        await client.save("configuration/general", station_name="Gate <3>")
        assert site.setting("stationName") == "Gate <3>"
        page = (await client.get("configuration/general")).text
        assert "Gate &lt;3&gt;</strong>" in page
        assert "Operational" in page
        assert (await client.fields())["authentication-timeout"]["factory"] == "10"
        assert (await client.fields())["key-lock"]["text"] == "No"


async def test_r_273_older_releases_show_neither_name_nor_timeout() -> None:
    async with commissioned("evlink-smart-wallbox@R6") as site, site.client(ADMIN) as client:
        assert not {"station-name", "authentication-timeout", "key-lock", "dhcp"} & (await client.fields()).keys()


@pytest.mark.parametrize(
    ("product", "supervised", "offered", "factory"),
    [
        ("evlink-smart-wallbox@R7", False, ["Charging station", "Disable", "Remote"], "Charging station"),
        ("evlink-smart-wallbox@R7", True, ["Charging station", "Supervision", "Disable"], "Supervision"),
        ("evlink-parking@R5", True, ["Supervision", "Disable"], "Supervision"),
        ("evlink-smart-wallbox/key@R7", False, ["Disable", "Remote"], "Disable"),
    ],
)
async def test_r_074_r_075_r_265_r_266_authentication_is_done_by_whom_the_guide_offers(
    product: str, supervised: bool, offered: list[str], factory: str
) -> None:
    async with commissioned(product, settings={"Supervised": supervised}) as site, site.client(ADMIN) as client:
        field = (await client.fields())["authentication-done-by"]
        assert list(field["choices"]) == offered
        assert field["factory"] == field["value"] == factory if "key" not in product else True


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("Disable", {"operatingMode": "1", "AuthenticationOCPPMode": "false"}),
        ("Charging station", {"operatingMode": "2", "authenticationManager": "0", "AuthenticationOCPPMode": "true"}),
        ("Remote", {"operatingMode": "2", "authenticationManager": "1", "AuthenticationOCPPMode": "true"}),
    ],
)
async def test_r_265_the_choice_is_the_keys_that_the_station_obeys(place: str, keys: dict[str, str]) -> None:
    before = {"operatingMode": "2" if place == "Disable" else "1"}
    async with commissioned(settings=before) as site, site.client(USER) as client:
        answer = await client.save("configuration/general", authentication_done_by=place)
        assert answer.status_code == 303, sentences(answer)
        assert {key: site.setting(key) for key in keys} == keys
        assert (await client.fields())["authentication-done-by"]["value"] == place


async def test_r_267_r_268_strategies_are_one_key_and_shown_where_they_matter() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        page = (await client.get("configuration/general")).text
        assert 'data-when="authentication-done-by" data-when-values="Charging station"' in page
        assert "unknown-badges-offline" not in await client.fields()
        await client.save("configuration/general", unknown_badges="false")
        assert site.setting("enableUnknown") == "false"


async def test_r_264_r_269_r_271_r_272_fields_are_of_the_products_that_the_guide_names() -> None:
    products = {
        "evlink-smart-wallbox@R7": {"push-button"},
        "evlink-smart-wallbox/key@R7": {"push-button", "remote-command"},
        "evlink-parking@R5": {"cable-may-stay"},
        "evlink-city@R5": set[str](),
    }
    for product, there in products.items():
        async with commissioned(product) as site, site.client(ADMIN) as client:
            assert {"push-button", "remote-command", "cable-may-stay"} & (await client.fields()).keys() == there
    async with commissioned("evlink-smart-wallbox/key@R7") as site, site.client(ADMIN) as client:
        assert (await client.fields())["push-button"]["factory"] == "Yes"


async def test_r_262_r_270_what_a_user_may_only_read_is_not_written() -> None:
    async with commissioned() as site, site.client(USER) as client:
        answer = await client.save("configuration/general", station_location="Outdoor", station_type="true")
        assert answer.status_code == 422
        assert (site.setting("StationLocation"), site.setting("Supervised")) == ("Indoor", "false")


async def test_all_changes_of_a_form_are_taken_or_none() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        answer = await client.save("configuration/general", station_name="New", authentication_timeout="70000")
        assert answer.status_code == 422
        assert sentences(answer) == ["A number from 0 to 65535 s."]
        assert 'value="New"' in answer.text  # what was typed is still there
        assert site.setting("stationName") == "Smartwallbox 1"


# --- network ----------------------------------------------------------------------------------------------------------


async def test_r_274_r_275_r_281_factory_addresses() -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        fields = await client.fields()
    names = ("ip-address", "second-ip-address", "network-mask", "network-gateway", "dns-1", "dns-2", "dhcp")
    assert [fields[name]["factory"] for name in names] == [
        "192.168.0.102", "192.168.0.103", "255.255.255.0", "0.0.0.0", "0.0.0.0", "0.0.0.0", "off"
    ]  # fmt: skip
    assert fields["mac-address"]["value"].startswith("00:80:F4:")
    assert not fields["mac-address"]["writable"]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"ip_address": "192.168.0.300"}, "An IPv4 address such as 192.168.0.102."),
        ({"ip_address": "192.168.0.0"}, "This is no address of a single station in its sub-network."),
        ({"ip_address": "192.168.0.254"}, "There is no room for the second charge point, whose address is this one "
         "plus 1."),
        ({"second_ip_address": "192.168.0.110"}, "The second charge point has the address of the first, plus 1."),
        ({"network_mask": "255.0.255.0"}, "A mask such as 255.255.255.0: ones, then zeros, with room for several "
         "addresses."),
        ({"network_gateway": "10.0.0.1"}, "The gateway is in the sub-network of the station, and not the station "
         "itself."),
    ],
)  # fmt: skip
async def test_r_276_addresses_follow_the_rules(values: dict[str, str], wrong: str) -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        answer = await client.save("configuration/network", False, **values)
        assert answer.status_code == 422
        assert sentences(answer) == [wrong]
        assert site.setting("IpAddress") == "192.168.0.102"


async def test_r_276_r_277_the_second_charge_point_follows_the_first_and_a_reboot_is_asked_for() -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        await client.save("configuration/network", ip_address="192.168.0.112", network_gateway="192.168.0.254")
        assert site.setting("SecondIpAddress") == "192.168.0.113"
        assert "It works after a reboot." in (await client.get("configuration/network")).text
        fields = await client.fields()
        assert all(fields[name]["reboot"] for name in ("ip-address", "network-mask", "dns-1"))


async def test_r_276_r_278_the_wifi_card_is_moved_before_the_station() -> None:
    async with commissioned(settings={"WifiPresent": True}) as site, site.client(ADMIN) as client:
        answer = await client.save("configuration/network", ip_address="192.168.0.112")
        assert "Change that one first, in the sub-tab Wi-Fi." in sentences(answer)[0]
        await client.save("configuration/wifi", wifi_ip_address="192.168.0.111", wifi_key="a secret key")
        assert (await client.save("configuration/network", ip_address="192.168.0.112")).status_code == 303
        assert "a secret key" not in (await client.get("configuration/wifi")).text
        assert (await client.fields())["wifi-ip-address"]["factory"] == "192.168.0.101"


async def test_r_279_r_280_r_282_r_283_r_284_what_the_guide_warns_of_is_said() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        network, wifi = (await client.get("configuration/network")).text, (await client.get("configuration/wifi")).text
    assert "before you change an address" in network
    assert "If it is forgotten, the station has to be restored to its factory settings." in network
    assert "Several stations can share one modem" in network
    assert "The address of the modem, 192.168.0.254, or of the Wi-Fi access point." in network
    assert "switch the power off, wait 5 seconds" in wifi


# --- supervision ------------------------------------------------------------------------------------------------------


async def test_r_263_a_supervised_station_with_an_address_connects_after_save_and_reboot() -> None:
    async with commissioned(own_supervision=True, speed=100) as site, site.client(ADMIN) as client:
        assert site.house.supervision
        view = site.host().view
        site.house.supervision.expect(["S1"])
        await client.save("configuration/general", station_type="false", reboot=True)
        await site.up()
        assert view().link.state == "off"
        await client.save("configuration/general", station_type="true")
        url = site.house.supervision.ocpp
        answer = await client.save("configuration/supervision", reboot=True, supervision_url=url, ocpp_version="1.6")
        assert answer.status_code == 303, sentences(answer)
        await until_so(lambda: view().link.boot == "Accepted")


async def test_r_286_to_r_290_the_page_has_the_fields_and_factory_values_of_the_guide() -> None:
    """R-286, R-287, R-288, R-289, R-290, R-292."""
    async with commissioned(settings={"Supervised": True}) as site, site.client(ADMIN) as client:
        fields = await client.fields()
    assert {name: fields[name]["factory"] for name in (
        "ocpp-version", "box-identity", "modem-present", "default-tag", "sample-interval", "aligned-interval",
        "connection-timeout", "cache", "socket-identifier", "truncate-serials",
    )} == {
        "ocpp-version": "1.5", "box-identity": "UNDEFINED", "modem-present": "off", "default-tag": "UNDEFINED",
        "sample-interval": "900", "aligned-interval": "0", "connection-timeout": "60", "cache": "on",
        "socket-identifier": "on", "truncate-serials": "off",
    }  # fmt: skip
    assert {"supervision-url", "public-ip"} <= fields.keys()
    assert "25 characters" in fields["truncate-serials"]["help"]


async def test_http_is_soap_and_soap_is_1_5() -> None:
    """OCPP guide, 5.5.2."""
    async with commissioned(settings={"Supervised": True}) as site, site.client(ADMIN) as client:
        answer = await client.save("configuration/supervision", supervision_url="http://a.example", ocpp_version="1.6")
        assert "SOAP" in sentences(answer)[0]


# --- one truth --------------------------------------------------------------------------------------------------------


async def test_what_the_supervision_changes_is_what_the_tool_shows_with_its_author() -> None:
    async with commissioned(own_supervision=True) as site, site.client(ADMIN) as client:
        assert site.house.supervision
        await until_so(lambda: site.host().view().link.boot == "Accepted")
        before = await client.get("api/fields?sub=general")
        change = messages.ChangeConfiguration(key="stationName", value="From afar")
        answer = await site.house.supervision.host.command("S1", change)
        assert answer.payload
        assert answer.payload.status == "Accepted"  # type: ignore[attr-defined]
        field = (await client.fields())["station-name"]
        assert (field["value"], field["by"]) == ("From afar", "the supervision")
        await client.save("configuration/general", station_name="From here")
        read = await site.house.supervision.host.command("S1", messages.GetConfiguration(key=("stationName",)))
        assert read.payload
        assert read.payload.configuration_key[0].value == "From here"  # type: ignore[attr-defined]
        assert (await client.fields())["station-name"]["by"] == ADMIN
        assert before.headers["etag"] != (await client.get("api/fields?sub=general")).headers["etag"]


async def test_a_poll_of_what_has_not_changed_is_answered_304() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        first = await client.get("api/fields?sub=general")
        again = await client.get("api/fields?sub=general", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_a_field_that_was_left_alone_is_not_written_and_a_conflict_is_told() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        seen = {"was.station-name": "Smartwallbox 1", "station-name": "Smartwallbox 1",
                "was.authentication-timeout": "10", "authentication-timeout": "20"}  # fmt: skip
        await client.save("configuration/general", station_name="Another's")
        at, csrf = f"{client.at}configuration/general", await client.csrf()
        assert (await client.http.post(at, data=seen | {"csrf": csrf})).status_code == 303
        assert (site.setting("stationName"), site.setting("rfidStatusTimeout")) == ("Another's", "20")
        answer = await client.http.post(at, data=seen | {"csrf": csrf, "station-name": "Mine"})
        assert sentences(answer)[0].startswith("It was changed to Another&#39;s meanwhile.")
        assert site.setting("stationName") == "Another's"


# --- date and time ----------------------------------------------------------------------------------------------------


async def test_r_293_a_date_set_by_hand_is_local_and_outlives_a_restart() -> None:
    async with commissioned(settings={"TimeZone": "Europe/Paris"}, speed=100) as site, site.client(USER) as client:
        await client.save("configuration/time", date="2031-07-01T12:00")
        noon_utc_s = datetime.fromisoformat("2031-07-01T10:00:00+00:00").timestamp()
        assert 0 <= site.embedded().port.utc_s() - noon_utc_s < 3600
        await client.save("configuration/time", reboot=True)
        await asyncio.sleep(0)
        await site.up()
        assert 0 <= site.embedded().port.utc_s() - noon_utc_s < 7200
        answer = await client.save("configuration/time", date="2031-13-01T12:00")
        assert sentences(answer) == ["A date with its time, such as 2026-11-20T14:30."]


@asynccontextmanager
async def time_server(utc_s: float, *, stratum: int = 2) -> AsyncIterator[str]:
    """A real one on loopback, whose date stands still."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            answer = bytearray(48)
            answer[:2] = bytes([0b00_100_100, stratum])
            answer[24:32] = data[40:48]
            answer[40:48] = struct.pack(">II", int(utc_s) + EPOCH_S, 0)
            self.transport.sendto(bytes(answer), addr)

    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


async def test_r_294_the_date_comes_from_the_time_server_and_its_silence_is_event_31() -> None:
    here = Terms((Place("127.0.0.1"),))
    async with commissioned(files=here) as site, site.client(ADMIN) as client:
        assert (await client.fields())["ntp-server"]["factory"] == "pool.ntp.org"
        async with time_server(1_900_000_000) as server:
            answer = await client.save("configuration/time", time_settings="NTP server", ntp_server=server)
            assert answer.status_code == 303, sentences(answer)
            await until_so(lambda: abs(site.embedded().port.utc_s() - 1_900_000_000) < 60)
            assert site.host().view().connectors[0].vendor_error == ""
            site.host().hardware.around = Around(router="10.1.0.1")  # which is not the station's gateway
            await client.save("configuration/time", ntp_server=server.replace("127.0.0.1", "localhost"))
            await until_so(lambda: site.host().view().connectors[0].vendor_error == "31")
            site.host().hardware.around = AS_USUAL
            await client.save("configuration/time", ntp_server=server)
            await until_so(lambda: site.host().view().connectors[0].vendor_error == "")
        async with time_server(1_900_000_000, stratum=16) as server:  # it knows no time itself
            await client.save("configuration/time", ntp_server=server)
            await until_so(lambda: site.host().view().connectors[0].vendor_error == "31")
        await client.save("configuration/time", time_settings="Manually")
        assert site.host().view().connectors[0].vendor_error == ""


async def test_r_294_every_date_of_the_tool_is_in_the_time_zone_of_the_station() -> None:
    """All that stands here happened just now; a date that was left in UTC is nine hours older."""
    async with commissioned("evlink-parking@R7", settings={"TimeZone": "Asia/Tokyo", "Supervised": True}) as site:
        async with site.client(ADMIN) as client:
            await client.save("configuration/general", station_name="Tokyo")
            await client.http.post(f"{client.at}maintenance/firmware/do/bring", content=b"no image",
                                   headers={"x-csrf": await client.csrf()})  # fmt: skip
            found = {}
            tabs = re.findall(r'href="(?:[^"]*/)?(\w+/\w+)"', (await client.get("maintenance/status")).text)
            for path in {*tabs, "maintenance/status/live", "maintenance/report/files/report.html", "api/fields"}:
                dates = re.findall(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?", (await client.get(path)).text)
                found[path] = [datetime.fromisoformat(each).replace(tzinfo=ZoneInfo("Asia/Tokyo")) for each in dates]
        now = datetime.fromtimestamp(site.embedded().port.utc_s(), ZoneInfo("Asia/Tokyo"))
    assert len([path for path, dates in found.items() if dates]) >= 5
    wrong = {
        path: [str(each) for each in dates if abs(now - each) > timedelta(hours=1)] for path, dates in found.items()
    }
    assert {path: dates for path, dates in wrong.items() if dates} == {}


async def test_a_time_of_day_is_read_without_a_unit() -> None:
    async with commissioned("evlink-pro-ac") as site, site.client(ADMIN) as client:
        field = (await client.fields())["day-starts"]
        assert (field["factory"], field["unit"]) == ("08:00", "")


async def test_r_294_a_time_zone_is_chosen_from_the_list() -> None:
    async with commissioned() as site, site.client(USER) as client:
        await client.save("configuration/time", time_zone="Europe/Paris")
        assert site.setting("TimeZone") == "Europe/Paris"
        answer = await client.save("configuration/time", time_zone="../../etc/passwd")
        assert answer.status_code == 422
