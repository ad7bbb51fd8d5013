"""The network around a simulated station, and how far the station's settings lead in it. Pure.

Nothing real is touched: where no rule below stands in the way, the network of this machine is used. What a product has
from the factory stands in the way of nothing; what is changed has to fit what is around (commissioning guide of the
EVlink family, Network: gateway, modem and Wi-Fi card; Pro AC guide, network keys).
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from chargepost.signals import Interface

NONE: Final = "0.0.0.0"  # noqa: S104 - no address is listened on here
ROUTER: Final = "192.168.0.254"
"""The modem of the guide, and the gateway of a Pro AC from the factory."""
NAME_SERVERS: Final = ("8.8.8.8", "4.4.4.4")
"""Those of a Pro AC from the factory."""
SSID: Final = "chargepost"
KNOWN_BY_ALL: Final = "localhost"
"""The one name that no name server is asked for."""


class Around(NamedTuple):
    """What is there, whatever the station is set to; a site file may say otherwise."""

    as_host: bool = False
    """No network is simulated: the station reaches what this machine reaches."""
    router: str = ""
    """The way out of the sub-network. Empty: at `ROUTER`, and a station that has no gateway finds out, too."""
    name_servers: tuple[str, ...] = ()
    """Besides the router. Empty: `NAME_SERVERS`, and a station that has none asks this machine."""
    dhcp: bool = True
    """Somebody gives out addresses."""
    ssid: str = SSID
    """Of the wireless network."""
    wifi_key: str = ""
    """Its key; empty: any, so long as there is one."""
    meter_address: int = 30
    """Where the power meters of the station are: their Modbus address, and behind which gateway."""
    meter_gateway: int = 130

    def __repr__(self) -> str:
        """Without the key."""
        return f"Around(router={self.router!r}, ssid={self.ssid!r})"

    def is_router(self, address: str) -> bool:
        """Whether a modem is found there, by its address or that of its pages; empty: wherever it is."""
        return not address or _host(address) == (self.router or ROUTER)


AS_USUAL: Final = Around()
HOST: Final = Around(as_host=True)

SAID: Final = "a site file can say otherwise: network"
"""Where somebody looks whose real network is not like this."""


class Obstacle(NamedTuple):
    """Why a host cannot be reached."""

    cause: str
    """Names the remedy."""
    told: str
    """In words, with the values."""


class Case(NamedTuple):
    """A station that wants to reach a host."""

    own: Interface
    around: Around
    host: str
    modem_answers: bool

    @property
    def router(self) -> str:
        return self.around.router or ROUTER

    @property
    def named(self) -> bool:
        """The host is a name, which somebody has to resolve."""
        return ":" not in self.host and _address(self.host) is None and self.host != KNOWN_BY_ALL

    @property
    def subnet(self) -> IPv4Network | None:
        try:
            return IPv4Network((self.own.address, self.own.mask), strict=False)
        except ValueError:
            return None

    def within(self, address: str) -> bool:
        found, subnet = _address(address), self.subnet
        return found is not None and subnet is not None and found in subnet

    @property
    def beyond(self) -> bool:
        """The host is not in the station's own sub-network, so a router has to lead there."""
        return not self.within(self.host)

    @property
    def misplaced(self) -> bool:
        """The station's own address is none that one station can have here."""
        own, subnet = _address(self.own.address), self.subnet
        if own is None or subnet is None or subnet.prefixlen > 30:
            return True
        return own in (subnet.network_address, subnet.broadcast_address) or self.own.address == self.router

    @property
    def opened(self) -> bool:
        """The Wi-Fi card has the key of the wireless network."""
        card, key = self.own.wifi, self.around.wifi_key
        return card is None or (card.security == "WPA2" and bool(card.key) and key in ("", card.key))

    @property
    def bridged(self) -> bool:
        """The card has the address before the station's (guide, IP address management)."""
        card, own = (_address(self.own.wifi.address) if self.own.wifi else None), _address(self.own.address)
        return self.own.wifi is None or (card is not None and own is not None and int(card) + 1 == int(own))

    @property
    def name_servers(self) -> tuple[str, ...]:
        return (*(self.around.name_servers or NAME_SERVERS), self.router)

    @property
    def asked(self) -> tuple[str, ...]:
        """The name servers that the station knows."""
        return tuple(each for each in self.own.name_servers if each != NONE)

    @property
    def answered(self) -> bool:
        """Somebody resolves names."""
        return any(each in self.name_servers for each in self.asked) or not (self.asked or self.around.name_servers)


class Rule(NamedTuple):
    cause: str
    fixed: bool
    """Only with addresses that were typed in: by DHCP they are right."""
    broken: Callable[[Case], bool]
    told: str


RULES: Final = (
    Rule("wifi_name", False, lambda c: c.own.wifi is not None and c.own.wifi.ssid != c.around.ssid,
         "there is no wireless network {ssid!r}, but {around.ssid!r}"),
    Rule("wifi_key", False, lambda c: not c.opened,
         "the wireless network {around.ssid!r} has WPA2, and another key than the Wi-Fi card"),
    Rule("wifi_address", True, lambda c: not c.bridged,
         "the Wi-Fi card does not have the address before {own.address}"),
    Rule("dhcp", False, lambda c: c.own.dhcp and not c.around.dhcp, "nobody gives out addresses (DHCP)"),
    Rule("own_address", True, lambda c: c.misplaced,
         "{own.address} with the mask {own.mask} is no address for a station"),
    Rule("no_gateway", True, lambda c: c.beyond and c.own.gateway == NONE and bool(c.around.router),
         "the station has no default gateway; the router is at {router}"),
    Rule("gateway_outside", True, lambda c: c.beyond and c.own.gateway != NONE and not c.within(c.own.gateway),
         "the default gateway {own.gateway} is not in the sub-network of {own.address} with the mask {own.mask}"),
    Rule("gateway", True, lambda c: c.beyond and c.own.gateway not in (NONE, c.router),
         "there is no router at the default gateway {own.gateway}, but at {router}"),
    Rule("modem", False, lambda c: c.beyond and c.own.modem and not c.modem_answers,
         "the modem, which is the router, does not answer"),
    Rule("dns", True, lambda c: c.named and not c.answered,
         "the name does not resolve: no name server answers at {asked}, but at {servers}"),
)  # fmt: skip
"""The first that is broken is what is told: from the station outwards."""


@lru_cache(256)
def obstacle(own: Interface, around: Around, host: str, modem_answers: bool = True) -> Obstacle | None:
    """What keeps a station from a host (a name or an address); None: nothing does.

    Thousands of stations are set alike, and look for the same host.
    """
    if around.as_host:
        return None
    case = Case(own, around, host, modem_answers)
    for rule in RULES:
        if not (rule.fixed and own.dhcp) and rule.broken(case):
            words = rule.told.format(
                own=own, around=around, router=case.router, ssid=own.wifi.ssid if own.wifi else "",
                asked=" or ".join(case.asked) or NONE, servers=", ".join(case.name_servers),
            )  # fmt: skip
            return Obstacle(rule.cause, f"no way to {host} in the simulated network: {words} ({SAID})")
    return None


def _host(text: str) -> str:
    """Of an address alone, with its port, or of a page."""
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None
