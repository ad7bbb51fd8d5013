"""What a station does with each fact, alarm, answer, reading and changed key: one table each, one short function a row.

A row changes facts of the station; what is seen of it, `Station` compares and tells afterwards. A function that
returns QUIET has changed nothing of any connector.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from chargepost import signals as sig
from chargepost.ocpp import frames, messages
from chargepost.ocpp.outbox import Entry
from chargepost.ocpp.session import Answered, Asked, Refused
from chargepost.station import (
    answers,
    badge_window,
    charge_record,
    charging,
    derating,
    electrics,
    external,
    faults,
    inputs,
    lamp,
    maintenance,
    metering,
    meters,
    mode3,
    network,
    polls,
    profiles,
    reservations,
    security_events,
    security_profile,
    sharing,
    surroundings,
    tic,
    transactions,
    visits,
)
from chargepost.station.badges import Badge, fold
from chargepost.station.connector import Connector
from chargepost.station.conversation import Conversation
from chargepost.station.core import Refusal
from chargepost.station.settings import AUTHOR
from chargepost.station.usage import On, Usage, advance

if TYPE_CHECKING:
    from chargepost.station.station import Station

SETTLE_S = 2.0
"""After a start the hardware has so long to say what is plugged in."""

DATES_UTC_S = (datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2200, 1, 1, tzinfo=UTC).timestamp())
"""What a date may be: what is beyond is a broken clock, and near the year 10000 there is no date after it."""

PEER = "the central system"
"""Where a date may come from, in words."""

QUIET = "quiet"
"""What a handler returns that has changed nothing of any connector: no view need be compared again."""

REASONS: frozenset[str] = frozenset(get_args(messages.Reason))

# --- facts -----------------------------------------------------------------------------------------------------------


def _started(s: "Station", fact: sig.Started, now: float) -> None:
    s.started = True
    s.core.offset_s, s.core.speed = fact.utc_s - now, fact.speed
    meters.tell(s, now)
    network.tell(s)
    for c in s.connectors:
        if c.transaction:
            transactions.recover(s, c, c.transaction, now)
    s.core.wake_at("settle", 0, now + SETTLE_S)
    _schedule_aligned(s, now)
    _schedule_light(s, now)
    reservations.due(s, now)
    surroundings.watch_modem(s, now)
    surroundings.watch_time(s, now)
    security_events.happened(s, "StartupOfTheDevice", now)
    external.started(s, now)
    maintenance.started(s, now)
    # Message ids rest on the count of starts: nothing is said before that is on disk (errata 3.1).
    s.speaks_after = s.core.memory.pending_token
    _speak(s, now)


def _speak(s: "Station", now: float) -> None:
    """Dial for the first time in this life, once the count of starts is durable."""
    if s.speaks_after is not None and s.core.memory.durable >= s.speaks_after:
        s.speaks_after = None
        s.talk.dial(now)


def _clock_set(s: "Station", fact: sig.ClockSet, now: float) -> None:
    set_clock(s, fact.utc_s, fact.source, now)
    if fact.source == surroundings.NTP:
        surroundings.ntp_answered(s, now)


def set_clock(s: "Station", utc_s: float, source: str, now: float) -> None:
    """The date changes; durations do not (they are monotonic)."""
    was_utc_s = s.core.utc(now)
    step_s = utc_s - was_utc_s
    if source == PEER and s.core.speed != 1:
        return
    if not DATES_UTC_S[0] <= utc_s < DATES_UTC_S[1]:
        s.core.note("warning", "date refused", f"{source} says {utc_s:.0f} s since 1970: its clock is wrong")
        return
    is_small = abs(step_s) < 1  # nearly every heartbeat is answered with such a date: it must cost nothing
    lit_percent = 0 if is_small else lamp.intensity_percent(s.core, now)
    s.core.offset_s, s.core.synchronized = utc_s - now, True
    profiles.clock_moved(s.core, now)
    if s.reservations:
        reservations.watch(s)
    maintenance.clock_changed(s, now)
    if is_small:
        if (due := s.core.alarms.get(("aligned", 0))) is not None:
            s.core.wake_at("aligned", 0, due - step_s)  # the same point of the grid
        return
    dates = [metering.date(each).strftime("%Y-%m-%d %H:%M:%S") for each in (was_utc_s, utc_s)]
    words = f"from {dates[0]} to {dates[1]} UTC, {step_s:+.0f} s, by {source}"
    s.core.note("info", "clock set", words)
    if abs(step_s) >= security_events.CLOCK_STEP_S:
        security_events.happened(s, "SettingSystemTime", now, words)
    _schedule_aligned(s, now)
    _schedule_light(s, now)
    if lamp.intensity_percent(s.core, now) != lit_percent:
        s.core.wake_at("light", 0, now)


def _link_up(s: "Station", fact: sig.LinkUp, now: float) -> None:
    was_accepted = s.talk.boot == "Accepted"
    s.talk.up(fact.subprotocol, now)
    security_profile.link_up(s)
    if not was_accepted:
        for c in s.all_connectors:
            c.reported = None
    security_events.tell(s, now)
    _reach_changed(s, now)


def _link_down(s: "Station", fact: sig.LinkDown, now: float) -> None:
    security_profile.link_down(s, fact, now)
    is_distrust = fact.untrusted and fact.reason != s.talk.told  # each dial would tell the same
    for kind, number in s.talk.down(fact.reason, now):
        if kind == "status":
            s.all_connectors[number].reported = None  # it may never have arrived
    security_events.link_lost(s)
    if is_distrust:
        security_events.happened(s, "InvalidCentralSystemCertificate", now, fact.reason)
    s.run_after_answer()
    for c in s.connectors:
        c.unlock_call = None  # who asked is not there any more
    for ticket in list(s.asking):
        visits.unanswered(s, ticket, now)
    _reach_changed(s, now)


def _reach_changed(s: "Station", now: float) -> None:
    """The central system is there, or is not: sampling has its rhythm for each, and some products an error."""
    if "offline_samples" in s.core.model.quirks:
        _resample(s, now)
    maintenance.reach_changed(s)
    watched = s.core.model.quirks.get("supervision_watched")
    if watched and s.talk.enabled() and s.talk.out_of_reach:
        faults.raised(s, 0, str(watched["error"]), now)
    elif watched:
        faults.cleared(s, 0, str(watched["error"]), now)


def _frame(s: "Station", fact: sig.FrameReceived, now: float) -> str | None:
    event = s.talk.heard(fact.data, now)
    if s.talk.doubted:
        _judge_silence(s, now)
    if isinstance(event, Asked):
        _asked(s, event, now)
        return None
    if event is None:
        return QUIET
    _answer(s, event, now)
    kind, entry = event.tag
    quiet = kind in QUIET_CALLS or (kind == "outbox" and entry.kind == "meter")
    return QUIET if quiet and s.restarting is None else None


def _asked(s: "Station", event: Asked, now: float) -> None:
    call = event.call
    answer = answers.ANSWERS.get(call.action) if s.talk.knows(call.action) else None
    if answer is None:
        s.talk.answer(s.talk.not_supported(call.id, call.action))
        return
    try:
        result = answer(s, call.payload, call.id, now)
    except Refusal as refusal:
        s.talk.answer(frames.write_error(call.id, refusal.code, str(refusal)))
        return
    if result is not None:
        if not s.core.disk_good and s.core.memory.pending_token > s.core.memory.token:
            s.after_answer.clear()  # it is refused
        s.talk.result(call.id, result)
    if not s.talk.holding:
        s.run_after_answer()


def _answer(s: "Station", event: Answered | Refused, now: float) -> None:
    kind, data = event.tag
    good, bad = OUTCOMES[kind]
    if isinstance(event, Answered):
        good(s, data, event.payload, now)
    else:
        if event.code:
            s.core.note("warning", "call refused", f"{kind}: {event.code} {event.description}")
        bad(s, data, event, now)


def _booted(s: "Station", data: None, answer: messages.BootNotificationResponse, now: float) -> None:
    set_clock(s, answer.current_time.timestamp(), PEER, now)
    if s.talk.boot_answered(answer, now):
        s.core.note("info", "boot accepted", s.talk.url())
        security_events.tell(s, now)
        for c in s.all_connectors:
            c.reported = None
    else:
        s.core.note("warning", f"boot {answer.status.lower()}", f"again in {answer.interval} s")
    _reach_changed(s, now)


def _heartbeat_answered(s: "Station", data: None, answer: messages.HeartbeatResponse, now: float) -> None:
    set_clock(s, answer.current_time.timestamp(), PEER, now)


def _outbox_failed(s: "Station", entry: Entry, failure: Refused, now: float) -> None:
    if failure.code:
        transactions.failed(s, entry, failure, now)
    else:
        s.talk.doubt(entry, now)


def _nothing(*_: Any) -> None:
    """Nothing follows from it."""


Outcome = Callable[["Station", Any, Any, float], None]

OUTCOMES: dict[str, tuple[Outcome, Outcome]] = {
    "boot": (_booted, lambda s, _d, f, now: s.talk.boot_failed(f"{f.code} {f.description}".strip(), now)),
    "heartbeat": (_heartbeat_answered, _nothing),
    "status": (_nothing, _nothing),
    "authorize": (
        lambda s, ticket, answer, now: visits.answered(s, ticket, answer.id_tag_info, now),
        lambda s, ticket, _f, now: visits.unanswered(s, ticket, now),
    ),
    "outbox": (transactions.delivered, _outbox_failed),
    "security": (security_events.taken, security_events.refused),
    "other": (_nothing, _nothing),
    "maintenance": (lambda s, _d, _a, _now: maintenance.told(s), lambda s, _d, _f, _now: maintenance.told(s)),
}
"""What follows from the answer to each kind of call, and from its failure."""

QUIET_CALLS = frozenset({"heartbeat", "status", "security", "other"})
"""Calls whose answer changes no connector."""


def _pong(s: "Station", fact: sig.PongReceived, now: float) -> str:
    s.talk.ponged(now)
    if s.talk.doubted:
        _judge_silence(s, now)
    return QUIET


def _judge_silence(s: "Station", now: float) -> None:
    """A message was not answered, and now the link is known to live: the central system failed to process it."""
    entry = s.talk.proven()
    if entry:
        transactions.failed(s, entry, Refused(None, "", "no answer in time"), now)


def _remembered(s: "Station", fact: sig.Remembered, now: float) -> str | None:
    before = s.core.memory.durable
    s.core.memory.durable = max(before, fact.token)
    quiet = s.core.disk_good and not s.talk.holding and all(c.token <= before for c in s.connectors)
    quiet = quiet and maintenance.idle(s)
    if not s.core.disk_good and fact.token >= s.core.memory.token:
        s.core.disk_good = True
        s.core.note("info", "disk good again", "all that waited is stored")
        faults.cleared(s, 0, faults.NO_ROOM.code, now)
    _speak(s, now)
    s.talk.durable(now)
    if not s.talk.holding:
        s.run_after_answer()
    return QUIET if quiet else None


def _not_remembered(s: "Station", fact: sig.NotRemembered, now: float) -> None:
    s.talk.cannot_promise()
    s.after_answer.clear()
    if s.speaks_after is not None:
        s.speaks_after = None
        s.talk.draw_life()
        s.talk.dial(now)
    if s.core.disk_good:
        s.core.disk_good = False
        s.core.note("error", "disk refuses", f"{fact.reason}: no new charge until there is room")
        security_events.happened(s, "MemoryExhaustion", now, fact.reason)
        s.core.memory.drop("probe")  # a write of no meaning: that it is durable tells when there is room again


def _pilot(s: "Station", fact: sig.PilotChanged, now: float) -> None:
    c = s.connectors[fact.connector - 1]
    was_in, was_plugged, was_alone = c.ev_in, c.plugged, visits.cable_alone(c)
    before, c.pilot, c.ev_held = c.pilot, fact.state, was_in
    _plug_changed(s, c, was_in, was_plugged, now)
    visits.watch_plug(s, c, was_alone, was_in, now)
    mode3.pilot_changed(s, c, fact, before, now)


def _cable(s: "Station", fact: sig.CableChanged, now: float) -> None:
    c = s.connectors[fact.connector - 1]
    was_in, was_plugged, was_alone = c.ev_in, c.plugged, visits.cable_alone(c)
    c.cable_in, c.cable_rating_a = fact.plugged, fact.rating_a
    c.ev_held = c.ev_held and fact.plugged
    electrics.cable_told(c)
    mode3.cable_told(s, c, now)
    _plug_changed(s, c, was_in, was_plugged, now)
    visits.watch_plug(s, c, was_alone, False, now)


def _plug_changed(s: "Station", c: Connector, was_in: bool, was_plugged: bool, now: float) -> None:
    if was_in and not c.ev_in:
        c.ev_offered_at = None
        visits.car_left(s, c, now)
    elif c.ev_in and not was_in and c.transaction:
        c.ev_left = False
    if c.plugged and not was_plugged:
        visits.plugged_in(s, c, now)
    elif was_plugged and not c.plugged:
        visits.unplugged(s, c, now)


def _lock(s: "Station", fact: sig.LockChanged, now: float) -> None:
    c = s.connectors[fact.connector - 1]
    was_jammed, was_locked, c.locked, c.jammed = c.jammed, c.locked, fact.locked, fact.jammed
    code = faults.of_product(s, "ConnectorLockFailure")
    if c.unlock_call is not None and c.transaction is None:
        _unlocked(s, c, not fact.locked and not fact.jammed)
    if fact.jammed:
        faults.raised(s, c.number, code, now)
    elif was_jammed:
        faults.cleared(s, c.number, code, now)
    electrics.lock_told(c, was_locked=was_locked)


def _unlocked(s: "Station", c: Connector, good: bool) -> None:
    ident, c.unlock_call = c.unlock_call, None
    s.core.wake_at("unlock", c.number, None)
    if ident is not None:
        s.talk.result(ident, messages.UnlockConnectorResponse(status="Unlocked" if good else "UnlockFailed"))


def _switched(s: "Station", fact: sig.PowerSwitched, now: float) -> None:
    c = s.connectors[fact.connector - 1]
    c.contactor = fact.closed
    mode3.switched(s, c, fact, now)
    sharing.watch(s, c, now)
    if fact.closed and c.closed_at is None:
        c.closed_at = now
    elif c.closed_at is not None and not fact.closed:
        c.closed_s, c.closed_at = c.closed_s + now - c.closed_at, None
    if not fact.closed:
        transactions.opened(s, c, now)


def _overdrawn(s: "Station", fact: sig.Overdrawn, now: float) -> str:
    """What the meter says decides (mode3.py), not who noticed it."""
    s.read_meter(fact.connector, "poll", None)
    return QUIET


def _read(s: "Station", fact: sig.MeterRead, now: float) -> str | None:
    purpose = s.tickets.pop(fact.ticket, None)
    if not 0 <= fact.connector <= len(s.connectors):
        return QUIET
    c = s.all_connectors[fact.connector]
    changed = c is not s.zero and polls.heard(s, c, now, answered=fact.reading is not None)
    if purpose is None:
        return None if changed else QUIET
    reading = fact.reading or meters.estimated(s.core, c, now)
    if fact.reading and c is not s.zero:
        reading = meters.own_register(s, c, fact.reading)
    if reading:
        reading = metering.never_falling(c, reading)
        flowing = c.flowing  # limits rest on the phases of the charge
        c.reading, c.read_at = reading, now
        charging.metered(c)
        wrong = mode3.metered(s, c, now)
        sharing.metered(c, now)
        hotter = derating.metered(s, c, now)
        changed = changed or wrong or hotter or flowing != c.flowing or sharing.minds_readings(s)
    READINGS[purpose[0]](s, c, reading, now)
    return QUIET if purpose[0] in QUIET_READINGS and not changed else None


def _sample(s: "Station", c: Connector, reading: sig.Reading | None, now: float) -> None:
    items = metering.items(s.core, "MeterValuesSampledData")
    transactions.sampled(s, c, reading, items, "Sample.Periodic", now)


def _aligned_sample(s: "Station", c: Connector, reading: sig.Reading | None, now: float) -> None:
    items = metering.items(s.core, "MeterValuesAlignedData")
    if c.transaction:
        transactions.sampled(s, c, reading, items, "Sample.Clock", now)
    else:
        _meter_values(s, c, reading, items, "Sample.Clock", now)


def _triggered_sample(s: "Station", c: Connector, reading: sig.Reading | None, now: float) -> None:
    _meter_values(s, c, reading, metering.items(s.core, "MeterValuesSampledData"), "Trigger", now)


def _meter_values(
    s: "Station", c: Connector, reading: sig.Reading | None, items: list[str], context: str, now: float
) -> None:
    """Values without a transaction of their own: worth nothing once nobody listens. Connector 0 is the main meter."""
    outlets, location = (s.connectors, "Inlet") if c is s.zero else ([c], "")
    values = metering.sampled(s.core.model, items, reading, outlets, context, location) if reading else []
    if values:
        number = c.transaction.number if c.transaction else None
        payload = messages.MeterValues(
            connector_id=c.number,
            transaction_id=msgspec.UNSET if number is None else number,
            meter_value=(metering.meter_value(s.core.utc(now), values),),
        )
        s.talk.say(payload, ("other", None), now, triggered=context == "Trigger")


READINGS: dict[str, Callable[["Station", Connector, sig.Reading | None, float], None]] = {
    "start": transactions.begun,
    "stop": transactions.stopped,
    "sample": _sample,
    "aligned": _aligned_sample,
    "trigger": _triggered_sample,
    "keep": transactions.keep_register,
    "cap": transactions.capped,
    "poll": _nothing,
    "tic": lambda s, _c, _r, now: tic.follow(s, now),
}
"""What is done with a reading, by what it was asked for."""

QUIET_READINGS = frozenset({"sample", "aligned", "trigger", "keep", "poll"})
"""Readings that change no connector."""


def _badge(s: "Station", fact: sig.BadgePresented, now: float) -> None:
    if s.restarting is None:
        visits.presented(s, fact.id_tag, fact.connector, now)


def _screen(s: "Station", fact: sig.ScreenTouched, now: float) -> str:
    if 0 < fact.connector <= len(s.connectors):
        s.shown = fact.connector
    return QUIET


def _fault_raised(s: "Station", fact: sig.FaultRaised, now: float) -> None:
    faults.raised(s, fact.connector, fact.code, now)


def _fault_cleared(s: "Station", fact: sig.FaultCleared, now: float) -> None:
    faults.cleared(s, fact.connector, fact.code, now)


def _setting(s: "Station", fact: sig.SettingChanged, now: float) -> None:
    verdict = s.change_setting(fact.key, fact.value, now, owner=True, by=fact.by, at_once=fact.at_once)
    if verdict not in ("Accepted", "RebootRequired"):
        s.core.note("warning", "setting refused", f"{fact.key}: {verdict}")
    s.run_after_answer()


def _cache_badge(s: "Station", fact: sig.BadgeCached, now: float) -> None:
    s.authorization.keep(fold(fact.id_tag), Badge(fact.status, at_utc_s=s.core.utc(now)))


def _stop(s: "Station", fact: sig.StopAsked, now: float) -> None:
    if fact.reason in REASONS and 0 < fact.connector <= len(s.connectors):
        transactions.stop(s, s.connectors[fact.connector - 1], fact.reason, None, now)


def _ending(s: "Station", fact: sig.Ending, now: float) -> None:
    for c in s.connectors:
        if c.transaction and not c.stopping:
            s.read_meter(c.number, "keep", None)


def _restored(s: "Station", fact: sig.Restored, now: float) -> None:
    """Factory settings: the changed keys, the profiles and the cache go; records and what is not yet told stay."""
    forget_settings(s, now)
    s.restart(True, "factory settings", "Reboot", now)


def _restart_asked(s: "Station", fact: sig.RestartAsked, now: float) -> None:
    if s.restarting is None:
        s.restart(False, fact.why, "Reboot", now)


def forget_settings(s: "Station", now: float) -> None:
    """Every key as it left the factory, no badge known, nothing reserved, no charging profile."""
    for inner in list(s.core.settings.changed):
        s.core.memory.drop(f"setting/{inner}")
    for inner in s.core.settings.authors:
        s.core.memory.drop(f"{AUTHOR}{inner}")
    s.core.settings.forget()
    profiles.forget(s.core)
    s.core.roots.clear()
    for key in list(s.authorization.cache):
        s.core.memory.drop(f"cache/{key}")
    s.authorization.cache.clear()
    s.authorization.local_list.forget()
    reservations.forget(s)
    external.forget(s, now)


OUTLET_FACTS = frozenset({sig.PilotChanged, sig.CableChanged, sig.LockChanged, sig.PowerSwitched, sig.Overdrawn})
"""What the hardware tells of one outlet."""

HANDLERS: dict[type, Callable[["Station", Any, float], str | None]] = {
    sig.Started: _started,
    sig.ClockSet: _clock_set,
    sig.LinkUp: _link_up,
    sig.LinkDown: _link_down,
    sig.FrameReceived: _frame,
    sig.PongReceived: _pong,
    sig.Remembered: _remembered,
    sig.NotRemembered: _not_remembered,
    sig.PilotChanged: _pilot,
    sig.CableChanged: _cable,
    sig.LockChanged: _lock,
    sig.PowerSwitched: _switched,
    sig.MeterRead: _read,
    sig.Overdrawn: _overdrawn,
    sig.BadgePresented: _badge,
    sig.ButtonPressed: inputs.button,
    sig.InputChanged: inputs.contact,
    sig.FaultRaised: _fault_raised,
    sig.FaultCleared: _fault_cleared,
    sig.SettingChanged: _setting,
    sig.BadgeCached: _cache_badge,
    sig.StopAsked: _stop,
    sig.ScreenTouched: _screen,
    sig.Restored: _restored,
    sig.RestartAsked: _restart_asked,
    sig.Ending: _ending,
    sig.BadgeCommented: charge_record.commented,
    sig.Managed: sharing.managed,
    sig.Allowance: sharing.allowance,
    sig.BadgeKept: badge_window.kept,
    sig.BadgesDropped: badge_window.dropped,
    sig.BadgesReplaced: badge_window.replaced,
    sig.LearnBadges: badge_window.learn,
    sig.RemoteAuthorized: surroundings.remote_authorized,
    sig.ModemRead: surroundings.modem_read,
    sig.TicRead: tic.heard,
    sig.NtpSilent: surroundings.ntp_silent,
    sig.FirmwareBrought: maintenance.brought,
    sig.Fetched: maintenance.fetched,
    sig.Examined: maintenance.examined,
    sig.Sent: maintenance.sent,
    sig.TransferFailed: maintenance.transfer_failed,
    sig.ExternalLife: lambda s, fact, now: None if external.lives(s, fact, now) else QUIET,
    sig.ExternalSetPoint: external.set_point,
    sig.ExternalCommand: external.command,
    sig.ExternalOperand: external.operand,
}


# --- alarms ----------------------------------------------------------------------------------------------------------


def _expired(s: "Station", connector: int, what: str, now: float) -> None:
    refused = s.talk.expire(now)
    if refused:
        _answer(s, refused, now)


def _sample_due(s: "Station", connector: int, what: str, now: float) -> str:
    c = s.connectors[connector - 1]
    if c.transaction and not c.stopping:
        s.read_meter(connector, "sample", None)
    transactions.schedule(s, c, now)
    return QUIET


def _keep_due(s: "Station", connector: int, what: str, now: float) -> str:
    c = s.connectors[connector - 1]
    if c.transaction and not c.stopping:
        s.read_meter(connector, "keep", None)
        s.core.wake_at("keep", connector, now + transactions.DURABLE_READING_S)
    return QUIET


def _schedule_aligned(s: "Station", now: float) -> None:
    interval_s = s.core.settings.number("ClockAlignedDataInterval")
    utc_s = s.core.utc(now)
    s.core.wake_at("aligned", 0, now + metering.next_aligned(utc_s, interval_s) - utc_s if interval_s > 0 else None)


def _aligned_due(s: "Station", connector: int, what: str, now: float) -> None:
    for c in s.all_connectors if metering.has_main(s) else s.connectors:
        s.read_meter(c.number, "aligned", None)
    _schedule_aligned(s, now)


def _hardware_settled(s: "Station", connector: int, what: str, now: float) -> None:
    """What was finishing before a power cut and has nothing plugged in is free; no cable stays locked for nobody."""
    inputs.review(s, now)
    derating.read_switch(s, now)
    for c in s.connectors:
        if c.spec.lock and c.locked and not c.lock_wanted:
            s.unlock(c)
        if c.usage is Usage.FINISHING and not c.plugged:
            c.usage = advance(c.usage, On.PLUG_OUT)
            c.plugged_since_stop = False


def _waiting_grant_over(s: "Station", connector: int, what: str, now: float) -> None:
    s.waiting_grant = None


def _unlock_failed(s: "Station", connector: int, what: str, now: float) -> None:
    c = s.connectors[connector - 1]
    _unlocked(s, c, not c.locked)


def _unplug_due(s: "Station", connector: int, what: str, now: float) -> str:
    electrics.unplug_overdue(s, s.connectors[connector - 1])
    return QUIET


def _on(rule: Callable[["Station", Connector, float], None]) -> Callable[["Station", int, str, float], None]:
    """An alarm of one connector."""
    return lambda s, connector, _what, now: rule(s, s.connectors[connector - 1], now)


def _of_link(rule: Callable[[Conversation, float], None]) -> Callable[["Station", int, str, float], str]:
    """An alarm of the link, of no concern to any connector."""

    def ring(s: "Station", connector: int, what: str, now: float) -> str:
        rule(s.talk, now)
        return QUIET

    return ring


ALARMS: dict[str, Callable[["Station", int, str, float], str | None]] = {
    "dial": _of_link(Conversation.dial),
    "boot": lambda s, _c, _w, now: s.talk.boot_again(now),
    "heartbeat": _of_link(Conversation.heartbeat),
    "ping": _of_link(Conversation.ping),
    "silence": _of_link(Conversation.silence),
    "call": _expired,
    "retry": _of_link(Conversation.pump),
    "status": _nothing,
    "ready": _nothing,
    "locate": lambda s, _c, _w, now: _relight(s, now),
    "light": lambda s, _c, _w, now: _relight(s, now),
    "plug": _on(visits.plug_overdue),
    "unplug": _unplug_due,
    "cut": _nothing,
    "pulse": _on(mode3.wake_car),
    "contactor": _on(mode3.overdue),
    "modem": lambda s, _c, _w, now: surroundings.ask_modem(s, now),
    "ntp": lambda s, _c, _w, now: surroundings.watch_time(s, now),
    "heat": lambda s, connector, _w, _now: s.read_meter(connector, "poll", None),
    "meter": lambda s, connector, _w, _now: s.read_meter(connector, "poll", None),
    "settle": _hardware_settled,
    "connect": _on(visits.timed_out),
    "waiting": _waiting_grant_over,
    "badges": lambda s, _c, _w, now: badge_window.over(s, now),
    "sample": _sample_due,
    "keep": _keep_due,
    "cap": lambda s, connector, _w, _now: s.read_meter(connector, "cap", None),
    "aligned": _aligned_due,
    "opened": _on(transactions.opened),
    "reservation": lambda s, _c, _w, now: reservations.due(s, now),
    "resume": _on(transactions.resume),
    "unlock": _unlock_failed,
    "fault": lambda s, connector, what, now: faults.cleared(s, connector, what.partition(" ")[2], now),
    "external": lambda s, connector, _w, now: external.silent(s, connector, now),
    "postponed": lambda s, connector, _w, _now: external.postponed_over(s, connector),
    "profile": _nothing,
    "share": _nothing,
    "follow": _nothing,
    "look": _on(sharing.look),
    "allowance": _on(sharing.fell),
    "restart": _nothing,
    "maintenance": _nothing,
    "upload": _nothing,
}
"""What is due when an alarm rings; a row that does nothing only wants the views compared again."""


# --- keys whose change acts at once ----------------------------------------------------------------------------------


def relink(s: "Station", now: float) -> None:
    if s.started:
        s.talk.redial(now, "what it connects with has changed")


def _resample(s: "Station", now: float) -> None:
    for c in s.connectors:
        if c.transaction:
            transactions.schedule(s, c, now)


def _relight(s: "Station", now: float) -> None:
    """The lamps are told anew, and again when day or night begins."""
    for c in s.connectors:
        c.light = ""
    _schedule_light(s, now)


def _schedule_light(s: "Station", now: float) -> None:
    s.core.wake_at("light", 0, lamp.changes_at(s.core, now))


def all_keys_changed(s: "Station", now: float) -> None:
    """Every key has its default again: what rests on keys follows at once."""
    for effect in {relink: None, **dict.fromkeys(EFFECTS.values())}:
        effect(s, now)


def _operating_mode(s: "Station", now: float) -> None:
    """One key of the product that switches badges off and on by number (quirk operating_mode).

    A number without meaning works as the one from the factory (Q-017).
    """
    rule = s.core.model.quirks.get("operating_mode")
    if rule is None:
        return
    mode = s.core.settings.text(str(rule["mode_key"]))
    if mode not in (rule["free"], rule["badges"], rule["remote"]):
        mode = s.core.settings.factory(str(rule["mode_key"]))
    free = mode == rule["free"]
    s.change_setting(s.core.model.authentication.mode_key, "false" if free else "true", now, owner=True)


def _location(s: "Station", now: float) -> None:
    for c in s.connectors:
        mode3.watch_ventilation(s, c, now)


EFFECTS: dict[str, Callable[["Station", float], None]] = {
    "energymetering": meters.tell,
    "powermeterprotocol": meters.tell,
    "powermeterrtuaddress": meters.tell,
    "powermetergatewayaddress": meters.tell,
    "voltagereference": meters.tell,
    "powermeterphases": meters.tell,
    "networkphases": meters.tell,
    "heartbeatinterval": lambda s, now: s.talk.heartbeat_interval_changed(now),
    "websocketpinginterval": lambda s, now: s.talk.ping_interval_changed(now),
    "ocppconnecttimeout": lambda s, now: s.talk.ping_interval_changed(now),
    "metervaluesampleinterval": _resample,
    "clockaligneddatainterval": _schedule_aligned,
    "lightintensity": _relight,
    "lednightintensity": _relight,
    "leddaystarthour": _relight,
    "leddayendhour": _relight,
    "disconnectedmetervaluesampleinterval": _resample,
    "operatingmode": _operating_mode,
    "modempresent": surroundings.watch_modem,
    "confmodemretryinterval": surroundings.watch_modem,
    "timesettings": surroundings.watch_time,
    "ntpserver": surroundings.watch_time,
    "securityprofile": relink,
    "stationlocation": _location,
    "microswitchcurrent": derating.switch_moved,
    "controlledbyexternalsystem": external.switched,
    "modbusenable": external.switched,
    "input1function": inputs.review,
    "input1normallyopen": inputs.review,
}
"""Other keys are read when they are needed."""
