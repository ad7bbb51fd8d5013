"""Whatever happens to a station, in any order, in virtual time: a state machine for hypothesis over the rig.

Each rule is one thing that somebody does; after it a second goes by, and the books are looked at. `Machine.product`
says which one it is; `teardown` sends everybody home and wants everything told.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, ClassVar, get_args

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec import UNSET

from chargepost import signals as sig
from chargepost.drivers.car import CARS
from chargepost.drivers.outlet import CABLE_RATINGS_A
from chargepost.ocpp import frames
from chargepost.ocpp import messages as m
from chargepost.station.connector import Transaction
from chargepost.station.profiles import obeyed
from chargepost.station.station import Station
from tests.rules.books import BLOCKED, EXPIRED, GOOD, GOOD_TOO, GROUP_MATE, GROUPS, RUNNING, TAGS, Books, Broken, mates
from tests.rules.rig import EPOCH_UTC_S, PowerCut, Rig, utc

LONG_AGO = datetime(2023, 1, 1, tzinfo=UTC)
CALL_S = 5.0
"""No product gives up a call of its own sooner."""
ANSWER_S = 15.0
"""The slowest answer of a station is that of UnlockConnector: its lock has 5 s, a contactor 2 s before."""
RESET_S = 40.0
HOME_S = 1500.0
"""Dials are up to 300 s apart, messages that failed up to 600 s."""
UNSAVED_S = 65.0

NUMBERS = st.sampled_from([1, 1, 1, 1, 0, 0, 2, 2, 3, -1])
WAITS_S = st.sampled_from([0.2, 3.0, 10.0, 31.0, 65.0, 130.0, 400.0])
ACTIONS = ("BootNotification", "Authorize", "StartTransaction", "MeterValues", "StopTransaction", "StatusNotification",
           "Heartbeat")  # fmt: skip
MOODS = ("", "", "error", "silent", "deaf")
VALUES = ("true", "false", "0", "1", "20", "60", "900", "-1", "", "x" * 501, "abc", "1e3", " 60 ", "99999999999",
          "Energy.Active.Import.Register", "Power.Active.Import,SoC", "Nonsense", "NotApplicable")  # fmt: skip
ODD = (
    b'[2,"%s","Reset",{"type":"Warm"}]',
    b'[2,"%s","Reboot",{}]',
    b'[2,"%s","UnlockConnector",{"connectorId":"one"}]',
    b'[2,"%s","GetConfiguration",{"key":7}]',
    b'[2,"%s","ChangeAvailability",{"connectorId":1}]',
    b'[2,"%s","RemoteStartTransaction",{"idTag":"0123456789012345678901"}]',
    b'[2,"%s","RemoteStopTransaction",{"transactionId":1.5}]',
    b'[2,"%s","SetChargingProfile",{"connectorId":1,"csChargingProfiles":{}}]',
    b'[2,"%s","Authorize",{"idTag":"GOOD"}]',
)
"""Requests that are none; each wants a CALLERROR of its own (J 4.2.3)."""
NOISE = (b"", b"[]", b"[2]", b"null", b'[3,"nobody",{}]', b'[4,"nobody","InternalError","",{}]', b"\xff[2", b'{"a":1}')
"""Frames that want no answer."""

RANK = ("Accepted", "RebootRequired")
OF_TRANSACTIONS = frozenset({"transaction", "outbox", "data", "number", "record"})
"""Kinds of memory that end with the transactions they are about."""


class Ask(msgspec.Struct):
    """A request that was put to the station."""

    action: str
    at_s: float
    link: int
    answered: int = 0


class WatchedRig(Rig):
    """Knows which call of the station is open."""

    law: Callable[[str, bool, object], None]
    open_call: tuple[str, float, int] | None = None
    ids: set[str]

    def __init__(self, product: str) -> None:
        self.dice = Random(1).random
        super().__init__(product, start=False)

    @property
    def link(self) -> int:
        """Counts links and programs."""
        return len(self.dials)

    def _sent(self, data: bytes) -> None:
        if data.startswith(b"[2"):
            ident = data.split(b'"', 2)[1].decode()
            self.law("message id", ident not in self.ids, ident)
            self.ids.add(ident)
            was = self.open_call
            early = was is not None and was[2] == self.link and self.now - was[1] < CALL_S
            self.law("one answer", not early, f"{data[:60]!r} while {was} is open")
            self.open_call = ident, self.now, self.link
        super()._sent(data)

    def hear(self, data: bytes) -> None:
        if self.open_call and data[:2] in (b"[3", b"[4") and data.split(b'"', 2)[1].decode() == self.open_call[0]:
            self.open_call = None
        super().hear(data)


class Machine(RuleBasedStateMachine):
    """One station, its hands, its trouble and its central system."""

    product: ClassVar[str] = "evlink-pro-ac"
    work: ClassVar[Counter[str]]
    """How often each law was put to the test, over all runs."""

    def __init__(self) -> None:
        super().__init__()
        rig = self.rig = WatchedRig(self.product)
        self.books = Books(rig)
        rig.law, rig.ids = self.books.law, set()
        self.asks: dict[str, Ask] = {}
        self.wanted: dict[int, str | None] = {}
        """Connector -> Operative or Inoperative, as the central system has it; None: it cannot know."""
        self.wanted_before = self.wanted
        self.seen: set[str] = set()
        """Names of transactions that have begun."""
        self.full = self.refused = False
        """The disk has no room; and the station was told so, and nothing better since."""
        self.expected: tuple[str, int] | None = None
        """The message that an accepted TriggerMessage promises, and on which link."""
        self.faulty = False
        """A fault was injected; some forbid a charge beside the status Available."""
        self.lossless = True
        """Nothing happened that may cost a Wh: no power cut, no dead meter, no welded contact, no full disk."""
        self.reset: tuple[Station, float] | None = None
        self.held: dict[int, tuple[int, str]] = {}
        """Reservations that certainly hold: id -> connector above 0, badge."""
        self.listed: dict[str, str] = {}
        """The local list: badge -> status."""
        self.list_version: int | None = 0
        """None: it cannot be known."""
        self.profiles: dict[int, tuple[int, float]] | None = {}
        """Id -> connector and limit in A: 10 and 11 are TxDefaultProfiles, 20 is a ChargePointMaxProfile.

        None: it cannot be known.
        """
        self.asked = rig.station
        """The program that was asked last; the rig may have another one since."""
        self.whole = False
        """The last thing came to its end."""
        self.before: dict[int, str] = {}
        """Connector -> its status when it was looked at last."""

    @initialize(
        offline=st.booleans(), unknown=st.booleans(), remote=st.booleans(), invalid=st.booleans(), ev=st.booleans(),
        cache=st.booleans(),
        interval_s=st.sampled_from(["0", "20", "60"]), first=st.sampled_from(["", GOOD, GROUP_MATE]),
    )  # fmt: skip
    def begin(
        self,
        offline: bool,
        unknown: bool,
        remote: bool,
        invalid: bool,
        ev: bool,
        cache: bool,
        interval_s: str,
        first: str,
    ) -> None:
        """A station as some owner has set it; transaction messages are tried for ever."""
        rig = self.rig
        rig.own(
            TransactionMessageAttempts="0", TransactionMessageRetryInterval="5", MeterValueSampleInterval=interval_s,
            LocalAuthorizeOffline=str(offline).lower(), AllowOfflineTxForUnknownId=str(unknown).lower(),
            AuthorizeRemoteTxRequests=str(remote).lower(), StopTransactionOnInvalidId=str(invalid).lower(),
            StopTransactionOnEVSideDisconnect=str(ev).lower(), RestoreTimeout="20", ConnectionTimeOut="60",
            AuthorizationCacheEnabled=str(cache).lower(), LocalAuthListEnabled="true",
        )  # fmt: skip
        rig.start()
        self.unknown_offline = unknown
        self.wanted = dict.fromkeys(range(len(rig.station.connectors) + 1), "Operative")
        self.do(lambda: None, 3)
        if first:
            self.visit(1, first, False, False, 10)

    # --- doing and looking -------------------------------------------------------------------------------------------

    def do(self, act: Callable[[], object], seconds: float = 1.0) -> None:
        """One thing, and what comes of it; the mains may go away within."""
        self.whole = False
        try:
            act()
            self.rig.run(seconds)
            self.look()
        except PowerCut:
            self.power_back()
            self.look()
        self.whole = True

    def power_back(self, off_s: float = 5.0) -> None:
        rig = self.rig
        rig.cut_at = None
        self.lossless = False
        self.full, self.refused, rig.disk = False, False, True
        rig.power_cycle(off_s)
        rig.run(3)

    def look(self) -> None:
        rig = self.rig
        if self.full and rig.unwritten:
            rig.tell(sig.NotRemembered("no space left on device"))
        self.read()
        problem = self.standing()
        if problem:  # a contactor opens, a lock moves, a car follows: give it a moment
            rig.run(0.7)
            self.read()
            problem = self.standing()
            if problem:
                raise problem
        self.before = {c.connector: c.status for c in rig.station.view(rig.now).connectors}
        gone = {n for n, word in self.before.items() if word in ("Faulted", "Unavailable")}
        self.held = {} if gone else self.held  # it ends with what it holds

    def read(self) -> None:
        """All that the station said and wished since the last time."""
        rig, law = self.rig, self.books.law
        for _, _, frame in rig.frames:
            if isinstance(frame, frames.Call):
                if self.expected and frame.action == self.expected[0]:
                    self.expected = None
                continue
            ask = self.asks.get(frame.id)
            law("one answer", ask is not None and ask.answered == 0, f"{frame}: {ask}")
            assert ask
            ask.answered += 1
        for _, wish in rig.wishes:
            if isinstance(wish, sig.Remember):
                for key, value in wish.puts.items():
                    if key.startswith("transaction/") and key not in self.seen:
                        self.seen.add(key)
                        self.begun(msgspec.json.decode(value, type=Transaction))
        rig.frames.clear()
        rig.wishes.clear()
        for ident, ask in list(self.asks.items()):
            if ask.answered or ask.link != rig.link or not rig.connected:
                del self.asks[ident]
            elif not rig.disk:
                ask.at_s = rig.now  # it is not promised before it is on disk
            else:
                law("one answer", rig.now - ask.at_s < ANSWER_S, f"{ask} is not answered")
        if self.expected and (not rig.connected or self.expected[1] != rig.link):
            self.expected = None
        if self.expected:
            law("answer", not self.well(), f"{self.expected} was triggered and does not come")
        if self.reset:
            station, at_s = self.reset
            if station is not rig.station:
                self.reset = None
            else:
                law("answer", rig.now - at_s < RESET_S or self.full, "a reset was accepted and not done")

    def begun(self, tx: Transaction) -> None:
        """A transaction exists from here on."""
        rig, books, station = self.rig, self.books, self.rig.station
        tag = tx.id_tag.upper()
        free = station.free_charging or rig.model.authentication.plug_starts_offline
        good = tag in books.accepted or self.unknown_offline or (free and tag == station.default_tag.upper())
        books.law("authorized", good, f"{tx.id_tag} charges on connector {tx.connector}")
        for ident, (connector, badge) in self.held.items():
            if connector == tx.connector:
                books.law("reserved", mates(badge, tx.id_tag), f"{tx.id_tag} on {connector}, reserved as {ident}")
        self.held = {ident: held for ident, held in self.held.items() if held[0] != tx.connector}
        if self.list_version and station.core.settings.flag("LocalAuthListEnabled"):
            refused = self.listed.get(tx.id_tag, "Accepted") != "Accepted" and tag not in books.accepted
            books.law("local list", not refused, f"{tx.id_tag} charges on connector {tx.connector}")
        out = self.before.get(tx.connector) == "Unavailable" and self.wanted.get(tx.connector) == "Inoperative"
        books.law("out of service", not out, f"{tx.id_tag} charges on connector {tx.connector}")

    def standing(self) -> Broken | None:
        """What must hold whenever one looks; the first thing that does not."""
        try:
            for c in self.rig.station.view(self.rig.now).connectors:
                self.connector_holds(c)
            self.refused_hold()
            self.told_holds()
        except Broken as broken:
            return broken
        return None

    def connector_holds(self, c: sig.ConnectorView) -> None:
        rig, law = self.rig, self.books.law
        outlet = rig.hardware.connector(c.connector)
        running = c.transaction is not None
        law("status", c.status not in RUNNING or running, f"{c}")
        law("status", not running or c.status in RUNNING or c.status == "Faulted", f"{c}")
        if outlet.closed and not outlet.welded:
            law("no power", running and c.status in RUNNING, f"{c}")
        if outlet.plugged and outlet.offered_a:
            law("offer", outlet.offered_a <= min(outlet.spec.max_current_a, outlet.cable_rating_a), f"{c}")
        if self.profiles and c.transaction and obeyed(rig.station.core):
            own = self.profiles.get(10 + c.connector, (0, 1e3))[1]
            most = [own, self.profiles.get(20, (0, 1e3))[1]]
            law("profile", outlet.offered_a <= min(most) + 0.01, f"{c}: {self.profiles}")
        wanted = self.wanted.get(c.connector)
        if wanted == "Inoperative":
            law("out of service", c.status not in ("Available", "Reserved"), f"{c}")
        elif wanted == "Operative":
            law("out of service", c.status != "Unavailable", f"{c}")

    def refused_hold(self) -> None:
        rig, books = self.rig, self.books
        granted_wh = rig.station.core.settings.number("MaxEnergyOnInvalidId")
        for number, (connector, register_wh) in books.refused_at_wh.items():
            outlet = rig.hardware.connector(connector)
            used_wh = outlet.energy_wh - register_wh
            running = any(tx.number == number for tx in self.open())
            if running and not outlet.welded:
                books.law("refused", used_wh <= granted_wh + 3, f"{used_wh:.1f} Wh in transaction {number}")

    def told_holds(self) -> None:
        """While all is well at the other end."""
        rig, books = self.rig, self.books
        if not self.well():
            return
        for c in rig.station.view(rig.now).connectors:
            books.law("told", books.statuses.get(c.connector) == c.status, f"{books.statuses}: {c}")

    def well(self) -> bool:
        """What is said is heard and answered, and nothing waits to be said."""
        talk, rig = self.rig.station.talk, self.rig
        return (
            talk.online and rig.connected and talk.idle and not self.books.moods and not self.full and rig.disk
            and not talk.outbox and rig.station.restarting is None
            and not rig.station.core.settings.number("MinimumStatusDuration")
        )  # fmt: skip

    def open(self) -> list[Transaction]:
        return [c.transaction for c in self.rig.station.connectors if c.transaction]

    # --- people ------------------------------------------------------------------------------------------------------

    @rule(seconds=WAITS_S)
    def wait(self, seconds: float) -> None:
        self.do(lambda: None, seconds)

    @rule(n=st.integers(1, 2), car=st.sampled_from(sorted(CARS)), rating_a=st.sampled_from(CABLE_RATINGS_A),
          alone=st.sampled_from([False, False, False, True]))  # fmt: skip
    def plug(self, n: int, car: str, rating_a: float, alone: bool) -> None:
        rig, n = self.rig, self.outlet(n)
        self.do(lambda: rig.hardware.plug_in(n, None if alone else CARS[car], rig.now, rating_a))

    @rule(n=st.integers(1, 2), tag=st.sampled_from(TAGS), first=st.booleans(), app=st.booleans(), seconds=WAITS_S)
    def visit(self, n: int, tag: str, first: bool, app: bool, seconds: float) -> None:
        """Somebody comes to charge: plug, and badge or app, in either order."""
        n = self.outlet(n)
        if first:
            self.let_in(n, tag, app)
        self.do(lambda: self.rig.hardware.plug_in(n, CARS["Saloon"], self.rig.now))
        if not first:
            self.let_in(n, tag, app)
        self.do(lambda: None, seconds)

    @rule(n=st.integers(1, 2), tag=st.sampled_from([GOOD, GOOD_TOO]), seconds=WAITS_S)
    def good_visit(self, n: int, tag: str, seconds: float) -> None:
        """One of those that go well if anything does."""
        self.visit(n, tag, False, False, seconds)

    @rule(n=st.integers(1, 2), tag=st.sampled_from([BLOCKED, EXPIRED]), seconds=WAITS_S)
    def bad_visit(self, n: int, tag: str, seconds: float) -> None:
        """One that the central system will refuse, if it is asked too late."""
        self.visit(n, tag, False, True, seconds)

    def let_in(self, n: int, tag: str, app: bool) -> None:
        if app or not self.rig.model.authentication.reader:
            self.ask(m.RemoteStartTransaction(id_tag=tag, connector_id=n))
        else:
            self.do(lambda: self.rig.tell(sig.BadgePresented(tag, n)))

    @rule(n=st.integers(1, 2), how=st.sampled_from(["unplug", "unplug_car", "replug"]))
    def pull(self, n: int, how: str) -> None:
        n = self.outlet(n)
        self.do(lambda: getattr(self.rig.hardware, how)(n, self.rig.now))

    @rule(n=st.integers(1, 2), ready=st.booleans(), asleep=st.booleans())
    def car_changes_its_mind(self, n: int, ready: bool, asleep: bool) -> None:
        n = self.outlet(n)
        self.do(lambda: self.rig.hardware.set_car(n, self.rig.now, ready=ready, asleep=asleep), 3)

    @rule(tag=st.sampled_from((*TAGS, "good", "", "x" * 21)), n=st.sampled_from([None, 1, 2, 7]))
    def badge(self, tag: str, n: int | None) -> None:
        self.do(lambda: self.rig.tell(sig.BadgePresented(tag, n)))

    @rule(n=st.integers(0, 2), reason=st.sampled_from(["Local", "Other", "Nonsense"]))
    def stop_here(self, n: int, reason: str) -> None:
        self.do(lambda: self.rig.tell(sig.StopAsked(n, reason)))

    def outlet(self, n: int) -> int:
        return min(n, len(self.rig.hardware.connectors))

    # --- trouble -----------------------------------------------------------------------------------------------------

    @rule(n=st.integers(1, 2), what=st.sampled_from(["leak", "short", "jam", "weld", "mute"]), on=st.booleans())
    def hardware_fault(self, n: int, what: str, on: bool) -> None:
        n = self.outlet(n)
        self.do(lambda: self.break_it(n, what, on))

    def break_it(self, n: int, what: str, on: bool) -> None:
        hardware, now = self.rig.hardware, self.rig.now
        match what:
            case "leak":
                hardware.leak(n, 30.0 if on else 0.0, now)
            case "short":
                hardware.short_pilot(n, on, now)
            case "jam":
                hardware.jam_lock(n, on)
            case "weld":
                hardware.advance(now)
                hardware.weld(n, on)
            case "mute":
                hardware.mute_meter(n, on)
        self.lossless = self.lossless and not (on and what in ("weld", "mute"))

    @rule(n=st.integers(0, 2), place=st.integers(0, 99), ocpp=st.booleans())
    def fault(self, n: int, place: int, ocpp: bool) -> None:
        """By a vendor code of the product, or an errorCode of OCPP."""
        errors = self.rig.model.errors
        self.faulty = True
        codes = sorted({spec.ocpp for spec in errors.values()}) if ocpp else sorted(errors)
        self.do(lambda: self.rig.tell(sig.FaultRaised(min(n, len(self.wanted) - 1), codes[place % len(codes)])))

    @rule(n=st.integers(0, 2))
    def faults_end(self, n: int) -> None:
        self.faulty = self.faulty and n != 0
        self.do(lambda: self.rig.tell(sig.FaultCleared(min(n, len(self.wanted) - 1))))

    @rule(name=st.sampled_from(["emergency_stop", "stop", "suspend", "nothing"]), on=st.booleans())
    def button(self, name: str, on: bool) -> None:
        self.do(lambda: self.rig.hardware.press(name, on))

    @rule(name=st.sampled_from(["load_shedding", "other_socket_1", "detection_loop", "door"]), on=st.booleans())
    def contact(self, name: str, on: bool) -> None:
        self.do(lambda: self.rig.hardware.set_input(name, on))

    @rule(after=st.integers(0, 12), off_s=st.sampled_from([1.0, 30.0]))
    def power_cut(self, after: int, off_s: float) -> None:
        """The mains go away now, or within what happens next."""
        if after:
            self.rig.cut_at = self.rig.done + after
        else:
            self.do(lambda: self.power_back(off_s))

    @rule(seconds=WAITS_S)
    def link_cut(self, seconds: float) -> None:
        rig = self.rig

        def cut() -> None:
            rig.reachable = rig.connected = False
            rig.tell(sig.LinkDown("cut"))

        if rig.connected:
            self.do(cut, seconds)

    @rule(reachable=st.sampled_from([True, True, False]), pongs=st.sampled_from([True, True, False]))
    def network(self, reachable: bool, pongs: bool) -> None:
        def change() -> None:
            self.rig.reachable, self.rig.pongs = reachable, pongs

        self.do(change)

    @rule(action=st.sampled_from(ACTIONS), mood=st.sampled_from(MOODS))
    def mood(self, action: str, mood: str) -> None:
        self.books.moods.pop(action, None)
        if mood:
            self.books.moods[action] = mood

    @rule()
    def good_mood(self) -> None:
        self.books.moods.clear()
        self.rig.reachable = self.rig.pongs = True
        self.books.boot = "Accepted"

    @rule(boot=st.sampled_from(["Accepted", "Pending", "Rejected"]), interval_s=st.sampled_from([0, 10, 300]))
    def registration(self, boot: str, interval_s: int) -> None:
        """What the next BootNotification is answered."""
        self.books.boot, self.books.boot_interval_s = boot, interval_s

    @rule(full=st.booleans(), slow=st.booleans())
    def disk(self, full: bool, slow: bool) -> None:
        def change() -> None:
            if full or slow:
                self.full, self.rig.disk, self.lossless = full, False, False
                self.refused = self.refused or full
                return
            self.full, self.refused, self.rig.disk = False, False, True
            self.rig.write()

        self.do(change)

    @rule(step_s=st.sampled_from([-86400.0, -5.0, 3.0, 3600.0, 86400.0]), central=st.booleans())
    def clock(self, step_s: float, central: bool) -> None:
        if central:
            self.books.clock_off_s += step_s
            self.held.clear()
        else:
            utc_s = EPOCH_UTC_S + self.rig.now + step_s
            self.held.clear()
            self.do(lambda: self.rig.tell(sig.ClockSet(utc_s, "by hand")))

    # --- the central system asks -------------------------------------------------------------------------------------

    def ask(self, payload: Any, seconds: float = 1.0) -> None:
        """One request, judged by its row of `JUDGES` when the answer comes at once."""
        rig = self.rig
        before, self.asked = rig.station.view(rig.now), rig.station

        def act() -> None:
            answer = self.answer_to(payload)
            if answer is not None:
                self.judge(payload, answer, before)

        if rig.connected:
            self.do(act, seconds)

    def answer_to(self, payload: Any) -> Any:
        rig = self.rig
        rig.asks += 1
        ident = f"cs-{rig.asks}"
        boot = rig.station.talk.boot
        if boot != "Rejected":
            self.asks[ident] = Ask(payload.action, rig.now, rig.link)
        rig.hear(frames.write_call(ident, payload))
        rig.drain()
        return rig.answer_to(ident, payload.action)

    def judge(self, payload: Any, answer: Any, before: sig.StationView) -> None:
        law, action = self.books.law, payload.action
        answers = self.rig.model.messages.answers
        if isinstance(answer, frames.Error):
            excused = action not in answers or self.refused or answer.code == CODES.get(action)
            known = answer.code in ("NotSupported", "InternalError", CODES.get(action))
            law("answer", excused and known, f"{payload}: {answer}")
        elif action in JUDGES:
            JUDGES[action](self, payload, answer, before)

    @rule(n=NUMBERS, kind=st.sampled_from(["Operative", "Inoperative"]))
    def change_availability(self, n: int, kind: Any) -> None:
        self.wanted_before = dict(self.wanted)
        if self.rig.connected:
            self.wanted |= dict.fromkeys(self.wanted if n == 0 else self.wanted.keys() & {n})  # until it is answered
        self.ask(m.ChangeAvailability(connector_id=n, type=kind))

    @rule(kind=st.sampled_from(["Soft", "Hard"]))
    def ask_reset(self, kind: Any) -> None:
        self.ask(m.Reset(type=kind), 12)

    @rule(n=NUMBERS)
    def unlock(self, n: int) -> None:
        self.ask(m.UnlockConnector(connector_id=n), 8)

    @rule(tag=st.sampled_from(TAGS), n=st.sampled_from([UNSET, 0, 1, 1, 2, 3]))
    def remote_start(self, tag: str, n: Any) -> None:
        self.ask(m.RemoteStartTransaction(id_tag=tag, connector_id=n), 3)

    @rule(place=st.integers(0, 2), odd=st.sampled_from([False, False, False, True]))
    def remote_stop(self, place: int, odd: bool) -> None:
        numbers = [tx.number for tx in self.open() if tx.number is not None]
        number = 7 if odd or not numbers else numbers[place % len(numbers)]
        self.ask(m.RemoteStopTransaction(transaction_id=number), 3)

    @rule(place=st.integers(0, 999), value=st.sampled_from(VALUES))
    def change_configuration(self, place: int, value: str) -> None:
        """Any key that is not about the link itself, and a few that nobody has."""
        keys = [key for key in (*sorted(self.rig.model.keys), "nosuchkey") if key not in left_alone(self.rig.model)]
        key = keys[place % len(keys)]
        rig, law = self.rig, self.books.law
        if not rig.connected or rig.station.talk.boot not in ("Accepted", "Pending") or not rig.disk or self.full:
            return

        def act() -> None:
            was = self.value(key)
            answer = self.answer_to(m.ChangeConfiguration(key=key, value=value))
            if answer is None or not rig.connected:
                return
            if isinstance(answer, frames.Error):  # longer than the schema allows
                law("answer", len(value) > 500, f"{key}={value}: {answer}")
                return
            now = self.value(key)
            if was is None or now is None:
                return  # the link was left: a key about it
            if answer.status in RANK:
                law("read back", now.readonly is not True, f"{key}={value}: {answer}, {now}")
            else:
                law("read back", now == was, f"{key}={value}: {answer}, {was} became {now}")
                law("answer", (key == "nosuchkey") == (answer.status == "NotSupported"), f"{key}: {answer}")

        self.do(act)

    def value(self, key: str) -> m.KeyValue | None:
        answer = self.answer_to(m.GetConfiguration(key=(key,)))
        if answer is None or isinstance(answer, frames.Error):
            return None
        if not answer.configuration_key:
            return m.KeyValue(key=key, readonly=False, value="unknown")
        found: m.KeyValue = answer.configuration_key[0]
        return found

    @rule(keys=st.lists(st.sampled_from(["HeartbeatInterval", "heartbeatinterval", "Nonsense", "NumberOfConnectors"])))
    def get_configuration(self, keys: list[str]) -> None:
        self.ask(m.GetConfiguration(key=tuple(keys)))

    @rule(message=st.sampled_from(get_args(m.MessageTrigger)), n=st.sampled_from([UNSET, 1, 1, 2, 0, 9]))
    def trigger(self, message: Any, n: Any) -> None:
        self.ask(m.TriggerMessage(requested_message=message, connector_id=n))

    @rule(vendor=st.sampled_from(["com.nobody", "Schneider Electric"]), message=st.sampled_from([UNSET, "Locate", "x"]))
    def data_transfer(self, vendor: str, message: Any) -> None:
        self.ask(m.DataTransfer(vendor_id=vendor, message_id=message))

    @rule(n=NUMBERS, tag=st.sampled_from([GOOD, GROUP_MATE, GOOD_TOO]), ident=st.integers(1, 3),
          ahead_s=st.sampled_from([100_000.0, 100_000.0, 30.0, -200_000.0]))  # fmt: skip
    def reserve(self, n: int, tag: str, ident: int, ahead_s: float) -> None:
        expires = utc(self.rig) + timedelta(seconds=ahead_s)
        parent = GROUPS.get(tag, UNSET)
        if self.rig.connected:
            self.held.pop(ident, None)
            self.books.reservations.setdefault(ident, []).append((n, tag))
        self.ask(
            m.ReserveNow(connector_id=n, expiry_date=expires, id_tag=tag, parent_id_tag=parent, reservation_id=ident)
        )

    @rule(n=st.integers(1, 2), mine=st.booleans(), seconds=WAITS_S)
    def visit_to_a_reserved_place(self, n: int, mine: bool, seconds: float) -> None:
        """By who it is held for, or by somebody else."""
        n = self.outlet(n)
        self.reserve(n, GOOD, 1, 100_000.0)
        self.visit(n, GROUP_MATE if mine else GOOD_TOO, False, False, seconds)

    @rule(ident=st.integers(1, 4))
    def cancel(self, ident: int) -> None:
        if self.rig.connected:
            self.held.pop(ident, None)
        self.ask(m.CancelReservation(reservation_id=ident))

    @rule(tags=st.sets(st.sampled_from(TAGS), max_size=4), word=st.sampled_from(["Accepted", "Blocked", "Expired"]),
          full=st.booleans(), step=st.integers(-1, 2))  # fmt: skip
    def send_local_list(self, tags: set[str], word: Any, full: bool, step: int) -> None:
        entries = tuple(m.AuthorizationData(id_tag=tag, id_tag_info=m.IdTagInfo(status=word)) for tag in sorted(tags))
        version = max((self.list_version or 0) + step, 1)
        self.list_before, self.list_version = self.list_version, None
        kind: Any = "Full" if full else "Differential"
        self.ask(m.SendLocalList(list_version=version, update_type=kind, local_authorization_list=entries))

    @rule()
    def list_version_asked(self) -> None:
        self.ask(m.GetLocalListVersion())

    @rule(ident=st.sampled_from([11, 11, 12, 20]), limit_a=st.sampled_from([0.0, 6.0, 10.0, 16.0, 32.0]))
    def set_profile(self, ident: int, limit_a: float) -> None:
        """One period for ever, from long ago: whatever the clock says, it is in force."""
        n = ident - 10 if ident < 20 else 0
        purpose: Any = "TxDefaultProfile" if n else "ChargePointMaxProfile"
        profile = m.ChargingProfile(
            charging_profile_id=ident, stack_level=0, charging_profile_kind="Absolute",
            charging_profile_purpose=purpose,
            charging_schedule=m.ChargingSchedule(
                charging_rate_unit="A", start_schedule=LONG_AGO,
                charging_schedule_period=(m.ChargingSchedulePeriod(start_period=0, limit=limit_a),),
            ),
        )  # fmt: skip
        self.profiles_before, self.profiles = self.profiles, None
        self.ask(m.SetChargingProfile(connector_id=n, cs_charging_profiles=profile))

    @rule(ident=st.sampled_from([UNSET, 11, 12, 20]))
    def clear_profile(self, ident: Any) -> None:
        self.profiles_before, self.profiles = self.profiles, None
        self.ask(m.ClearChargingProfile(id=ident))

    @rule(n=NUMBERS, duration_s=st.sampled_from([0, 60, 86_400]))
    def composite(self, n: int, duration_s: int) -> None:
        self.ask(m.GetCompositeSchedule(connector_id=n, duration=duration_s))

    @rule()
    def clear_cache(self) -> None:
        self.ask(m.ClearCache())

    @rule(data=st.sampled_from((*ODD, *NOISE)))
    def odd_frame(self, data: bytes) -> None:
        rig = self.rig
        if not rig.connected:
            return
        rig.asks += 1
        ident = f"cs-{rig.asks}"
        if data in ODD:
            data = data % ident.encode()
            if rig.station.talk.boot != "Rejected":
                self.asks[ident] = Ask("odd", rig.now, rig.link)

        def act() -> None:
            rig.hear(data)
            rig.drain()
            for _, _, frame in rig.frames:
                if not isinstance(frame, frames.Call) and frame.id == ident:
                    self.books.law("answer", isinstance(frame, frames.Error), f"{data!r}: {frame}")

        self.do(act)

    # --- what is on disk ---------------------------------------------------------------------------------------------

    @rule()
    @precondition(lambda self: self.rig.disk and not self.full)
    def memory(self) -> None:
        """A new program, built from the disk, knows what this one knows."""
        rig, law = self.rig, self.books.law
        now, then = rig.station, Station(rig.model, "CP-1", dict(rig.memory))
        if rig.unwritten or now.core.memory.take() is not None:
            return
        for a, b in zip(now.all_connectors, then.all_connectors, strict=True):
            waits = a.out_when_free
            law("memory", a.operative == b.operative or waits, f"connector {a.number}: {a.operative}, {b.operative}")
            law("memory", a.transaction == b.transaction or bool(a.stopping), f"{a.transaction}, {b.transaction}")
        law("memory", now.core.settings.changed == then.core.settings.changed, then.core.settings.changed)
        cached = {tag: (entry.status, entry.parent) for tag, entry in now.authorization.cache.items()}
        kept = {tag: (entry.status, entry.parent) for tag, entry in then.authorization.cache.items()}
        law("memory", cached == kept, f"{cached}, {kept}")
        waiting = [(e.seq, e.kind, e.payload) for e in now.talk.outbox._entries]
        stored = [(e.seq, e.kind, e.payload) for e in then.talk.outbox._entries]
        law("memory", waiting == stored, f"{waiting}, {stored}")

    # --- the end -----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """All is mended, everybody leaves, and everything is told."""
        if not self.whole:
            return  # it ended with an error, which is what is to be told
        rig, books = self.rig, self.books
        rig.cut_at = None
        self.good_mood()
        books.boot_interval_s = 300
        self.disk_good()
        for n in range(1, len(rig.hardware.connectors) + 1):
            for what in ("leak", "short", "jam", "weld", "mute"):
                self.break_it(n, what, False)
        for name in ("emergency_stop", "suspend"):
            rig.hardware.press(name, False)
        for name in ("load_shedding", "other_socket_1", "detection_loop", "door"):
            rig.hardware.set_input(name, False)
        self.do(lambda: rig.tell(sig.FaultCleared(0)), 15)
        for c in rig.station.connectors:
            self.do(lambda n=c.number: rig.tell(sig.StopAsked(n, "Local")), 15)  # type: ignore[misc]
        self.do(lambda: None, HOME_S)
        for n in range(1, len(rig.hardware.connectors) + 1):
            if not rig.hardware.unplug(n, rig.now):
                self.ask(m.UnlockConnector(connector_id=n), 8)
                rig.hardware.unplug(n, rig.now)
        self.do(lambda: None, 10)
        for c in rig.station.connectors:
            self.do(lambda n=c.number: rig.tell(sig.StopAsked(n, "Local")), 15)  # type: ignore[misc]
        for _ in range(3):
            if rig.station.talk.outbox:
                self.do(lambda: None, HOME_S)
        self.all_is_told()
        self.work.update(books.work)

    def disk_good(self) -> None:
        self.full, self.refused, self.rig.disk = False, False, True
        self.rig.write()

    def all_is_told(self) -> None:
        rig, books = self.rig, self.books
        left = [
            key for key in rig.memory if key.partition("/")[0] in ("transaction", "outbox", "data", "number", "record")
        ]
        books.law("nothing left", not left, left)
        books.law("nothing left", rig.connected and rig.station.talk.online, rig.station.view(rig.now).link)
        running = [told for told in books.told.values() if told.stop is None]
        books.law("one stop", not running, running)
        told = {(t.number, t.start.meter_start, t.stop.meter_stop) for t in books.told.values() if t.stop}
        kept = {(r.transaction, r.start_wh, r.stop_wh) for r in rig.records.values()}
        books.law("nothing left", told == kept, f"told {told}, recorded {kept}")
        books.law("nothing left", all(r.delivered for r in rig.records.values()), rig.records)
        if self.lossless:
            for outlet in rig.hardware.connectors:
                stops = [t for t in books.told.values() if t.start.connector_id == outlet.number and t.stop]
                billed_wh = sum(t.stop.meter_stop - t.start.meter_start for t in stops if t.stop)
                lost_wh = outlet.energy_wh - billed_wh
                books.law("energy", -1 <= lost_wh <= len(stops) + 1, f"{lost_wh} Wh flowed that nobody is billed for")
        self.told_holds()


def left_alone(model: Any) -> set[str]:
    """Keys that would take the station off the link for good, or change what the end of a run rests on."""
    t = model.transport
    own = (t.url_key, t.identity_key, t.enable_key, t.password_key, model.identity.truncate_serials_key)
    linked = {key.lower() for key in own if key}
    reset = model.quirks.get("reset_by_key", {}).get("trigger_key", "")
    return linked | {"transactionmessageattempts", "transactionmessageretryinterval", "securityprofile", reset.lower(),
                     "allowofflinetxforunknownid", "authorizeremotetxrequests"}  # fmt: skip


# --- what the standard says of the answers ---------------------------------------------------------------------------


def availability(x: Machine, ask: m.ChangeAvailability, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.2; trap 49."""
    n, law = ask.connector_id, x.books.law
    if not 0 <= n <= len(before.connectors):
        law("answer", answer.status == "Rejected", f"{ask}: {answer}")
        return
    of = [c for c in before.connectors if n in (0, c.connector)]
    busy = [c for c in of if c.transaction or c.status == "Preparing"]
    hidden = any(c.status == "Faulted" for c in of)
    out = ask.type == "Inoperative"
    already = any(x.wanted_before.get(c.connector) != "Operative" for c in of)
    if not out:
        law("answer", answer.status == "Accepted", f"{ask}: {answer}")
    elif not hidden and not already:
        law("answer", answer.status == ("Scheduled" if busy else "Accepted"), f"{ask}: {answer}, {before}")
    for c in x.wanted if n == 0 else (n,):
        x.wanted[c] = ask.type


