"""The one gate for addresses that a message or a setting names: what may be opened, and where in the network it is.

A station fetches and sends files where its central system tells it to. Somebody who can send such a message must not
reach with it what only the station can reach: so the owner says which hosts are meant, and the host of the supervision
is one of them.

What an account of the tool names (a supervision to be tried, a server for charge records, a time server) may be any
host but this machine and what is near it without a router, unless the owner means it. A time server is usually one
of the public, or of the site's own network, so both are let through; and since all that can be sent is one datagram
with nothing of the sender's choice, its port is that of NTP, so that nobody learns which other ports of a host answer.
"""

import re
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

PORTS = {"ftp": 21, "ftps": 21, "http": 80, "https": 443, "smtp": 25, "smtps": 465, "ws": 80, "wss": 443, "ntp": 123}
"""The schemes there are, each with its usual port."""

FTPS_AT_ONCE = 990
"""The port at which FTP over TLS begins with TLS, without asking (IANA: ftps)."""

URL_MAX = 2_048
"""Characters; longer ones are no addresses of files."""

SAFE_IN_PATH = "/%:@!$&'()*+,;=~-._"
"""What stays as it is in a path (RFC 3986, 3.3)."""

REMEDY = "the owner can allow it with --transfer-hosts"


class Limits(NamedTuple):
    """Of one transfer, in seconds of the machine."""

    file_bytes: int = 256 * 1_048_576
    """The largest firmware of a charging station is some 100 MiB."""
    connect_s: float = 30.0
    """For each address of the host."""
    idle_s: float = 60.0
    """Without a single byte."""
    total_s: float = 1_800.0
    """100 MiB in half an hour are half a Mbit/s: a slow modem. Whoever drips ends here."""


class TransferError(Exception):
    """A file does not come, or does not go; the text is for people, and holds no secret."""


