"""How a case is written: a central system, a pair of hands, and what the station has to say, in this order.

A case reads like its row of the tool's table and does not know what carries it (`bench`). Whatever the station says
has to be expected, in its turn; only heartbeats, meter values and security events come and go unasked. What a product
cannot do by its own data (a message it does not answer, a key it fixes, a reader it has not) ends the case as not
applicable, and the reason is that datum. What its guide has it do otherwise is said with `deviates`, beside the check
of what it does.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, NoReturn

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue.model import ConnectorSpec, Model
from chargepost.drivers.simulated import CarSpec
from chargepost.ocpp import frames, messages
from tests.rules.conformance.bench import Bench
from tests.rules.rig import CAR, EPOCH_UTC_S, TAG, info, utc

UNASKED = ("Heartbeat", "MeterValues", "SecurityEventNotification")
STEP_S = 0.5
PATIENCE_S = 15.0
"""What comes next comes within it; a restart has `RESTART_S`."""
RESTART_S = 90.0


class NotApplicable(Exception):
    """The product cannot do this, by its data."""


class Verdict(NamedTuple):
    kind: Literal["passed", "deviates", "not applicable"]
    why: str = ""


RANKS = ("passed", "deviates", "not applicable")


class Case:
    """A station under test. Unless it says otherwise, a case is about connector 1."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.model: Model = bench.model
        self.answers = bench.answers
        self.hands = Hands(self)
        self.deviations: list[str] = []
        self.at = 0.0
        """When the message expected last was said."""
        self._read = 0

    # --- time --------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.bench.now

    def date(self, in_s: float = 0.0) -> datetime:
        """Of the central system, so many seconds from now."""
        return utc(self.bench) + timedelta(seconds=in_s)  # type: ignore[arg-type]

    def at_of(self, stamp: datetime) -> float:
        """A time stamp on the wire, on the bench's clock."""
        return stamp.timestamp() - EPOCH_UTC_S

    def wait(self, seconds: float) -> None:
        self.bench.run(seconds)

    # --- what the station says ---------------------------------------------------------------------------------------

    def expect(self, what: str, within_s: float = PATIENCE_S, perhaps: Collection[str] = (), **fields: Any) -> Any:
        """The next message is this: an action, or a status with its connector ("Charging 1"), with these fields.

        `perhaps`: what may come before it. The payload.
        """
        until = self.now + within_s
        while True:
            for at, call in self._unread(what):
                word = words(call)
                if what in (word, call.action):
                    self.at = at
                    self._check(call.payload, fields)
                    return call.payload
                if word not in perhaps:
                    raise AssertionError(f"expected {what}, and the station says {word}\n{self.told()}")
            if self.now >= until:
                raise AssertionError(f"expected {what} within {within_s:g} s, and nothing came\n{self.told()}")
            self.wait(min(STEP_S, until - self.now))

    def expect_all(self, *whats: str, within_s: float = PATIENCE_S, perhaps: Collection[str] = ()) -> dict[str, Any]:
        """All of these come next, in any order."""
        left, found, last = list(whats), {}, self.now + within_s
        while left:
            for _, call in self._unread(*left):
                word = next((each for each in left if each in (words(call), call.action)), None)
                if word:
                    left.remove(word)
                    found[word] = call.payload
                    if not left:
                        break
                elif words(call) not in perhaps:
                    raise AssertionError(f"expected {left}, and the station says {words(call)}\n{self.told()}")
            if left and self.now >= last:
                raise AssertionError(f"expected {left} within {within_s:g} s, and nothing came\n{self.told()}")
            if left:
                self.wait(STEP_S)
        return found

    def nothing(self, seconds: float = 0.0) -> None:
        """The station says nothing for so long."""
        self.wait(seconds)
        said = [words(call) for _, call in self._unread()]
        assert not said, f"expected nothing, and the station says {said}\n{self.told()}"

    def forget(self) -> None:
        """Whatever it has said so far."""
        self._read = len(self.bench.frames)

    def said(self, action: str) -> list[Any]:
        """Every message of this action since the beginning, also those unasked."""
        return [call.payload for _, call in self._calls() if call.action == action]

    def said_at(self, action: str) -> list[float]:
        return [at for at, call in self._calls() if call.action == action]

    def actions(self) -> list[str]:
        """All that it has said since the beginning."""
        return [call.action for _, call in self._calls()]

    def told(self) -> str:
        return "\n".join(f"{at:10.3f} {str(call.payload)[:120]}" for at, call in self._calls()[-25:])

    def _calls(self) -> list[tuple[float, Any]]:
        return [(at, f) for at, way, f in self.bench.frames if way == "sent" and isinstance(f, frames.Call)]

    def _unread(self, *wanted: str) -> "Unread":
        return Unread(self, wanted)

    def _check(self, payload: Any, fields: Mapping[str, Any]) -> None:
        seen = {name: getattr(payload, name) for name in fields}
        assert seen == dict(fields), f"{payload}\n{self.told()}"

    # --- the central system asks -------------------------------------------------------------------------------------

    def ask(self, payload: Any, within_s: float = 20.0) -> Any:
        """The station's answer, or `frames.Error`. NotApplicable for what the product does not answer at all."""
        if payload.action not in self.model.messages.answers:
            self.not_applicable(f"{payload.action} is none of its messages")
        return self.ask_anyway(payload, within_s)

    def ask_anyway(self, payload: Any, within_s: float = 20.0) -> Any:
        """Also what the product does not know. None: no answer came."""
        answer, until = self.bench.ask(payload), self.now + within_s
        ident = f"cs-{self.bench.asks}"
        while answer is None and self.now < until:
            self.wait(STEP_S)
            answer = self.bench.answer_to(ident, payload.action)
        return answer

    def ask_raw(self, action: str, payload: Any) -> Any:
        """Whatever it is, right or wrong."""
        return self.frame(f'[2,"raw","{action}",{json.dumps(payload)}]'.encode(), action)

    def frame(self, data: bytes, action: str = "") -> Any:
        """These bytes; the newest answer to the id "raw", if there is one."""
        self.bench.hear(data)
        self.wait(1)
        return self.bench.answer_to("raw", action)

    def asked(self, payload: Any, status: str = "Accepted") -> Any:
        """It answers with this status."""
        answer = self.ask(payload)
        assert getattr(answer, "status", answer) == status, f"{payload}: {answer}\n{self.told()}"
        return answer

    def refuse(self, action: str = "Authorize", status: str = "Invalid", parent: str | None = None) -> None:
        """From here on the central system answers with this status."""
        self.accept(action, status, parent)

    def accept(self, action: str = "Authorize", status: str = "Accepted", parent: str | None = None) -> None:
        known = info(status, parent)
        if action == "Authorize":
            self.answers[action] = messages.AuthorizeResponse(id_tag_info=known)
        else:
            self.answers[action] = lambda central, _: messages.StartTransactionResponse(
                transaction_id=next(central.numbers), id_tag_info=known
            )

    def booting(self, status: Any, interval_s: int) -> None:
        """How BootNotification is answered from here on."""
        self.answers["BootNotification"] = lambda central, _: messages.BootNotificationResponse(
            status=status, current_time=utc(central), interval=interval_s
        )

    # --- its keys ----------------------------------------------------------------------------------------------------

    def configure(self, **keys: str) -> None:
        """ChangeConfiguration where the value is another. NotApplicable when the product fixes it at another."""
        for key, value in keys.items():
            if self.setting(key).lower() == value.lower():
                continue
            spec = self.model.keys.get(key.lower())
            if spec is None:
                self.not_applicable(f"it has no key {key}")
            if spec.access == "R" or not spec.ocpp_writes:
                self.not_applicable(f"{key} is fixed at {spec.default}")
            answer = self.ask(messages.ChangeConfiguration(key=spec.name, value=value))
            if answer.status != "Accepted" and not self.fits(key, value):
                self.not_applicable(f"{key} does not take {value}")
            assert answer.status == "Accepted", f"{key}={value}: {answer.status}"

    def can(self, **keys: str) -> bool:
        """Configured, where the product takes it."""
        try:
            self.configure(**keys)
        except NotApplicable:
            return False
        return all(not spec.inert for key in keys if (spec := self.model.key(key)))

    def list_of(self, key: str, *items: str) -> str:
        """As many of these measurands as the product has and the key may hold."""
        items = tuple(item for item in items if item in self.model.measurands)
        spec = self.model.key(key)
        limit = spec and spec.max_items_key and self.setting(spec.max_items_key)
        return ",".join(items[: int(limit)] if limit else items)

    def source(self, key: str) -> str:
        """Where it is printed."""
        spec = self.model.key(key)
        return spec.source if spec else ""

    def fits(self, key: str, value: str) -> bool:
        """By the product's own bounds."""
        spec = self.model.key(key)
        if spec is None or spec.inert or (spec.allowed and value not in spec.allowed):
            return False
        if spec.type == "measurands":
            known = {measurand.lower() for measurand in self.model.measurands}
            return known >= {item.partition(".L")[0].lower() for item in value.split(",")}
        if spec.type == "int" and not (spec.zero and value == "0"):
            return (spec.min is None or int(value) >= spec.min) and (spec.max is None or int(value) <= spec.max)
        return True

    def setting(self, key: str) -> str:
        """What it is; of a key the product does not show, what it stands at."""
        if key.lower() in self.model.keys:
            answer = self.ask(messages.GetConfiguration(key=(key,)))
            value = answer.configuration_key[0].value
            return value if isinstance(value, str) else ""
        spec = self.model.hidden.get(key.lower())
        return (spec.default if spec else None) or ""

    def seconds(self, key: str, wanted: int) -> float:
        """Set to this where it may be, else what the product fixes it at."""
        spec = self.model.keys.get(key.lower())
        if spec and spec.access != "R" and spec.ocpp_writes:
            self.configure(**{key: str(wanted)})
        return float(self.setting(key) or 0)

    def not_applicable(self, why: str) -> NoReturn:
        raise NotApplicable(why)

    def needs(self, has: object, otherwise: str) -> None:
        """By the product's data."""
        if not has:
            self.not_applicable(otherwise)

    def deviates(self, what: str, source: str) -> None:
        """Its guide has it do otherwise, and what it does instead is checked."""
        self.deviations.append(f"{what} ({source})")

    # --- states that cases begin with --------------------------------------------------------------------------------

    def booted(self) -> None:
        """Booted, with all connectors available; nothing that was said until here counts."""
        self.bench.start()
        self.expect("BootNotification", within_s=RESTART_S)
        self.expect_statuses("Available")
        self.wait(2)

    def expect_statuses(self, *statuses: str, zero: str = "Available", within_s: float = PATIENCE_S) -> None:
        """The status of connector 0 and of each connector; the last of `statuses` is that of all others."""
        rest = [*statuses, *[statuses[-1]] * len(self.connectors)]
        whats = [f"{status} {number}" for number, status in zip(self.connectors, rest, strict=False)]
        self.expect_all(f"{zero} 0", *whats, within_s=within_s)

    def expect_any_statuses(self) -> None:
        """A status of connector 0 and of each connector."""
        self.expect_all(*["StatusNotification"] * (1 + len(self.connectors)))

    def charging(self, connector: int = 1, tag: str = TAG) -> int:
        """Plugged in, let in, and charging; the transaction's number. What was said until here does not count."""
        self.hands.plug(connector)
        if self.reader:
            self.hands.badge(tag, connector)
        else:
            self.asked(messages.RemoteStartTransaction(id_tag=tag, connector_id=connector))
        self.expect("StartTransaction", perhaps=(f"Preparing {connector}", "Authorize"), connector_id=connector)
        self.expect(f"Charging {connector}", perhaps=(f"SuspendedEV {connector}", f"SuspendedEVSE {connector}"))
        self.wait(2)
        return self.transaction(connector)

    def stop(self, reason: str = "Remote", connector: int = 1) -> Any:
        """Ended by RemoteStopTransaction, if it still runs; and unplugged. The StopTransaction."""
        self.asked(messages.RemoteStopTransaction(transaction_id=self.transaction(connector)))
        stop = self.expect_stop(reason, connector)
        self.hands.unplug(connector)
        self.expect(f"Available {connector}")
        return stop

    def expect_stop(self, reason: str, connector: int = 1, perhaps: Collection[str] = ()) -> Any:
        """StopTransaction with this reason and the status Finishing, in either order. "Local" may be left out."""
        told = self.expect_all("StopTransaction", f"Finishing {connector}", perhaps=perhaps)
        stop = told["StopTransaction"]
        assert stop.reason == reason or (reason == "Local" and stop.reason is msgspec.UNSET), stop
        return stop

    # --- what the product is -----------------------------------------------------------------------------------------

    @property
    def connectors(self) -> list[int]:
        return [each.connector for each in self.bench.look().connectors]

    def transaction(self, connector: int = 1) -> int:
        running = self.view(connector).transaction
        assert running, f"no transaction on connector {connector}\n{self.told()}"
        assert running.transaction is not None
        return running.transaction

    def view(self, connector: int = 1) -> sig.ConnectorView:
        return self.bench.look().connectors[connector - 1]

    @property
    def outlet(self) -> ConnectorSpec:
        return self.model.connectors[0]

    @property
    def reader(self) -> bool:
        built_in = self.model.variants[self.model.variant].reader
        return self.model.authentication.reader if built_in is None else built_in

    def needs_socket(self) -> None:
        self.needs(self.outlet.lock, "its cable is attached: it has no lock")

    def needs_attached_cable(self) -> None:
        self.needs(not self.outlet.lock, "it has a socket with a lock")

    def finish(self) -> None:
        """Nothing more comes."""
        self.nothing(2)


