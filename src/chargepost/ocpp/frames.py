"""OCPP-J frames <-> messages: the one boundary for bytes from a peer (OCPP-J 1.6, 4).

Whatever comes in, only `NotAFrame` and `BadMessage` leave `read` and `read_result`. Two stages: the array with its
payload left raw, then the payload by the type of its action, decoded and validated in one compiled pass.

`tolerant` says which rows of `deviations.DEVIATIONS` are taken: False none (exactly the schema), True all, or names.
"""

import re
from collections.abc import Collection
from typing import Annotated, Any, Final

import msgspec

from chargepost.ocpp import messages, security
from chargepost.ocpp.deviations import CODES, LONGEST_ID, Violation, allowed, plain, read_slowly
from chargepost.ocpp.messages import Message, Request, Response

MAX_FRAME_BYTES = 1 << 20
"""A longer frame is not read: the largest lists and transactions of real sites stay far below 1 MiB."""

MAX_ID = 36
"""Characters of a message id: a UUID (OCPP-J 1.6, 4.1.4)."""

MAX_DESCRIPTION = 255
"""Characters of the description of a CALLERROR (OCPP-J 1.6, 4.2.3)."""

REQUESTS: Final[dict[str, type[Request]]] = messages.REQUESTS | security.REQUESTS
RESPONSES: Final[dict[str, type[Response]]] = {action: kind.response for action, kind in REQUESTS.items()}

ERROR_CODES: Final = frozenset(CODES.values()) | {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "GenericError",
}
"""The codes of OCPP-J 1.6, 4.2.3."""

ERROR_SPELLINGS: Final = {
    "FormatViolation": "FormationViolation",
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
}
"""Corrected spelling -> the one of OCPP-J 1.6 (errata 5.1, 5.2)."""


class NotAFrame(Exception):
    """Cannot be answered: no JSON array with a type and an id we know, or a broken answer. The text says why."""


class BadMessage(Exception):
    """A CALL to be answered with this CALLERROR; from `read_result`: an answer that is not valid.

    `action` is the known action whose payload is wrong, "" when it did not come to that: who does not support the
    action says so, whatever its payload.
    """

    def __init__(self, message_id: str, code: str, description: str, action: str = "") -> None:
        self.message_id = message_id
        self.action = action
        self.code = code
        self.description = plain(description, MAX_DESCRIPTION)
        super().__init__(f"{code}: {self.description}")


class Call(msgspec.Struct, frozen=True, gc=False):
    """The peer asks: to be answered with this id. `deviations` names the rows that had to be tolerated."""

    id: str
    action: str
    payload: Request
    deviations: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True, gc=False):
    """The peer answers; the payload waits for `read_result`, because only the asker knows its action."""

    id: str
    payload: bytes
    deviations: tuple[str, ...] = ()


class Error(msgspec.Struct, frozen=True, gc=False):
    """The peer could not do what it was asked. `code` may be one of its own (deviation `error_code`)."""

    id: str
    code: str
    description: str
    details: dict[str, Any]
    deviations: tuple[str, ...] = ()


_Id = Annotated[str, msgspec.Meta(max_length=MAX_ID)]


class _Call(msgspec.Struct, array_like=True, tag=2, forbid_unknown_fields=True, gc=False):
    id: _Id
    action: str
    payload: msgspec.Raw


class _Result(msgspec.Struct, array_like=True, tag=3, forbid_unknown_fields=True, gc=False):
    id: _Id
    payload: msgspec.Raw


_REFUSED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that a msgspec decoder raises for bytes it does not take."""

_decode_frame: Final = msgspec.json.Decoder(_Call | _Result).decode
_decode_parts: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_request: Final = {action: msgspec.json.Decoder(kind).decode for action, kind in REQUESTS.items()}
_decode_response: Final = {action: msgspec.json.Decoder(kind).decode for action, kind in RESPONSES.items()}


def read(data: bytes, *, tolerant: bool | Collection[str] = False) -> Call | Result | Error:
    """What a WebSocket message says. Raises NotAFrame or BadMessage, nothing else."""
    if len(data) > MAX_FRAME_BYTES:
        raise NotAFrame(f"{len(data)} bytes, at most {MAX_FRAME_BYTES} are read")
    used: tuple[str, ...] = ()
    try:
        if not data.isascii():
            data.decode()  # a payload left raw is not looked at by the decoder
        frame = _decode_frame(data)
    except UnicodeDecodeError:
        raise _undecodable(data, "not UTF-8") from None
    except _REFUSED:
        frame, used = _read_parts(data, allowed(tolerant))
        if isinstance(frame, Error):
            return frame
    if isinstance(frame, _Result):
        return Result(frame.id, bytes(frame.payload), used)
    decode = _decode_request.get(frame.action)
    if decode is None:
        raise BadMessage(frame.id, "NotImplemented", f"unknown action {plain(frame.action)!r}")
    try:
        return Call(frame.id, frame.action, decode(frame.payload), used)
    except _REFUSED:
        payload, more = _read_payload(REQUESTS[frame.action], frame.payload, tolerant, frame.id)
        return Call(frame.id, frame.action, payload, used + more)


def read_result(action: str, raw: bytes, *, tolerant: bool | Collection[str] = False) -> Any:
    """The answer to our CALL of this action, as its type in RESPONSES. Raises BadMessage (with no id)."""
    return judge_result(action, raw, tolerant=tolerant)[0]


def judge_result(action: str, raw: bytes, *, tolerant: bool | Collection[str] = False) -> tuple[Any, tuple[str, ...]]:
    """As `read_result`, with the names of the deviations that had to be tolerated."""
    try:
        return _decode_response[action](raw), ()
    except _REFUSED:
        return _read_payload(RESPONSES[action], raw, tolerant, "")


def write_call(message_id: str, payload: Request) -> bytes:
    """A CALL; its action is the payload's."""
    return _encode((2, message_id, payload.action, payload))


