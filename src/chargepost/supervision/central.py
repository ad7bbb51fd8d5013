"""The other end of every station's conversation: request -> answer and rows. Pure: no socket, clock, dice or task.

How a carrier (`run/` on sockets, `fleet/` in virtual time) drives it. `now` is monotonic seconds throughout:

- A handshake comes: `knock(ticket, Knock(...), now)`, with a ticket of the carrier's own. Sooner or later `take()`
  gives `Admit(ticket)` (finish the handshake, then `opened`; or `gave_up` when the peer went away) or
  `Refuse(ticket, status, reason)`. A carrier that judges by itself may skip this and begin with `opened`.
- The link lives: `opened`, then `received` for each text message and `ponged` for each pong, at the end `closed` once.
  After a wish `HangUp` the link is gone for Central already; its `closed` is not told.
- After every call: `for wish in central.take()`: do it. `Send`, `Ping`, `HangUp` go to the current link of the
  identity (none: drop). `Store` goes to the ledger; once durable, `stored(token, now, begun)` on the same thread,
  or `failed` when it refuses. `host.Host` does all this on an event loop, `books.Books` is the ledger of virtual time.
- `wake(now)` when `next_wake()` says so (None: not at all), then drain again.
- The clock: `set_clock(utc_s, now)` at the start and whenever the machine's date was stepped.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Literal

import msgspec

from chargepost.ocpp import frames, security, session
from chargepost.ocpp import messages as m
from chargepost.supervision import answers, roster
from chargepost.supervision.answers import Desk, Policy
from chargepost.supervision.roster import Knock, Refusal
from chargepost.supervision.state import Command, Guest, State, Station
from chargepost.supervision.tracelog import Direction, FrameLog
from chargepost.supervision.wishes import (
    Admit,
    Answered,
    BadgeGone,
    BadgeRow,
    Begun,
    EventRow,
    HangUp,
    Kept,
    Note,
    Ping,
    Refuse,
    RefusedRow,
    Row,
    Send,
    StationGone,
    StationRow,
    Store,
    TransactionRow,
    Wish,
)

NOBODY = 0
"""The ticket of our own commands: nobody waits for the outcome."""
UNANSWERED_MAX = 16
"""CALLs of one station that wait for the disk: it may have one open (OCPP-J 4.1.1); the rest are resends."""
WAITING_MAX = 32
"""Commands that wait for one station: each may take a whole time-out, and nobody waits a quarter of an hour."""
CHALLENGE_S = 5.0
"""How long an old link has to answer a ping before a new connection of the same identity takes its place."""
ARRIVAL_S = 10.0
"""How long an admitted handshake may take to open before its place is free again."""
REFUSED_MAX = 1_000
"""Refused handshakes listed, by who and why: someone who guesses identities must not fill memory or disk."""
STATIONS_MAX = 100_000
"""Identities let in without being on the roster: the same reason."""


@dataclass(slots=True)
class Pending:
    """An answer that waits until its rows are durable."""

    station: Station
    link: int
    message_id: str
    answer: m.Response
    rows: tuple[Row, ...]

    @property
    def start(self) -> TransactionRow | None:
        """The first row of a piece that begins a transaction."""
        first = self.rows[0] if self.rows else None
        return first if isinstance(first, TransactionRow) else None


class Central:
    """Any number of stations, by identity. See the module for how it is driven."""

    def __init__(
        self, policy: Policy, draw: Callable[[int], bytes], kept: Kept | None = None, *, utc_s: float, now: float
    ) -> None:
        """`draw(n)` gives n random bytes; `kept` is what the ledger loaded."""
        kept = kept or Kept()
        self.state = State(kept)
        self.frames = FrameLog()
        self._desk = Desk(self.state, policy, draw)
        self._ids = count(1)
        self._life = kept.life
        self._offset_s = utc_s - now
        self._wishes: list[Wish] = []
        self._tokens = count(1)
        self._pending: dict[int, Pending] = {}
        self._calling: dict[str, float] = {}
        """When the open CALL of a station is over; one time-out for all, so in the order of time."""
        self._challenged: dict[str, float] = {}
        """When an old link must have answered the ping."""
        self._arriving: dict[str, float] = {}
        """When an admitted handshake must have opened."""

    # --- what a carrier calls ----------------------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        return self._desk.policy

    def set_policy(self, policy: Policy) -> None:
        self._desk = Desk(self.state, policy, self._desk.draw)

    def set_clock(self, utc_s: float, now: float) -> None:
        """`now` and `utc_s` are the same instant."""
        self._offset_s = utc_s - now

    def utc_s(self, now: float) -> float:
        return now + self._offset_s

    def take(self) -> list[Wish]:
        """What is to be done, in this order."""
        wishes, self._wishes = self._wishes, []
        return wishes

    def next_wake(self) -> float | None:
        if not (self._calling or self._challenged or self._arriving):
            return None
        return min(next(iter(times.values())) for times in (self._calling, self._challenged, self._arriving) if times)

    def wake(self, now: float) -> None:
        for identity in _due(self._calling, now):
            station = self.state.stations[identity]
            if station.session and (silent := station.session.expire(now)):
                self._close_call(station, now, Answered(silent.tag.ticket, error="Silent", description="no answer"))
        for identity in _due(self._challenged, now):
            self._replace_silent(self.state.stations[identity], now)
        for identity in _due(self._arriving, now):
            self.state.stations[identity].arriving = None

    # --- connections -------------------------------------------------------------------------------------------------

    def knock(self, ticket: int, knock: Knock, now: float) -> None:
        """A handshake asks to be let in. Never two live links of one identity: the old one is asked first."""
        known, policy = self.state.stations.get(knock.identity), self.policy
        expected = roster.fits(knock.identity, policy.admit)
        refusal = roster.judge(
            knock,
            known is not None,
            (known.row.password_hash if known else "") or (policy.admit_password_hash if expected else ""),
            (expected or policy.accept_unknown_stations) and len(self.state.stations) < STATIONS_MAX,
            self.policy.accept_open_stations,
        )
        if refusal is None and known and (known.challenge or known.arriving):
            refusal = Refusal(409, "another connection of this station is just arriving")
        if refusal:
            self._refuse(ticket, knock, refusal, now)
            return
        station = self.state.station(knock.identity)
        if station.session:
            station.challenge = Guest(ticket, knock.peer)
            if station.identity not in self._challenged:
                self._challenged[station.identity] = now + CHALLENGE_S
                self._wish(Ping(station.identity))
        else:
            self._admit(station, Guest(ticket, knock.peer), now)

    def gave_up(self, identity: str, ticket: int) -> None:
        """The handshake with this ticket broke before it was opened."""
        station = self.state.stations.get(identity)
        if station and station.challenge and station.challenge.ticket == ticket:
            station.challenge = None  # the question put to the old link stands: a silent one makes room for the next
        if station and station.arriving and station.arriving.ticket == ticket:
            self._end_arrival(station)

    def opened(self, identity: str, subprotocol: str, now: float) -> None:
        station = self.state.station(identity)
        self._link_gone(station, now)
        self._end_arrival(station)
        station.session = session.Session(self._new_id)
        station.link += 1
        station.subprotocol = subprotocol
        station.asked_to_boot = False
        station.linked_utc_s = station.seen_utc_s = self.utc_s(now)

    def closed(self, identity: str, now: float) -> None:
        station = self.state.stations.get(identity)
        if station is None:
            return
        self._link_gone(station, now)
        if challenge := self._end_challenge(station):
            self._admit(station, challenge, now)

    def ponged(self, identity: str, now: float) -> None:
        station = self.state.stations.get(identity)
        if station and station.session:
            self._proved_alive(station, now)

    def received(self, identity: str, data: bytes, now: float) -> None:
        """One text message of the station's current link."""
        station = self.state.stations.get(identity)
        if station is None or station.session is None:
            return
        self._proved_alive(station, now)
        match station.session.receive(data, now):
            case session.Asked(call):
                self._log(station, now, data)
                self._asked(station, call, now)
            case session.Answered(command, payload):
                self._log(station, now, data)
                self._answered(station, command, payload, now)
            case session.Refused(command, code, description):
                self._log(station, now, data)
                self._close_call(station, now, Answered(command.ticket, error=code, description=description))
            case session.Malformed(reply=reply, reason=reason):
                self._log(station, now, data, trouble=reason)
                self._note("warning", "frame_refused", reason, station)
                self._send(station, now, reply)
            case session.Ignored(reason):
                self._log(station, now, data, trouble=reason)
                self._note("warning", "frame_ignored", reason, station)

    # --- the ledger --------------------------------------------------------------------------------------------------

    def stored(self, token: int, now: float, begun: Begun | None = None) -> None:
        """The piece with this token is durable; `begun` when it held a TransactionRow.

        None for a piece with a TransactionRow says that its number is taken by another transaction.
        """
        pending = self._pending.pop(token, None)
        if pending is None:
            return
        start = pending.start
        if start and begun is None:
            self._number_again(pending, start)
            return
        if start and begun:
            answers.begun(self.state, start, begun)
        pending.station.unanswered -= 1
        if pending.link == pending.station.link and pending.station.session:
            answer = answers.complete(pending.answer, self.utc_s(now), begun)
            self._answer(pending.station, pending.message_id, answer, now)

    def failed(self, token: int, now: float) -> None:
        """The piece with this token will never be written: said so, for the station to try again."""
        pending = self._pending.pop(token, None)
        if pending is None:
            return
        pending.station.unanswered -= 1
        if pending.link == pending.station.link and pending.station.session:
            data = frames.write_error(pending.message_id, "InternalError", "it cannot be stored now")
            self._send(pending.station, now, data)

    def _number_again(self, pending: Pending, start: TransactionRow) -> None:
        """One in two thousand millions per transaction on record: the number drawn was taken."""
        self.state.end(start.transaction)
        start = msgspec.structs.replace(start, transaction=answers.new_transaction(self._desk))
        self.state.propose(start)
        pending.rows = answers.renumbered(pending.rows, start)
        self._store(pending, pending.rows)

    def _store(self, pending: Pending | None, rows: tuple[Row, ...]) -> None:
        token = next(self._tokens) if pending else 0
        if pending:
            self._pending[token] = pending
        self._wish(Store(token, rows))

    # --- what stations ask -------------------------------------------------------------------------------------------

    def _asked(self, station: Station, call: frames.Call, now: float) -> None:
        utc_s = self.utc_s(now)
        station.seen_utc_s = utc_s
        rule = answers.RULES.get(type(call.payload))
        if rule is None:
            self._answer_error(station, call, "NotSupported", f"{call.action} is for stations to answer", now)
        elif not self._may_ask(station, call.action):
            self._answer_error(station, call, "SecurityError", "BootNotification was not accepted yet", now)
            self._ask_to_boot(station, now)
        elif station.unanswered >= UNANSWERED_MAX:
            self._answer_error(station, call, "InternalError", "too many calls are open: one at a time", now)
        else:
            reply = rule(self._desk, station, call.payload, utc_s)
            if reply.rows:
                station.unanswered += 1
                self._store(Pending(station, station.link, call.id, reply.answer, reply.rows), reply.rows)
            else:
                self._answer(station, call.id, reply.answer, now)

    def _may_ask(self, station: Station, action: str) -> bool:
        """4.2: before it is accepted a station boots, or sends what we asked it for."""
        if station.row.registration == "Accepted" or action == "BootNotification":
            return True
        return action in station.triggered

    def _ask_to_boot(self, station: Station, now: float) -> None:
        """One that never booted here comes from another central system and thinks it is registered: once per link."""
        if station.row.registration or station.asked_to_boot:
            return
        station.asked_to_boot = True
        self.command(station.identity, m.TriggerMessage(requested_message="BootNotification"), NOBODY, now)

    def _answer(self, station: Station, message_id: str, answer: m.Response, now: float) -> None:
        self._send(station, now, frames.write_result(message_id, answer))

    def _answer_error(self, station: Station, call: frames.Call, code: str, description: str, now: float) -> None:
        self._send(station, now, frames.write_error(call.id, code, description))

    # --- what we ask -------------------------------------------------------------------------------------------------

    def command(self, identity: str, payload: msgspec.Struct, ticket: int, now: float) -> None:
        """Send this message to the station when its turn comes; the end of it is a wish `Answered(ticket, ...)`."""
        station = self.state.stations.get(identity)
        if station is None or station.session is None:
            self._wish(Answered(ticket, error="Offline", description="the station is not connected"))
        elif len(station.waiting) >= WAITING_MAX:
            self._wish(Answered(ticket, error="Busy", description=f"{WAITING_MAX} commands wait for it already"))
        else:
            station.waiting.append(Command(ticket, payload))
            self._next_call(station, now)

    def _next_call(self, station: Station, now: float) -> None:
        if not station.session or station.session.open or not station.waiting:
            return
        command = station.waiting.popleft()
        timeout_s = self.policy.call_timeout_s
        data = station.session.call(command.payload, command, now, timeout_s)
        if isinstance(command.payload, m.TriggerMessage | security.ExtendedTriggerMessage):
            station.triggered.add(command.payload.requested_message)
        self._calling[station.identity] = now + timeout_s
        self._send(station, now, data)

    def _answered(self, station: Station, command: Command, payload: msgspec.Struct, now: float) -> None:
        asked = command.payload
        accepted = getattr(payload, "status", "") == "Accepted"
        if isinstance(asked, m.ChangeConfiguration) and asked.key.lower() == "authorizationkey" and accepted:
            self.set_password(station.identity, roster.key_bytes(asked.value))
        self._close_call(station, now, Answered(command.ticket, payload))

    def _close_call(self, station: Station, now: float, outcome: Answered) -> None:
        self._calling.pop(station.identity, None)
        if outcome.error:
            self._note("warning", "command_failed", f"{outcome.error}: {outcome.description}", station)
        self._wish(outcome)
        self._next_call(station, now)

    def _new_id(self) -> str:
        """Never one twice, our own restarts included: each life of the ledger counts anew (OCPP-J 4.1.4)."""
        return f"{self._life:x}-{next(self._ids):x}"

    # --- links -------------------------------------------------------------------------------------------------------

    def _link_gone(self, station: Station, now: float) -> None:
        """Nothing waits any more: answers die with the link, commands are told so."""
        if station.session is None:
            return
        lost = ([station.session.drop()] if station.session.open else []) + list(station.waiting)
        station.waiting.clear()
        station.session = None
        station.linked_utc_s = self.utc_s(now)
        self._calling.pop(station.identity, None)
        for command in lost:
            self._wish(Answered(command.ticket, error="LinkLost", description="the link closed before the answer"))

    def _admit(self, station: Station, guest: Guest, now: float) -> None:
        station.arriving = guest
        self._arriving[station.identity] = now + ARRIVAL_S
        self._wish(Admit(guest.ticket))

    def _end_challenge(self, station: Station) -> Guest | None:
        self._challenged.pop(station.identity, None)
        challenge, station.challenge = station.challenge, None
        return challenge

    def _end_arrival(self, station: Station) -> None:
        self._arriving.pop(station.identity, None)
        station.arriving = None

    def _proved_alive(self, station: Station, now: float) -> None:
        """The old link lives: the newcomer is refused, and that is worth an event."""
        challenge = self._end_challenge(station)
        if challenge is None:
            return
        refusal = Refusal(409, "this station is connected already, and its link is alive")
        self._refuse(challenge.ticket, Knock(station.identity, (), peer=challenge.peer), refusal, now)
        words = f"a second connection from {challenge.peer or 'somewhere'} was refused: the first one is alive"
        self._store(None, (EventRow(station.identity, self.utc_s(now), "security", words),))

    def _replace_silent(self, station: Station, now: float) -> None:
        """The old link did not answer in time: it is dead, and the newcomer, if it still waits, takes its place."""
        challenge = self._end_challenge(station)
        self._link_gone(station, now)
        self._wish(HangUp(station.identity, 1001, "replaced: the link did not answer a ping"))
        words = "a silent link was closed: a newcomer asked for its place"
        self._store(None, (EventRow(station.identity, self.utc_s(now), "link_replaced", words),))
        if challenge:
            self._admit(station, challenge, now)

    def _refuse(self, ticket: int, knock: Knock, refusal: Refusal, now: float) -> None:
        """Counted by who and why; written at counts 1, 2, 4, 8 ..., so that a flood costs the disk nothing."""
        self._wish(Refuse(ticket, refusal.status, refusal.reason))
        identity = knock.identity[:255]
        key = (identity, knock.peer, refusal.reason)
        known = self.state.refused.pop(key, None)
        times = known.count + 1 if known else 1
        row = RefusedRow(identity, knock.peer, refusal.reason, refusal.status, times, self.utc_s(now))
        self.state.refused[key] = row
        if len(self.state.refused) > REFUSED_MAX:
            self.state.refused.pop(next(iter(self.state.refused)))
        if times & (times - 1) == 0:
            self._store(None, (row,))

    # --- the operator ------------------------------------------------------------------------------------------------

    def enrol(self, row: StationRow) -> None:
        """Put a station on the roster, or change what is said of it."""
        self.state.station(row.identity).row = row
        self._store(None, (row,))

    def strike(self, identity: str, now: float) -> None:
        """Take a station off the roster; its link is closed."""
        station = self.state.stations.pop(identity, None)
        if station is None:
            return
        if station.session:
            self._link_gone(station, now)
            self._wish(HangUp(identity, 1008, "taken off the roster"))
        self._end_arrival(station)
        if challenge := self._end_challenge(station):
            self._wish(Refuse(challenge.ticket, 404, "unknown station"))
        self._store(None, (StationGone(identity),))

    def set_password(self, identity: str, password: bytes) -> None:
        """The password of the station's next handshake; only its hash is kept."""
        row = self.state.station(identity).row
        stored = roster.hash_password(password, self._desk.draw(roster.SALT_BYTES))
        self.enrol(msgspec.structs.replace(row, password_hash=stored))

    def put_badge(self, badge: BadgeRow) -> None:
        self.state.badges[badge.id_tag.lower()] = badge
        self._store(None, (badge,))

    def drop_badge(self, id_tag: str) -> None:
        if self.state.badges.pop(id_tag.lower(), None):
            self._store(None, (BadgeGone(id_tag),))

    # --- small ones --------------------------------------------------------------------------------------------------

    def _wish(self, wish: Wish) -> None:
        self._wishes.append(wish)

    def _note(self, level: Literal["warning"], event: str, text: str, station: Station) -> None:
        self._wish(Note(level, event, text, station.identity))

    def _send(self, station: Station, now: float, data: bytes) -> None:
        self._log(station, now, data, "csms-to-cp")
        self._wish(Send(station.identity, data))

    def _log(
        self, station: Station, now: float, data: bytes, direction: Direction = "cp-to-csms", trouble: str = ""
    ) -> None:
        """A frame of the station's, or ours to it."""
        self.frames.add(station.identity, data, at_utc_s=self.utc_s(now), direction=direction, trouble=trouble)


def _due(times: dict[str, float], now: float) -> Iterable[str]:
    """Take out what is over, from the front: entries stand in the order of time."""
    while times and next(iter(times.values())) <= now:
        identity = next(iter(times))
        del times[identity]
        yield identity
