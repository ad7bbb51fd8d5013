"""All stations of one process: what the control API asks of them, what happens at them, and their figures."""

import asyncio
import platform
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chargepost import signals as sig
from chargepost.catalogue.model import Model
from chargepost.drivers.simulated import CarSpec
from chargepost.fleet.faults import FrameJudge
from chargepost.journal import Journal
from chargepost.run.clock import Clock
from chargepost.run.control import Happening, Refused
from chargepost.run.frames import Frames
from chargepost.run.garbage import collect_seldom
from chargepost.run.given import Given, judge
from chargepost.run.line import LinkFaults
from chargepost.run.metrics import Metric, Sample, counted, exposition, of_process, of_store, of_tally, one
from chargepost.run.publish import Publisher
from chargepost.run.runner import Carriage, StationHost
from chargepost.run.sharing import Sharing
from chargepost.run.transfer import Terms
from chargepost.run.words import Event, Told
from chargepost.station.status import status
from chargepost.web import Feed

HAPPENED_MAX = 200
"""Kept for who looks later: some screens of a terminal."""

START_BATCH = 50
"""Stations started before others get their turn: ten thousand at once would leave the supervision waiting."""


class Stations:
    """The hosts by their ids; a `control.Host`."""

    def __init__(
        self, clock: Clock, journal: Journal, dice: Callable[[], float], supervision: str | None, version: str,
        terms: Terms = Terms(),
        faults_for: Callable[[str], LinkFaults] = lambda identity: LinkFaults(),
        pinned: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """`supervision` is where stations go that are told nothing else; `terms`: what may be done with files;
        `faults_for`: what is wrong with the link of a station; `pinned`: how `supervision` is known, if by TLS."""
        collect_seldom()
        self.clock, self.journal = clock, journal
        self.supervision = supervision
        self.hosts: dict[str, StationHost] = {}
        self.happened: deque[Event] = deque(maxlen=HAPPENED_MAX)
        self.listeners: list[Callable[[Event], None]] = []
        self.restored: list[Callable[[str], None]] = []
        """Told of each station that went back to its factory settings."""
        self.counts: Counter[str] = Counter()
        """Of events since the start: transactions begun and ended, boots, links lost."""
        self.log = Frames()
        self._feeds: dict[str, Feed[Happening]] = {}
        self._carriage = Carriage(clock, journal, self.log, dice, self._publish, self._log_between, terms, faults_for)
        self._carriage.pin(supervision, pinned)
        self.publisher = Publisher(clock, journal, self.hosts, terms)
        self.restored.append(self.publisher.restored)
        """Of charge records; the house starts it."""
        self._version = version
        self.tally = self._carriage.tally
        self.more_metrics: list[Callable[[], Iterable[Metric]]] = []
        """Of what else is in this process."""

    # --- coming and going --------------------------------------------------------------------------------------------

    def add(self, given: Given) -> StationHost:
        """A station that begins to run at once."""
        host = self.hosts[given.identity] = StationHost(given, self._carriage)
        host.start()
        return host

    async def add_all(
        self, givens: Sequence[Given], ramp_s: float = 0.0, added: Callable[[StationHost], None] = lambda host: None
    ) -> None:
        """Stations that begin to run one after the other, over `ramp_s` seconds of the machine."""
        begun_s = self.clock.loop.time()
        for start in range(0, len(givens), START_BATCH):
            for given in givens[start : start + START_BATCH]:
                added(self.add(given))
            due_s = begun_s + ramp_s * min(start + START_BATCH, len(givens)) / len(givens)
            await asyncio.sleep(max(due_s - self.clock.loop.time(), 0))

    def close(self) -> None:
        """Every station hangs up; what runs goes on from the disk at the next start."""
        self.publisher.close()
        for identity in list(self.hosts):
            self._take_away(identity)
        self._carriage.transfers.close()

    def _take_away(self, identity: str) -> None:
        self.hosts.pop(identity).remove()
        self.publisher.forget(identity)
        if feed := self._feeds.pop(identity, None):
            feed.close()

    def on_trouble(self, reason: str | None) -> None:
        """The disk refuses, or works again; called on the loop's thread."""
        if reason:
            for host in self.hosts.values():
                host.tell(sig.NotRemembered(reason))

    def _publish(self, identity: str, what: Told) -> None:
        event = Event(self.clock.utc_s(), identity, what)
        self.happened.append(event)
        if isinstance(what, sig.Note):
            self.counts[what.event] += 1
        if feed := self._feeds.get(identity):
            feed.publish(what)
        for listener in self.listeners:
            listener(event)

    def _log_between(self, identity: str, since_utc_s: float | None, until_utc_s: float | None) -> str:
        from chargepost.run.diagnostics import log_between  # noqa: PLC0415 - most stations are never asked for it

        events = [event for event in self.happened if event.station == identity]
        return log_between(events, self.log.traces(identity), since_utc_s, until_utc_s)

    # --- control.Host: the roster ------------------------------------------------------------------------------------

    async def ids(self) -> Sequence[str]:
        return list(self.hosts)

    async def station(self, identity: str) -> sig.StationView | None:
        host = self.hosts.get(identity)
        return host.view() if host else None

    async def model(self, identity: str) -> Model:
        return self.hosts[identity].model

    async def create(self, identity: str, model: Model, supervision: str | None, settings: Mapping[str, str]) -> None:
        self.add(judge(identity, model, settings, supervision or self.supervision))

    async def remove(self, identity: str) -> None:
        self._take_away(identity)

    # --- control.Host: hands -----------------------------------------------------------------------------------------

    async def plug_in(self, identity: str, connector: int, car: CarSpec | None, outlet: str = "") -> None:
        if not self.hosts[identity].plug_in(connector, car, outlet=outlet):
            raise Refused(f"connector {connector} is taken", "Unplug what is there, or plug a car into a free cable.")

    async def unplug(self, identity: str, connector: int, outlet: str = "") -> None:
        if not self.hosts[identity].unplug(connector, outlet):
            locked = self.hosts[identity].hardware.connector(connector).locked
            raise Refused(
                "the cable is locked" if locked else "nothing is plugged in",
                "End the charge, with the badge or /stop: it lets go soon." if locked else "Plug something in.",
            )

    async def present_badge(self, identity: str, id_tag: str, connector: int | None) -> None:
        self._powered(identity).present_badge(id_tag, connector)

    async def remote_authorize(self, identity: str, id_tag: str, connector: int | None) -> None:
        self._powered(identity).authorize_remotely(id_tag, connector)

    async def stop(self, identity: str, connector: int, reason: str) -> None:
        self._powered(identity).tell(sig.StopAsked(connector, reason))

    async def inject_fault(self, identity: str, connector: int, code: str) -> None:
        self._powered(identity).tell(sig.FaultRaised(connector, code))

    async def clear_fault(self, identity: str, connector: int, code: str | None) -> None:
        self._powered(identity).tell(sig.FaultCleared(connector, code))

    async def power_cycle(self, identity: str, seconds: float) -> None:
        self.hosts[identity].power_cycle(seconds)

    async def button(self, identity: str, name: str, active: bool) -> None:
        self._powered(identity).press(name, active)

    async def input(self, identity: str, name: str, active: bool) -> None:
        host = self._powered(identity)
        known = host.inputs()
        if name not in known:
            raise Refused(f"{host.model.line} has no input {name}", f"Known: {', '.join(known)}.")
        host.set_input(name, active)

    async def screen(self, identity: str, connector: int) -> None:
        self._powered(identity).tell(sig.ScreenTouched(connector))

    async def change_car(self, identity: str, connector: int, changes: Mapping[str, Any]) -> None:
        if not self.hosts[identity].change_car(connector, changes):
            raise Refused(f"there is no car at connector {connector}", "Plug one in first.")

    async def link(self, identity: str, cut: bool | None, latency_ms: float | None, judge: FrameJudge | None) -> None:
        latency_s = None if latency_ms is None else latency_ms / 1000
        self.hosts[identity].faults.set(cut=cut, latency_s=latency_s, judge=judge)

    async def reset_faults(self, identity: str) -> None:
        self.hosts[identity].mend()

    async def restore(self, identity: str) -> None:
        self.back_to_factory(identity)

    def back_to_factory(self, identity: str) -> None:
        self._powered(identity).tell(sig.Restored())
        for listener in self.restored:
            listener(identity)

    async def set_key(self, identity: str, key: str, value: str) -> None:
        host = self._powered(identity)
        judge(identity, host.model, {key: value})
        host.tell(sig.SettingChanged(key, value, "the control API"))

    def share(self, site: Sharing, moved: Callable[[StationHost], None] | None = None) -> None:
        """The stations under its fuses are managed from their start on. `moved`: told whose outlets may draw anew."""
        self._carriage.site, self._carriage.moved = site, moved

    async def charge_now(self, identity: str, connector: int) -> None:
        site = self._carriage.site
        if site is None or not site.manages(identity):
            raise Refused(f"{identity} hangs under no fuse of a site", "Nothing delays a charge there.")
        if not site.charge_now(identity, connector):
            raise Refused(f"nobody waits at connector {connector}", "Plug a car in and present a badge first.")

    async def cache_badge(self, identity: str, id_tag: str, status: str) -> None:
        self._powered(identity).tell(sig.BadgeCached(id_tag, status))

    def _powered(self, identity: str) -> StationHost:
        host = self.hosts[identity]
        if host.station is None:
            raise Refused("the station has no power, or is just starting", "Wait until it is back.")
        return host

    # --- control.Host: eyes ------------------------------------------------------------------------------------------

    async def frames(self, identity: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        return self.log.traces(identity, after, limit)

    def events(self, identity: str) -> AsyncIterator[Happening]:
        return self._feeds.setdefault(identity, Feed()).subscribe()

    async def not_ready(self) -> Sequence[str]:
        """A station without a supervision is ready as it is."""
        views = [host.view() for host in self.hosts.values()]
        waiting = [view for view in views if view.link.boot != "Accepted" and view.link.state != "off"]
        dark = [identity for identity, host in self.hosts.items() if host.station is None]
        return [f"{view.id}: {view.link.error or view.link.boot or view.link.state}" for view in waiting] + [
            f"{identity}: without power" for identity in dark
        ]

    async def metrics(self) -> str:
        return exposition(await self.families())

    async def families(self) -> list[Metric]:
        """All that this process tells."""
        before = self.clock.loop.time()
        await asyncio.sleep(0)
        lag_s = self.clock.loop.time() - before
        metrics = [*self._metrics(), one("chargepost_event_loop_lag_seconds", "gauge",
                                         "How long a turn of the event loop took just now.", lag_s)]  # fmt: skip
        for more in self.more_metrics:
            metrics += more()
        return [*metrics, *of_process()]

    def sums(self) -> "Sums":
        """What all stations are together, as each knew it last: nothing is advanced for it."""
        sums = Sums()
        for host in self.hosts.values():
            station = host.station
            sums.links[station.talk.state if station else "off"] += 1
            for outlet in host.hardware.connectors:
                power_w, energy_wh = host.hardware.shown(outlet.number)
                sums.power_w += power_w
                sums.energy_wh += energy_wh
            if station is None:
                sums.connectors["Unavailable"] += len(host.hardware.connectors)
                continue
            sums.booted += station.talk.online
            sums.waiting_messages += len(station.talk.outbox) + len(station.talk.calls)
            for connector in station.connectors:
                sums.connectors[connector.status or status(connector)] += 1
        return sums

    def _metrics(self) -> list[Metric]:
        """No station id as a label: ten thousand stations would be ten thousand series."""
        sums, counts = self.sums(), self.counts
        build = {"version": self._version, "python": platform.python_version()}
        return [
            Metric("chargepost_build_info", "gauge", "Program and Python.", [Sample(build, 1)]),
            counted("chargepost_stations", "gauge", "Stations by the state of their link.", "link", sums.links),
            one("chargepost_stations_booted", "gauge", "Stations connected and accepted.", sums.booted),
            counted("chargepost_connectors", "gauge", "Connectors by status.", "status", sums.connectors),
            one("chargepost_power_watts", "gauge", "Power to all cars.", sums.power_w),
            one("chargepost_energy_joules_total", "counter", "Registers of all meters.", sums.energy_wh * 3600),
            one("chargepost_outbox_messages", "gauge", "Messages that wait for the central systems.",
                sums.waiting_messages),
            one("chargepost_transactions_begun_total", "counter", "Transactions begun.", counts["transaction begins"]),
            one("chargepost_transactions_ended_total", "counter", "Transactions ended.", counts["transaction ends"]),
            one("chargepost_boots_total", "counter", "BootNotifications accepted.", counts["boot accepted"]),
            *of_tally("station", self.tally),
            *of_store("stations", self.journal),
        ]  # fmt: skip


@dataclass
class Sums:
    """Of all stations."""

    links: Counter[str] = field(default_factory=Counter)
    """By state."""
    booted: int = 0
    connectors: Counter[str] = field(default_factory=Counter)
    """By status."""
    power_w: float = 0.0
    energy_wh: float = 0.0
    waiting_messages: int = 0
