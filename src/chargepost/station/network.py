"""How a station is set to stand in its network; what follows is the hardware's business.

Its keys work after a reboot (Q-181; commissioning guide, Network: Save and Reboot), so they are told at the start.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from chargepost.signals import Interface, UseNetwork, WifiCard
from chargepost.station.settings import Settings

if TYPE_CHECKING:
    from chargepost.station.station import Station

ADDRESS_KEYS = ("IpAddress", "NetworkSubmask", "NetworkGateway", "DnsAddress1", "DnsAddress2")


def tell(s: "Station") -> None:
    """A product without such keys stands in whatever network there is."""
    if s.core.settings.row(ADDRESS_KEYS[0]):
        s.core.wish(UseNetwork(interface(s.core.settings)))


def interface(settings: Settings) -> Interface:
    texts = [settings.text(key) for key in ADDRESS_KEYS]
    modem = settings.flag(str(settings.model.quirks.get("modem_retry_zero", {}).get("switch_key", "")))
    if not settings.flag("WifiPresent"):
        return _shared(settings.flag("DhcpEnabled"), modem, *texts)
    card = WifiCard(*(settings.text(key) for key in ("WifiSsid", "WifiSecurity", "WifiKey", "WifiIpAddress")))
    address, mask, gateway, *servers = texts
    return Interface(settings.flag("DhcpEnabled"), address, mask, gateway, tuple(servers), modem, card)


@lru_cache(1_000)
def _shared(dhcp: bool, modem: bool, address: str, mask: str, gateway: str, *servers: str) -> Interface:
    """Thousands of stations are set as they came: they share it."""
    return Interface(dhcp, address, mask, gateway, servers, modem)