class Unread:
    """Messages not read yet, oldest first; reading one takes it. Those unasked are passed over, unless wanted."""

    def __init__(self, case: Case, wanted: Collection[str]) -> None:
        self._case, self._wanted = case, wanted

    def __iter__(self) -> "Unread":
        return self

    def __next__(self) -> tuple[float, Any]:
        seen = self._case.bench.frames
        while self._case._read < len(seen):
            at, way, frame = seen[self._case._read]
            self._case._read += 1
            said = way == "sent" and isinstance(frame, frames.Call)
            if said and (frame.action not in UNASKED or frame.action in self._wanted):
                return at, frame
        raise StopIteration


def words(call: Any) -> str:
    """The action; a StatusNotification by its status and connector."""
    said = call.payload
    return f"{said.status} {said.connector_id}" if call.action == "StatusNotification" else str(call.action)


class Hands:
    """What people do at the station. NotApplicable for what it has not."""

    def __init__(self, case: Case) -> None:
        self._case, self._bench = case, case.bench

    def plug(self, connector: int = 1, car: CarSpec | None = CAR) -> None:
        assert self._bench.hardware.plug_in(connector, car, self._bench.now), "nothing could be plugged in"
        self._bench.run(1)

    def unplug(self, connector: int = 1) -> None:
        """Once the lock has let go, for which people wait a moment."""
        self._bench.run(3)
        assert self._bench.hardware.unplug(connector, self._bench.now), "the cable is locked"
        self._bench.run(1)

    def pull_car(self, connector: int = 1) -> None:
        """The plug at the car; the cable stays in the station."""
        self._case.needs_socket()
        assert self._bench.hardware.unplug_car(connector, self._bench.now), "there is no car"
        self._bench.run(1)

    def plug_car(self, connector: int = 1) -> None:
        assert self._bench.hardware.plug_car(connector, CAR, self._bench.now), "no car could be plugged in"
        self._bench.run(1)

    def badge(self, tag: str = TAG, connector: int | None = None) -> None:
        case, screen = self._case, self._case.model.authentication.shown_connector
        case.needs(case.reader, "it has no badge reader")
        if screen and all(each.pilot == "A" for each in self._bench.look().connectors):
            case.not_applicable("a badge counts only with a car plugged in")
        self._bench.tell(sig.BadgePresented(tag, connector))
        self._bench.run(1)

    def jam_lock(self, connector: int = 1) -> None:
        self._case.needs_socket()
        self._bench.hardware.jam_lock(connector, True)

    def leak(self, connector: int = 1, current_ma: float = 40.0) -> None:
        """A residual current trips the protection; 0 ends it."""
        self._bench.hardware.leak(connector, current_ma, self._bench.now)
        self._bench.run(1)

    def power_cycle(self, off_s: float = 5.0) -> None:
        self._bench.power_cycle(off_s)

    def cut_link(self) -> None:
        self._bench.cut()

    def mend_link(self) -> None:
        self._bench.mend_at_once()


