"""Request of a station -> what it is answered and what must be kept first, as a table. Pure.

A rule never refuses by silence or error: sanity checks on transactions lead to an answer all the same, because the
station has to get rid of the message (OCPP 1.6, 4.8, 4.10).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from chargepost.ocpp import messages as m
from chargepost.ocpp import security as s
from chargepost.supervision import live, roster
from chargepost.supervision.state import State, Station
from chargepost.supervision.wishes import (
    Begun,
    ConnectorRow,
    EventRow,
    MeterRow,
    Row,
    StopRow,
    SupersededRow,
    TransactionRow,
)


class Policy(msgspec.Struct, frozen=True):
    """What the operator decides for all stations."""

    heartbeat_interval_s: int = 300
    boot_retry_s: int = 60
    """After Pending or Rejected."""
    accept_unknown_badges: bool = False
    accept_badges: tuple[str, ...] = ()
    """Patterns: badges that fit one are accepted without being in the table, unless they are in it."""
    admit: tuple[str, ...] = ()
    """Patterns: stations whose identity fits one are let in without being on the roster, with one password for all."""
    admit_password_hash: str = ""
    """Of that password; empty: there is none, and they come in only where stations without a password may."""
    accept_unknown_stations: bool = False
    """Whoever comes is let in: on loopback only."""
    accept_open_stations: bool = False
    """Stations without a password are let in (security profile 0): on loopback or a closed network only."""
    call_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer, and the rows that must be durable before it is given (none: at once)."""

    answer: Any
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """What a rule may look at: the state, the policy, the dice."""

    state: State
    policy: Policy
    draw: Callable[[int], bytes]
    """So many random bytes."""


Rule = Callable[[Desk, Station, Any, float], Reply]


def date(utc_s: float) -> datetime:
    return datetime.fromtimestamp(utc_s, UTC)


def given(value: Any, default: Any = "") -> Any:
    """An optional field's value, or the default when it was left out."""
    return default if value is msgspec.UNSET or value is None else value


# --- badges -----------------------------------------------------------------------------------------------------------


def judge_badge(desk: Desk, id_tag: str, utc_s: float) -> m.IdTagInfo:
    """4.2: what this badge may do, with its group and its date."""
    badge = desk.state.badges.get(id_tag.lower())
    if badge is None:
        policy = desk.policy
        good = id_tag and (policy.accept_unknown_badges or roster.fits(id_tag, policy.accept_badges))
        return m.IdTagInfo(status="Accepted" if good else "Invalid")
    expired = badge.expiry_utc_s is not None and badge.expiry_utc_s <= utc_s
    status: Any = "Expired" if expired and badge.status == "Accepted" else badge.status
    return m.IdTagInfo(
        status=status,
        parent_id_tag=badge.parent or msgspec.UNSET,
        expiry_date=date(badge.expiry_utc_s) if badge.expiry_utc_s is not None else msgspec.UNSET,
    )


def authorize(desk: Desk, station: Station, ask: m.Authorize, utc_s: float) -> Reply:
    return Reply(m.AuthorizeResponse(id_tag_info=judge_badge(desk, ask.id_tag, utc_s)))


# --- registration -----------------------------------------------------------------------------------------------------


def boot(desk: Desk, station: Station, ask: m.BootNotification, utc_s: float) -> Reply:
    """4.2: registered as the operator says; kept first, for a station accepted once stays so over our own restart."""
    status: Any = station.row.boot_policy
    station.row = msgspec.structs.replace(
        station.row,
        registration=status,
        vendor=ask.charge_point_vendor,
        model=ask.charge_point_model,
        serial_number=given(ask.charge_point_serial_number) or given(ask.charge_box_serial_number),
        firmware=given(ask.firmware_version),
    )
    interval = desk.policy.heartbeat_interval_s if status == "Accepted" else desk.policy.boot_retry_s
    answer = m.BootNotificationResponse(status=status, current_time=date(utc_s), interval=interval)
    words = f"{ask.charge_point_vendor} {ask.charge_point_model} {given(ask.firmware_version)}: {status}"
    return Reply(answer, (station.row, EventRow(station.identity, utc_s, "boot", words)))


def heartbeat(desk: Desk, station: Station, ask: m.Heartbeat, utc_s: float) -> Reply:
    return Reply(m.HeartbeatResponse(current_time=date(utc_s)))


# --- connectors -------------------------------------------------------------------------------------------------------


