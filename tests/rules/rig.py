"""A station, its simulated hardware and a scripted central system in one virtual second hand.

The real Station, the real physics, real frames; only the other end of the link is played, so that each rule can be
put to the test at a stated instant. `rig.said("StopTransaction")` is what the station sent, oldest first.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from chargepost import signals as sig
from chargepost.catalogue import image, load
from chargepost.catalogue.model import Model
from chargepost.drivers.simulated import CarSpec, SimulatedStation
from chargepost.ocpp import frames, messages, security
from chargepost.station.memory import installed_model
from chargepost.station.settings import connectors_of
from chargepost.station.station import Station
from tests.rules.table_4_9 import BESIDE, CODES, CONNECTOR_ZERO

EPOCH_UTC_S = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC, an arbitrary day."""

TAG = "0123456789ABCDEF"

CAR = CarSpec(name="test car", battery_wh=60_000, soc_percent=20, phases=3, max_current_a=16)

ACCEPTED = messages.IdTagInfo(status="Accepted")


def info(status: str = "Accepted", parent: str | None = None) -> messages.IdTagInfo:
    extra = {} if parent is None else {"parent_id_tag": parent}
    return messages.IdTagInfo(status=status, **extra)  # type: ignore[arg-type]


class Refuse:
    """A scripted CALLERROR."""

    def __init__(self, code: str = "InternalError") -> None:
        self.code = code


WAKES_MAX = 100
"""A station that wants to be woken more often than so many times a second turns in a loop."""

SILENCE = object()
"""A scripted answer that never comes."""


class PowerCut(Exception):
    """The mains went away between two wishes: what was not done yet is never done."""


