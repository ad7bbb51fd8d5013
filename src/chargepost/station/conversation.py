"""What is said to the central system, and when: dial, boot, heartbeat, one CALL at a time, answers once durable.

OCPP 1.6, 4.2 and 4.6; OCPP-J 1.6, 3 and 5.3; traps 1 to 19. The link itself is the carrier's.
"""

import re
from math import inf
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from chargepost.ocpp import frames, messages
from chargepost.ocpp.outbox import ACTIONS, UNDELIVERED_TRANSACTION, Entry, Outbox, Saved
from chargepost.ocpp.session import Answered, Asked, Event, Ignored, Malformed, Refused, Session
from chargepost.signals import Dial, HangUp, LinkView, SendFrame, SendPing
from chargepost.station.core import Core, mac_address
from chargepost.station.roots import CENTRAL

ANSWERED_BY_ALL = frozenset({"GetLocalListVersion", "SendLocalList"})
"""A product without a local list says so in OCPP's own words for it, -1 and NotSupported, not by a CALLERROR
(docs/decisions/no-list-is-an-answer.md)."""

CALLS_MAX = 64
"""Calls that wait for their turn on a live link. More means that the peer has stopped answering."""

PROOF_WAIT_S = 10.0
"""A peer that does not answer a ping by then is gone."""

SERIAL_MAX = 25
"""Characters of a serial number: the schema of BootNotification."""

NOT_ACCEPTED_MIN_S = 1.0
"""Whatever a central system asks for, BootNotification never comes in a tight loop."""

TLS_FROM = 2
"""The security profile from which on the link is encrypted (white paper, 2.1)."""

CALL_TIMEOUT_KEYS = {"authorize": "rfidStatusTimeout"}
"""Keys of products that give one kind of call a patience of its own; 0, or no such key: that of all calls."""

PING, SILENCE = ("ping", 0), ("silence", 0)
"""Alarms of the link."""

SUBPROTOCOLS = {"1.6J": "ocpp1.6"}
"""The dialects that can be spoken over a WebSocket, by the name they have there."""


class Waiting(NamedTuple):
    """A call that is not of the outbox and waits for its turn."""

    order: int
    payload: Any
    tag: tuple[str, Any]


