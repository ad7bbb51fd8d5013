"""One process with all it serves: supervision, stations, control API, visitors; closed in the other order."""

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chargepost.drivers.real.instrument import NEVER_HEARD, Instrument
from chargepost.drivers.real.station import FittedStation
from chargepost.fleet.faults import Faults
from chargepost.journal import Journal
from chargepost.records.ledger import STATION_SCHEMA, STATION_SEALED, STATION_VERSION, skip_lives
from chargepost.run import control, logs
from chargepost.run.addresses import Address, parse
from chargepost.run.clock import Clock
from chargepost.run.faults import Proxy
from chargepost.run.given import Given, Unfit, find_model, judge
from chargepost.run.http import serve
from chargepost.run.runner import StationHost
from chargepost.run.sharing import Members, SharedSite, tree_of
from chargepost.run.site import Site, StationPart
from chargepost.run.stations import Stations
from chargepost.run.store import Store
from chargepost.run.transfer import Terms
from chargepost.run.visitors import Visitors
from chargepost.run.words import Event
from chargepost.supervision.access import OPERATOR

if TYPE_CHECKING:
    from chargepost.fleet.scenario import Scenario
    from chargepost.run.fleet_sites import FleetSites
    from chargepost.run.modbus import ModbusServer
    from chargepost.run.supervise import Supervision
    from chargepost.run.tool import Served

log = logging.getLogger("chargepost.station")


@dataclass(frozen=True)
class Plan:
    """What a process is to run. The command line makes it from a site file, or from its options."""

    site: Site
    store: Store
    """Held already; the house lets go of it."""
    version: str
    speed: float = 1.0
    supervision: Address | None = None
    """Where our own supervision listens; None: there is none in this process."""
    supervision_store: Store | None = None
    control: Address | None = None
    tool: Address | None = None
    """Where the commissioning tools of all stations are served; None: nowhere."""
    token: str | None = None
    """Of the control API; drawn when it can be reached by others."""
    files: Terms = field(default_factory=Terms)
    """Where files may be fetched and sent, and whose firmware is installed."""
    ramp_s: float = 0.0
    """Over how long the stations are switched on, in seconds of the machine; 0: as fast as it goes."""
    until_s: float | None = None
    """It ends by itself after so long, in seconds of the world."""
    scenario: "Scenario | None" = None
    """Of a fleet under fuses: its sites, and what becomes of their links."""
    plot: Path | None = None
    """Where the picture of a site of it goes, at the end."""
    crowd: bool = False
    """Too many stations to look at one by one: what is shown are figures."""
    faults: Faults | None = None
    """What is wrong with the links of the stations."""


