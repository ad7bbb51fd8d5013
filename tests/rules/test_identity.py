"""Who a station says it is: BootNotification, serial numbers, network address (Q-012, Q-036)."""

import re
from collections.abc import Callable

import pytest

from chargepost.station.core import mac_address, serial_number
from tests.rules.rig import Rig

EVLINK = pytest.mark.parametrize("model", ["evlink-smart-wallbox", "evlink-parking", "evlink-city"])

FLEETS = [
    [f"CP-{number:05}" for number in range(20_000)],
    [f"CP{number}" for number in range(20_000)],
    [f"site {site}/post {post}" for site in range(200) for post in range(100)],
]


@pytest.mark.parametrize("fleet", FLEETS, ids=["padded", "counted", "sites"])
@pytest.mark.parametrize("derive", [serial_number, lambda identity: serial_number(identity, 26)], ids=["20", "26"])
def test_serial_numbers_of_a_fleet_have_no_duplicates(fleet: list[str], derive: Callable[[str], str]) -> None:
    made = [derive(identity) for identity in fleet]
    assert len(set(made)) == len(fleet)
    assert made == [derive(identity) for identity in fleet]


@pytest.mark.parametrize("fleet", FLEETS[:2], ids=["padded", "counted"])
def test_network_addresses_of_a_fleet_have_no_duplicates(fleet: list[str]) -> None:
    made = [mac_address(identity) for identity in fleet]
    assert len(set(made)) == len(fleet)
    assert all(re.fullmatch(r"00:80:F4(:[0-9A-F]{2}){3}", address) for address in made)


@pytest.mark.parametrize("identity", ["", "CP", "CP-1", "é\n7", "9" * 300])
def test_any_identity_has_an_address(identity: str) -> None:
    assert mac_address(identity) == mac_address(identity)
    assert len(mac_address(identity)) == 17


@EVLINK
def test_r_027_undefined_means_the_mac_address_of_the_board(model: str) -> None:
    rig = Rig(model, settings={"boxIdentity": "undefined"})
    rig.run(2)
    assert rig.dials[-1][1].url.endswith("/" + mac_address("CP-1").replace(":", "%3A"))
    assert rig.dials[-1][1].user == mac_address("CP-1")


@EVLINK
def test_r_027_a_named_station_says_its_name(model: str) -> None:
    """Whoever starts a station names it; the factory's UNDEFINED does not take the name away."""
    rig = Rig(model, settings={"boxIdentity": "Garage 7"})
    rig.run(2)
    assert rig.dials[-1][1].url.endswith("/Garage%207")
    rig = Rig(model)
    rig.run(2)
    assert rig.dials[-1][1].url.endswith("/CP-1")


def test_r_027_undefined_is_a_name_like_any_other_elsewhere() -> None:
    rig = Rig("evlink-pro-ac", settings={"BoxIdentifier": "UNDEFINED"})
    rig.run(2)
    assert rig.dials[-1][1].url.endswith("/UNDEFINED")


def test_r_029_each_schneider_charge_has_an_identity_of_its_own() -> None:
    rig = Rig("schneider-charge")
    rig.run(2)
    assert rig.dials[-1][1].url.endswith("/CP-1")


def test_r_059_r_060_the_model_is_the_commercial_reference() -> None:
    for model, reference in (
        ("evlink-pro-dc/EVD1S60THB", "EVD1S60THB"),
        ("schneider-charge/Evh5A11N2C5", "Evh5A11N2C5"),
    ):
        rig = Rig(model)
        rig.run(2)
        boot = rig.last("BootNotification")
        assert (boot.charge_point_model, boot.charge_point_vendor) == (reference, "Schneider Electric")
        assert boot.charge_point_serial_number == serial_number("CP-1")
        assert boot.firmware_version
