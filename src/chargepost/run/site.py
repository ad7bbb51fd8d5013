"""The site file: which stations, which supervision, who visits. TOML, typed once, refused with line and remedy."""

import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from chargepost.catalogue.checks import nearest
from chargepost.drivers.network import AS_USUAL, HOST, ROUTER, SSID, Around
from chargepost.drivers.simulated import CARS, CarSpec
from chargepost.run import sharing
from chargepost.run.addresses import parse
from chargepost.run.gate import Place, read_place
from chargepost.run.given import Given, Unfit, find_model
from chargepost.run.hardware import HardwarePart
from chargepost.run.parts import Part
from chargepost.run.quantities import Current, Duration, Energy, Power, Quantity
from chargepost.run.sharing import FusePart, RemotePart, SharingPart
from chargepost.run.visitors import Habits

STATIONS_MAX = 10_000
"""In one file; more belong into a fleet."""

DEFAULT_LISTEN = "127.0.0.1:8610"


class SiteError(ValueError):
    """The file cannot be used; its text is one line: file, line, key path, remedy."""


class CarPart(Part, frozen=True, kw_only=True):
    """A car that comes: one that is known by name, with what is different about this one."""

    like: str = "Compact"
    battery: Energy | None = None
    max_current: Current | None = None
    power: Power | None = None
    """Instead of `max_current`: at 230 V on all its phases."""
    phases: int | None = None
    target_soc: float | None = None

    def spec(self) -> CarSpec:
        """Raises ValueError for a car that cannot be."""
        if self.like not in CARS:
            raise ValueError(f"like: there is no car {self.like!r}{nearest(self.like, CARS)}")
        base = CARS[self.like]
        changes: dict[str, Any] = {
            "phases": self.phases,
            "target_soc": self.target_soc,
            "battery_wh": self.battery,
            "max_current_a": self.max_current or (self.power and self.power / 230 / (self.phases or base.phases)),
        }
        return msgspec.structs.replace(
            base, **{field: value if field == "phases" else float(value) for field, value in changes.items() if value}
        )


class VisitorsPart(Part, frozen=True, kw_only=True):
    """Cars that come and go at one station."""

    badges: Annotated[tuple[str, ...], Meta(description="the badges they show")]
    cars: tuple[str | CarPart, ...] = ()
    first: Duration = Duration(2)
    stay: tuple[Duration, Duration] = (Duration(60), Duration(180))
    pause: tuple[Duration, Duration] = (Duration(10), Duration(40))

    def habits(self) -> Habits:
        """Raises ValueError."""
        if not self.badges:
            raise ValueError("badges: name one at least")
        cars = tuple((CarPart(like=car) if isinstance(car, str) else car).spec() for car in self.cars)
        common = Habits(badges=self.badges, first_s=self.first, stay_s=self.stay, pause_s=self.pause)
        return msgspec.structs.replace(common, cars=cars) if cars else common


class BadgePart(Part, frozen=True, kw_only=True):
    """One badge that the supervision of the site knows."""

    id_tag: str
    status: str = "Accepted"
    parent: str = ""
    comment: str = ""


class SupervisionPart(Part, frozen=True, kw_only=True):
    """The supervision: ours, in the same process, unless `url` names another."""

    url: str = ""
    listen: str = DEFAULT_LISTEN
    store: str = ""
    tls_cert: str = ""
    """File with the certificate (PEM) by which the port serves https and wss, and those between it and its root."""
    tls_key: str = ""
    """File with its private key."""
    accept_unknown: bool = False
    """Whoever connects is let in, and without a password: on loopback only."""
    admit: tuple[str, ...] = ()
    """Patterns of identities (`FLEET-*`) that are let in without being on the roster: a whole fleet in one step."""
    admit_key_file: str = ""
    """Holds the password of all of them; needed where others than this machine can connect."""
    accept_badges: tuple[str, ...] = ()
    """Patterns of badges (`FLEET*`) that are accepted without being in the table."""
    heartbeat: Duration = Duration(300)
    badges: tuple[BadgePart, ...] = ()