def status(desk: Desk, station: Station, ask: m.StatusNotification, utc_s: float) -> Reply:
    """4.9: the last status told holds; every change is an event, and a fault can be found again.

    A status told once more (5.17, or after a boot) keeps its date and is no event. It is written all the same: the
    first one may still be on its way to the disk.
    """
    told_utc_s = ask.timestamp.timestamp() if isinstance(ask.timestamp, datetime) else utc_s
    connector, known = station.connector(ask.connector_id), station.connector(ask.connector_id).row
    row = ConnectorRow(
        station.identity,
        ask.connector_id,
        ask.status,
        ask.error_code,
        told_utc_s,
        given(ask.info),
        given(ask.vendor_error_code),
    )
    frees = ask.status == "Available" and connector.transaction is not None
    if (row.status, row.error) == (known.status, known.error) and not frees:
        row = msgspec.structs.replace(row, since_utc_s=known.since_utc_s)
    if frees:
        connector.transaction = None
    connector.row = row
    events = () if row == known else (_status_event(row, told_utc_s),)
    return Reply(m.StatusNotificationResponse(), (row, *events))


def _status_event(row: ConnectorRow, told_utc_s: float) -> EventRow:
    words = [f"connector {row.connector} {row.status}"]
    words += [word for word in (row.error, row.vendor_error, row.info) if word != "NoError"]
    event = "fault" if row.error != "NoError" or row.status == "Faulted" else "status"
    return EventRow(row.identity, told_utc_s, event, " ".join(filter(None, words)))


METERED = m.MeterValuesResponse()


def meter_values(desk: Desk, station: Station, ask: m.MeterValues, utc_s: float) -> Reply:
    transaction = given(ask.transaction_id, 0)
    return Reply(METERED, tuple(_metered(desk.state, station, ask.connector_id, transaction, ask.meter_value)))


def _metered(
    state: State, station: Station, number: int, transaction: int, values: Sequence[m.MeterValue]
) -> list[Row]:
    connector = station.connector(number)
    rows: list[Row] = []
    for value in values:
        measured_utc_s, told = value.timestamp.timestamp(), live.by_measurand(value.sampled_value)
        connector.live = live.update(connector.live, measured_utc_s, told)
        state.metered(station.identity, transaction, measured_utc_s, told)
        samples = msgspec.json.encode(value.sampled_value)
        rows.append(MeterRow(station.identity, number, transaction, measured_utc_s, samples))
    return rows


# --- transactions -----------------------------------------------------------------------------------------------------


def start(desk: Desk, station: Station, ask: m.StartTransaction, utc_s: float) -> Reply:
    """4.8: always a number, whatever the badge is worth; the same start told again gets the same number.

    The ledger has the last word on the number: it alone knows the starts of years ago. A connector charges one car:
    what is open there from before a new start has lost its stop (a station whose store was lost), and is closed by us.
    """
    info = judge_badge(desk, ask.id_tag, utc_s)
    if info.status == "Accepted" and desk.state.in_use_elsewhere(ask.id_tag, station.identity, ask.connector_id):
        info = msgspec.structs.replace(info, status="ConcurrentTx")
    row = TransactionRow(
        station.identity,
        ask.connector_id,
        ask.id_tag,
        ask.meter_start,
        ask.timestamp.timestamp(),
        new_transaction(desk),
        info.status,
        given(ask.reservation_id, None),
    )
    known = desk.state.same_start(row)
    if known is None:
        desk.state.propose(row)
    else:
        row = known
        judged: Any = known.id_tag_status
        info = msgspec.structs.replace(info, status=judged)
    superseded = (_superseded(desk.state, ghost, row, utc_s) for ghost in desk.state.ghosts(row))
    return Reply(m.StartTransactionResponse(transaction_id=row.transaction, id_tag_info=info), (row, *superseded))


def _superseded(state: State, ghost: TransactionRow, by: TransactionRow, utc_s: float) -> SupersededRow:
    read_utc_s, stop_wh = state.last_register(ghost)
    return SupersededRow(ghost.identity, ghost.transaction, stop_wh, read_utc_s, utc_s, by)


def renumbered(rows: Sequence[Row], start: TransactionRow) -> tuple[Row, ...]:
    """The piece of a start once more, under its new number."""
    rest = (msgspec.structs.replace(row, by=start) for row in rows if isinstance(row, SupersededRow))
    return (start, *rest)


def new_transaction(desk: Desk) -> int:
    """A random positive number of 31 bits: nobody guesses the neighbour's transaction."""
    while True:
        number = int.from_bytes(desk.draw(4), "big") >> 1
        if number and number not in desk.state.open:
            return number