class Rig:
    """Drives one station in virtual time. `answers` replaces an answer: payload, Refuse, SILENCE, frame or function.

    Whatever a test is about, these laws are watched: no status step leaves the table of 4.9, connector 0 knows three
    words, EVCommunicationError goes with four statuses only, no contactor closes and no transaction message leaves
    before it is on disk, and no answer leaves before what it acknowledges is.
    """

    dice: Callable[[], float] = staticmethod(lambda: 0.5)
    """What the station takes for chance."""

    def __init__(
        self,
        model: str | Model = "evlink-pro-ac",
        *,
        settings: Mapping[str, str] | None = None,
        memory: dict[str, bytes] | None = None,
        register_wh: float = 0.0,
        start: bool = True,
        disk: bool = True,
        tolerant: bool = False,
    ) -> None:
        self.bought = load(model) if isinstance(model, str) else model
        self.model = self.bought
        self.now = 1000.0
        self.memory: dict[str, bytes] = {} if memory is None else memory
        self.records: dict[str, sig.ChargeRecord] = {}
        points = connectors_of(self.model, self.memory)
        registers = [register_wh] * points
        self.hardware = SimulatedStation(self.model.connectors, points=points, seed=1, register_wh=registers)
        self.answers: dict[str, Any] = {}
        self.numbers: Iterator[int] = iter(range(501, 10_000))
        self.reachable = True
        self.connected = False
        self.pongs = True
        self.disk = disk
        self.tolerant = tolerant
        """The peer accepts what the schema forbids: over-long serial numbers."""
        self.frames: list[tuple[float, str, Any]] = []
        """(time, "sent" or "heard", frame)."""
        self.wishes: list[tuple[float, sig.Wish]] = []
        self.dials: list[tuple[float, sig.Dial]] = []
        self.asks = 0
        self.unwritten: list[sig.Remember] = []
        self.done = 0
        """Wishes done so far."""
        self.cut_at: int | None = None
        """The mains go away once so many wishes are done: `PowerCut` is raised."""
        self.shelf: dict[str, bytes] = {}
        """What lies at which URL."""
        self.folders: dict[str, list[sig.SendReport]] = {}
        """What was sent to which URL; one that is not here takes nothing."""
        self.kept: dict[str, bytes] = {}
        """Fetched files, by job; they outlive a power cut."""
        self.trusted: tuple[bytes, ...] = ()
        """Whose firmware is taken: public keys, PEM."""
        self.slow = False
        """Transfers end when `transfer` is called."""
        self.transfers: list[sig.Fetch | sig.Examine | sig.SendReport] = []
        self.station = self.build(settings or {})
        if start:
            self.start()

    # --- life --------------------------------------------------------------------------------------------------------

    def build(self, settings: Mapping[str, str]) -> Station:
        self.model, _ = installed_model(self.memory, self.bought)
        station = Station(self.model, "CP-1", dict(self.memory), self.dice)
        transport = self.model.transport
        first = {transport.url_key: "ws://central.example/ocpp", "MinimumStatusDuration": "0"}
        if transport.enable_key:
            first[transport.enable_key] = "true"
        if self.model.key("SecurityEventsEnabled"):
            first["SecurityEventsEnabled"] = "false"  # their tests are test_security_events.py
        cut = self.model.identity.truncate_serials_key
        if cut and not self.tolerant:
            first[cut] = "true"
        fresh = not any(key.startswith("setting/") for key in self.memory)
        for key, value in ({**first, **settings} if fresh else settings).items():
            station.handle(sig.SettingChanged(key, value), self.now)
        return station

    def start(self) -> None:
        self.hardware.number_outlets(len(self.station.connectors), self.now)
        self.hardware.take()
        self.station.handle(sig.Started(EPOCH_UTC_S + self.now), self.now)
        self.hardware.tell_again()
        self.drain()

    def power_cycle(self, off_s: float = 5.0) -> None:
        """Mains off and on: all that was not written is gone."""
        self.hardware.power_cut(self.now)
        self.connected = False
        self.unwritten.clear()
        self.transfers.clear()
        self.now += off_s
        self.hardware.power_up(self.now)
        self.station = self.build({})
        self.start()

    # --- time --------------------------------------------------------------------------------------------------------

    def run(self, seconds: float = 1.0) -> None:
        """Let so much time go by."""
        until = self.now + seconds
        self.drain()
        wakes = itertools.count()
        while next(wakes) < WAKES_MAX * max(seconds, 1):
            due = [t for t in (self.station.next_wake(), self.hardware.next_wake()) if t is not None and t <= until]
            if not due:
                break
            self.now = max(self.now, min(due))
            self.hardware.advance(self.now)
            self.drain()
            self.station.wake(self.now)
            self.drain()
        else:
            raise AssertionError(f"the station is woken without end: {self.station.core.alarms}")
        self.now = until
        self.hardware.advance(self.now)
        self.drain()

    def drain(self) -> None:
        while True:
            facts = self.hardware.take()
            for fact in facts:
                self.station.handle(fact, self.now)
            wishes = self.station.take()
            if not facts and not wishes:
                return
            program = self.station
            for place, wish in enumerate(wishes):
                if program is not self.station:
                    late = [w for w in wishes[place:] if isinstance(w, sig.SendFrame)]
                    assert not late, f"a program that has asked for its restart says no more: {late}"
                    break
                if self.done == self.cut_at:
                    raise PowerCut
                self.done += 1
                self.wishes.append((self.now, wish))
                self._do(wish)

    def tell(self, fact: sig.Fact) -> None:
        self.station.handle(fact, self.now)
        self.drain()

    def _do(self, wish: sig.Wish) -> None:
        match wish:
            case sig.StatusChanged(connector, old, new):
                assert (old, new) in CODES, f"{old} to {new} is not in the table of 4.9"
                assert connector or new in CONNECTOR_ZERO, f"connector 0 cannot be {new}"
            case sig.SwitchPower(on=True) if not any(key.startswith("transaction/") for key in self.memory):
                raise AssertionError("power before the transaction is on disk")
            case sig.Dial():
                self.dials.append((self.now, wish))
                if self.reachable:
                    self.connected = True
                    self.station.handle(sig.LinkUp(wish.subprotocols[0]), self.now)
                else:
                    self.station.handle(sig.LinkDown("nothing listens there"), self.now)
            case sig.HangUp():
                if self.connected:
                    self.connected = False
                    self.station.handle(sig.LinkDown("closed by us"), self.now)
            case sig.SendPing():
                if self.pongs:
                    self.station.handle(sig.PongReceived(), self.now)
            case sig.SendFrame(data):
                self._sent(data)
            case sig.Remember():
                self.unwritten.append(wish)
                if self.disk:
                    self.write()
            case sig.Restart(hard):
                if hard:
                    self.hardware.power_cut(self.now)
                    self.hardware.power_up(self.now)
                self.connected = False
                self.transfers.clear()
                self.unwritten.clear()
                self.station = self.build({})
                self.start()
            case sig.Fetch() | sig.Examine() | sig.SendReport():
                self.transfers.append(wish)
                if not self.slow:
                    self.transfer()
            case sig.Discard(job):
                self.kept.pop(job, None)
                self.transfers = [each for each in self.transfers if each.job != job]
            case _:
                self.hardware.do(wish, self.now)

    def transfer(self) -> None:
        """What is being fetched, examined and sent comes to its end."""
        ended, self.transfers = self.transfers, []
        for wish in ended:
            self.station.handle(self._transferred(wish), self.now)

    def _transferred(self, wish: sig.Fetch | sig.Examine | sig.SendReport) -> sig.Fact:
        match wish:
            case sig.Fetch(job, url) if url in self.shelf:
                self.kept[job] = self.shelf[url]
                return sig.Fetched(job, len(self.kept[job]))
            case sig.Examine(job, certificate, signature) if job in self.kept:
                verdict = image.examine(self.kept[job], self.model, self.trusted, certificate, signature)
                return sig.Examined(job, *verdict)
            case sig.Examine(job):
                return sig.Examined(job, "missing")
            case sig.SendReport(job, url) if url in self.folders:
                self.folders[url].append(wish)
                return sig.Sent(job, len(wish.text))
            case _:
                return sig.TransferFailed(wish.job, "nobody is there")

    def write(self) -> None:
        """The disk takes what waits."""
        waiting, self.unwritten = self.unwritten, []
        for wish in waiting:
            self.memory.update(wish.puts)
            for key in wish.drops:
                self.memory.pop(key, None)
            self.records.update({record.record: record for record in wish.records})
            self.station.handle(sig.Remembered(wish.token), self.now)

    # --- the link ----------------------------------------------------------------------------------------------------

    def _sent(self, data: bytes) -> None:
        frame = frames.read(data, tolerant=self.tolerant)
        self.frames.append((self.now, "sent", frame))
        if not isinstance(frame, frames.Call):
            waits = self.unwritten and self.station.core.disk_good  # else what needs no disk is answered as ever (P7)
            assert not waits or isinstance(frame, frames.Error), "answered before it was on disk"
            return
        if frame.action in ("StartTransaction", "StopTransaction"):
            assert any(key.startswith("outbox/") for key in self.memory), f"{frame.action} said before it was on disk"
        said: Any = frame.payload
        if frame.action == "StatusNotification" and said.error_code == "EVCommunicationError":
            assert said.status in BESIDE, f"EVCommunicationError with {said.status} (1.6, 7.6)"
        if answer := scripted(self, frame):
            self.hear(answer)

    def hear(self, data: bytes) -> None:
        self.station.handle(sig.FrameReceived(data), self.now)

    def ask(self, payload: Any) -> Any:
        """The central system asks; the station's answer (a payload, or a frames.Error)."""
        self.asks += 1
        ident = f"cs-{self.asks}"
        self.hear(frames.write_call(ident, payload))
        self.drain()
        return self.answer_to(ident, payload.action)

    def change(self, key: str, value: str) -> str:
        """ChangeConfiguration; its status."""
        status: str = self.ask(messages.ChangeConfiguration(key=key, value=value)).status
        return status

    def own(self, **settings: str) -> None:
        """The owner sets keys, past the access rules."""
        for key, value in settings.items():
            self.tell(sig.SettingChanged(key, value))

    def value(self, key: str) -> str | None:
        """What GetConfiguration says of one key; None when it is unknown or has no value."""
        answer = self.ask(messages.GetConfiguration(key=(key,)))
        if not answer.configuration_key:
            return None
        value = answer.configuration_key[0].value
        return value if isinstance(value, str) else None

    def answer_to(self, ident: str, action: str) -> Any:
        for _, way, frame in self.frames:
            if way == "sent" and not isinstance(frame, frames.Call) and frame.id == ident:
                return frame if isinstance(frame, frames.Error) else frames.read_result(action, frame.payload)
        return None

    def cut(self) -> None:
        """The link breaks and stays broken."""
        self.reachable = self.connected = False
        self.tell(sig.LinkDown("cut"))

    def mend_at_once(self) -> None:
        """The link works again, and the station has just found it."""
        self.reachable = True
        for _ in range(400):
            if self.connected:
                return
            self.run(1)
        raise AssertionError("no dial in 400 s")

    def mend(self) -> None:
        """The link works again; the station's next dial finds it."""
        self.reachable = True
        self.run(400)

    # --- what was seen -----------------------------------------------------------------------------------------------

    def calls(self) -> list[str]:
        """The actions sent, oldest first, a StatusNotification with its connector and status."""
        names = []
        for _, way, frame in self.frames:
            if way == "sent" and isinstance(frame, frames.Call):
                p: Any = frame.payload
                names.append(f"{p.status} {p.connector_id}" if frame.action == "StatusNotification" else frame.action)
        return names

    def said(self, action: str) -> list[Any]:
        return [f.payload for _, way, f in self.frames if way == "sent" and getattr(f, "action", "") == action]

    def said_at(self, action: str) -> list[float]:
        return [t for t, way, f in self.frames if way == "sent" and getattr(f, "action", "") == action]

    def statuses(self, connector: int = 1) -> list[str]:
        return [p.status for p in self.said("StatusNotification") if p.connector_id == connector]

    def wished(self, kind: type) -> list[Any]:
        return [wish for _, wish in self.wishes if isinstance(wish, kind)]

    def forget(self) -> None:
        """Look only at what comes from here on."""
        self.frames.clear()
        self.wishes.clear()

    def notes(self) -> list[str]:
        return [note.event for note in self.wished(sig.Note)]

    def last(self, action: str) -> Any:
        """The last message of this action."""
        return self.said(action)[-1]

    def notification(self, connector: int = 1) -> messages.StatusNotification:
        """The last StatusNotification of a connector."""
        told = [p for p in self.said("StatusNotification") if p.connector_id == connector]
        last: messages.StatusNotification = told[-1]
        return last

    @property
    def register_wh(self) -> float:
        """What the meter of connector 1 shows."""
        self.hardware.advance(self.now)
        return self.hardware.connector(1).energy_wh

    @property
    def view(self) -> sig.ConnectorView:
        return self.station.view(self.now).connectors[0]

    def locked(self) -> bool:
        return self.view.locked

    def power(self) -> bool:
        """The contactor is closed."""
        return self.view.contactor

    # --- hands -------------------------------------------------------------------------------------------------------

    def plug(self, car: CarSpec | None = CAR, connector: int = 1) -> None:
        assert self.hardware.plug_in(connector, car, self.now), "nothing could be plugged in"
        self.run(1)

    def unplug(self, connector: int = 1) -> None:
        assert self.hardware.unplug(connector, self.now), "the cable is locked"
        self.run(1)

    def badge(self, tag: str = TAG, connector: int | None = None) -> None:
        self.tell(sig.BadgePresented(tag, connector))
        self.run(1)

    def charge(self, tag: str = TAG, seconds: float = 10.0) -> None:
        """Plug first, badge, and charge for a while."""
        self.plug()
        self.badge(tag)
        self.run(seconds)
        assert self.view.contactor, f"no power: {self.view}"


