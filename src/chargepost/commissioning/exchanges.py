"""The frames of the link as people read them: one row per exchange, a question with what came of it, in a sentence."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from chargepost.commissioning.port import Frame, Port
from chargepost.commissioning.words import Words, _

PAGE = 100
"""Exchanges that are drawn at once; older ones come by a button."""

WINDOW = 400
"""Frames that are looked at together."""

AHEAD = 50
"""Frames after a question among which its answer is looked for."""

NEWEST = 2**62
"""Past every number."""

OUTCOMES: Mapping[str, str] = {
    "answered": _("Answered"),
    "refused": _("Refused"),
    "error": _("Error"),
    "invalid": _("Not valid"),
    "unanswered": _("No answer"),
    "open": _("Waiting for the answer"),
}
"""What became of an exchange."""

TROUBLE = "trouble"
"""As a filter: refused, error, not valid and no answer together."""
TROUBLES = frozenset({"refused", "error", "invalid", "unanswered"})

SHAPES = {"answered": "available", "refused": "suspended", "open": "waiting"}
"""Outcome -> the shape beside its word; all others are a triangle."""

REFUSED = frozenset(
    {"Rejected", "NotSupported", "Failed", "NotImplemented", "UnknownMessageId", "UnknownVendorId", "Unknown",
     "UnlockFailed", "VersionMismatch", "Blocked", "Expired", "Invalid", "ConcurrentTx", "Faulted", "Occupied",
     "Unavailable"}
)  # fmt: skip
"""Statuses of an answer that are a no."""

ASKS: Mapping[str, str] = {
    "BootNotification": _("{chargePointVendor} {chargePointModel}, serial number {chargeBoxSerialNumber}"),
    "Heartbeat": _("Sign of life"),
    "StatusNotification": _("Connector {connectorId}: {status}, {errorCode}"),
    "Authorize": _("Badge {idTag}"),
    "StartTransaction": _("Connector {connectorId}, badge {idTag}, register {meterStart} Wh"),
    "StopTransaction": _("No. {transactionId}, register {meterStop} Wh, {reason}"),
    "MeterValues": _("Connector {connectorId}: {values}"),
    "DataTransfer": _("{vendorId}, {messageId}"),
    "FirmwareStatusNotification": "{status}",
    "DiagnosticsStatusNotification": "{status}",
    "ChangeConfiguration": "{key} = {value}",
    "GetConfiguration": _("Keys: {key}"),
    "ChangeAvailability": _("Connector {connectorId}: {type}"),
    "RemoteStartTransaction": _("Connector {connectorId}, badge {idTag}"),
    "RemoteStopTransaction": _("No. {transactionId}"),
    "Reset": "{type}",
    "UnlockConnector": _("Connector {connectorId}"),
    "ReserveNow": _("Connector {connectorId}, badge {idTag}, until {expiryDate}"),
    "CancelReservation": _("No. {reservationId}"),
    "SetChargingProfile": _("Connector {connectorId}: {chargingProfilePurpose} {chargingProfileId}"),
    "GetCompositeSchedule": _("Connector {connectorId}, {duration} s"),
    "TriggerMessage": "{requestedMessage}",
    "SendLocalList": _("{updateType}, version {listVersion}"),
    "UpdateFirmware": "{location}",
    "GetDiagnostics": "{location}",
}
"""Action -> what is asked or told, with the fields of the payload."""

SAYS: Mapping[str, str] = {
    "BootNotification": _("{status}, again in {interval} s"),
    "Heartbeat": "{currentTime}",
    "StartTransaction": _("{status}, no. {transactionId}"),
    "GetConfiguration": _("{configurationKey} keys, {unknownKey} unknown"),
    "GetLocalListVersion": _("Version {listVersion}"),
}
"""Action -> what is answered; for all others the status."""


class Filter(NamedTuple):
    """Which exchanges are meant."""

    action: str = ""
    outcome: str = ""

    def takes(self, exchange: "Exchange") -> bool:
        wanted = self.outcome in ("", exchange.outcome) or (self.outcome == TROUBLE and exchange.outcome in TROUBLES)
        return wanted and self.action.lower() in ("", exchange.action.lower())


class Exchange(NamedTuple):
    """A question and what came of it."""

    number: int
    """Of the question's frame."""
    changed: int
    """Of its last frame."""
    at_utc_s: float
    up: bool
    """The station asks."""
    action: str
    asks: str
    says: str
    outcome: str
    latency_s: float | None
    size: int
    """Bytes, both ways."""
    texts: tuple[str, ...]
    """The frames as they went over the wire."""

    @property
    def shape(self) -> str:
        return SHAPES.get(self.outcome, "faulted")


def newest_first(port: Port, words: Words, *, before: int = NEWEST, floor: int = 0) -> Iterator[Exchange]:
    """The exchanges whose question has a number below `before`, back to `floor`.

    A question without an answer is given up when its side has asked something else since, for each side asks one thing
    at a time (J 4.1.1), or when its time is over.
    """
    late_utc_s = port.utc_s() - port.model.transport.call_timeout_s
    answers: dict[tuple[bool, str], Frame] = {}
    asked_since: set[bool] = set()
    frames = port.frames(before - 1, NEWEST, -AHEAD)  # what came of the newest of them
    while True:
        for frame in reversed(frames):
            if frame.kind != "CALL" and frame.action:
                answers[not frame.up, frame.message_id] = frame
                continue
            answer = answers.pop((frame.up, frame.message_id), None) if frame.kind == "CALL" else None
            over = frame.up in asked_since or frame.at_utc_s < late_utc_s
            if frame.kind == "CALL":
                asked_since.add(frame.up)
            if frame.number < before:
                yield _exchange(frame, answer, words, over=over)
        at = min(frames[0].number, before) if frames else before
        frames = port.frames(floor, at, WINDOW)
        if not frames:
            return