def write_result(message_id: str, payload: Response) -> bytes:
    """A CALLRESULT."""
    return _encode((3, message_id, payload))


def write_error(message_id: str, code: str, description: str = "", details: dict[str, Any] | None = None) -> bytes:
    """A CALLERROR; the description is cut to what OCPP-J allows."""
    return _encode((4, message_id, code, plain(description, MAX_DESCRIPTION), details or {}))


def write_payload(payload: Message) -> bytes:
    """The payload alone, as it stands in a frame: to be kept, or to be said later."""
    return _encode(payload)


_encode_any: Final = msgspec.json.Encoder().encode

DATE_NAMES: Final = (
    "currentTime",
    "expiryDate",
    "installDateTime",
    "latestTimestamp",
    "oldestTimestamp",
    "retrieveDate",
    "retrieveDateTime",
    "scheduleStart",
    "startSchedule",
    "startTime",
    "stopTime",
    "timestamp",
    "validFrom",
    "validTo",
)
"""The wire names of all dates."""

_MICROSECONDS: Final = re.compile(
    rb'000Z"(?:%b)' % b"|".join(rb'(?<="%b":"[-0-9T:]{19}\.\d{3}000Z")' % name.encode() for name in DATE_NAMES)
)
"""What is cut of a date. It looks back: a match without groups is replaced three times as fast. It matches nowhere
inside a text: there a quotation mark has a backslash before it."""


def _encode(value: Any) -> bytes:
    """Compact JSON. Dates have milliseconds at most, but msgspec writes six digits: three zeros are cut."""
    data = _encode_any(value)
    return _MICROSECONDS.sub(b'Z"', data) if b'000Z"' in data else data


def _read_payload(
    kind: type[Message], raw: bytes | msgspec.Raw, tolerant: bool | Collection[str], message_id: str
) -> tuple[Any, tuple[str, ...]]:
    try:
        return read_slowly(kind, raw, tolerant)
    except Violation as violation:
        action = getattr(kind, "action", "")
        raise BadMessage(message_id, CODES[violation.keyword], violation.text, action) from None


_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Half of a character, escaped: JSON by its grammar, but no text when it stands alone."""


def _undecodable(data: bytes, reason: str) -> NotAFrame | BadMessage:
    """A CALL whose text cannot be decoded, but whose id can be told, is answered with GenericError."""
    try:
        frame = _decode_frame(_SURROGATE.sub(rb"\\ufffd", data).decode(errors="replace"))
    except _REFUSED:
        return NotAFrame(reason)
    if isinstance(frame, _Call) and "\N{REPLACEMENT CHARACTER}" not in frame.id:
        return BadMessage(frame.id, "GenericError", reason)
    return NotAFrame(reason)


def _read_parts(data: bytes, names: Collection[str]) -> tuple[_Call | _Result | Error, tuple[str, ...]]:
    """Read a frame that is not as it should be, or a CALLERROR, element by element."""
    try:
        kind, *rest = _decode_parts(data)
    except RecursionError:
        raise NotAFrame("nested too deep") from None
    except _REFUSED as error:
        raise _undecodable(data, f"not a JSON array: {error}") from None
    except ValueError:
        raise NotAFrame("an empty array") from None
    number, values = _part(kind), [_part(raw) for raw in rest]
    if number not in (2, 3, 4) or type(number) is not int:
        raise NotAFrame("not a message type of OCPP-J")
    message_id = values[0] if values else None
    if not isinstance(message_id, str):
        raise NotAFrame("the message id is no text")
    too_long = len(message_id) > (LONGEST_ID if "long_id" in names else MAX_ID)
    used = ("long_id",) if len(message_id) > MAX_ID else ()
    if number == 2:
        if too_long:
            raise BadMessage(message_id, "FormationViolation", f"a message id of {len(message_id)} characters")
        if len(values) != 3:
            raise BadMessage(message_id, "FormationViolation", f"a CALL has 4 elements, not {len(values) + 1}")
        if not isinstance(values[1], str):
            raise BadMessage(message_id, "FormationViolation", "the action is no text")
        return _Call(message_id, values[1], rest[2]), used
    if too_long:
        raise NotAFrame(f"an answer to an id of {len(message_id)} characters")
    if number == 3:
        if len(values) != 2:
            raise NotAFrame(f"a CALLRESULT has 3 elements, not {len(values) + 1}")
        return _Result(message_id, rest[1]), used
    return _error(message_id, values[1:], used), used


def _part(raw: msgspec.Raw) -> Any:
    """One element of the array, as plain values; None when it cannot be decoded."""
    try:
        return msgspec.json.decode(raw)
    except _REFUSED:
        return None


def _error(message_id: str, values: list[Any], used: tuple[str, ...]) -> Error:
    """Any CALLERROR that has a code is understood: what is wrong with the rest is told, not refused."""
    if not values or not isinstance(values[0], str) or len(values) > 3:
        raise NotAFrame("a CALLERROR without a code, or with more than 5 elements")
    code, description, details = (*values, None, None)[:3]
    deviations = list(used)
    if code in ERROR_SPELLINGS:
        code = ERROR_SPELLINGS[code]
        deviations.append("error_spelling")
    elif code not in ERROR_CODES:
        code = plain(code)
        deviations.append("error_code")
    text = plain(description, MAX_DESCRIPTION) if isinstance(description, str) else ""
    if text != description or not isinstance(details, dict):
        deviations.append("error_form")
    return Error(message_id, code, text, details if isinstance(details, dict) else {}, tuple(deviations))