class NetworkPart(Part, frozen=True, kw_only=True):
    """The simulated network around one station: what its network settings have to fit. What is not named is as a
    station from the factory expects it."""

    router: str = ""
    name_servers: tuple[str, ...] = ()
    dhcp: bool = True
    ssid: str = SSID
    wifi_key: str = ""
    meter_address: int = AS_USUAL.meter_address
    meter_gateway: int = AS_USUAL.meter_gateway

    def __post_init__(self) -> None:
        for name, address in (("router", self.router), *(("name_servers", each) for each in self.name_servers)):
            try:
                IPv4Address(address or ROUTER)
            except ValueError:
                raise ValueError(f"{name}: {address!r} is no IPv4 address such as {ROUTER}") from None

    def __repr__(self) -> str:
        """Without the key."""
        return f"NetworkPart(router={self.router!r}, ssid={self.ssid!r})"

    def around(self) -> Around:
        return Around(
            False, self.router, self.name_servers, self.dhcp, self.ssid, self.wifi_key, self.meter_address,
            self.meter_gateway,
        )  # fmt: skip


class StationPart(Part, frozen=True, kw_only=True):
    """One station."""

    id: Annotated[str, Meta(description="its identity, as the supervision knows it")]
    model: Annotated[str, Meta(description="a name from chargepost models")]
    settings: dict[str, str | bool | int | float] = msgspec.field(default_factory=dict)
    supervision: str = ""
    """Instead of the site's."""
    modbus: str = ""
    """HOST:PORT where it is a Modbus server; empty: nowhere."""
    visitors: VisitorsPart | None = None
    hardware: HardwarePart | None = None
    """Its real instruments; what is not named is simulated."""
    network: Literal["host"] | NetworkPart | None = None
    """A simulated one, or that of this machine. None: that of this machine where the station has real instruments."""

    def around(self) -> Around:
        if isinstance(self.network, NetworkPart):
            return self.network.around()
        return HOST if self.network or self.hardware else AS_USUAL

    def keys(self) -> dict[str, str]:
        """Settings as OCPP writes them."""
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in
                self.settings.items()}  # fmt: skip


class TransfersPart(Part, frozen=True, kw_only=True):
    """Where files may be fetched and sent, beside the supervision's host."""

    hosts: tuple[str, ...] = ()
    """HOST or HOST:PORT."""

    def places(self) -> tuple[Place, ...]:
        """Raises ValueError."""
        return tuple(read_place(host) for host in self.hosts)


class FirmwarePart(Part, frozen=True, kw_only=True):
    """Whose firmware the stations install."""

    keys: tuple[str, ...] = ()
    """Files with public keys, in PEM."""


class Site(Part, frozen=True, kw_only=True):
    """A whole file."""

    schema: int = 1
    name: str = ""
    store: str = ""
    """Folder of the stations' store, and of the supervision's unless it names its own."""
    control: str = ""
    seed: int = 1
    supervision: SupervisionPart = SupervisionPart()
    transfers: TransfersPart = TransfersPart()
    firmware: FirmwarePart = FirmwarePart()
    stations: tuple[StationPart, ...] = ()
    fuses: tuple[FusePart, ...] = ()
    """Without any, every station may draw what it can."""
    site: SharingPart = SharingPart()
    remote: tuple[RemotePart, ...] = ()
    """Stations under the fuses that other processes run."""


def demo() -> Site:
    return read(files("chargepost.sites").joinpath("demo.toml").read_text("utf-8"), "demo.toml")


def load(path: Path) -> Site:
    """Raises SiteError."""
    site = read(_text(path, "a site file"), str(path))
    return site if site.name else msgspec.structs.replace(site, name=path.stem)