# --- how a case is told to pytest and to the page --------------------------------------------------------------------

Script = Callable[[Case], None]

SCRIPTS: dict[str, Script] = {}
"""By the case's id."""


class Stage(NamedTuple):
    """Where a case is played, and by whom: the first of these products that passes it, or else that can."""

    column: str
    """Of docs/conformance.md."""
    build: Callable[[Model], Bench]
    models: tuple[Model, ...]
    told: Callable[[], Mapping[tuple[str, str], "Verdict"]]
    """What the page says, by case and column."""

    def play(self, script: Script) -> "Verdict":
        verdicts: list[Verdict] = []
        for model in self.models:
            verdict = play(script, self.build(model))
            by = f"by {model.line}/{model.variant}" if len(self.models) > 1 and verdict.kind != "not applicable" else ""
            verdicts.append(verdict._replace(why=by or verdict.why))
            if verdict.kind == "passed":
                break
        return min(verdicts, key=lambda verdict: RANKS.index(verdict.kind))

    def check(self, ident: str) -> "Verdict":
        """Played, and the page says so."""
        verdict, told = self.play(SCRIPTS[ident]), self.told().get((ident, self.column))
        assert verdict == told, (
            f"the page says {told} of {self.column}: if {verdict} is right, tools/conformance writes it"
        )
        return verdict


def play(script: Script, bench: Bench) -> Verdict:
    """Raises AssertionError for a station that fails."""
    case = Case(bench)
    try:
        script(case)
        case.finish()
    except NotApplicable as why:
        return Verdict("not applicable", str(why))
    finally:
        bench.close()
    return Verdict("deviates", "; ".join(case.deviations)) if case.deviations else Verdict("passed")


def covers(ident: str) -> Callable[[Script], Callable[[Sequence[Stage]], None]]:
    """This script is the case of that id."""

    def register(script: Script) -> Callable[[Sequence[Stage]], None]:
        assert ident not in SCRIPTS, f"{ident} is written twice"
        SCRIPTS[ident] = script

        def test(stages: Sequence[Stage]) -> None:
            verdicts = [stage.check(ident) for stage in stages]
            if all(verdict.kind == "not applicable" for verdict in verdicts):
                pytest.skip(verdicts[0].why)

        test.__name__, test.__doc__, test.__module__ = script.__name__, script.__doc__, script.__module__
        return test

    return register