def begun(state: State, row: TransactionRow, word: Begun) -> None:
    """What the ledger made of a start: new, known and running, or known and over."""
    if word.transaction == row.transaction and word.open:
        state.taken(row)
        return
    state.end(row.transaction)
    if word.open:
        state.begin(msgspec.structs.replace(row, transaction=word.transaction))


def stop(desk: Desk, station: Station, ask: m.StopTransaction, utc_s: float) -> Reply:
    """4.10: a stop cannot be refused. Repeated, unknown, -1 or another station's: confirmed, and kept as an event."""
    answer = m.StopTransactionResponse()
    if ask.id_tag is not msgspec.UNSET:
        answer = m.StopTransactionResponse(id_tag_info=judge_badge(desk, ask.id_tag, utc_s))
    reason = given(ask.reason, "Local")
    running = desk.state.open.get(ask.transaction_id) or desk.state.superseded.get(ask.transaction_id)
    if running is None or running.identity != station.identity:
        words = f"transaction {ask.transaction_id}, {ask.meter_stop} Wh at {ask.timestamp.isoformat()}, {reason}"
        return Reply(answer, (EventRow(station.identity, utc_s, "stop_unplaced", words),))
    desk.state.end(ask.transaction_id)
    desk.state.superseded.pop(ask.transaction_id, None)
    stop_row = StopRow(
        station.identity,
        ask.transaction_id,
        ask.meter_stop,
        ask.timestamp.timestamp(),
        reason,
        given(ask.id_tag),
    )
    metered = _metered(desk.state, station, running.connector, ask.transaction_id, given(ask.transaction_data, ()))
    return Reply(answer, (*metered, stop_row))


# --- everything else --------------------------------------------------------------------------------------------------


def data_transfer(desk: Desk, station: Station, ask: m.DataTransfer, utc_s: float) -> Reply:
    """4.3: no vendor is known here."""
    event = EventRow(station.identity, utc_s, "data_transfer", f"{ask.vendor_id} {given(ask.message_id)}".strip())
    return Reply(m.DataTransferResponse(status="UnknownVendorId"), (event,))


def _noted(event: str, answer: Any, words: Callable[[Any], str]) -> Rule:
    """A notification: acknowledged once it is kept."""

    def rule(desk: Desk, station: Station, ask: Any, utc_s: float) -> Reply:
        return Reply(answer, (EventRow(station.identity, utc_s, event, words(ask)),))

    return rule


def sign_certificate(desk: Desk, station: Station, ask: s.SignCertificate, utc_s: float) -> Reply:
    """No certificate authority is set up here, and a request unanswered would be asked for ever."""
    event = EventRow(station.identity, utc_s, "sign_certificate", "refused: no certificate authority is set up")
    return Reply(s.SignCertificateResponse(status="Rejected"), (event,))


RULES: dict[type, Rule] = {
    m.Authorize: authorize,
    m.BootNotification: boot,
    m.DataTransfer: data_transfer,
    m.DiagnosticsStatusNotification: _noted(
        "diagnostics", m.DiagnosticsStatusNotificationResponse(), lambda ask: ask.status
    ),
    m.FirmwareStatusNotification: _noted("firmware", m.FirmwareStatusNotificationResponse(), lambda ask: ask.status),
    m.Heartbeat: heartbeat,
    m.MeterValues: meter_values,
    m.StartTransaction: start,
    m.StatusNotification: status,
    m.StopTransaction: stop,
    s.LogStatusNotification: _noted("log", s.LogStatusNotificationResponse(), lambda ask: ask.status),
    s.SecurityEventNotification: _noted(
        "security",
        s.SecurityEventNotificationResponse(),
        lambda ask: f"{ask.type} {given(ask.tech_info)} at {ask.timestamp.isoformat()}",
    ),
    s.SignCertificate: sign_certificate,
    s.SignedFirmwareStatusNotification: _noted(
        "firmware", s.SignedFirmwareStatusNotificationResponse(), lambda ask: ask.status
    ),
}

WithTime = m.BootNotificationResponse | m.HeartbeatResponse


def complete(answer: Any, utc_s: float, word: Begun | None) -> Any:
    """Fill in what is only known at the instant of answering: the time, and the ledger's number."""
    if isinstance(answer, WithTime):
        return msgspec.structs.replace(answer, current_time=date(utc_s))
    if word is not None and isinstance(answer, m.StartTransactionResponse):
        return msgspec.structs.replace(answer, transaction_id=word.transaction)
    return answer
