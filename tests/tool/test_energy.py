"""Tab Energy management: fields, ranges and factory values of the guide (commissioning guide, 4)."""

import pytest

from chargepost.commissioning.access import ADMIN
from tests.tool.rig import commissioned
from tests.tool.test_configuration import sentences


async def test_r_295_r_296_r_297_advanced_settings() -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        fields = await client.fields()
        names = ("load-balancing", "shedding-priority", "external-control")
        assert [fields[name]["factory"] for name in names] == ["Enable", "Charge duration", "No"]
        await client.save("energy/advanced", load_balancing="false", shedding_priority="1", external_control="true")
        assert [site.setting(key) for key in (
            "LoadBalancing", "loadSheddingPriority", "ControlledByExternalSystem"
        )] == ["false", "1", "true"]  # fmt: skip
    async with commissioned("evlink-smart-wallbox@R7") as site, site.client(ADMIN) as client:
        assert "load-balancing" not in await client.fields()


@pytest.mark.parametrize(
    ("product", "type_", "rated", "derated"),
    [
        ("evlink-parking@R7", "T2", "32 A", "32"),
        ("evlink-smart-wallbox@R7", "T2", "32 A", "16"),
        ("evlink-smart-wallbox/rfid-te@R7", "T2 - TE", "32 A (T2), 10 A (TE)", "16"),
        ("evlink-smart-wallbox/rfid-t1@R7", "T1", "32 A", "16"),
        ("evlink-smart-wallbox/rfid-t3@R7", "T3", "32 A", "16"),
        ("evlink-smart-wallbox/rfid-cable@R7", "T2", "32 A", "16"),
    ],
)
async def test_r_298_r_300_r_301_sockets_and_their_currents(product: str, type_: str, rated: str, derated: str) -> None:
    async with commissioned(product) as site, site.client(ADMIN) as client:
        fields = await client.fields()
        assert (fields["socket-1-type"]["text"], fields["socket-1-rated"]["text"]) == (type_, rated)
        assert fields["derated-current"]["factory"] == derated
        assert fields["derated-current"]["range"] == "A number from 0 to 32 A."


async def test_r_299_position_1_is_right_and_2_is_left() -> None:
    async with commissioned("evlink-city@R7") as site, site.client(ADMIN) as client:
        fields = await client.fields()
        assert fields["socket-1-position"]["text"] == "1, right"
        assert fields["socket-2-position"]["text"] == "2, left"


async def test_r_302_r_303_the_warning_and_the_small_currents_are_told() -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        field = (await client.fields())["derated-current"]
    assert "proper skills and the necessary knowledge" in field["warning"]
    assert "0 to 13 A for a three-phase" in field["help"]
    assert "counts as single-phase" in field["help"]


async def test_r_304_r_305_r_306_inputs_of_parking_and_city_are_each_sockets_own() -> None:
    async with commissioned("evlink-parking@R7") as site, site.client(ADMIN) as client:
        fields = await client.fields()
        assert list(fields["input-1"]["choices"]) == ["Not used", "Protection devices", "Load-shedding"]
        assert list(fields["socket-2-input-2"]["choices"]) == ["Not used", "Conditional outgoing line"]
        assert fields["input-1-open"]["factory"] == "Normally open"
        await client.save("energy/sockets", socket_2_input_1="Load-shedding", socket_2_derated_current="20")
        station = site.host().station
        assert station
        settings = station.core.settings
        assert (settings.own("Input1Function", 1), settings.own("Input1Function", 2)) == ("Not used", "Load-shedding")
        assert (settings.own("maxIntensitySocket", 1), settings.own("maxIntensitySocket", 2)) == ("32", "20")
    async with commissioned("evlink-city@R7") as site, site.client(ADMIN) as client:
        assert "Protection devices" not in (await client.fields())["input-1"]["choices"]


async def test_r_307_r_308_contacts_of_the_wallbox() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        fields = await client.fields()
        assert fields["delayed-start"]["factory"] == fields["limit-contact"]["factory"] == "Normally open"
        assert (fields["set-point"]["factory"], fields["set-point"]["unit"]) == ("0", "A")
        assert not {"input-1", "input-2", "socket-1-position"} & fields.keys()
        await client.save("energy/sockets", delayed_start="Normally closed")
        assert site.setting("DelayedStartContact") == "Normally closed"


@pytest.mark.parametrize("product", ["evlink-parking@R7", "evlink-smart-wallbox@R7"])
async def test_r_308_r_309_the_set_point_is_at_most_the_derated_current(product: str) -> None:
    async with commissioned(product) as site, site.client(ADMIN) as client:
        answer = await client.save("energy/sockets", derated_current="12", set_point="13")
        assert sentences(answer) == ["At most the derated charging current."]
        assert (await client.save("energy/sockets", derated_current="12", set_point="12")).status_code == 303


async def test_r_310_r_311_r_312_r_313_meters() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        fields = await client.fields()
        assert {name: fields[name]["factory"] for name in (
            "phase-voltage", "energy-metering", "power-meter-protocol", "power-meter-rtu-address",
            "power-meter-gateway",
        )} == {
            "phase-voltage": "230", "energy-metering": "Internal CT", "power-meter-protocol": "Modbus TCP",
            "power-meter-rtu-address": "30", "power-meter-gateway": "130",
        }  # fmt: skip
        assert fields["phase-voltage"]["range"] == "A number from 0 to 276 V."  # what is told is what is taken
        assert 'data-most="276"' in (await client.get("energy/meters")).text
        assert "apparent power only" in (await client.get("energy/meters")).text.replace("\n", " ")
        assert sentences(await client.save("energy/meters", phase_voltage="277")) == ["A number from 0 to 276 V."]
        for name, value in (("power_meter_rtu_address", "256"), ("power_meter_gateway", "129")):
            answer = await client.http.post(
                f"{client.at}energy/meters",
                data={"csrf": await client.csrf(), "energy-metering": "IEM_3x5x", name.replace("_", "-"): value},
            )
            assert answer.status_code == 422
        wrong = await client.http.post(
            f"{client.at}energy/meters",
            data={"csrf": await client.csrf(), "energy-metering": "IEM_3x5x",
                  "wiring-network": "Phase 2 - Phase 3 - Phase 1"},
        )  # fmt: skip
        assert "knows no such wiring" in sentences(wrong)[0]
