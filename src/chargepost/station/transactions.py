"""The life of a transaction: read the register, keep it on disk, close the contactor; open it, read, keep, tell.

OCPP 1.6, 4.8, 4.10, 3.7; reference 8; traps 32 to 42. Order is the promise: on disk before the contactor closes.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from chargepost.ocpp import messages
from chargepost.ocpp.outbox import UNDELIVERED_TRANSACTION, Entry
from chargepost.ocpp.session import Refused
from chargepost.signals import ChargeRecord, Reading
from chargepost.station import badges, charge_record, charging, electrics, metering, ocmf, pilot, profiles, reservations
from chargepost.station.connector import Connector, Grant, Stopping, Transaction
from chargepost.station.usage import On, Usage, advance

if TYPE_CHECKING:
    from chargepost.station.station import Station

EV_READY_WAIT_S = 5.0
"""A car that is offered current has so long to ask for it before the transaction begins without it (B4)."""

UNPLUG_WAIT_S = 60.0
"""What is still plugged so long after a charge is noted as the outlet's last error (electrics.py): as long as the
plug procedure may take before it (EVlink OCPP guide, 7.1, error 14)."""

DURABLE_READING_S = 60
"""A charge that is not sampled at least so often has its register put on disk so often: what a power cut may cost."""

CAPPED_READING_S = 0.5
"""How soon the register is looked at again near the end of MaxEnergyOnInvalidId."""

BEGIN, END = "Interruption.Begin", "Interruption.End"
"""Of a gap in the row of samples (1.6, 7.37)."""

HAIR_S = 0.5
"""Readings that are meant to be equally far apart are so within this."""

STOP_READINGS_MAX = 1440
"""Readings in one StopTransaction where no key of the product says how many: one a minute of a day."""

STOP_VALUES_MAX = 4000
"""Values in one StopTransaction: half a megabyte, and peers that read no longer frame than 1 MiB are common."""

UNSET = msgspec.UNSET


class Register(msgspec.Struct, gc=False):
    """What is known of a connector's meter through a power cut."""

    energy_wh: float
    last_start_utc_s: float = 0.0
    own_wh: float | None = None
    """What the meter itself said last; None: as above."""
    base_wh: float = 0.0
    """What the station adds to it, since meters were exchanged."""


# --- start -----------------------------------------------------------------------------------------------------------


def may_begin(s: "Station", c: Connector, now: float) -> bool:
    """All conditions of a start hold: somebody may, a car is there, the cable is locked, nothing is broken."""
    if c.usage is not Usage.PREPARING or c.grant is None or c.starting or c.blocked or not c.ev_in:
        return False
    if not s.core.disk_good or s.restarting or (c.spec.lock and not c.locked):
        return False
    if c.offered_a == 0:
        return c.limit.current_a == 0  # B5: it begins paused
    return c.pilot in ("C", "D") or (c.ev_offered_at is not None and now >= c.ev_offered_at + EV_READY_WAIT_S)


def begin(s: "Station", c: Connector, now: float) -> None:
    c.starting = True
    s.read_meter(c.number, "start", None)