def found(port: Port, words: Words, wanted: Filter, before: int = NEWEST, limit: int = PAGE) -> list[Exchange]:
    """The newest ones that are meant, newest first."""
    rows: list[Exchange] = []
    for exchange in newest_first(port, words, before=before):
        if wanted.takes(exchange):
            rows.append(exchange)
            if len(rows) == limit:
                break
    return rows


def one(port: Port, words: Words, number: int) -> Exchange | None:
    """That of a link somebody has sent."""
    near = newest_first(port, words, before=number + 1, floor=max(number - 1, 0))
    return next((each for each in near if each.number == number), None)


def _exchange(frame: Frame, answer: Frame | None, words: Words, *, over: bool) -> Exchange:
    said = answer or frame
    texts = (frame.text, answer.text) if answer else (frame.text,)
    asks, says, outcome = _in_words(frame, answer, words, over=over)
    action = frame.action or words(_("No frame of OCPP"))
    size = frame.size + (answer.size if answer else 0)
    return Exchange(
        frame.number, said.number, frame.at_utc_s, frame.up, action, asks, says, outcome,
        answer.latency_s if answer else None, size, texts,
    )  # fmt: skip


def _in_words(frame: Frame, answer: Frame | None, words: Words, *, over: bool) -> tuple[str, str, str]:
    """What was asked, what came of it, and how that is called."""
    if frame.kind != "CALL":
        return words(_("An answer to nothing that was asked")), frame.trouble, "invalid"
    asks = _filled(ASKS.get(frame.action, ""), _payload(frame.text, 3), words)
    wrong = frame.trouble and words(_("The question is not valid: {why}")).format(why=frame.trouble)
    if answer is None:
        if wrong:
            return asks, wrong, "invalid"
        return (asks, words(_("Nobody answered in time")), "unanswered") if over else (asks, "", "open")
    if answer.kind == "CALLERROR":
        parts = _parts(answer.text)
        code, why = (str(part) for part in [*parts[2:4], "", ""][:2])
        return asks, f"{code}: {why}" if why else code, "invalid" if wrong else "error"
    if answer.trouble:
        return asks, words(_("The answer is not valid: {why}")).format(why=answer.trouble), "invalid"
    payload = _payload(answer.text, 2)
    says = _filled(SAYS.get(frame.action, ""), payload, words)
    return asks, says or words(_("Taken")), "refused" if payload.get("status") in REFUSED else "answered"


def _parts(text: str) -> list[Any]:
    try:
        parts = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []
    return parts if isinstance(parts, list) else []


class _Fields(dict[str, str]):
    """What a payload does not have is a dash."""

    def __missing__(self, name: str) -> str:
        return "–"


def _payload(text: str, place: int) -> _Fields:
    """The fields of a payload as words; of nested ones those that a sentence names."""
    parts = _parts(text)
    payload = parts[place] if len(parts) > place and isinstance(parts[place], dict) else {}
    fields = _Fields()
    for name, value in payload.items():
        if isinstance(value, dict):
            fields |= {inner: _word(each) for inner, each in value.items() if not isinstance(each, dict | list)}
        elif name in LISTS and isinstance(value, list):
            fields[LISTS[name][0]] = LISTS[name][1](value)
        elif not isinstance(value, list):
            fields[name] = _word(value)
    return fields


def _word(value: object) -> str:
    if value is None:
        return "–"
    return str(value).lower() if isinstance(value, bool) else str(value)[:80]


def _measured(meter_values: list[Any]) -> str:
    """The values of the newest instant."""
    last = meter_values[-1] if meter_values and isinstance(meter_values[-1], dict) else {}
    samples = [each for each in last.get("sampledValue", []) if isinstance(each, dict)]
    told = [
        f"{each.get('measurand', 'Energy.Active.Import.Register')} {each.get('value', '')} {each.get('unit', 'Wh')}"
        for each in samples[:3]
    ]
    return ", ".join(told) + (" ..." if len(samples) > 3 else "")


LISTS: Mapping[str, tuple[str, Callable[[list[Any]], str]]] = {
    "meterValue": ("values", _measured),
    "key": ("key", lambda keys: ", ".join(str(key) for key in keys[:5]) + (" ..." if len(keys) > 5 else "")),
    "configurationKey": ("configurationKey", lambda keys: str(len(keys))),
    "unknownKey": ("unknownKey", lambda keys: str(len(keys))),
}
"""Lists of a payload, each with its name in the sentence and how it is said."""


def _filled(sentence: str, fields: _Fields, words: Words) -> str:
    """Of an action without a sentence the status, else its first fields."""
    if sentence:
        return words(sentence).format_map(fields)
    if "status" in fields:
        return fields["status"]
    return ", ".join(f"{name} {value}" for name, value in list(fields.items())[:3])
