"""The configuration as a file: out of one station and into another (commissioning guide, General settings; Q-059)."""

import hashlib
import re

import pytest

from chargepost.commissioning.access import ADMIN, USER
from tests.tool.rig import Client, commissioned

AT = "configuration/general"


async def exported(client: Client) -> str:
    answer = await client.get(f"{AT}/files/configuration.cfg")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    return answer.text


async def do(client: Client, what: str, text: str, **more: str) -> tuple[int, str]:
    data = {"csrf": await client.csrf(), "text": text, **more}
    answer = await client.http.post(f"{client.at}{AT}/do/{what}", data=data)
    return answer.status_code, answer.text


async def test_r_260_r_261_what_one_station_exports_another_imports_after_a_table_of_what_changes() -> None:
    async with commissioned("evlink-parking@R7", "evlink-parking@R7") as site:
        async with site.client(ADMIN) as client:
            await client.save("energy/sockets", derated_current="20", socket_2_derated_current="16")
            await client.save("configuration/general", station_name="North")
            text = await exported(client)
            assert re.search(r"\n\[CURRENT MEASUREMENT\]\n", text)
            assert re.search(r"\nmaxIntensitySocket=\s+20\nmaxIntensitySocket/2=\s+16\n", text)
        async with site.client(ADMIN, "S2") as client:
            status, table = await do(client, "import-preview", text, **{"keep-own": "on"})
            assert status == 200
            assert re.search(r'<th scope="row">maxIntensitySocket</th><td>32</td><td>20</td>', table)
            assert "North" not in table.split("<textarea")[0]
            assert site.setting("maxIntensitySocket", "S2") == "32"  # a look changes nothing
            assert (await do(client, "import", text, **{"keep-own": "on"}))[0] == 303
            assert site.setting("maxIntensitySocket", "S2") == "20"
            assert site.setting("maxIntensitySocket/2", "S2") == "16"
            assert site.setting("stationName", "S2") == "Parking 1"
            await do(client, "import", text)
            assert site.setting("stationName", "S2") == "North"
            assert "nothing to change" in (await do(client, "import-preview", text))[1]


async def test_r_260_badges_and_secrets_are_not_in_the_file() -> None:
    async with commissioned(settings={"WifiPresent": True}) as site, site.client(ADMIN) as client:
        await client.save("configuration/wifi", wifi_key="a secret of mine")
        text = await exported(client)
    assert "secret of mine" not in text
    assert not re.search(r"(?i)password=|wifikey=|authorizationkey=", text)


async def test_r_260_r_261_both_are_for_the_administrator() -> None:
    async with commissioned() as site, site.client(USER) as client:
        assert (await client.get(f"{AT}/files/configuration.cfg")).status_code == 404
        assert (await do(client, "import", "x"))[0] == 404
        assert "Export" not in (await client.get(AT)).text


def sealed(text: str) -> str:
    body = text.rpartition("# seal")[0]
    return f"{body}# seal = {hashlib.sha256(body.encode()).hexdigest()}\n"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (lambda text: text.replace("=", "", 1), "cannot be read"),
        (lambda text: text[: len(text) // 2], "its end is missing"),
        (lambda text: "", "no configuration file"),
        (lambda text: text.replace("32\n", "31\n"), "was changed after its export"),
        (lambda text: sealed(text.replace("evlink-parking\n", "evlink-city\n")), "is of another product (evlink-city)"),
        (lambda text: sealed(text.replace("EMsetting=", "EMfooting=")), "has no setting EMfooting"),
        (lambda text: sealed(text.replace("[TIME]", "[TIME]\nEMsetting= 1")), "EMsetting stands there twice"),
        (lambda text: sealed(text.replace("[TIME]", "[TIME]\nx=\x00\x1b")), "cannot be read"),
        (lambda text: text.encode().decode("utf-16-le", "replace"), "no configuration file"),
        (lambda text: "a=1\n" * 3_000, "no configuration file"),
    ],
)
async def test_q_059_an_edited_foreign_or_damaged_file_is_refused_as_a_whole(what: object, why: str) -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        text = await exported(client)
        await client.save("energy/sockets", derated_current="20")
        for step in ("import-preview", "import"):
            status, page = await do(client, step, what(text))  # type: ignore[operator]
            assert status == 422
            assert why in page, page
            assert "/do/import-preview" in page, "another file can be chosen at once"
        assert site.setting("maxIntensitySocket") == "20"


async def test_a_value_that_the_station_refuses_lets_nothing_in() -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        text = await exported(client)
        bad = sealed(re.sub(r"(maxIntensitySocket=\s+)32", r"\g<1>99", text).replace("Parking 1", "Other"))
        status, table = await do(client, "import-preview", bad)
        assert status == 200
        assert "so nothing can be imported" in table
        assert "The station does not take this value." in table
        assert (await do(client, "import", bad))[0] == 422
        assert site.setting("stationName") == "Parking 1"


async def test_r_276_the_rules_of_the_pages_hold_for_a_file_too() -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        text = await exported(client)
        for key, old, new, why in (
            ("NetworkGateway", "0.0.0.0", "10.0.0.1", "The gateway is in the sub-network of the station"),
            ("SecondIpAddress", "192.168.0.103", "192.168.0.109", "has the address of the first, plus 1"),
            ("ReportFrequency", "Disabled", "Daily", "It is needed to publish charge records."),
        ):
            bad = sealed(re.sub(rf"({key}=\s+){re.escape(old)}", rf"\g<1>{new}", text))
            assert why in (await do(client, "import-preview", bad))[1]
            assert (await do(client, "import", bad))[0] == 422
            assert site.setting(key) == old


async def test_r_276_a_file_moves_the_station_and_its_wifi_card_together() -> None:
    async with commissioned("evlink-smart-wallbox@R7") as site, site.client(ADMIN) as client:
        await client.save("configuration/wifi", wifi_present="true")
        moved = sealed((await exported(client)).replace("192.168.0.10", "192.168.0.11"))
        assert (await do(client, "import", moved))[0] == 303
        assert (site.setting("IpAddress"), site.setting("WifiIpAddress")) == ("192.168.0.112", "192.168.0.111")
