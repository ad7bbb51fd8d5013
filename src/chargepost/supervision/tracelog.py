"""The last frames of every station, both ways, in the open trace format v1.1. Pure; secrets are masked on the way out.

The fields are those of the format: extensions of ours stand in `meta` only.
"""

import re
from collections import deque
from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from chargepost.redact import redact_frame

Direction = Literal["cp-to-csms", "csms-to-cp"]
MessageType = Literal["CALL", "CALLRESULT", "CALLERROR"]

KINDS: dict[str, MessageType] = {"2": "CALL", "3": "CALLRESULT", "4": "CALLERROR"}

ANSWERED: dict[Direction, Direction] = {"cp-to-csms": "csms-to-cp", "csms-to-cp": "cp-to-csms"}

HEAD = re.compile(rb'\s*\[\s*([234])\s*,\s*"([^"\\]*)"\s*,\s*(?:"([^"\\]*)")?')
"""How a frame begins."""

STATION_FRAMES_MAX = 500
"""Frames shown of one station: some hours of a quiet one, a whole charge of a busy one."""
FRAMES_MAX = 20_000
"""Frames kept of all stations: about 10 MB, however many stations there are."""
FRAME_BYTES_MAX = 16_384
"""Longer ones (certificates, long lists) are kept by their beginning."""


ANSWER_WITHIN = 100
"""Frames of a station between a call and its answer: one call at a time each way (J 4.1.1), so in truth a few."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame as it went over the wire."""

    number: int
    """Counts all frames of all stations, from 1."""
    at_utc_s: float
    direction: Direction
    kind: MessageType
    message_id: str
    action: str
    """Of an answer: that of its CALL."""
    data: bytes
    trouble: str = ""
    """Why it was not taken: no frame, invalid, late."""
    latency_s: float | None = None
    """Of an answer: the time since its CALL."""


Kept = tuple[str, int, float, Direction, bytes, str]
"""A frame as it is kept: station, number, date, direction, data, trouble. What it was is worked out when somebody
looks, and a plain tuple is made in no time: logging costs next to nothing."""


class FrameLog:
    """One row of all that passed; who looks at a station picks its own out, which takes a millisecond."""

    def __init__(self) -> None:
        self._row: deque[Kept] = deque(maxlen=FRAMES_MAX)
        self._number = 0

    def add(self, identity: str, data: bytes, *, at_utc_s: float, direction: Direction, trouble: str = "") -> None:
        self._number += 1
        kept = data if len(data) <= FRAME_BYTES_MAX else data[:FRAME_BYTES_MAX]
        self._row.append((identity, self._number, at_utc_s, direction, kept, trouble))

    def last(self, identities: Container[str], limit: int) -> set[str]:
        """Whose of these stations the last `limit` frames of theirs were."""
        return set(islice((kept[0] for kept in reversed(self._row) if kept[0] in identities), limit))

    def newest(self, identity: str, after: int = 0) -> int:
        """The number of the station's last frame, when it is past this one; else this one."""
        for kept in reversed(self._row):
            if kept[1] <= after:
                break
            if kept[0] == identity:
                return kept[1]
        return after

    def between(self, identity: str, after: int, before: int, limit: int = STATION_FRAMES_MAX) -> list[Frame]:
        """The newest `limit` frames past one number and short of another, oldest first."""
        newer = max(self._number - before + 1, 0)  # numbers have no gaps
        own: list[Kept] = []
        wanted = 0
        for kept in islice(reversed(self._row), newer, None):
            if kept[0] != identity:
                continue
            own.append(kept)
            if kept[1] > after:
                wanted += 1
            if len(own) == wanted + ANSWER_WITHIN or len(own) == limit + ANSWER_WITHIN:
                break
        wanted = min(wanted, limit)
        return list(islice(_read(reversed(own)), len(own) - wanted, None))

    def following(self, identity: str, number: int, limit: int) -> list[Frame]:
        """The oldest `limit` frames past a number, oldest first."""
        first = number - (self._number - len(self._row))
        ahead = islice((kept for kept in islice(self._row, max(first, 0), None) if kept[0] == identity), limit)
        last = max((kept[1] for kept in ahead), default=number)
        return self.between(identity, number, last + 1, limit)

    def frames(
        self,
        identity: str,
        *,
        after: int = 0,
        action: str = "",
        direction: str = "",
        errors: bool = False,
        limit: int = STATION_FRAMES_MAX,
    ) -> list[Frame]:
        """The newest `limit` frames that fit, oldest first; `errors`: only CALLERRORs and frames not taken."""
        row = [kept for kept in self._row if kept[0] == identity]
        fitting = [
            frame
            for frame in _read(row[-STATION_FRAMES_MAX:])
            if frame.number > after
            and (not action or frame.action.lower() == action.lower())
            and (not direction or frame.direction == direction)
            and (not errors or frame.trouble or frame.kind == "CALLERROR")
        ]
        return fitting[-limit:]


def _read(row: Iterable[Kept]) -> Iterator[Frame]:
    """Each frame with its kind and id; of an answer, action and latency are those of the call it answers."""
    calls: dict[tuple[Direction, str], Frame] = {}
    for _, number, at_utc_s, direction, data, trouble in row:
        kind, ident, action = _head(data)
        frame = Frame(number, at_utc_s, direction, kind, ident, action, data, trouble)
        if kind == "CALL":
            calls[direction, ident] = frame
        elif call := calls.pop((ANSWERED[direction], ident), None):
            latency_s = max(at_utc_s - call.at_utc_s, 0.0)
            frame = msgspec.structs.replace(frame, action=call.action, latency_s=latency_s)
        yield frame


def _head(data: bytes) -> tuple[MessageType, str, str]:
    """Kind, id and action, also of a frame that was cut; of what is no frame, a CALL without either."""
    found = HEAD.match(data)
    if found is None:
        return "CALL", "", ""
    kind, ident, action = (part.decode("utf-8", "replace") if part else "" for part in found.groups())
    return KINDS[kind], ident, action if kind == "2" else ""


def trace(identity: str, frame: Frame) -> dict[str, Any]:
    """The frame as one record of the trace format, without secrets."""
    raw = redact_frame(frame.data).decode("utf-8", "replace")
    meta: dict[str, Any] = {"number": frame.number}
    if frame.trouble:
        meta["trouble"] = frame.trouble
    if frame.latency_s is not None:
        meta["latencyMs"] = round(frame.latency_s * 1000, 1)
    if len(frame.data) == FRAME_BYTES_MAX:
        meta["cut"] = True
    record: dict[str, Any] = {
        "schemaVersion": "1.1",
        "timestamp": datetime.fromtimestamp(frame.at_utc_s, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "ocppVersion": "1.6",
        "transport": "json",
        "chargePointId": identity,
        "direction": frame.direction,
        "messageType": frame.kind,
        "messageId": frame.message_id,
        "action": frame.action,
    }
    parts = _parts(raw)
    if frame.kind == "CALLERROR":
        code, description, details = [*parts[2:5], "", "", {}][:3] if len(parts) > 2 else ("", "", {})
        record["error"] = {"code": code, "description": description, "details": details}
    elif len(parts) > 2:
        record["payload"] = parts[-1]
        if isinstance(parts[-1], dict) and isinstance(parts[-1].get("connectorId"), int):
            record["connectorId"] = parts[-1]["connectorId"]
    return record | {"raw": raw, "meta": meta}


def _parts(raw: str) -> list[Any]:
    try:
        parts = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []
    return parts if isinstance(parts, list) else []