def load_hardware(path: Path) -> HardwarePart:
    """Raises SiteError."""
    return read_hardware(_text(path, "a file with the tables of instruments"), str(path))


def _text(path: Path, wanted: str) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise SiteError(f"{path}: cannot be read: {error.strerror}: give the path of {wanted}") from None
    except UnicodeDecodeError:
        raise SiteError(f"{path}: is not text in UTF-8: save it so") from None


def read(text: str, name: str) -> Site:
    """The site in a text; `name` is how errors call it. Raises SiteError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteError(f"{name}: is not TOML: {error}") from None
    try:
        site = msgspec.convert(document, Site, dec_hook=_quantity)
    except msgspec.ValidationError as error:
        what, path = _explained(error)
        raise SiteError(f"{place(name, text, path)}{path}: {what}") from None
    for path, what in _inconsistencies(site):
        raise SiteError(f"{place(name, text, path)}{path}: {what}")
    return site


def read_hardware(text: str, name: str) -> HardwarePart:
    """The instruments of one station, from a file of their own. Raises SiteError."""
    try:
        return msgspec.convert(tomllib.loads(text), HardwarePart, dec_hook=_quantity)
    except tomllib.TOMLDecodeError as error:
        raise SiteError(f"{name}: is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        what, path = _explained(error, HardwarePart)
        raise SiteError(f"{place(name, text, path)}{path}: {what}") from None


def _quantity(kind: type, written: object) -> Quantity:
    if issubclass(kind, Quantity):
        return kind.read(written)
    raise NotImplementedError(kind)


def _inconsistencies(site: Site) -> Iterable[tuple[str, str]]:
    """What types cannot say."""
    if site.schema != 1:
        yield "schema", f"this program reads schema 1, not {site.schema}: use the newer program"
    if not site.stations and not site.remote:
        yield "stations", "there are none: add [[stations]] with id and model"
    if len(site.stations) > STATIONS_MAX:
        yield "stations", f"{len(site.stations)} are more than {STATIONS_MAX}: use chargepost fleet"
    if bool(site.supervision.tls_cert) != bool(site.supervision.tls_key):
        missing = "tls_key" if site.supervision.tls_cert else "tls_cert"
        yield "supervision", f"{missing} is missing: a certificate and its key go together"
    try:
        site.transfers.places()
    except ValueError as error:
        yield "transfers.hosts", str(error)
    ids = [station.id for station in site.stations] + [remote.id for remote in site.remote]
    known = _known(site.stations) + _known(site.remote)
    yield from sharing.inconsistencies(site.site, site.fuses, ids, known)
    yield from _of_remote(site)
    yield from _unknown_members(site)
    seen: set[str] = set()
    for index, station in enumerate(site.stations):
        if station.id in seen:
            yield f"stations[{index}].id", f"{station.id!r} is there twice: give each station its own"
        seen.add(station.id)
        try:
            if station.modbus:
                parse(station.modbus)
        except ValueError as error:
            yield f"stations[{index}].modbus", str(error)
        try:
            if station.visitors:
                station.visitors.habits()
        except ValueError as error:
            yield f"stations[{index}].visitors", str(error)


def _of_remote(site: Site) -> Iterable[tuple[str, str]]:
    cluster = site.site.cluster
    if site.remote and (cluster is None or cluster.manager):
        yield "remote", "stations of other processes reach a manager only: write cluster = { ... } into [site]"
    seen, under = {station.id for station in site.stations}, {member for fuse in site.fuses for member in fuse.members}
    for index, part in enumerate(site.remote):
        if part.id in seen:
            yield f"remote[{index}].id", f"{part.id!r} is there twice: give each station its own"
        if part.id not in under:
            yield f"remote[{index}].id", f"{part.id!r} hangs under no fuse: name it in the members of one"
        seen.add(part.id)
        try:
            find_model(part.model)
        except Unfit as error:
            yield f"remote[{index}].model", error.reason


def _known(stations: Iterable[StationPart | RemotePart]) -> list[Given]:
    """Those whose model is known; of the others it is said when they are to run."""
    known = []
    for station in stations:
        with suppress(Unfit):
            known.append(Given(station.id, find_model(station.model), {}))
    return known


def _unknown_members(site: Site) -> Iterable[tuple[str, str]]:
    """Stations under a fuse whose model is none: others would be given the current that is meant for them."""
    members = {name for fuse in site.fuses for name in fuse.members}
    for index, station in enumerate(site.stations):
        try:
            if station.id in members:
                find_model(station.model)
        except Unfit as error:
            yield f"stations[{index}].model", error.reason


# --- errors for people ----------------------------------------------------------------------------------------------


def _explained(error: msgspec.ValidationError, root: type = Site) -> tuple[str, str]:
    """What is wrong, with the remedy, and the path to it."""
    what, _, inside = str(error).partition(" - at ")
    path = inside.strip("`").removeprefix("$").lstrip(".")
    unknown = re.search(r"unknown field `(.+?)`", what)
    if unknown:
        known = get_type_hints(_part(path, root))
        joined = f"{path}.{unknown[1]}" if path else unknown[1]
        return f"there is no such key{nearest(unknown[1], known) or '; known: ' + ', '.join(known)}", joined
    missing = re.search(r"missing required field `(.+?)`", what)
    if missing:
        return f"{missing[1]} is missing{_meaning(_part(path, root), missing[1])}", path or missing[1]
    wrong = re.search(r"[Ii]nvalid enum value '(.*)'", what)
    if wrong:
        table, _, word = path.rpartition(".")
        words = [each for each in _inside(get_type_hints(_part(table, root)).get(word)) if isinstance(each, str)]
        return f"{wrong[1]!r} is none of {', '.join(words)}{nearest(wrong[1], words)}", path
    return what[0].lower() + what[1:], path or "file"


def _meaning(table: type, name: str) -> str:
    """`: ` and what the key says, where its table tells."""
    hint = get_type_hints(table, include_extras=True).get(name)
    return "".join(f": give {each.description}" for each in get_args(hint) if isinstance(each, msgspec.Meta))


def _part(path: str, root: type) -> type:
    """The table a path leads to."""
    part: Any = root
    for word in re.findall(r"[a-z_]+", path):
        hint = get_type_hints(part).get(word)
        inner = [each for each in (hint, *_inside(hint)) if isinstance(each, type) and issubclass(each, Part)]
        part = inner[0] if inner else part
    return part  # type: ignore[no-any-return]


def _inside(hint: Any) -> Iterable[Any]:
    for each in get_args(hint):
        yield each
        yield from _inside(each)


def place(name: str, text: str, path: str) -> str:
    """`file:line: `, as near as the key can be found: TOML tells no lines."""
    line = _line(text.splitlines(), path)
    return f"{name}:{line}: " if line else f"{name}: "


def _line(lines: list[str], path: str) -> int | None:
    """The line of the last word of the path, searched from the table that it stands in."""
    at: int | None = None
    for word, index in re.findall(r"([^.\[\]]+)(?:\[(\d+)\])?", path):
        name = rf"(?:[\w.-]+\.)?\"?{re.escape(word)}\"?"
        rows = rf"\s*\[\[\s*{name}\s*\]\]"
        key = rf"\s*\[\s*{name}\s*\]|{rows}|(?:.*[{{,]\s*|\s*){name}(?:\.[\w.-]+)?\s*="
        hits = [number for number in range(at or 0, len(lines)) if index and re.match(rows, lines[number])][
            int(index or 0) :
        ]
        hits = hits or [number for number in range(at or 0, len(lines)) if re.match(key, lines[number])]
        if (
            hits
        ):  # a word that stands inside a longer header, as `hardware` in [stations.hardware.meter], is passed over
            at = hits[0]
    return None if at is None else at + 1
