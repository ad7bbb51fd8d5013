"""A small model of the standard for the stateful tests: the central system's side of every rule, and its books.

It shares no rule with the station it judges. It knows what it said itself, what the hardware shows, and what OCPP 1.6
says of the two. Each law has a name, and counts how often it was put to the test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET

from chargepost.ocpp import messages as m
from chargepost.station.station import Station
from tests.rules.rig import SILENCE, Refuse, Rig, utc

LAWS = {
    "one start": "a transaction is started once; said again it is the same message (1.6, 4.8; errata 3.18)",
    "one stop": "each transaction is stopped once, with the number of its start (1.6, 4.10)",
    "energy": "no Wh is lost or billed twice: stop >= samples >= start >= the stop before (1.6, 3.7, 4.7)",
    "order": "of a transaction come the start, then samples, then the stop (1.6, 3.7)",
    "authorized": "who charges was accepted, started remotely, or allowed offline (1.6, 3.4, 3.5)",
    "stopped by": "another badge ends a charge only when it is of the same group (1.6, 3.4.1)",
    "no power": "a contactor is closed in a running transaction only, never while Faulted or Unavailable (1.6, 4.9)",
    "refused": "no energy for a badge once it was refused in StartTransaction.conf, beyond MaxEnergyOnInvalidId (4.8)",
    "offer": "no more is offered than outlet and cable bear",
    "told": "the last status told is the status that is (1.6, 4.9)",
    "status": "a transaction runs in Charging, SuspendedEV and SuspendedEVSE, and in no other status (1.6, 4.9)",
    "out of service": "nobody new charges where the central system has taken a connector out of service (1.6, 5.2)",
    "reserved": "a reserved connector is for its badge or group, and its start says so (1.6, 5.13)",
    "local list": "the list has the version it was sent with, and whom it refuses charges by nobody else's word (5.15)",
    "profile": "no more is offered than profiles and composite schedule allow (1.6, 3.13, 5.7, 5.16)",
    "answer": "each request is answered as the standard says for the state it came in (1.6, 5)",
    "one answer": "each request is answered exactly once, and no call of ours comes before the last is done (J 4.1)",
    "message id": "no message id is used twice (J errata 3.1)",
    "read back": "an accepted value is read back, a refused one changed nothing (1.6, 5.3)",
    "memory": "what was promised is what a new program finds on disk (1.6, 3.7; reference 6.7)",
    "nothing left": "once all is well, everything is told and nothing stays behind",
}
"""Name -> what it says. The steps of a status and the order of disk and word are watched by the rig itself."""

RUNNING = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})

GOOD, GROUP_MATE, GOOD_TOO, BLOCKED, EXPIRED, UNKNOWN = "GOOD", "MATE", "good-too", "BLOCKED", "EXPIRED", "NOBODY"
TAGS = (GOOD, GROUP_MATE, GOOD_TOO, BLOCKED, EXPIRED, UNKNOWN)
GROUPS = {GOOD: "FAMILY", GROUP_MATE: "FAMILY"}
VERDICTS = {BLOCKED: "Blocked", EXPIRED: "Expired", UNKNOWN: "Invalid"}
"""What this central system says of a badge; of all others, Accepted."""


class Broken(AssertionError):
    """A law that did not hold."""


@dataclass
class Told:
    """One transaction as the central system knows it."""

    number: int
    start: m.StartTransaction
    samples: dict[datetime, int] = field(default_factory=dict)
    """When it was read -> Wh of the register, in the order told."""
    stop: m.StopTransaction | None = None
    done: dict[str, Station] = field(default_factory=dict)
    """start, stop -> the program that heard the answer."""


class Books:
    """The central system: answers as it is told to, and writes down what it hears."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.work = dict.fromkeys(LAWS, 0)
        self.moods: dict[str, str] = {}
        """Action -> "error", "silent" (done, and the answer is lost) or "deaf" (not done); else it answers."""
        self.boot, self.boot_interval_s = "Accepted", 300
        self.clock_off_s = 0.0
        self.told: dict[tuple[int, str, datetime, int], Told] = {}
        self.by_number: dict[int, Told] = {}
        self.last_stop_wh: dict[int, int] = {}
        self.statuses: dict[int, str] = {}
        """Connector -> the status told last."""
        self.accepted: set[str] = set()
        """Badges that somebody had a right to charge with, without case."""
        self.reservations: dict[int, list[tuple[int, str]]] = {}
        """Every reservation ever made, by its id: connector and badge. A start may be told long after its own."""
        self.refused_at_wh: dict[int, tuple[int, float]] = {}
        """Number of a refused transaction -> its connector and the register then."""
        answered: dict[str, Callable[[Any], Any]] = {
            "BootNotification": self._boot,
            "Heartbeat": lambda _: m.HeartbeatResponse(current_time=self._date()),
            "StatusNotification": self._status,
            "MeterValues": self._meter_values,
            "Authorize": self._authorize,
            "StartTransaction": self._start,
            "StopTransaction": self._stop,
            "DataTransfer": lambda _: m.DataTransferResponse(status="Accepted"),
            "DiagnosticsStatusNotification": lambda _: m.DiagnosticsStatusNotificationResponse(),
            "FirmwareStatusNotification": lambda _: m.FirmwareStatusNotificationResponse(),
        }
        for action, answer in answered.items():
            rig.answers[action] = self._in_its_mood(action, answer)

    def law(self, name: str, good: bool, text: object) -> None:
        """Put one law to the test. Raises Broken with its name."""
        self.work[name] += 1
        if not good:
            raise Broken(f"{name} ({LAWS[name]}): {text}")

    # --- answers -----------------------------------------------------------------------------------------------------

    def _in_its_mood(self, action: str, answer: Callable[[Any], Any]) -> Callable[[Rig, Any], Any]:
        def answered(_: Rig, payload: Any) -> Any:
            if action == "StatusNotification":
                answer(payload)  # said is said: nobody repeats it
            match self.moods.get(action):
                case "error":
                    return Refuse()
                case "deaf":
                    return SILENCE
                case "silent":
                    answer(payload)
                    return SILENCE
                case _:
                    return answer(payload)

        return answered

    def _date(self) -> datetime:
        return utc(self.rig) + timedelta(seconds=self.clock_off_s)

    def info(self, id_tag: str, *, learned: bool = True) -> m.IdTagInfo:
        """What is said of a badge; `learned`: the station may rest on it from now on."""
        tag = id_tag.upper()
        known = next((each for each in TAGS if each.upper() == tag), "")
        status: Any = VERDICTS.get(known, "Accepted")
        if status == "Accepted" and learned:
            self.accepted.add(tag)
        return m.IdTagInfo(status=status, parent_id_tag=GROUPS.get(known, UNSET))

    def _boot(self, _: m.BootNotification) -> m.BootNotificationResponse:
        status: Any = self.boot
        return m.BootNotificationResponse(status=status, current_time=self._date(), interval=self.boot_interval_s)

    def _authorize(self, ask: m.Authorize) -> m.AuthorizeResponse:
        return m.AuthorizeResponse(id_tag_info=self.info(ask.id_tag))

    def _status(self, said: m.StatusNotification) -> m.StatusNotificationResponse:
        self.statuses[said.connector_id] = said.status
        return m.StatusNotificationResponse()

    # --- transactions ------------------------------------------------------------------------------------------------

    def _start(self, said: m.StartTransaction) -> m.StartTransactionResponse:
        key = said.connector_id, said.id_tag, said.timestamp, said.meter_start
        again = self.told.get(key)
        self.law("one start", again is None or (again.start == said and self._again(again, "start")), said)
        if again is None:
            self._before(said)
            self._held(said)
            again = self.told[key] = Told(501 + len(self.told), said)
            self.by_number[again.number] = again
        self._done(again, "start")
        info = self.info(said.id_tag)
        if info.status != "Accepted" and again.stop is None and self.moods.get("StartTransaction") is None:
            outlet = self.rig.hardware.connector(said.connector_id)
            outlet.advance(self.rig.now)
            self.refused_at_wh.setdefault(again.number, (said.connector_id, outlet.energy_wh))
        return m.StartTransactionResponse(transaction_id=again.number, id_tag_info=info)

    def _done(self, told: Told, kind: str) -> None:
        """The answer reaches the station, in this life of its program."""
        if self.moods.get(f"{kind.capitalize()}Transaction") is None:
            told.done[kind] = self.rig.station

    def _again(self, told: Told, kind: str) -> bool:
        """It may be said again: the program that heard the answer is no more."""
        return told.done.get(kind) is not self.rig.station

    def _before(self, said: m.StartTransaction) -> None:
        """What ran on this connector before is over, and no Wh of it is billed again."""
        running = [told.number for told in self.told.values() if told.stop is None]
        here = [n for n in running if self.by_number[n].start.connector_id == said.connector_id]
        self.law("one stop", not here, f"{said} while {here} runs")
        before_wh = self.last_stop_wh.get(said.connector_id, 0)
        self.law("energy", said.meter_start >= before_wh, f"starts at {said.meter_start}, {before_wh} Wh are billed")

    def _held(self, said: m.StartTransaction) -> None:
        """The reservation that a start names is one of its own."""
        if said.reservation_id is not UNSET:
            made = self.reservations.get(said.reservation_id, [])
            good = any(connector in (0, said.connector_id) and mates(tag, said.id_tag) for connector, tag in made)
            self.law("reserved", good, f"{said}, reserved: {made}")

    def _meter_values(self, said: m.MeterValues) -> m.MeterValuesResponse:
        if said.transaction_id is not UNSET:
            told = self.by_number.get(said.transaction_id)
            self.law("order", told is not None and told.start.connector_id == said.connector_id, f"{said}: no start")
            assert told
            for at, value_wh in registers(said):
                if told.samples.get(at) != value_wh:
                    self.law("order", told.stop is None, f"{said} after {told.stop}")
                    last_wh = max(told.samples.values(), default=told.start.meter_start)
                    self.law("energy", value_wh >= last_wh, f"{value_wh} Wh after {last_wh} Wh")
                    told.samples[at] = value_wh
        return m.MeterValuesResponse()

    def _stop(self, said: m.StopTransaction) -> m.StopTransactionResponse:
        told = self.by_number.get(said.transaction_id)
        self.law("one stop", told is not None, f"{said}: no such transaction")
        assert told
        again = told.stop == said and self._again(told, "stop")
        self.law("one stop", told.stop is None or again, f"{said} after {told.stop}")
        least_wh = max(told.samples.values(), default=told.start.meter_start)
        self.law("energy", said.meter_stop >= least_wh, f"{said}: {least_wh} Wh were told before")
        self.law("energy", said.timestamp >= told.start.timestamp, f"{said} before {told.start}")
        if told.stop is None:
            self._who(told.start.id_tag, said)
        told.stop = said
        self._done(told, "stop")
        self.last_stop_wh[told.start.connector_id] = said.meter_stop
        self.refused_at_wh.pop(told.number, None)
        tag = said.id_tag
        return m.StopTransactionResponse(id_tag_info=UNSET if tag is UNSET else self.info(tag))

    def _who(self, starter: str, said: m.StopTransaction) -> None:
        if said.id_tag is UNSET:
            return
        self.law("stopped by", mates(said.id_tag, starter), f"{said}, started by {starter}")


def mates(tag: str, other: str) -> bool:
    """The same badge, or another one of its group."""
    one, two = tag.upper(), other.upper()
    return one == two or (one in GROUPS and GROUPS[one] == GROUPS.get(two))


def registers(said: m.MeterValues) -> list[tuple[datetime, int]]:
    """When the register was read, and its Wh. What was triggered goes past the queue, and is left out."""
    return [
        (point.timestamp, int(float(value.value) * (1000 if value.unit == "kWh" else 1)))
        for point in said.meter_value
        for value in point.sampled_value
        if value.measurand == "Energy.Active.Import.Register" and value.context != "Trigger"
    ]