def two_connectors() -> Rig:
    """The Pro AC with socket and domestic socket as connectors 1 and 2, one reader for both."""
    rig = Rig("evlink-pro-ac/socket-domestic", settings={"PlugNumberingMode": "1"})
    rig.power_cycle()
    rig.run(5)
    rig.forget()
    return rig


class Scripted(Protocol):
    """The other end of a station's link, as far as its answers need it."""

    answers: dict[str, Any]
    numbers: Iterator[int]
    """Of transactions."""

    @property
    def now(self) -> float: ...


def utc(rig: Scripted) -> datetime:
    return datetime.fromtimestamp(EPOCH_UTC_S + rig.now, UTC)


def scripted(central: Scripted, call: frames.Call) -> bytes | None:
    """The answer to a call of the station: `answers` says it, else it is kind. None: it never comes.

    In a whole frame %s is the id of the call.
    """
    answer: Any = central.answers.get(call.action, DEFAULTS.get(call.action))
    if callable(answer):
        answer = answer(central, call.payload)
    if answer is SILENCE:
        return None
    if isinstance(answer, bytes):
        return answer.replace(b"%s", call.id.encode())
    if isinstance(answer, Refuse):
        return frames.write_error(call.id, answer.code, "scripted")
    return frames.write_result(call.id, answer)


DEFAULTS: dict[str, Callable[[Any, Any], Any]] = {
    "BootNotification": lambda rig, _: messages.BootNotificationResponse(
        status="Accepted", current_time=utc(rig), interval=300
    ),
    "Heartbeat": lambda rig, _: messages.HeartbeatResponse(current_time=utc(rig)),
    "StatusNotification": lambda rig, _: messages.StatusNotificationResponse(),
    "MeterValues": lambda rig, _: messages.MeterValuesResponse(),
    "Authorize": lambda rig, _: messages.AuthorizeResponse(id_tag_info=ACCEPTED),
    "StartTransaction": lambda rig, _: messages.StartTransactionResponse(
        transaction_id=next(rig.numbers), id_tag_info=ACCEPTED
    ),
    "StopTransaction": lambda rig, _: messages.StopTransactionResponse(),
    "DataTransfer": lambda rig, _: messages.DataTransferResponse(status="Accepted"),
    "DiagnosticsStatusNotification": lambda rig, _: messages.DiagnosticsStatusNotificationResponse(),
    "FirmwareStatusNotification": lambda rig, _: messages.FirmwareStatusNotificationResponse(),
    "SecurityEventNotification": lambda rig, _: security.SecurityEventNotificationResponse(),
}