def begun(s: "Station", c: Connector, reading: Reading | None, now: float) -> None:
    """The register is read: the transaction exists from here on, and has power once it is on disk."""
    c.starting = False
    if not (c.usage is Usage.PREPARING and c.grant and c.ev_in and not c.blocked and s.core.disk_good):
        return
    core, grant = s.core, c.grant
    s.transactions += 1
    energy_wh = max(reading.energy_wh if reading else 0.0, c.register_wh)
    # Time stamps of starts never repeat on a connector, whatever the clock does: they are part of its identity.
    utc_s = round(max(core.utc(now), c.last_start_utc_s + 0.001), 3)
    c.last_start_utc_s = utc_s
    tx = c.transaction = Transaction(
        name=f"{s.boots:x}-{s.transactions:x}",
        connector=c.number,
        id_tag=grant.id_tag,
        parent=grant.parent,
        start_utc_s=utc_s,
        start_wh=int(energy_wh),
        last_wh=energy_wh,
        last_utc_s=utc_s,
    )
    c.started_at = c.began_at = now
    c.closed_s = 0.0
    c.ev_offered_at = None
    c.usage = advance(c.usage, On.START)
    core.wake_at("connect", c.number, None)
    keep_meter(s, c, energy_wh)
    s.talk.keep(
        "start",
        tx.name,
        messages.StartTransaction(
            connector_id=c.number,
            id_tag=tx.id_tag,
            meter_start=tx.start_wh,
            timestamp=metering.date(utc_s),
            reservation_id=reservations.used(s, c, grant),
        ),
        numbered=True,
    )
    _keep_edge(s, c, reading, energy_wh, "Transaction.Begin", now)
    c.token = core.memory.put(f"transaction/{tx.name}", tx)
    if grant.profile:
        profiles.transaction_begun(s, c, grant.profile, now)
    schedule(s, c, now)
    core.note("info", "transaction begins", f"badge {tx.id_tag} at {tx.start_wh} Wh", c.number)


def schedule(s: "Station", c: Connector, now: float) -> None:
    """Set the alarms of a running transaction: samples from its start, and the durable reading in between."""
    interval_s = s.core.settings.number(metering.interval_key(s.core, online=s.talk.online))
    if c.transaction is None:
        interval_s = 0
    s.core.wake_at("sample", c.number, _next_sample(c.started_at, interval_s, now) if interval_s > 0 else None)
    sparse = c.transaction is not None and not 0 < interval_s <= DURABLE_READING_S
    s.core.wake_at("keep", c.number, _next_durable(s, c, now) if sparse else None)


def _next_durable(s: "Station", c: Connector, now: float) -> float:
    """As it was set, or counted from the last reading on disk: a new interval puts it off no further."""
    charged_s = c.transaction.charged_s if c.transaction else 0.0
    return s.core.alarms.get(("keep", c.number), max(now, c.started_at + charged_s + DURABLE_READING_S))


