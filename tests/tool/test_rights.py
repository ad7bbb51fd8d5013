"""Names, words and conditions of the rows; who may do what is in `test_access_table`."""

from itertools import groupby

import pytest

from chargepost.commissioning import tabs, views
from chargepost.commissioning.access import ADMIN
from chargepost.commissioning.words import words
from tests.tool.rig import commissioned

PRODUCTS = ("evlink-smart-wallbox@R7", "evlink-parking@R5", "evlink-city@R6", "evlink-pro-ac", "evlink-pro-dc",
            "schneider-charge")  # fmt: skip


@pytest.mark.parametrize("product", PRODUCTS)
async def test_names_of_fields_are_one_of_a_kind_and_every_field_says_what_it_is(product: str) -> None:
    async with commissioned(product, settings={"WifiPresent": True} if "wallbox" in product else {}) as site:
        port = site.embedded().port
        names = [row.name for row, _sub in tabs.every_field(port)]
        assert len(names) == len(set(names))
        for sub in tabs.SUB_TABS:
            headings = [heading for heading, _rows in groupby(tabs.fields_of(sub, port), key=lambda row: row.group)]
            assert len(headings) == len(set(headings)), f"{sub.name} has a heading twice"
            assert "" not in headings[1:], f"{sub.name} has fields under a heading that is not theirs"
        for row, sub in tabs.every_field(port):
            shown = views.shown(row, sub, ADMIN, port, words("en"))
            assert shown.label, row.name
            assert shown.help or shown.kind == "shown" or shown.range or shown.choices, row.name


async def test_r_253_a_station_that_is_not_supervised_has_no_page_for_the_supervision() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        assert (await client.get("configuration/supervision")).status_code == 404
        assert (await client.save("configuration/general", station_type="true")).status_code == 303
        assert (await client.get("configuration/supervision")).status_code == 200


async def test_only_a_station_with_a_domestic_socket_has_fields_for_it() -> None:
    async with commissioned("evlink-pro-ac/socket", "evlink-pro-ac/socket-domestic") as site:
        plain, domestic = (
            {row.name for row, _sub in tabs.every_field(site.embedded(each).port)} for each in ("S1", "S2")
        )
        assert domestic - plain == {"plug-numbering", "domestic-current"}


@pytest.mark.parametrize("product", ["evlink-pro-ac", "evlink-pro-dc", "evlink-smart-wallbox@R4"])
async def test_what_a_product_lacks_is_not_shown_and_what_is_told_is_taken(product: str) -> None:
    async with commissioned(product) as site, site.client(ADMIN) as client:
        fields = await client.fields()
        assert [name for name, each in fields.items() if not each["writable"] and not each["text"]] == []
        takes_zero = site.host().model.key("MeterValueSampleInterval")
        if "sample-interval" in fields and takes_zero and takes_zero.zero:
            assert fields["sample-interval"]["range"].startswith("0, or a number")