@dataclass
class House:
    """All that is open, and how to say so."""

    plan: Plan
    clock: Clock
    stations: Stations
    supervision: "Supervision | None" = None
    tools: "Served | None" = None
    modbus: "dict[str, ModbusServer]" = field(default_factory=dict)
    """By station."""
    sites: "FleetSites | None" = None
    """Of a fleet under fuses."""
    cluster: str = ""
    """HOST:PORT where the manager of the fuses is, here or elsewhere; empty: they are shared with nobody."""
    control_url: str = ""
    control_port: int | None = None
    token: str | None = None
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Stations that cannot be: the key in the site file, and why. The others run."""
    wanted: list[Given] = field(default_factory=list)
    """The stations that can be; with a ramp they come one after the other."""

    @property
    def title(self) -> str:
        site = self.plan.site
        parts = [f"{len(self.wanted):,} station{'s' * (len(self.wanted) != 1)}"] if site.stations else []
        parts += ["supervision"] if self.supervision else []
        parts += ["simulated cars"] if any(station.visitors for station in site.stations) else []
        return f"{site.name}: {', '.join(parts)}"

    def addresses(self) -> list[tuple[str, str, str]]:
        """Each thing served: what it is, where, and what to know about it."""
        rows = []
        if self.supervision:
            rows.append(("supervision", self.supervision.pages, f"user: {OPERATOR}"))
        for identity, model, *_ in self.wanted[: 1 if self.plan.crowd else STATIONS_SHOWN]:
            page = f"{self.supervision.pages}stations/{identity}" if self.supervision else identity
            rows.append(("station", page, f"{model.title} {model.release}"))
            if self.tools:
                rows.append(("its tool", self.tools.page(identity), self.tools.tools.words(identity)))
            if identity in self.modbus:
                rows.append(("its Modbus", str(self.modbus[identity].address), "unit 1; without a password"))
        if self.control_url:
            rows.append(("control API", f"{self.control_url}docs", f"token: {self.token}" if self.token else ""))
        if self.cluster:
            rows.append(("fuses", f"{self.cluster} by UDP", _leads(self.plan.site)))
        if self.supervision:
            rows.append(("connect yours", f"{self.supervision.ocpp}/{{id}}", "OCPP 1.6"))
            if self.supervision.at.is_everywhere:
                rows.append(("from others", f"{self.supervision.from_others}/{{id}}", ""))
            rows.append(("ours to yours", "chargepost station evlink-pro-ac --supervision ws://HOST:PORT", ""))
        if faults := self.plan.faults:
            rows.append(
                ("faults", f"{len(faults.frames)} of frames, {len(faults.bytes)} of bytes", f"seed {faults.seed}")
            )
        rows.append(("store", str(self.plan.store), ""))
        if self.supervision:
            password = self.supervision.first_password
            rows.append(("password", f"{password}  (shown once)" if password else "as shown at the first start", ""))
        if self.tools:
            more = [given.identity for given in self.wanted[STATIONS_SHOWN:]]
            rows += [("a tool", self.tools.page(each), self.tools.tools.words(each)) for each in more]
        return rows

    def listen(self, listener: Callable[[Event], None]) -> None:
        """To all that happens: at the stations here and, for what the supervision hears, at those of others."""
        self.stations.listeners.append(listener)
        if self.supervision:
            self.supervision.ears.listeners.append(
                lambda event: None if event.station in self.stations.hosts else listener(event)
            )

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        supervision = self.supervision
        return {
            "event": "serving",
            "site": self.plan.site.name,
            "speed": self.clock.speed,
            "stations": [
                {"id": given.identity, "model": given.model.name}
                | self._tool_words(given.identity)
                | self._modbus_words(given.identity)
                for given in self.wanted
            ],
            "supervision": supervision
            and {
                "url": supervision.pages,
                "ocpp": f"{supervision.ocpp}/{{id}}",
                "user": OPERATOR,
                "password": supervision.first_password,
            },
            "control": self.control_url or None,
            "cluster": self.cluster or None,
            "token": self.token,
            "store": str(self.plan.store),
            "faults_seed": self.plan.faults.seed if self.plan.faults else None,
            "broken": [f"{path}: {reason}" for path, reason in self.broken],
        }

    def _modbus_words(self, identity: str) -> dict[str, Any]:
        server = self.modbus.get(identity)
        return {"modbus": str(server.address)} if server else {}

    def _tool_words(self, identity: str) -> dict[str, Any]:
        """Where its tool is, and the first passwords, once."""
        if self.tools is None:
            return {}
        first = self.tools.tools.first_passwords.get(identity)
        return {"tool": self.tools.page(identity)} | ({"passwords": first} if first else {})

    def summary(self) -> str:
        """One line, for the end; its parts are parted by `; `."""
        count, running = self.stations.counts, self.running()  # which brings the meters up to now
        energy_wh = self.stations.sums().energy_wh if self.stations.hosts else None
        kept = running if self.plan.store.folder else 0
        return in_one_line(self.clock.now(), count["transaction begins"], count["transaction ends"], energy_wh, kept)

    def running(self) -> int:
        """Transactions under way."""
        views = (host.view() for host in self.stations.hosts.values())
        return sum(1 for view in views for outlet in view.connectors if outlet.transaction)


def in_one_line(lasted_s: float, begun: int, ended: int, energy_wh: float | None, kept: int) -> str:
    """How it ends; `energy_wh`: None where there was no station."""
    parts = [f"stopped after {_lasted(round(lasted_s))}"]
    if energy_wh is not None:
        parts.append(f"{_charges(begun)} begun, {ended} ended")
        parts.append(f"registers at {energy_wh / 1000:.2f} kWh")
    if kept:
        parts.append(f"{_charges(kept)} under way {'is' if kept == 1 else 'are'} kept")
    return "; ".join(parts)


STATIONS_SHOWN = 10
"""At the start; all of them are at the control API."""


@asynccontextmanager
async def opened(plan: Plan) -> AsyncIterator[House]:
    """Listeners first, then stations: whoever asks gets an answer from the first moment.

    Raises StoreError, ServeError, TlsError or ScenarioError, with one clear line, before anything runs.
    """
    async with AsyncExitStack() as stack:
        stack.callback(plan.store.close)
        loop = asyncio.get_running_loop()
        clock = Clock(plan.speed)
        stack.callback(logs.tell_time, logs.tell_time(clock.utc_s))
        supervision = None
        if plan.supervision:
            from chargepost.run.supervise import supervise  # noqa: PLC0415 - most processes have none

            own = plan.supervision_store or plan.store
            stack.callback(own.close)
            supervision = await supervise(plan.site.supervision, plan.supervision, own, clock)
            stack.push_async_callback(supervision.close)
        unshown = AsyncExitStack()
        if supervision:
            unshown.callback(supervision.forget_first_password)
        await stack.enter_async_context(unshown)

        stations: Stations | None = None

        def on_trouble(reason: str | None) -> None:
            if stations:  # while the store opens there are none that could care, and the log has the words
                loop.call_soon_threadsafe(stations.on_trouble, reason)

        journal = Journal(
            plan.store.stations,
            STATION_SCHEMA,
            STATION_VERSION,
            on_trouble=on_trouble,
            on_copy=skip_lives,
            sealed=STATION_SEALED,
        )
        stack.callback(journal.close)
        home = plan.site.supervision.url or (supervision.ocpp if supervision else None)
        proxy = Proxy(plan.faults or Faults(), clock)
        if plan.faults and plan.faults.bytes:
            await proxy.open()
            stack.push_async_callback(proxy.close)
        pinned = supervision.pinned if supervision and home == supervision.ocpp else None
        stations = Stations(clock, journal, random.random, home, plan.version, plan.files, proxy.faults_for, pinned)
        stack.callback(stations.close)
        house = House(plan, clock, stations, supervision)
        if supervision:
            stations.more_metrics.append(supervision.metrics)
        if plan.control:
            await _open_control(house, plan.control, stack)
        if plan.tool:
            await _open_tools(house, plan.tool, stack)
        await _open_stations(house, stack)
        if house.tools:
            house.tools.furnish(given.identity for given in house.wanted)
        stations.publisher.start()
        if supervision:
            stack.callback(supervision.ears.listeners.clear)  # that our own stations hang up at the end is no news
        unshown.pop_all()  # from here on, whoever opened the house shows it
        yield house


async def _open_control(house: House, address: Address, stack: AsyncExitStack) -> None:
    exposed = not control.is_loopback(address.host)
    house.token = house.plan.token or (secrets.token_urlsafe(16) if exposed else None)
    app = control.control(house.stations, address.host, house.token, house.plan.version)
    server = await serve(address.host, address.port, app, None, fixed=address.fixed)
    stack.push_async_callback(server.close)
    house.control_port = server.port
    house.control_url = f"http://{Address(server.host, server.port).from_here()}/"


async def _open_tools(house: House, address: Address, stack: AsyncExitStack) -> None:
    from chargepost.run.tool import serve_tools  # noqa: PLC0415 - its pages cost memory where nobody looks at them

    house.tools = await serve_tools(house.stations, address, house.plan.version)
    stack.push_async_callback(house.tools.close)


async def _open_stations(house: House, stack: AsyncExitStack) -> None:
    parts = house.plan.site.stations
    own = [part.id for part in parts if not (part.supervision or house.plan.site.supervision.url)]
    keys = house.supervision.expect(own) if house.supervision else {}
    for index, part in enumerate(parts):
        try:
            house.wanted.append(_given(part, house.stations.supervision, keys))
        except Unfit as error:
            of_the_site = error.path == "supervision" and not part.supervision
            broken = ("supervision.url" if of_the_site else f"stations[{index}].{error.path}", error.reason)
            if broken not in house.broken:
                house.broken.append(broken)
    await _share(house, stack)
    visited = {part.id: part.visitors for part in parts if part.visitors}
    away: set[str] = set()
    asked = {part.id: part.modbus for part in parts if part.modbus}

    def added(host: StationHost) -> None:
        if isinstance(host.hardware, FittedStation):
            stack.push_async_callback(_running(host, host.hardware))
        if part := visited.get(host.identity):
            stack.callback(Visitors(host, part.habits(), house.plan.site.seed, away).stop)

    adding = house.stations.add_all(house.wanted, house.plan.ramp_s, added)
    if not house.plan.ramp_s:
        await adding
        for identity, address in asked.items():
            if identity in house.stations.hosts:
                await _open_modbus(house, identity, address, stack)
        return
    ramp = asyncio.create_task(adding)

    async def end_ramp() -> None:
        ramp.cancel()
        await asyncio.gather(ramp, return_exceptions=True)

    stack.push_async_callback(end_ramp)


async def _share(house: House, stack: AsyncExitStack) -> None:
    """The leader of the site begins before its stations do; or they are led by another process."""
    site = house.plan.site
    cluster, remote = site.site.cluster, [Given(part.id, find_model(part.model), {}) for part in site.remote]
    shared: Members
    if scenario := house.plan.scenario:
        from chargepost.run.fleet_sites import FleetSites  # noqa: PLC0415 - most fleets have none

        house.sites = FleetSites(scenario, house.clock, house.wanted)
        stack.push_async_callback(house.sites.close)
        house.stations.share(house.sites, house.sites.moved)
        return
    if cluster and cluster.manager:
        from chargepost.run.cluster import join  # noqa: PLC0415 - most sites are one process

        connectors = {given.identity: len(given.model.connectors) for given in house.wanted}
        member = shared = join(house.clock, connectors, site.site, cluster)
        house.cluster = str(member.end.manager)
        house.stations.more_metrics.append(member.end.metrics)
    elif site.fuses and (house.wanted or remote):
        tree = tree_of(site.site, site.fuses, [*house.wanted, *remote])
        shared = leading = SharedSite(house.clock, tree, site.site, site.fuses, {part.id for part in site.remote})
        if cluster:
            from chargepost.run.cluster import manage  # noqa: PLC0415

            end = await manage(leading, cluster)
            stack.callback(end.close)
            house.cluster = str(end.address)
            house.stations.more_metrics.append(end.metrics)
    else:
        return
    stack.push_async_callback(shared.close)
    house.stations.share(shared)


async def _open_modbus(house: House, identity: str, address: str, stack: AsyncExitStack) -> None:
    from chargepost.run.modbus import serve_modbus  # noqa: PLC0415 - most stations have none

    server = house.modbus[identity] = await serve_modbus(house.stations.hosts[identity], parse(address, fixed=True))
    stack.push_async_callback(server.close)


def _given(part: StationPart, home: str | None, keys: Mapping[str, str]) -> Given:
    model = find_model(part.model)
    settings = part.keys()
    if part.hardware:
        settings = part.hardware.settings(model) | settings
    if key := keys.get(part.id):
        settings[model.transport.password_key] = key
    given = judge(part.id, model, settings, part.supervision or home, modbus=bool(part.modbus))
    given = given._replace(around=part.around())
    try:
        return given._replace(fittings=part.hardware.fittings(model)) if part.hardware else given
    except Unfit:
        raise
    except ValueError as error:
        raise Unfit("hardware", str(error)) from None


def _running(host: StationHost, hardware: FittedStation) -> Callable[[], Awaitable[None]]:
    """Its instruments at work from here on; what is returned ends them, with everything switched off."""
    silent: set[Instrument] = set()

    def changed() -> None:
        host.look()
        for wire in hardware.fittings.wires:
            if isinstance(wire, Instrument) and wire.silent != NEVER_HEARD:
                _tell_silence(host.identity, wire, silent)

    task = asyncio.create_task(hardware.run(changed))

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: its instruments failed, all is off (%s: %s)", host.identity, type(error).__name__, error)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    task.add_done_callback(ended)
    return end


def _leads(site: Site) -> str:
    cluster, count = site.site.cluster, len(site.remote)
    return "managed there" if cluster and cluster.manager else f"managed here, for {count} station(s) elsewhere"


def _tell_silence(identity: str, wire: Instrument, silent: set[Instrument]) -> None:
    """Once when it falls silent, with the reason that only this side knows, and once when it speaks again."""
    if wire.silent and wire not in silent:
        silent.add(wire)
        log.warning("%s: %s at %s does not answer: %s: see its wiring, its supply, and its table under hardware",
                    identity, wire.name, wire.line.at, wire.silent)  # fmt: skip
    elif not wire.silent and wire in silent:
        silent.remove(wire)
        log.warning("%s: %s at %s answers again", identity, wire.name, wire.line.at)


def _charges(count: int) -> str:
    return f"{count} charge{'s' * (count != 1)}"


def _lasted(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
