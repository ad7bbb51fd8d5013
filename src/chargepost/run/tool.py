"""The tools of the stations of this process, on one port: what they ask of each station, and its accounts on disk."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from chargepost import signals as sig
from chargepost.catalogue.model import Model
from chargepost.commissioning import access, api
from chargepost.commissioning.port import Setting
from chargepost.run import charges, kept
from chargepost.run.addresses import Address
from chargepost.run.control import is_loopback
from chargepost.run.gate import TransferError
from chargepost.run.history import History
from chargepost.run.http import Door, Server, serve
from chargepost.run.picture import Picture
from chargepost.run.publish import Publisher
from chargepost.run.stream import Streams
from chargepost.station import badge_window, maintenance, report, surroundings
from chargepost.station.core import mac_address
from chargepost.web import LOOPBACK

if TYPE_CHECKING:
    from chargepost.run.runner import StationHost
    from chargepost.run.stations import Stations

ACCOUNTS = "tool/accounts"
"""Memory key of both accounts. The station does not know it, and forgets it at no reset of its own."""


class HostPort(Picture):
    """The `Port` of a station that a `StationHost` carries."""

    def __init__(self, host: "StationHost", stations: "Stations", history: History, private: bool) -> None:
        """`private`: only who is at this machine sees the tool."""
        super().__init__(host, stations, history, private)
        self._publisher: Publisher = stations.publisher
        self._restore = stations.back_to_factory

    @property
    def identity(self) -> str:
        return self._host.identity

    @property
    def model(self) -> Model:
        return self._host.model

    @property
    def powered(self) -> bool:
        return self._host.station is not None

    def view(self) -> sig.StationView:
        return self._host.view()

    def setting(self, key: str) -> Setting | None:
        station = self._host.station
        settings = station.core.settings if station else None
        row = settings.row(key) if settings else None
        if settings is None or row is None:
            return None
        by, at_utc_s = settings.authors.get(row.inner, ("", 0.0))
        return Setting(settings.value(row), settings.factory(row.inner.partition("/")[0]), by, at_utc_s)

    def refuses(self, key: str, value: str) -> bool:
        station = self._host.station
        row = station.core.settings.row(key) if station else None
        return station is None or row is None or station.core.settings.check(row, value) is None

    def change(self, values: Mapping[str, str], by: str) -> None:
        self._host.tell(*(sig.SettingChanged(key, value, by, at_once=False) for key, value in values.items()))

    def restart(self) -> None:
        self._host.tell(sig.RestartAsked("asked for in the tool"))

    def utc_s(self) -> float:
        station, clock = self._host.station, self._host.clock
        return station.core.utc(clock.now()) if station else clock.utc_s()

    def set_clock(self, utc_s: float) -> None:
        self._host.set_clock(utc_s)

    def charges(self, chosen: Mapping[str, str]) -> sig.ChargesView:
        return charges.chosen(self._publisher, self.identity, chosen)

    def charges_csv(self) -> Iterable[bytes]:
        return charges.to_csv(self._publisher, self.identity)

    def publication(self) -> sig.PublicationView:
        return self._publisher.view(self.identity)

    def publish_again(self, first: int, last: int) -> bool:
        return self._publisher.again(self.identity, first, last)

    async def test_publication(self) -> sig.PublicationResult:
        return await self._publisher.test(self.identity)

    def mac_address(self) -> str:
        return mac_address(self._host.identity)

    @property
    def has_reader(self) -> bool:
        station = self._host.station
        return station is not None and surroundings.has_reader(station.core)

    def outlets(self) -> Sequence[sig.OutletState]:
        station, now = self._host.station, self._host.clock.now()
        return [station.outlet_state(c.number, now) for c in station.connectors] if station else []

    def errors(self) -> Sequence[sig.ErrorView]:
        return list(report.errors(self._host.station)) if self._host.station else []

    def report(self) -> Sequence[report.Section]:
        station = self._host.station
        return report.sections(station, self._host.clock.now()) if station else []

    def firmware(self) -> sig.FirmwareView:
        return maintenance.view(self._host.station) if self._host.station else sig.FirmwareView("")

    def bring_firmware(self, data: bytes) -> str:
        job = f"brought-{secrets.token_hex(8)}"
        try:
            self._host.carriage.transfers.bring(self.identity, job, data)
        except TransferError as error:
            return str(error)
        self._host.tell(sig.FirmwareBrought(job))
        return ""

    def restore(self) -> None:
        self._restore(self.identity)

    @property
    def own_list(self) -> bool:
        station = self._host.station
        return station is not None and surroundings.has_reader(station.core) and station.authorization.own_list_rules

    def badges(self) -> Sequence[sig.OwnBadge]:
        return badge_window.listed(self._host.station) if self._host.station else ()

    def badge_window(self) -> sig.BadgeWindow:
        station = self._host.station
        return badge_window.window(station, self._host.clock.now()) if station else sig.BadgeWindow("", 0.0)

    def tell(self, *facts: sig.Fact) -> None:
        self._host.tell(*facts)

    def present_badge(self, id_tag: str) -> None:
        self._host.present_badge(id_tag, None)


class Tools:
    """The tool of each station; an `api.Stations`. A station that appears later gets its own when it is asked for."""

    def __init__(self, stations: "Stations", private: bool) -> None:
        self._stations, self._private = stations, private
        self.history = History(stations)
        self._embedded: dict[str, api.Embedded] = {}
        self.first_passwords: dict[str, dict[str, str]] = {}
        """Of stations that were made in this run: account -> password, to be shown once."""
        self.announce: Callable[[str, str], None] | None = None
        """Shows the first passwords of a station that is made later: its identity, and the words."""
        stations.restored.append(self._restored)

    def _restored(self, identity: str) -> None:
        """Its passwords are those of the first day (Q-065)."""
        if embedded := self.embedded(identity):
            embedded.access.restore()

    def ids(self) -> Sequence[str]:
        return list(self._stations.hosts)

    def embedded(self, identity: str) -> api.Embedded | None:
        host = self._stations.hosts.get(identity)
        if host is None:
            self._embedded.pop(identity, None)
            return None
        known = self._embedded.get(identity)
        if known is None or known.port._host is not host:  # type: ignore[attr-defined]  # it is ours
            port = HostPort(host, self._stations, self.history, self._private)
            known = self._embedded[identity] = api.Embedded(port, self._access(host))
        return known

    def words(self, identity: str) -> str:
        """The first passwords of a station made in this run; else that there are some."""
        firsts = self.first_passwords.get(identity)
        if not firsts:
            return "admin and user: as shown at the first start"
        return "  ".join(f"{account}: {password}" for account, password in firsts.items()) + "  (shown once)"

    def _access(self, host: "StationHost") -> access.Access:
        memory = host.ledger.recall(host.identity)
        stored = kept.decoded(memory, ACCOUNTS, access.Accounts)

        def keep(accounts: access.Accounts) -> None:
            host.put({ACCOUNTS: msgspec.json.encode(accounts)})

        if stored:
            return access.Access(stored[0], secrets.token_bytes, keep)
        accounts, firsts = access.new_accounts(secrets.token_bytes)
        self.first_passwords[host.identity] = firsts
        keep(accounts)
        if self.announce:
            self.announce(host.identity, self.words(host.identity))
        return access.Access(accounts, secrets.token_bytes, keep)


class Served:
    """The tools behind their port."""

    def __init__(self, tools: Tools, server: Server, streams: Streams) -> None:
        self.tools, self.server, self.streams = tools, server, streams
        self.url = f"http://{Address(server.host, server.port).from_here()}/"

    def furnish(self, identities: Iterable[str]) -> None:
        """Give these stations their accounts now, so that the first passwords can be shown."""
        for identity in identities:
            self.tools.embedded(identity)

    async def close(self) -> None:
        self.tools.history.close()
        await self.server.close()

    def page(self, identity: str) -> str:
        return f"{self.url}stations/{quote(identity, safe='')}/"


async def serve_tools(stations: "Stations", address: Address, version: str) -> Served:
    """Raises ServeError."""
    private = is_loopback(address.host)
    tools = Tools(stations, private)
    names = LOOPBACK if private else None
    app = api.application(tools, stations.clock.loop.time, version, secrets.token_hex(8), hosts=names)
    streams = Streams(tools, stations.clock.loop, names)
    door = Door("/stations/", streams.admit, end="/stream")
    server = await serve(address.host, address.port, app, None, doors=[door], fixed=address.fixed)
    return Served(tools, server, streams)