class Conversation:
    """The one link of a station with its central system."""

    __slots__ = (
        "_held",
        "_order",
        "_said",
        "boot",
        "boot_due",
        "calls",
        "core",
        "dialled",
        "dialled_roots",
        "doubted",
        "error",
        "heard_at",
        "heartbeat_s",
        "hung_up",
        "last_boot",
        "life",
        "outbox",
        "ping_at",
        "rebooted",
        "said_at",
        "session",
        "since",
        "spread",
        "state",
        "told",
        "tries",
        "unknown_clock",
    )

    def __init__(self, core: Core, boots: int) -> None:
        self.core = core
        self.life = f"{boots:x}"
        self._said = 0
        """Calls of this life so far."""
        self.session = Session(self._new_id)
        self.outbox = Outbox(
            [
                Entry(seq, saved.kind, saved.transaction, bytes(saved.payload), saved.numbered)
                for seq, saved in core.memory.load_numbered("outbox/", Saved)
            ]
        )
        self.calls: list[Waiting] = []
        self._held: list[tuple[int, str, bytes]] = []
        """Answers that wait for what they acknowledge to be on disk."""
        self._order = 0
        self.state = "off"
        self.boot = ""
        self.dialled = ""
        """The address of the last dial: at another one nobody knows us."""
        self.dialled_roots: tuple[str, ...] = ()
        """Root certificates that vouched for the other end of it; none where the system's do, or nobody."""
        self.boot_due = 0.0
        """Not before shall BootNotification come again, as the central system said, on this link or the next."""
        self.last_boot: Any = None
        """What the last accepted BootNotification said: only a change says it again (trap 11)."""
        self.heartbeat_s = 0
        self.doubted: Entry | None = None
        """A message that was not answered, while it is not known whether the link lives."""
        self.error = ""
        self.told = ""
        """Why the link was lost, as it was noted last; noted again when it is another reason, or after a boot."""
        self.since = 0.0
        self.tries = 0
        self.spread = False
        """The instant of our dials has been drawn, since the link was last good."""
        self.heard_at = 0.0
        self.said_at = 0.0
        self.ping_at: float | None = None
        self.hung_up = False

    def _new_id(self) -> str:
        self._said += 1
        return f"{self.life}-{self._said:x}"

    def draw_life(self) -> None:
        """The count of starts could not be kept: a drawn part keeps message ids from repeating (errata 3.1)."""
        self.life += f".{int(self.core.dice() * 2**48):x}"

    # --- the link --------------------------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Connected and accepted: what is said now is heard."""
        return self.state == "open" and self.boot == "Accepted"

    @property
    def connected(self) -> bool:
        return self.state == "open"

    @property
    def out_of_reach(self) -> bool:
        """Nobody is there to be asked: no address, a dial that failed, or a central system that wants no talk.

        The first dial of a life, and a connection that has just opened, are given their time.
        """
        match self.state:
            case "open":
                return self.boot == "Rejected"
            case "dialling":
                return self.tries > 1
            case "off":
                return not self.enabled()
            case _:
                return True

    def identity(self) -> str:
        """The identity in the URL: the key when it is set, else the station's id.

        The word that stands for "not set" (quirk undefined_is_unset), written by the owner, means the MAC address.
        """
        key = self.core.model.transport.identity_key
        named = self.core.settings.text(key)
        unset = str(self.core.model.quirks.get("undefined_is_unset", {}).get("word", ""))
        if unset and named.upper() == unset:
            return mac_address(self.core.identity) if self.core.settings.named(key) else self.core.identity
        return named or self.core.identity

    def url(self) -> str:
        base = self.core.settings.named(self.core.model.transport.url_key)
        if base[:3].lower() == "ws:" and self.core.settings.number("SecurityProfile") >= TLS_FROM:
            base = f"wss{base[2:]}"
        return f"{base.rstrip('/')}/{quote(self.identity(), safe='')}" if base else ""

    def enabled(self) -> bool:
        key = self.core.model.transport.enable_key
        return bool(self.url()) and (not key or self.core.settings.flag(key))

    def dial(self, now: float) -> None:
        """Open the link, when there is an address and OCPP is enabled; else be off."""
        core, transport = self.core, self.core.model.transport
        core.wake_at("dial", 0, None)
        if not self.enabled():
            self._turn("off", now)
            return
        if self.url() != self.dialled:
            self.dialled, self.boot = self.url(), ""
        self.tries += 1
        self.hung_up = False
        self._turn("dialling", now)
        timeout_s = core.settings.number(transport.connect_timeout_key) if transport.connect_timeout_key else 0
        self_signed = core.settings.flag("SelfSignedCertificateAuthorized")
        verified = self.dialled.lower().startswith("wss:") and not self_signed
        self.dialled_roots = core.roots.of(CENTRAL) if verified else ()
        core.wish(
            Dial(
                self.url(),
                tuple(SUBPROTOCOLS[d] for d in core.model.dialects if d in SUBPROTOCOLS),
                self.identity(),
                password(core.settings.text(transport.password_key)),
                float(timeout_s) or transport.connect_timeout_s,
                self_signed,
                self.dialled_roots,
            )
        )

    def redial(self, now: float, reason: str) -> None:
        """Leave the present link, if any, and open a new one without delay (a changed address or key)."""
        self.tries = 0
        self.boot_due = 0.0
        if self.state in ("open", "dialling"):
            self._hang_up(1000, reason)
            self.core.wake_at("dial", 0, now)
        else:
            self.dial(now)

    def _turn(self, state: str, now: float) -> None:
        if state != self.state:
            self.state, self.since = state, now

    def up(self, subprotocol: str, now: float) -> None:
        self._turn("open", now)
        self.heard_at = self.said_at = now
        self.error = ""
        self._watch(now)
        if subprotocol not in SUBPROTOCOLS.values():
            self.error = f"the peer agreed to no OCPP version (it said {subprotocol!r}): it must offer ocpp1.6"
            self._hang_up(1002, "no common subprotocol")
            return
        if self.boot == "Accepted" and self.last_boot == self.boot_notification():
            self.tries, self.spread = 0, False
            self._heartbeat(now)
            return
        if self.boot in ("Pending", "Rejected") and now < self.boot_due:
            self.core.wake_at("boot", 0, self.boot_due)
            return
        self.boot = ""
        self.pump(now)

    def down(self, reason: str, now: float) -> list[tuple[str, Any]]:
        """The link is gone or never was: forget the calls, keep the outbox, dial again later.

        The tags of the calls that were not answered.
        """
        self._turn("waiting", now)
        if reason and not self.hung_up:
            self.error = reason
        if self.error and self.error != self.told:
            self.told = self.error
            self.core.note("warning", "link down", self.error)
        lost = [call.tag for call in self.calls]
        if (tag := self.session.drop()) is not None:
            lost.append(tag)
        self.calls.clear()
        self._held.clear()
        self.outbox.link_lost()
        self.doubted = None
        self.ping_at = None
        for alarm in ("ping", "silence", "heartbeat", "boot", "call", "retry"):
            self.core.wake_at(alarm, 0, None)
        if not self.enabled():
            self._turn("off", now)
        elif ("dial", 0) not in self.core.alarms:
            self.core.wake_at("dial", 0, now + self._backoff_s())
        return lost

    def _backoff_s(self) -> float:
        """How long until the next dial (J 3.2). The first one is drawn from the whole range, each further one comes a
        range later: whenever the central system returns, the dials of its herd are spread evenly over the range.
        """
        transport = self.core.model.transport
        if self.spread:
            return max(transport.backoff_range_s, transport.backoff_least_s)
        self.spread = True
        return transport.backoff_least_s + transport.backoff_range_s * self.core.dice()

    def leave(self) -> None:
        """The program ends: on this link nothing more is said, and nothing heard."""
        self.hung_up = True

    def _hang_up(self, code: int, reason: str) -> None:
        self.hung_up = True
        self.core.wish(HangUp(code, reason))

    # --- signs of life ---------------------------------------------------------------------------------------------

    def _watch(self, now: float) -> None:
        silence_s = self._silence_s()
        interval_s = self._ping_interval_s(silence_s)
        self.ping_at = None
        self.core.wake_at("ping", 0, now + interval_s if interval_s > 0 else None)
        self.core.wake_at("silence", 0, now + silence_s if interval_s > 0 and silence_s else None)

    def _silence_s(self) -> int:
        """The product's own time-out of a silent link; 0 is none."""
        key = self.core.model.transport.silence_key
        return self.core.settings.number(key) if key else 0

    def _ping_interval_s(self, silence_s: int) -> float:
        """Pings come often enough that a link that lives is never silent for too long."""
        interval_s = self.core.settings.number("WebSocketPingInterval")
        return min(interval_s, silence_s / 2) if silence_s else interval_s

    def ping(self, now: float) -> None:
        """Alarm: ask for a sign of life; a peer that gave none since the last ping is gone."""
        if self.state != "open":
            return
        if self.ping_at is not None and self.heard_at < self.ping_at:
            self.error = "the central system has fallen silent: no answer to a ping"
            self._hang_up(1001, "no answer to a ping")
            return
        silence_s = self._silence_s()
        interval_s = self._ping_interval_s(silence_s)
        if interval_s > 0:
            self.ping_at = now
            self.core.wish(SendPing())
            self.core.wake_at("ping", 0, now + interval_s)
            if silence_s and SILENCE not in self.core.alarms:
                self._mind_silence(silence_s)

    def _mind_silence(self, limit_s: int) -> None:
        """Ring when the peer's time is over, unless a ping comes first: it looks again, and by then most were heard."""
        over, next_ping = self.heard_at + limit_s, self.core.alarms.get(PING, inf)
        self.core.wake_at("silence", 0, over if limit_s and over < next_ping else None)

    def silence(self, now: float) -> None:
        """Alarm of the product's own time-out: nothing was received for so long."""
        limit_s = self._silence_s()
        if self.state == "open" and now >= self.heard_at + limit_s:
            self.error = f"nothing was received for {limit_s} s"
            self._hang_up(1001, "silence")
        elif self.state == "open":
            self._mind_silence(limit_s)

    def ponged(self, now: float) -> None:
        """The peer lives."""
        self.heard_at = now
        if SILENCE in self.core.alarms:
            self._mind_silence(self._silence_s())

    def ponged_at_once(self, until: float, late_s: float) -> None:
        """Every ping due by then was asked, so late, and answered in no time: a carrier that knows it rings for none.

        As `ping` and `ponged` at each of these instants.
        """
        due = self.core.alarms.get(PING)
        if due is None or due + late_s > until:
            return
        interval_s = self._ping_interval_s(self._silence_s())
        while due + late_s <= until:
            self.ping_at = self.heard_at = due + late_s
            due = self.heard_at + interval_s
        self.core.wake_at("ping", 0, due)
        self.core.wake_at("silence", 0, None)

    def doubt(self, entry: Entry, now: float) -> None:
        """A transaction message was not answered: ask whether the link lives before it counts (Q-185)."""
        entry.not_before = inf
        self.doubted = entry
        self.ping_at = now
        self.core.wish(SendPing())
        self.core.wake_at("ping", 0, now + PROOF_WAIT_S * max(self.core.speed, 1.0))
        self._mind_silence(self._silence_s())

    def proven(self) -> Entry | None:
        """Something was heard: the message in doubt, if any, was not processed on a live link."""
        entry, self.doubted = self.doubted, None
        return entry

    def ping_interval_changed(self, now: float) -> None:
        if self.state == "open":
            self._watch(now)

    def _heartbeat(self, now: float) -> None:
        interval_s = self.core.settings.number("HeartbeatInterval")
        self.core.wake_at("heartbeat", 0, self.said_at + interval_s if interval_s > 0 and self.online else None)

    def heartbeat(self, now: float) -> None:
        """Alarm: say that we live, unless something else said so meanwhile (1.6, 4.6)."""
        interval_s = self.core.settings.number("HeartbeatInterval")
        if not self.online or interval_s <= 0:
            return
        if now >= self.said_at + interval_s:
            self.say(messages.Heartbeat(), ("heartbeat", None), now)
        else:
            self._heartbeat(now)

    def heartbeat_interval_changed(self, now: float) -> None:
        self._heartbeat(now)

    # --- boot ------------------------------------------------------------------------------------------------------

    def boot_notification(self) -> messages.BootNotification:
        """What this product says of itself, serial numbers cut when the key says so."""
        identity, settings = self.core.model.identity, self.core.settings
        key = identity.truncate_serials_key
        cut = 25 if key and settings.flag(key) else None
        model = self.core.model
        begun = identity.reference.format(connectors=settings.connectors)
        reference = model.variants[model.variant].reference or begun or model.variant.upper()
        filled = {"serial": self.core.serial, "reference": reference}

        def text(template: str | None, limit: int | None = None) -> Any:
            return msgspec.UNSET if template is None else template.format_map(filled)[:limit]

        return messages.BootNotification(
            charge_point_vendor=text(identity.vendor),
            charge_point_model=text(identity.model),
            charge_point_serial_number=text(identity.charge_point_serial, cut),
            charge_box_serial_number=text(identity.charge_box_serial, cut),
            firmware_version=text(identity.firmware),
            meter_type=text(identity.meter_type),
            meter_serial_number=text(identity.meter_serial),
        )

    def boot_answered(self, answer: messages.BootNotificationResponse, now: float) -> bool:
        """Take over the verdict; True when it was Accepted."""
        self.boot = answer.status
        self.error = "" if answer.status == "Accepted" else f"the central system answered the boot {answer.status}"
        if answer.status == "Accepted":
            self.tries, self.spread = 0, False
            self.told = ""
            self.last_boot = self.boot_notification()
            self.core.wake_at("boot", 0, None)
            if answer.interval > 0 and answer.interval != self.core.settings.number("HeartbeatInterval"):
                self.core.settings.changed["heartbeatinterval"] = str(answer.interval)
                self.core.memory.put("setting/heartbeatinterval", str(answer.interval))
            self._heartbeat(now)
            return True
        self._boot_later(answer.interval, now)
        self.boot_due = self.core.alarms["boot", 0]
        if answer.status == "Rejected":
            self.calls.clear()
        return False

    def boot_failed(self, why: str, now: float) -> None:
        """CALLERROR or silence counts as not accepted (trap 17)."""
        self.boot = ""
        self.error = f"BootNotification was not accepted: {why}"
        serial = self.boot_notification().charge_box_serial_number
        key = self.core.model.identity.truncate_serials_key
        if key and serial is not msgspec.UNSET and len(serial) > SERIAL_MAX:
            self.error += (
                f"; its chargeBoxSerialNumber has {len(serial)} characters, OCPP allows {SERIAL_MAX}: set {key}"
            )
        self._boot_later(0, now)

    def _boot_later(self, interval_s: int, now: float) -> None:
        transport = self.core.model.transport
        own_s = self.core.settings.number(transport.boot_retry_key) if transport.boot_retry_key else 0
        wait_s = interval_s if interval_s > 0 else own_s or transport.boot_retry_s
        self.core.wake_at("boot", 0, now + max(wait_s, NOT_ACCEPTED_MIN_S))

    def boot_again(self, now: float) -> None:
        """Alarm: BootNotification is due again, or was triggered."""
        self.boot = "" if self.boot == "Rejected" else self.boot
        self.core.wake_at("boot", 0, None)
        self.pump(now)

    # --- speaking --------------------------------------------------------------------------------------------------

    def say(self, payload: Any, tag: tuple[str, Any], now: float, *, triggered: bool = False) -> bool:
        """Queue a call that is worth nothing offline. False when it could not be: offline, or the queue is full.

        While Pending only what was triggered is said (trap 15).
        """
        heard = self.online or (triggered and self.connected and self.boot == "Pending")
        if not heard or len(self.calls) >= CALLS_MAX:
            return False
        self._order += 1
        self.calls.append(Waiting(self._order, payload, tag))
        self.pump(now)
        return True

    def keep(self, kind: str, transaction: str, payload: Any, *, numbered: bool) -> None:
        """Queue a transaction message: it is sent once it is on disk, until it is processed."""
        self._order += 1
        encoded = frames.write_payload(payload)
        memory = self.core.memory
        entry = self.outbox.add(
            kind,  # type: ignore[arg-type]  # the callers say start, meter or stop
            transaction,
            encoded,
            0,
            numbered=numbered,
            order=self._order if self.online else 0,
        )
        entry.token = memory.put(
            f"outbox/{entry.seq:012d}", Saved(entry.kind, transaction, msgspec.Raw(encoded), numbered)
        )
        for gone in self.outbox.thin():
            memory.drop(f"outbox/{gone.seq:012d}")

    def pump(self, now: float) -> None:
        """Say the next thing, when there is one, the last was answered, and our own answers went first."""
        if self.state != "open" or self.session.open or self._held or self.hung_up:
            return
        if self.boot != "Accepted":
            if self.boot != "Rejected" and ("boot", 0) not in self.core.alarms:
                self._send(self.boot_notification(), ("boot", None), now)
            elif self.boot == "Pending" and self.calls:
                self._send(*self.calls.pop(0)[1:], now)
            return
        head = self.outbox.head
        first = self.calls[0] if self.calls else None
        if head is None and first is None:
            if ("retry", 0) in self.core.alarms:
                self.core.wake_at("retry", 0, None)
            return
        # What is said live keeps its order; a backlog, or a message that failed, lets everything else go first.
        in_turn = first is None or (head and head.order and not head.sends and head.order < first.order)
        entry = self.outbox.due(now, self.core.memory.durable) if in_turn else None
        if entry:
            self._send_entry(entry, now)
        elif in_turn and head and head.order and head.token > self.core.memory.durable and self.core.disk_good:
            return  # it is being written: its turn comes with Remembered
        elif first:
            self.calls.pop(0)
            self._send(first.payload, first.tag, now)
        else:
            self.core.wake_at("retry", 0, self.outbox.wake_at(now))

    def _send(self, payload: Any, tag: tuple[str, Any], now: float) -> None:
        timeout_s = self.call_timeout_s(CALL_TIMEOUT_KEYS.get(tag[0], ""))
        self.core.wish(SendFrame(self.session.call(payload, tag, now, timeout_s)))
        self._watch_answer(now, timeout_s)

    def _send_entry(self, entry: Entry, now: float) -> None:
        payload = entry.payload
        if not entry.numbered:
            number = self.core.numbers.get(entry.transaction)
            payload = with_number(entry, UNDELIVERED_TRANSACTION if number is None else number)
        timeout_s = self.call_timeout_s()
        frame = self.session.call_encoded(ACTIONS[entry.kind], payload, ("outbox", entry), now, timeout_s)
        self.core.wish(SendFrame(frame))
        self._watch_answer(now, timeout_s)

    def _watch_answer(self, now: float, timeout_s: float) -> None:
        self.said_at = now
        self.core.wake_at("call", 0, now + timeout_s)
        self._heartbeat(now)

    def call_timeout_s(self, own_key: str = "") -> float:
        transport, settings = self.core.model.transport, self.core.settings
        keyed = settings.number(own_key) if own_key else 0
        if not keyed and transport.call_timeout_key:
            keyed = settings.number(transport.call_timeout_key)
        return (float(keyed) or transport.call_timeout_s) * max(self.core.speed, 1.0)

    # --- answering -------------------------------------------------------------------------------------------------

    def answer(self, frame: bytes, ident: str = "") -> None:
        """Send an answer, once everything it acknowledges is durable (P9).

        While the disk refuses nothing waits for it: what would have to be kept is refused, the rest is answered.
        """
        memory = self.core.memory
        token = memory.pending_token
        if not self.core.disk_good:
            self.core.wish(SendFrame(_cannot_be_stored(ident) if ident and token > memory.token else frame))
        elif token <= self.core.memory.durable and not self._held:
            self.core.wish(SendFrame(frame))
        else:
            self._held.append((token, ident, frame))

    def knows(self, action: str) -> bool:
        """The product answers it; whether it does what it is asked for is another question."""
        return action in self.core.model.messages.answers or action in ANSWERED_BY_ALL

    def not_supported(self, ident: str, action: str) -> bytes:
        """Known to OCPP and not here: said before the payload is judged (J 4.2.3; trap 4)."""
        return frames.write_error(ident, "NotSupported", f"{action} is not supported here")

    def result(self, ident: str, payload: Any) -> None:
        self.answer(frames.write_result(ident, payload), ident)

    @property
    def holding(self) -> bool:
        """An answer waits for the disk; what is seen of it comes after it."""
        return bool(self._held)

    def cannot_promise(self) -> None:
        """The disk refuses: what cannot be kept is not acknowledged (P9)."""
        while self._held:
            _, ident, frame = self._held.pop(0)
            self.core.wish(SendFrame(_cannot_be_stored(ident) if ident else frame))

    def durable(self, now: float) -> None:
        """More is on disk: release what waited for it."""
        while self._held and self._held[0][0] <= self.core.memory.durable:
            self.core.wish(SendFrame(self._held.pop(0)[2]))
        self.pump(now)

    # --- hearing ---------------------------------------------------------------------------------------------------

    def heard(self, data: bytes, now: float) -> Asked | Answered | Refused | None:
        """One frame; what of it concerns the station."""
        if self.state != "open" or self.hung_up:
            return None
        self.heard_at = now
        return self._concerns(self.session.receive(data, now), now)

    def expire(self, now: float) -> Refused | None:
        """Alarm: the open call has had its time."""
        refused = self.session.expire(now)
        if refused is None and self.session.open:
            self.core.wake_at("call", 0, self.session.open.deadline)
        return refused

    def _concerns(self, event: Event, now: float) -> Asked | Answered | Refused | None:
        match event:
            case Answered() | Refused():
                self.core.wake_at("call", 0, None)
                return event
            case Asked():
                # Rejected: no answers until the interval is over (trap 16).
                return None if self.boot == "Rejected" else event
            case Malformed(ident, action, reply, reason):
                self.core.note("warning", "frame refused", reason)
                if self.boot != "Rejected":
                    self.answer(self.not_supported(ident, action) if action and not self.knows(action) else reply)
                return None
            case Ignored(reason):
                self.core.note("warning", "frame ignored", reason)
                return None

    @property
    def idle(self) -> bool:
        """Nothing of ours is being said or waits to be."""
        return self.session.open is None and not self.calls and not self._held

    def view(self) -> LinkView:
        state = "off" if not self.enabled() else self.state
        error = self.error
        if state == "off":
            error = "no supervision is set" if not self.url() else "OCPP is switched off"
        return LinkView(
            state, self.url(), self.boot, error, self.core.utc(self.since), len(self.outbox) + len(self.calls)
        )


def with_number(entry: Entry, number: int) -> bytes:
    """The payload with the central system's number, learned since it was written (errata 3.18)."""
    kind = {"meter": messages.MeterValues, "stop": messages.StopTransaction}.get(entry.kind)
    if kind is None:
        return entry.payload
    message = msgspec.json.decode(entry.payload, type=kind)
    return frames.write_payload(msgspec.structs.replace(message, transaction_id=number))


def password(key: str) -> bytes | None:
    """HTTP Basic password of an AuthorizationKey: hex when it is 32 to 40 hex digits, else its characters (trap 59)."""
    if not key:
        return None
    if re.fullmatch(r"([0-9A-Fa-f]{2}){16,20}", key):
        return bytes.fromhex(key)
    return key.encode()


def _cannot_be_stored(ident: str) -> bytes:
    return frames.write_error(ident, "InternalError", "it cannot be stored at present")
