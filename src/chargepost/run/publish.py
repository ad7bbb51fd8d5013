"""Publishing charge records: looks what is due at the stations of a process, sends it, and keeps what became of it.

The rules are those of `records.publish`; the ways those of `run.sending`. Every few seconds the stations are looked at:
so it does not matter whether the date, the clock, the settings or the power changed meanwhile.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import tzinfo
from itertools import count
from typing import TYPE_CHECKING, Protocol

import msgspec

from chargepost.catalogue.model import Model
from chargepost.journal import Journal, StoreError
from chargepost.records import cdr, publish
from chargepost.records.ledger import StationLedger, count_records, records
from chargepost.records.publish import Batch, State
from chargepost.run.clock import Clock
from chargepost.run.gate import TransferError
from chargepost.run.transfer import Terms
from chargepost.signals import ChargesView, ChargeView, PublicationResult, PublicationView
from chargepost.station.station import Station

if TYPE_CHECKING:
    import ssl

    from chargepost.run.sending import Parcel, Way
    from chargepost.run.ways import Errand

LOOK_S = 20.0
"""Of the world, between two looks: 0:01 has come for a while already, but not for a minute."""

LOOK_LEAST_S = 0.25
"""Of the machine: in a fast world there are fewer looks, for one at ten thousand stations takes some milliseconds."""

SENDERS_MAX = 4
"""Sendings at once in a process; each has a thread. The others are met at the next look."""

DURABLE_WAIT_S = 30.0
"""For a disk that has to take what is about to be sent; then it is not sent."""

FREQUENCY = "reportfrequency"
"""The setting by its inner name; nothing is published from the factory."""

KEY = "publication"
"""In the memory of a station: one value."""

log = logging.getLogger(__name__)


class Host(Protocol):
    """A station as far as its charge records are concerned."""

    identity: str
    model: Model
    station: Station | None
    ledger: StationLedger

    def line_settings(self) -> tuple[str, bool]: ...
    def way(self, host: str) -> str: ...


class Publisher:
    """Of all stations of a process. Lives on the loop's thread; what is sent, is sent in others."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        hosts: Mapping[str, Host],
        terms: Terms = Terms(),
        tls: "Callable[[bool], ssl.SSLContext] | None" = None,
    ) -> None:
        """`tls`: how peers are verified."""
        self._clock, self._journal, self._hosts, self._terms, self._tls = clock, journal, hosts, terms, tls
        self._states: dict[str, State] = {}
        """Of stations that publish, or were looked at."""
        self._under_way: dict[str, Errand] = {}
        self._newest: dict[str, tuple[int, int]] = {}
        """The mark of a station's records, and how many they were then."""
        self.views: dict[object, ChargesView] = {}
        """What `charges.chosen` has worked out last."""
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    # --- looking -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look now, and then every few seconds."""
        for identity in list(self._hosts):
            try:
                self._look(identity)
            except StoreError as error:
                log.error("%s: charge records cannot be published: %s", identity, error)
        if not self._closed:
            wait_s = max(self._clock.machine_s(LOOK_S), LOOK_LEAST_S)
            self._timer = self._clock.loop.call_later(wait_s, self.start)

    def close(self) -> None:
        """What is being sent is given up; what the server may have of it is in doubt at the next start."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        for errand in self._under_way.values():
            errand.give_up("given up")

    @property
    def keeps(self) -> bool:
        """Without a store there are no charge records."""
        return self._journal.path is not None

    def station(self, identity: str) -> Station:
        """Raises TransferError while it has no power."""
        station = self._hosts[identity].station
        if station is None:
            raise TransferError("the station has no power, or is just starting")
        return station

    def view(self, identity: str) -> PublicationView:
        """What was published, and when it will be. Raises TransferError while the station has no power."""
        station, state = self.station(identity), self.state(identity)
        frequency = station.core.settings.text("ReportFrequency")
        return PublicationView(
            max(self.newest(identity) - state.sent_to, 0),
            publish.following(frequency, zone_of(station), self._utc_s(station)), state.results,
        )  # fmt: skip

    def forget(self, identity: str) -> None:
        """A station that is taken away; its value stays in the store."""
        self._states.pop(identity, None)
        self._newest.pop(identity, None)
        if errand := self._under_way.get(identity):
            errand.give_up("the station was taken away")

    def _look(self, identity: str) -> None:
        station = self._hosts[identity].station
        if station is None:  # without power nobody looks at a date
            if errand := self._under_way.get(identity):
                errand.give_up("the station lost its power")
            return
        frequency = station.core.settings.changed.get(FREQUENCY, "Disabled")
        if frequency not in publish.DATES and identity not in self._states:
            return
        utc_s = self._utc_s(station)
        state = publish.look(self.state(identity), frequency, zone_of(station), self.newest(identity), utc_s)
        self._keep(identity, state)
        if frequency in publish.DATES and (batch := publish.ready(state, utc_s)) and identity not in self._under_way:
            self._publish(identity, station, batch)

    def _utc_s(self, station: Station) -> float:
        return station.core.utc(self._clock.now())

    # --- what is known -----------------------------------------------------------------------------------------------

    def state(self, identity: str) -> State:
        """Of one station; what it had handed over when the program ended is in doubt."""
        state = self._states.get(identity)
        if state is None:
            host = self._hosts[identity]
            try:
                state = msgspec.json.decode(host.ledger.recall(identity).get(KEY, b"{}"), type=State)
            except msgspec.MsgspecError as error:
                log.error("%s: what was published is not known any more: %s", identity, error)
                state = State(due_to=self.newest(identity), sent_to=self.newest(identity))  # rather not twice
            self._states[identity] = state
            if state.batch and state.batch.handed_over and host.station:
                protocol = host.station.core.settings.text("ReportProtocol")
                self._keep(identity, publish.recovered(state, protocol, self._utc_s(host.station)))
        return self._states[identity]

    def newest(self, identity: str) -> int:
        """The number of the last charge."""
        mark = self._mark(identity)
        known = self._newest.get(identity)
        if known is None or known[0] != mark:
            known = self._newest[identity] = mark, count_records(self._journal, identity)
        return known[1]

    def _mark(self, identity: str) -> int:
        return self._hosts[identity].ledger.marks.get(identity, 0)

    def charges(self, identity: str, limit: int, last: int | None = None) -> list[ChargeView]:
        """The newest first, from the number `last` down."""
        station = self._hosts[identity].station
        serial, waiting = (station.core.serial, station.undelivered) if station else ("", {})
        last, state = self.newest(identity) if last is None else last, self.state(identity)
        found = records(self._journal, identity, max(min(limit, last - state.cleared_to), 0), last)
        return [
            cdr.view(each, number, serial=serial, published=publish.fate(state, number), waiting=each.record in waiting)
            for number, each in zip(count(last, -1), found, strict=False)
        ]

    def restored(self, identity: str) -> None:
        """Back to factory settings (docs/decisions/a-restore-hides-charge-records.md)."""
        self._keep(identity, publish.cleared(self.newest(identity)))

    def mark(self, identity: str) -> tuple[object, ...]:
        """Another one as soon as `charges` would say something else."""
        station = self.station(identity)
        return self._mark(identity), len(station.undelivered), self.state(identity)

    def _keep(self, identity: str, state: State, done: Callable[[], None] | None = None) -> None:
        """Raises StoreError when too much waits for the disk already."""
        if done is None and state == self._states.get(identity):
            return
        self._states[identity] = state
        self._hosts[identity].ledger.keep(identity, {KEY: msgspec.json.encode(state)}, done or (lambda: None))

    # --- sending -----------------------------------------------------------------------------------------------------

    async def test(self, identity: str) -> PublicationResult:
        """Send a file without a charge now, and say what came of it."""
        station = self._hosts[identity].station
        if station is None or identity in self._under_way:
            why = "charge records are being sent at this moment" if station else "the station has no power"
            return PublicationResult(self._clock.utc_s(), "test failed", "", 0, 0, f"{why}: try again in a while")
        protocol, utc_s = station.core.settings.text("ReportProtocol"), self._utc_s(station)
        name = station.core.serial
        file = cdr.to_csv([], zone_of(station), *separators(station)).encode()
        from chargepost.run.sending import Parcel  # noqa: PLC0415 - most stations never publish

        what = Parcel(
            f"{_plain(name)}_test.csv", f"Test of {name}", f"This is a test of charging station {name}.\n",
            file, utc_s, lambda: None, f"{_plain(name)}_test_{utc_s:.0f}",
        )  # fmt: skip
        ended: asyncio.Future[tuple[bool, str]] = self._clock.loop.create_future()

        def end(passed: bool, text: str) -> None:
            if not ended.done():
                ended.set_result((passed, text))

        self._send(identity, station, what, end)
        passed, text = await ended
        self._keep(identity, publish.tested(self.state(identity), protocol, utc_s, text, passed=passed))
        return self.state(identity).results[0]

    def again(self, identity: str, first: int, last: int) -> bool:
        """Send what is in doubt once more, now. False: nothing of these numbers is, or something else is under way."""
        before = self.state(identity)
        state = publish.again(before, first, last)
        if state is before or state.batch is None:
            return False
        self._keep(identity, state)
        self._publish(identity, self.station(identity), state.batch)
        return True

    def _publish(self, identity: str, station: Station, batch: Batch) -> None:
        if len(self._under_way) >= SENDERS_MAX:
            return
        from chargepost.run.sending import Parcel  # noqa: PLC0415

        protocol, utc_s = station.core.settings.text("ReportProtocol"), self._utc_s(station)
        name = station.core.serial
        file = f"{_plain(name)}_{batch.first}-{batch.last}.csv"
        count = batch.last - batch.first + 1
        charges = self.charges(identity, count, batch.last)[::-1]
        numbers = f"{batch.first} to {batch.last}" if count > 1 else f"{batch.first}"
        what = Parcel(
            file, f"Charge data records of {name}: {numbers}",
            f"Charges {numbers} of charging station {name} are in the file {file}.\n",
            cdr.to_csv(charges, zone_of(station), *separators(station)).encode(), utc_s,
            lambda: self._hand_over(identity),
        )  # fmt: skip

        def end(passed: bool, text: str) -> None:
            if identity not in self._hosts:
                return  # taken away meanwhile: what was handed over is in doubt when it comes back
            become = publish.sent if passed else publish.in_doubt if what.doubtful else publish.failed
            self._keep(identity, become(self.state(identity), protocol, self._now(identity, utc_s), text))
            log.log(logging.INFO if passed else logging.WARNING, "%s: charge records %s: %s", identity, numbers, text)

        self._send(identity, station, what, end)

    def _now(self, identity: str, utc_s: float) -> float:
        station = self._hosts[identity].station
        return self._utc_s(station) if station else utc_s

    def _send(self, identity: str, station: Station, what: "Parcel", end: Callable[[bool, str], None]) -> None:
        """`end` is called on the loop's thread: whether it was sent, and what there is to say."""
        from chargepost.run.sending import gate_for, way_of  # noqa: PLC0415
        from chargepost.run.ways import Errand  # noqa: PLC0415

        try:
            way = way_of(station.core.settings)
            gated = gate_for(way, self._terms.allowed)._replace(way=self._hosts[identity].way)
            errand = Errand(gated, self._terms.limits, self._context(identity))
        except TransferError as error:
            end(False, str(error))
            return
        self._under_way[identity] = errand
        total_s = self._terms.limits.total_s
        timer = self._clock.loop.call_later(total_s, errand.give_up, f"it took longer than {total_s:g} s")

        def over(passed: bool, text: str) -> None:
            timer.cancel()
            self._under_way.pop(identity, None)
            if not self._closed:
                end(passed, text)

        threading.Thread(
            target=self._run, args=(errand, way, what, over), name="chargepost-publish", daemon=True
        ).start()

    def _run(self, errand: "Errand", way: "Way", what: "Parcel", over: Callable[[bool, str], None]) -> None:
        """In its thread. Whatever happens, somebody hears of it."""
        from chargepost.run.sending import send  # noqa: PLC0415

        try:
            passed, text = True, send(errand, way, what)
        except TransferError as error:
            passed, text = False, str(error)
        except Exception as error:
            passed, text = False, f"a fault of ours ({type(error).__name__})"
        with suppress(RuntimeError):  # the loop is closed, nobody waits
            self._clock.loop.call_soon_threadsafe(over, passed, text)

    def _hand_over(self, identity: str) -> None:
        """In the thread of a sending: comes back when it is durable that the server gets it now."""
        durable = threading.Event()
        self._clock.loop.call_soon_threadsafe(self._note_hand_over, identity, durable.set)
        if not durable.wait(DURABLE_WAIT_S):
            raise TransferError("the store does not take what is about to be sent: make room, or look at the disk")

    def _note_hand_over(self, identity: str, done: Callable[[], None]) -> None:
        with suppress(StoreError):  # then it is not sent
            self._keep(identity, publish.handed_over(self.state(identity)), done)

    def _context(self, identity: str) -> "Callable[[], ssl.SSLContext]":
        _, accept_self_signed = self._hosts[identity].line_settings()

        def make() -> "ssl.SSLContext":
            from chargepost.run import tls  # noqa: PLC0415

            return (self._tls or tls.client)(accept_self_signed)

        return make


def zone_of(station: Station) -> tzinfo:
    return cdr.zone_of(station.core.settings.text("TimeZone"))


def separators(station: Station) -> tuple[str, str]:
    """Words of the settings."""
    settings = station.core.settings
    return settings.text("ReportFieldSeparator"), settings.text("ReportDecimalSeparator")


def _plain(name: str) -> str:
    """As a part of a file's name, anywhere."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", name).lstrip(".") or "station"