class Place(NamedTuple):
    """A host, and one port of it or (None) all."""

    host: str
    port: int | None = None

    def covers(self, host: str, port: int) -> bool:
        return self.host == host and self.port in (None, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Target(NamedTuple):
    """A URL that may be opened, taken to pieces."""

    scheme: str
    place: Place
    user: str
    password: str
    path: str
    """As it stands in the URL; begins with a slash."""
    query: str

    def __str__(self) -> str:
        return f"{self.scheme} {self.place}"

    def __repr__(self) -> str:
        """Without the password."""
        return str(self)

    @property
    def host(self) -> str:
        return self.place.host

    @property
    def port(self) -> int:
        return self.place.port or PORTS[self.scheme]

    @property
    def file(self) -> str:
        """As a file's path, from the folder of the login (RFC 1738, 3.2.2)."""
        return unquote(self.path[1:])

    @property
    def resource(self) -> str:
        """As HTTP asks for it."""
        query = f"?{quote(self.query, safe=SAFE_IN_PATH + '?')}" if self.query else ""
        return quote(self.path, safe=SAFE_IN_PATH) + query

    def below(self, name: str) -> "Target":
        """The file of this name in the folder that this is."""
        return self._replace(path=f"{self.path.rstrip('/')}/{quote(name, safe='')}")


def read_place(text: str) -> Place:
    """HOST or HOST:PORT, an IPv6 address in brackets where a port follows. Raises ValueError with the remedy."""
    written = text.strip()
    match = re.fullmatch(r"\[(?P<six>[0-9a-fA-F:.]+)\](?::(?P<port>\d{1,5}))?", written) or re.fullmatch(
        r"(?P<name>[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?", written
    )
    if match is None:
        try:
            return Place(_plain(str(IPv6Address(written))))
        except ValueError:
            raise ValueError(f"{text!r} is no host: give HOST or HOST:PORT, for example files.example.com:21") from None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port <= 65_535:
        raise ValueError(f"{text!r}: there is no port {port}: give 1 to 65535, or the host alone")
    return Place(_plain(match[1]), port)


def read_places(text: str) -> tuple[Place, ...]:
    """Several, parted by commas. Raises ValueError."""
    return tuple(read_place(each) for each in text.split(",") if each.strip())


class Gate(NamedTuple):
    """What one station may open."""

    schemes: frozenset[str]
    """Those its product knows."""
    allowed: tuple[Place, ...]
    """By the owner of the process."""
    named: tuple[Place, ...] = ()
    """By an account of the tool: whoever has one must not reach this machine itself through the station, nor what is
    near it without a router. Hosts of the site's own network they may name."""
    way: Callable[[str], str] = lambda host: ""
    """Why the station does not reach a host, by its own network settings; empty when nothing is known to be in the
    way."""

    def admit(self, url: str) -> Target:
        """Raises TransferError for what is no address, or may not be opened."""
        if len(url) > URL_MAX:
            raise TransferError(f"the address is {len(url)} characters long: at most {URL_MAX} are an address")
        if re.search(r"[\x00-\x20\x7f\\]", url) or re.search(r"[\x00-\x1f\x7f]", unquote(url)):
            raise TransferError("the address holds spaces or control characters: it is no address of a file")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise TransferError("the address is none: give SCHEME://HOST[:PORT]/PATH") from None
        if parts.scheme not in self.schemes or parts.scheme not in PORTS:
            known = ", ".join(sorted(self.schemes & PORTS.keys())) or "none"
            raise TransferError(
                f"{parts.scheme[:20] or 'no scheme'}: is not spoken by this station, which knows {known}"
            )
        target = _taken_to_pieces(parts, port)
        if not any(place.covers(target.host, target.port) for place in (*self.allowed, *self.named)):
            raise TransferError(f"{target}: files may not be fetched from there or sent there: {REMEDY} {target.place}")
        return target

    def redirect(self, target: Target, location: str) -> Target:
        """Where a server sends us on to. Raises TransferError."""
        bare = f"{target.scheme}://{target.place}{target.path}"
        try:
            onward = self.admit(urljoin(bare, location))
        except ValueError:
            raise TransferError(f"{target}: it sends us on to what is no address") from None
        except TransferError as error:
            raise TransferError(f"{target}: it sends us on to another address: {error}") from None
        if target.scheme == "https" and onward.scheme != "https":
            raise TransferError(f"{target}: it sends us on to {onward.scheme}, which is not encrypted")
        if onward.scheme not in ("http", "https"):
            raise TransferError(f"{target}: it sends us on to {onward}: only HTTP is followed")
        same = onward.place == target.place and onward.scheme == target.scheme
        return onward._replace(user=target.user, password=target.password) if same and not onward.user else onward

    def addresses(self, target: Target) -> list[str]:
        """Where the host is, as numbers: asked once, and only these are dialled. Raises TransferError.

        A name that leads to this machine itself, or to what is near it without a router, was not meant so by the owner.
        """
        if why := self.way(target.host):
            raise TransferError(why)
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise TransferError(f"{target}: the name leads nowhere: look at the address, and at the DNS") from None
        numbers = list(dict.fromkeys(_plain(str(each[4][0])) for each in found))
        may = [each for each in numbers if self._may(each, target)]
        if not may:
            raise TransferError(f"{target}: the name leads to {', '.join(numbers)[:80]}: {REMEDY} {Place(numbers[0])}")
        return may

    def _may(self, number: str, target: Target) -> bool:
        if any(place.covers(number, target.port) for place in self.allowed):
            return True
        address = ip_address(number)
        if any(place.covers(target.host, target.port) for place in self.allowed):
            if number == target.host:
                return True
            if target.host == "localhost":
                return address.is_loopback
        near = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
        return not (near or (address.is_reserved and isinstance(address, IPv4Address)))


def host_of(url: str) -> str:
    """Empty for what is no address."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def gate(schemes: Iterable[str], supervision: str, allowed: Iterable[Place]) -> Gate:
    """Of a station whose product knows these protocols (in OCPP's words), and whose supervision is at this URL."""
    home = host_of(supervision)
    own = (Place(_plain(home)),) if home else ()
    return Gate(frozenset(each.lower() for each in schemes), (*own, *allowed))


def _taken_to_pieces(parts: SplitResult, port: int | None) -> Target:
    host = parts.hostname or ""
    literal = ":" in host
    if port == 0 or "%" in host or not (literal or re.fullmatch(r"[a-z0-9._-]+", host)):
        raise TransferError("the address has no host: give SCHEME://HOST[:PORT]/PATH, a name in ASCII")
    usual = PORTS[parts.scheme]
    return Target(
        parts.scheme, Place(_plain(host), port or usual), unquote(parts.username or ""), unquote(parts.password or ""),
        parts.path if parts.path.startswith("/") else f"/{parts.path}", parts.query,
    )  # fmt: skip


def _plain(host: str) -> str:
    """One spelling for one host: lower case, no last dot, an IPv4 address not dressed as IPv6."""
    host = host.lower().rstrip(".")
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