def reset(x: Machine, ask: m.Reset, answer: Any, before: sig.StationView) -> None:
    x.books.law("answer", answer.status == "Accepted" or x.reset is not None, f"{ask}: {answer}")
    if answer.status == "Accepted":
        x.reset = x.reset or (x.asked, x.rig.now)


def unlocked(x: Machine, ask: m.UnlockConnector, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.18; trap 62."""
    n = ask.connector_id
    lock = 0 < n <= len(before.connectors) and x.rig.hardware.connector(n).spec.lock
    x.books.law("answer", (answer.status == "NotSupported") == (not lock), f"{ask}: {answer}")


def remote_started(x: Machine, ask: m.RemoteStartTransaction, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.11; trap 30."""
    n, law = ask.connector_id, x.books.law
    of = [c for c in before.connectors if n in (UNSET, c.connector)]
    can = [c for c in of if c.status in ("Available", "Preparing", "Finishing", "Reserved")]
    accepted = answer.status == "Accepted"
    law("answer", not accepted or (bool(can) and before.link.boot == "Accepted"), f"{ask}: {answer}, {before}")
    if accepted and not x.rig.station.core.settings.flag("AuthorizeRemoteTxRequests"):
        x.books.accepted.add(ask.id_tag.upper())
    waits = not x.rig.model.authentication.remote_unplugged_key  # else a car must be there first, by a key
    simple = before.link.boot == "Accepted" and x.asked.restarting is None and waits and not x.faulty
    if simple and of and all(c.status == "Available" and c.pilot == "A" for c in of):
        law("answer", accepted, f"{ask}: {answer}, {before}")


def remote_stopped(x: Machine, ask: m.RemoteStopTransaction, answer: Any, before: sig.StationView) -> None:
    running = any(c.transaction and c.transaction.transaction == ask.transaction_id for c in before.connectors)
    good = running and before.link.boot == "Accepted"
    x.books.law("answer", (answer.status == "Accepted") == good, f"{ask}: {answer}, {before}")


def configuration(x: Machine, ask: m.GetConfiguration, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.8: each key asked for is in one of the two lists."""
    if ask.key is UNSET or not ask.key:
        x.books.law("answer", bool(answer.configuration_key), answer)
        return
    known = {pair.key.lower() for pair in answer.configuration_key or ()}
    unknown = {key.lower() for key in answer.unknown_key or ()}
    asked = {key.lower() for key in ask.key}
    x.books.law("answer", known | unknown == asked and not known & unknown, f"{ask}: {answer}")
    x.books.law("answer", ("nonsense" in unknown) == ("nonsense" in asked), f"{ask}: {answer}")


def triggered(x: Machine, ask: m.TriggerMessage, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.17; traps 15, 20, 64: the answer first, then the message."""
    n, what, accepted = ask.connector_id, ask.requested_message, answer.status == "Accepted"
    unknown = n is not UNSET and n > len(before.connectors) and what in ("MeterValues", "StatusNotification")
    boot = before.link.boot
    good = not unknown and (boot == "Pending" or (boot == "Accepted") != (what == "BootNotification"))
    x.books.law("answer", not accepted or good, f"{ask}: {answer}, {before.link}")
    if accepted and what != "MeterValues":  # a meter may be silent
        x.expected = what, x.rig.link


def cleared(x: Machine, ask: m.ClearCache, answer: Any, before: sig.StationView) -> None:
    on = x.rig.station.core.settings.flag("AuthorizationCacheEnabled")
    x.books.law("answer", (answer.status == "Accepted") == on, f"{ask}: {answer}")


def transferred(x: Machine, ask: m.DataTransfer, answer: Any, before: sig.StationView) -> None:
    if ask.vendor_id == "com.nobody":
        x.books.law("answer", answer.status == "UnknownVendorId", f"{ask}: {answer}")


def reserved(x: Machine, ask: m.ReserveNow, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.13; traps 72 to 76."""
    n, law = ask.connector_id, x.books.law
    if n == 0:
        return
    c = next((c for c in before.connectors if c.connector == n), None)
    past = ask.expiry_date.timestamp() <= before.utc_s
    if c is None or past:
        law("answer", answer.status == "Rejected", f"{ask}: {answer}")
        return
    words = {"Available": ("Accepted", "Occupied"), "Reserved": ("Accepted", "Occupied"), "Faulted": ("Faulted",)}
    words["Unavailable"] = ("Unavailable", "Faulted")
    allowed = words.get(c.status, ("Occupied",))
    hidden = x.faulty or c.pilot in ("E", "F") or x.asked.restarting is not None
    law("answer", hidden or answer.status in allowed, f"{ask}: {answer}, {before}")
    if answer.status == "Accepted" and ask.expiry_date.timestamp() > before.utc_s + 90_000:
        x.held = {ident: held for ident, held in x.held.items() if held[0] != n} | {ask.reservation_id: (n, ask.id_tag)}


def cancelled(x: Machine, ask: m.CancelReservation, answer: Any, before: sig.StationView) -> None:
    made = ask.reservation_id in x.books.reservations
    x.books.law("answer", made or answer.status == "Rejected", f"{ask}: {answer}")


def list_sent(x: Machine, ask: m.SendLocalList, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.15; traps 69 to 71."""
    was, entries, full = x.list_before, ask.local_authorization_list or (), ask.update_type == "Full"
    if answer.status == "Accepted":
        new: dict[str, str] = {entry.id_tag: entry.id_tag_info.status for entry in entries if entry.id_tag_info}
        x.listed = new if full else x.listed | new
        x.list_version = ask.list_version if x.listed else 0
        x.books.accepted |= {tag.upper() for tag, word in new.items() if word == "Accepted"}
    else:
        x.list_version = was
    if was is not None and not full and ask.list_version <= was:
        x.books.law("answer", answer.status in ("VersionMismatch", "NotSupported"), f"{ask}: {answer}, had {was}")


def list_version(x: Machine, ask: m.GetLocalListVersion, answer: Any, before: sig.StationView) -> None:
    if x.list_version is not None:
        x.books.law("local list", answer.list_version in (-1, x.list_version), f"{answer}: sent {x.list_version}")


def profile_set(x: Machine, ask: m.SetChargingProfile, answer: Any, before: sig.StationView) -> None:
    x.profiles = x.profiles_before
    if answer.status == "Accepted" and x.profiles is not None:
        profile = ask.cs_charging_profiles
        limit = profile.charging_schedule.charging_schedule_period[0].limit
        x.profiles = x.profiles | {profile.charging_profile_id: (ask.connector_id, limit)}


def profile_cleared(x: Machine, ask: m.ClearChargingProfile, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.5; trap 88."""
    known = x.profiles_before
    if known is None:
        x.profiles = {} if ask.id is UNSET else None
        return
    found = bool(known) if ask.id is UNSET else ask.id in known
    x.books.law("answer", (answer.status == "Accepted") == found, f"{ask}: {answer}, {known}")
    x.profiles = {} if ask.id is UNSET else {ident: each for ident, each in known.items() if ident != ask.id}


def composed(x: Machine, ask: m.GetCompositeSchedule, answer: Any, before: sig.StationView) -> None:
    """1.6, 5.7: what it says is what it does."""
    known = 0 <= ask.connector_id <= len(before.connectors) and ask.duration > 0
    x.books.law("answer", known or answer.status == "Rejected", f"{ask}: {answer}")
    schedule = answer.charging_schedule
    if answer.status == "Accepted" and ask.connector_id and schedule and schedule.charging_rate_unit == "A":
        limit, offered_a = schedule.charging_schedule_period[0].limit, before.connectors[ask.connector_id - 1].offered_a
        x.books.law("profile", offered_a <= limit + 0.1, f"{offered_a} A offered: {answer}")


CODES = {"SetChargingProfile": "PropertyConstraintViolation"}
"""The CALLERROR that a request may earn by what it says."""

JUDGES: dict[str, Callable[[Machine, Any, Any, sig.StationView], None]] = {
    "CancelReservation": cancelled,
    "ChangeAvailability": availability,
    "ClearCache": cleared,
    "ClearChargingProfile": profile_cleared,
    "DataTransfer": transferred,
    "GetCompositeSchedule": composed,
    "GetConfiguration": configuration,
    "GetLocalListVersion": list_version,
    "RemoteStartTransaction": remote_started,
    "RemoteStopTransaction": remote_stopped,
    "ReserveNow": reserved,
    "Reset": reset,
    "SendLocalList": list_sent,
    "SetChargingProfile": profile_set,
    "TriggerMessage": triggered,
    "UnlockConnector": unlocked,
}
"""What the standard says of the answer to each request, in the state it came in."""