def _next_sample(started_at: float, interval_s: int, now: float) -> float:
    """The next multiple of the interval from the start that is later than now, however floating point rounds."""
    steps = int((now - started_at) // interval_s) + 1
    due = started_at + steps * interval_s
    return due if due > now else started_at + (steps + 1) * interval_s


# --- while it runs ---------------------------------------------------------------------------------------------------


def sampled(s: "Station", c: Connector, reading: Reading | None, items: list[str], context: str, now: float) -> None:
    """A sample of a running transaction: told through the outbox, and its register kept on disk.

    A meter that falls silent interrupts the row: its last reading is told as Interruption.Begin, its next as
    Interruption.End (1.6, 7.37).
    """
    tx = c.transaction
    if tx is None:
        return
    stop_items = s.core.settings.items("StopTxnAlignedData" if context == "Sample.Clock" else "StopTxnSampledData")
    if reading is None:
        if c.reading and not c.interrupted:
            c.interrupted = True
            _tell_sample(s, c, c.reading, (items, stop_items), BEGIN, c.read_at)
        return
    if c.interrupted:
        c.interrupted, context = False, END
    keep_register(s, c, reading, now)
    _tell_sample(s, c, reading, (items, stop_items), context, now)


def _tell_sample(
    s: "Station", c: Connector, reading: Reading, lists: tuple[list[str], list[str]], context: str, at: float
) -> None:
    """Say the first list at once, keep the second for the stop."""
    _say_sample(s, c, metering.sampled(s.core.model, lists[0], reading, (c,), context), s.core.utc(at))
    _keep_data(s, c, reading, context, lists[1], at)


def _say_sample(s: "Station", c: Connector, values: list[messages.SampledValue], utc_s: float) -> None:
    tx = c.transaction
    if tx and values:
        payload = messages.MeterValues(
            connector_id=c.number,
            transaction_id=tx.number if tx.number is not None else 0,
            meter_value=(metering.meter_value(utc_s, values),),
        )
        s.talk.keep("meter", tx.name, payload, numbered=tx.number is not None)


def keep_register(s: "Station", c: Connector, reading: Reading | None, now: float) -> None:
    """Put the present register on disk: a power cut loses no more than what is charged after it."""
    tx = c.transaction
    if tx is None or reading is None or reading.energy_wh < tx.last_wh:
        return
    tx.phases = c.flowing or tx.phases
    tx.last_wh, tx.last_utc_s, tx.charged_s = reading.energy_wh, round(s.core.utc(now), 3), now - c.started_at
    s.core.memory.put(f"transaction/{tx.name}", tx)
    keep_meter(s, c, reading.energy_wh)


def keep_meter(s: "Station", c: Connector, energy_wh: float) -> None:
    """The register on disk never falls, also while the meter is silent."""
    c.register_wh = max(c.register_wh, energy_wh)
    s.core.memory.put(f"meter/{c.number}", Register(c.register_wh, c.last_start_utc_s, c.own_wh, c.base_wh))


def _stop_items(s: "Station") -> list[str]:
    """What is kept of the first and the last reading: both lists want them (1.6, 3.16.5)."""
    settings = s.core.settings
    return list(dict.fromkeys([*settings.items("StopTxnSampledData"), *settings.items("StopTxnAlignedData")]))


def _keep_data(s: "Station", c: Connector, reading: Reading | None, context: str, items: list[str], at: float) -> None:
    """Keep a reading for StopTransaction.transactionData; begin and end always, the others the product's time apart."""
    tx = c.transaction
    if tx is None or reading is None or not items:
        return
    utc_s, kept = s.core.utc(at), s.data.get(tx.name)
    if context.startswith("Sample") and kept:
        since_s = utc_s - kept[next(reversed(kept))].timestamp.timestamp()
        gap_key = s.core.model.quirks.get("thin_stop_data", {}).get("gap_key")
        if 0 <= since_s < max(s.core.settings.number(str(gap_key)) if gap_key else 0, tx.apart_s):
            return
    _keep_point(s, tx, metering.sampled(s.core.model, items, reading, (c,), context), context, utc_s)


def _keep_edge(s: "Station", c: Connector, reading: Reading | None, energy_wh: float, context: str, at: float) -> None:
    """Keep how a transaction began or ended; a meter that signs does so, whatever the lists ask for."""
    tx, core = c.transaction, s.core
    if tx is None:
        return
    if reading is None:
        if ocmf.signs(core):
            core.note("warning", "value not signed", f"{context}: the meter did not answer", c.number)
        _keep_known(s, tx, energy_wh, context, core.utc(at))
        return
    values = metering.sampled(core.model, _stop_items(s), reading, (c,), context)
    if ocmf.signs(core) and tx.exchanged:
        core.note("warning", "value not signed", f"{context}: the meter was exchanged during the charge", c.number)
    elif ocmf.signs(core):
        edge: ocmf.Edge = "B" if context == "Transaction.Begin" else "E"
        values.append(ocmf.signed(core, tx, edge, energy_wh, core.utc(at)))
    _keep_point(s, tx, values, context, core.utc(at))


def _keep_known(s: "Station", tx: Transaction, energy_wh: float, context: str, utc_s: float) -> None:
    """Without a reading, what meterStart or meterStop says is all that is known."""
    known = metering.register(s.core.model, _stop_items(s), energy_wh, context)
    _keep_point(s, tx, known, context, utc_s)


def _keep_point(s: "Station", tx: Transaction, values: list[messages.SampledValue], context: str, utc_s: float) -> None:
    """When there are too many points, every second one between begin and end goes: the rest shows the whole charge."""
    if not values:
        return
    settings, kept = s.core.settings, s.data.setdefault(tx.name, {})
    limit_key = s.core.model.quirks.get("thin_stop_data", {}).get("limit_key", "StopTransactionMaxMeterValues")
    most = settings.number(str(limit_key)) or STOP_READINGS_MAX
    if len(kept) >= max(min(most, STOP_VALUES_MAX // len(values)), 2) - (context != "Transaction.End"):
        for n in list(kept)[1::2]:
            del kept[n]
            s.core.memory.drop(f"data/{tx.name}/{n:06d}")
        at = [point.timestamp.timestamp() for point in kept.values()]
        tx.apart_s = at[2] - at[1] - HAIR_S if len(at) > 2 else 0.0
    point = kept[tx.kept_readings] = metering.meter_value(utc_s, values)
    s.core.memory.put(f"data/{tx.name}/{tx.kept_readings:06d}", point)
    tx.kept_readings += 1


def refused(s: "Station", c: Connector, now: float) -> None:
    """The central system does not accept the badge of a running transaction (reference 8.4; errata 3.5, 3.17)."""
    tx = c.transaction
    if tx is None or c.stopping:
        return
    if s.core.settings.flag("StopTransactionOnInvalidId", True):
        c.release = Grant(tx.id_tag, tx.parent, "refused")
        # In one piece with what forgets the start: a power cut before the stop is on disk must find the refusal.
        tx.refused = True
        s.core.memory.put(f"transaction/{tx.name}", tx)
        stop(s, c, "DeAuthorized", None, now)
        return
    granted_wh = s.core.settings.number("MaxEnergyOnInvalidId")
    if granted_wh > 0:
        tx.cap_wh = (c.reading.energy_wh if c.reading else tx.last_wh) + granted_wh
        s.read_meter(c.number, "cap", None)
    else:
        tx.refused = True
    s.core.memory.put(f"transaction/{tx.name}", tx)


def capped(s: "Station", c: Connector, reading: Reading | None, now: float) -> None:
    """Look at the register until the energy granted to a refused badge is used up."""
    tx = c.transaction
    if tx is None or tx.cap_wh is None:
        return
    left_wh = tx.cap_wh - reading.energy_wh if reading else 0.0
    most_w = c.spec.max_current_a * metering.NOMINAL_V * 1.1 * c.spec.phases
    if left_wh <= most_w * CAPPED_READING_S / 3600:
        tx.cap_wh, tx.refused = None, True
        s.core.memory.put(f"transaction/{tx.name}", tx)
    else:
        s.core.wake_at("cap", c.number, now + max(CAPPED_READING_S, left_wh / most_w * 3600 * 0.9))


# --- stop ------------------------------------------------------------------------------------------------------------


def stop(s: "Station", c: Connector, reason: str, id_tag: str | None, now: float) -> None:
    """End a transaction: the contactor opens, then the register is read, then it is told."""
    if c.transaction is None or c.stopping:
        return
    c.stopping = Stopping(reason, id_tag)
    electrics.charge_ends(c, reason)
    c.grant = None
    if c.contactor:
        if not c.flowing:  # a charge that no reading has seen yet
            s.read_meter(c.number, "poll", None)
        s.core.wake_at("opened", c.number, now + pilot.SEQUENCES["cut"].within_s + pilot.CONTACTOR_WAIT_S)
    else:
        s.read_meter(c.number, "stop", None)


def opened(s: "Station", c: Connector, now: float) -> None:
    """The contactor is open, or has had its time."""
    if c.stopping and c.transaction:
        s.core.wake_at("opened", c.number, None)
        s.read_meter(c.number, "stop", None)


def stopped(s: "Station", c: Connector, reading: Reading | None, now: float) -> None:
    """The last register is read."""
    tx, stopping = c.transaction, c.stopping
    if tx is None or stopping is None:
        return
    energy_wh = max(reading.energy_wh if reading else 0.0, tx.last_wh)
    _keep_edge(s, c, reading, energy_wh, "Transaction.End", now)
    keep_meter(s, c, energy_wh)
    tx.phases = c.flowing or tx.phases
    close(s, c, tx, energy_wh, s.core.utc(now), now - c.started_at, stopping.reason, stopping.id_tag)
    c.usage = advance(c.usage, On.STOP if c.plugged else On.STOP_AND_GONE)
    c.plugged_since_stop = c.plugged
    s.core.wake_at("unplug", c.number, now + UNPLUG_WAIT_S)
    if stopping.reason == "EVDisconnected" and not s.core.settings.flag("UnlockConnectorOnEVSideDisconnect", True):
        c.release = Grant(tx.id_tag, tx.parent, "disconnected")


def close(
    s: "Station", c: Connector, tx: Transaction, energy_wh: float, utc_s: float, charged_s: float, reason: str,
    id_tag: str | None,
) -> None:  # fmt: skip
    """Write the end of a transaction: the message, the charge record, and the memory without it, in one piece."""
    core = s.core
    utc_s = round(max(utc_s, tx.start_utc_s), 3)
    points = s.data.pop(tx.name, {})
    tag: Any = UNSET if id_tag is None else id_tag
    payload = messages.StopTransaction(
        transaction_id=tx.number if tx.number is not None else 0,
        id_tag=tag,
        meter_stop=int(energy_wh),
        timestamp=metering.date(utc_s),
        reason=reason,  # type: ignore[arg-type]  # reasons are checked where they come in
        transaction_data=tuple(points.values()) or UNSET,
    )
    s.talk.keep("stop", tx.name, payload, numbered=tx.number is not None)
    core.memory.drop(f"transaction/{tx.name}")
    for n in points:
        core.memory.drop(f"data/{tx.name}/{n:06d}")
    record = ChargeRecord(
        record=tx.name,
        connector=tx.connector,
        id_tag=tx.id_tag,
        start_utc_s=tx.start_utc_s,
        stop_utc_s=utc_s,
        start_wh=tx.start_wh,
        stop_wh=int(energy_wh),
        duration_s=round(charged_s, 3),
        reason=reason,
        transaction=tx.number,
        detail=charge_record.detail(s, tx),
    )
    core.memory.record(record)
    core.memory.put(f"record/{tx.name}", record)
    s.undelivered[tx.name] = record
    profiles.transaction_over(core, tx.name)
    c.transaction = c.stopping = None
    c.paused = c.interrupted = False
    c.resume_at = None
    charging.car_gone(c)
    for alarm in ("sample", "keep", "cap", "opened", "resume"):
        core.wake_at(alarm, c.number, None)
    core.note("info", "transaction ends", f"{reason}, {int(energy_wh) - tx.start_wh} Wh", tx.connector)


# --- what the central system says of it ------------------------------------------------------------------------------


def delivered(s: "Station", entry: Entry, answer: Any, now: float) -> None:
    """A transaction message was processed: learn from the answer and forget the message."""
    _forget(s, entry)
    if entry.kind == "start":
        c, info = s.connector_of(entry.transaction), answer.id_tag_info
        if c and c.transaction and info.parent_id_tag is not UNSET:
            c.transaction.parent = info.parent_id_tag
        number(s, entry.transaction, answer.transaction_id)
        started = msgspec.json.decode(entry.payload, type=messages.StartTransaction)
        badges.learn(s, started.id_tag, info, now)
        if c and c.transaction and info.status != "Accepted":
            s.core.note("warning", "badge refused", f"{started.id_tag}: {info.status}", c.number)
            refused(s, c, now)
    elif entry.kind == "stop":
        if answer.id_tag_info is not UNSET:
            stop_message = msgspec.json.decode(entry.payload, type=messages.StopTransaction)
            if stop_message.id_tag is not UNSET:
                badges.learn(s, stop_message.id_tag, answer.id_tag_info, now)
        _ended(s, entry.transaction, delivered=True)


def failed(s: "Station", entry: Entry, failure: Refused, now: float) -> None:
    """It was not processed: try again later, or give it up and go on (1.6, 3.7.1)."""
    settings = s.core.settings
    attempts = settings.number("TransactionMessageAttempts")
    interval_s = settings.number("TransactionMessageRetryInterval")
    why = failure.code or failure.description
    if not s.talk.outbox.failed(entry, now, attempts, interval_s):
        s.core.note("warning", "transaction message failed", f"{entry.kind}: {why}; to be tried again")
        return
    s.core.note("error", "transaction message given up", f"{entry.kind} of {entry.transaction}: {why}")
    _forget(s, entry)
    if entry.kind == "start":
        number(s, entry.transaction, UNDELIVERED_TRANSACTION)
    elif entry.kind == "stop":
        _ended(s, entry.transaction, delivered=False)


def number(s: "Station", name: str, transaction_id: int) -> None:
    """The central system's number, for the transaction and for what of it still waits."""
    s.core.numbers[name] = transaction_id
    s.core.memory.put(f"number/{name}", transaction_id)
    c = s.connector_of(name)
    if c and c.transaction:
        c.transaction.number = transaction_id
        s.core.memory.put(f"transaction/{name}", c.transaction)


def _forget(s: "Station", entry: Entry) -> None:
    s.talk.outbox.remove(entry)
    s.core.memory.drop(f"outbox/{entry.seq:012d}")


def _ended(s: "Station", name: str, *, delivered: bool) -> None:
    """Nothing of this transaction waits any more."""
    transaction_id = s.core.numbers.pop(name, None)
    s.core.memory.drop(f"number/{name}")
    record = s.undelivered.pop(name, None)
    if record:
        s.core.memory.drop(f"record/{name}")
        known = delivered and transaction_id != UNDELIVERED_TRANSACTION
        s.core.memory.record(msgspec.structs.replace(record, delivered=known, transaction=transaction_id))


# --- after a power cut -----------------------------------------------------------------------------------------------


def recover(s: "Station", c: Connector, tx: Transaction, now: float) -> None:
    """An open transaction of the last life: resumed after the product's delay, or closed with PowerLoss (Q-188)."""
    rule = s.core.model.after_power_cut
    if rule.resumes:
        c.transaction, c.usage = tx, Usage.CHARGING
        c.started_at = now - tx.charged_s
        c.began_at = None
        c.resume_at = now + s.core.settings.number(rule.delay_key, 0)
        if s.core.settings.number("MeterValueSampleInterval"):
            c.interrupted = True
            items = metering.items(s.core, "MeterValuesSampledData")
            _say_sample(s, c, metering.register(s.core.model, items, tx.last_wh, BEGIN), tx.last_utc_s)
            kept = s.core.settings.items("StopTxnSampledData")
            _keep_point(s, tx, metering.register(s.core.model, kept, tx.last_wh, BEGIN), BEGIN, tx.last_utc_s)
        s.core.wake_at("resume", c.number, c.resume_at)
        s.core.note("info", "transaction kept", f"goes on in {c.resume_at - now:g} s when the car is there", c.number)
        if tx.refused and s.core.settings.flag("StopTransactionOnInvalidId", True):
            stop(s, c, "DeAuthorized", None, now)
    else:
        lost_power(s, c, tx)
        c.usage = Usage.FINISHING
        c.plugged_since_stop = True


def lost_power(s: "Station", c: Connector, tx: Transaction) -> None:
    """Close a transaction of the last life with what is known of it."""
    _keep_known(s, tx, tx.last_wh, "Transaction.End", tx.last_utc_s)
    electrics.charge_ends(c, "PowerLoss")
    close(s, c, tx, tx.last_wh, tx.last_utc_s, tx.charged_s, "PowerLoss", None)


def resume(s: "Station", c: Connector, now: float) -> None:
    """Alarm: the delay after a power cut is over."""
    c.resume_at = None
    if c.transaction and not c.stopping:
        if c.ev_in:
            schedule(s, c, now)
            if c.interrupted:
                s.read_meter(c.number, "sample", None)
            if c.transaction.cap_wh is not None:
                s.read_meter(c.number, "cap", None)
        else:
            stop(s, c, "PowerLoss", None, now)
