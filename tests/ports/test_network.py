"""How far a station's network settings lead in the network around it (commissioning guide, Network; Pro AC keys)."""

import msgspec
import pytest

from chargepost.catalogue import load
from chargepost.catalogue.load import releases
from chargepost.drivers.network import AS_USUAL, HOST, RULES, Around, Case, obstacle
from chargepost.signals import Interface, WifiCard
from chargepost.station.network import interface
from chargepost.station.settings import Settings

SET = Interface(False, "192.168.0.102", "255.255.255.0", "192.168.0.254", ("8.8.8.8", "0.0.0.0"))
NAME, NEAR, FAR = "central.example", "192.168.0.7", "198.51.100.7"
ALL = [f"{line}@{release}" for line, known in releases().items() for release in known]
STRICT = Around(router="10.1.0.1", name_servers=("10.1.0.53",), ssid="Depot", wifi_key="0123456789")
AT_DEPOT = Interface(False, "10.1.0.5", "255.255.0.0", "10.1.0.1", ("0.0.0.0", "10.1.0.53"))
CARD = WifiCard("Depot", "WPA2", "0123456789", "10.1.0.4")


def cause(own: Interface, host: str = NAME, around: Around = AS_USUAL, *, modem: bool = True) -> str:
    found = obstacle(own, around, host, modem)
    return found.cause if found else ""


def test_the_key_of_a_wireless_network_is_in_no_text_of_it() -> None:
    own = msgspec.structs.replace(AT_DEPOT, wifi=CARD)
    for each in (STRICT, CARD, own, Case(own, STRICT, NAME, modem_answers=True)):
        assert "Depot" in repr(each)
        assert STRICT.wifi_key not in repr(each)


def test_a_station_from_the_factory_reaches_what_this_machine_reaches() -> None:
    own = {model: interface(Settings(load(model), {})) for model in ALL if load(model).key("IpAddress")}
    assert len(own) > 10
    assert {cause(each, host) for each in own.values() for host in (NAME, NEAR, FAR, "localhost", "2001:db8::1")} == {
        ""
    }


@pytest.mark.parametrize(
    ("changes", "reached", "found"),
    [
        ({}, {NAME, NEAR, FAR}, ""),
        ({"gateway": "0.0.0.0", "name_servers": ("0.0.0.0",)}, {NAME, NEAR, FAR}, ""),
        ({"gateway": "192.168.0.1"}, {NEAR}, "gateway"),
        ({"gateway": "10.0.0.254"}, {NEAR}, "gateway_outside"),
        ({"address": "192.168.9.102"}, {"192.168.9.3"}, "gateway_outside"),
        ({"address": "192.168.0.254"}, set(), "own_address"),
        ({"address": "192.168.0.255"}, set(), "own_address"),
        ({"mask": "255.0.255.0"}, set(), "own_address"),
        ({"name_servers": ("192.0.2.53", "0.0.0.0")}, {NEAR, FAR, "localhost"}, "dns"),
        ({"name_servers": ("192.0.2.53", "4.4.4.4")}, {NAME}, ""),
        ({"gateway": "192.168.0.1", "dhcp": True}, {NAME, NEAR, FAR}, ""),
    ],
)
def test_what_is_changed_has_to_fit_what_is_around(changes: dict[str, object], reached: set[str], found: str) -> None:
    own = msgspec.structs.replace(SET, **changes)
    assert cause(own) == found
    assert [host for host in reached if cause(own, host)] == []
    assert cause(own, around=HOST) == ""


@pytest.mark.parametrize(
    ("own", "around", "found"),
    [
        (AT_DEPOT, STRICT, ""),
        (SET, STRICT, "gateway"),
        (msgspec.structs.replace(SET, gateway="0.0.0.0"), STRICT, "no_gateway"),
        (msgspec.structs.replace(AT_DEPOT, name_servers=("0.0.0.0",)), STRICT, "dns"),
        (msgspec.structs.replace(AT_DEPOT, dhcp=True), STRICT._replace(dhcp=False), "dhcp"),
        (msgspec.structs.replace(AT_DEPOT, wifi=CARD), STRICT, ""),
        (msgspec.structs.replace(AT_DEPOT, wifi=msgspec.structs.replace(CARD, ssid="depot")), STRICT, "wifi_name"),
        (msgspec.structs.replace(AT_DEPOT, wifi=msgspec.structs.replace(CARD, key="987654321")), STRICT, "wifi_key"),
        (msgspec.structs.replace(AT_DEPOT, wifi=msgspec.structs.replace(CARD, security="Open")), STRICT, "wifi_key"),
        (msgspec.structs.replace(AT_DEPOT, wifi=msgspec.structs.replace(CARD, address="10.1.0.6")), STRICT,
         "wifi_address"),
    ],
)  # fmt: skip
def test_a_site_file_says_what_is_around(own: Interface, around: Around, found: str) -> None:
    assert cause(own, around=around) == found


def test_r_280_a_modem_that_is_silent_leads_nowhere_beyond_the_sub_network() -> None:
    own = msgspec.structs.replace(SET, modem=True)
    assert (cause(own), cause(own, modem=False), cause(own, NEAR, modem=False)) == ("", "modem", "")


def test_each_rule_says_in_words_what_is_wrong_and_no_key_of_a_network() -> None:
    own = msgspec.structs.replace(SET, wifi=CARD)
    assert len({rule.cause for rule in RULES}) == len(RULES)
    told = obstacle(own, STRICT, NAME)
    assert told is not None
    assert told.told.startswith("no way to central.example in the simulated network: ")
    assert CARD.key not in repr(own) + told.told
    assert STRICT.wifi_key not in repr(STRICT)
    unresolved = obstacle(msgspec.structs.replace(SET, name_servers=("192.0.2.53", "0.0.0.0")), AS_USUAL, NAME)
    assert unresolved is not None
    assert "answers at 192.0.2.53, but at 8.8.8.8, 4.4.4.4, 192.168.0.254 (a site file can" in unresolved.told
