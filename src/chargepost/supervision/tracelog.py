"""The last frames of every station, both ways, in the open trace format v1.1. Pure; secrets are masked on the way out.

The fields are those of the format: extensions of ours stand in `meta` only.
"""

import re
import zlib
from collections import deque
from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal, NamedTuple

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
"""Frames kept of all stations, however many stations there are."""
BLOCK_FRAMES, BLOCK_BYTES = 512, 65_536
"""Frames that are packed together, whichever is reached first: less than a millisecond of work now and then."""
PACK_LEVEL = 1
"""Of zlib: the frames of a charge become a tenth, and more work gains little."""
PACKED_BYTES_MAX = 3_000_000
"""Of all that is packed: 20,000 frames of usual traffic take half of it. Of traffic that cannot be packed, such as
certificates, less is kept, so that a station with its tool stays small."""
NEWEST = 2**62
"""Past every number."""
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


class Block(NamedTuple):
    """Frames that passed a while ago, compressed: one frame is much like another."""

    first: int
    last: int
    """Their numbers, which have no gaps."""
    stations: frozenset[str]
    packed: bytes

    def read(self) -> list[Kept]:
        return msgspec.msgpack.decode(zlib.decompress(self.packed), type=list[Kept])


class FrameLog:
    """One row of all that passed; who looks at a station picks its own out, which takes milliseconds."""

    def __init__(self) -> None:
        self._fresh: list[Kept] = []
        self._fresh_bytes = 0
        self._blocks: deque[Block] = deque()
        self._packed_bytes = 0
        self._number = 0

    def add(self, identity: str, data: bytes, *, at_utc_s: float, direction: Direction, trouble: str = "") -> None:
        self._number += 1
        kept = data if len(data) <= FRAME_BYTES_MAX else data[:FRAME_BYTES_MAX]
        self._fresh.append((identity, self._number, at_utc_s, direction, kept, trouble))
        self._fresh_bytes += len(kept) + len(trouble)
        if self._fresh_bytes >= BLOCK_BYTES or len(self._fresh) >= BLOCK_FRAMES:
            self._pack()

    def _pack(self) -> None:
        """What is fresh becomes a block, and the oldest ones make room for it."""
        row, blocks = self._fresh, self._blocks
        packed = zlib.compress(msgspec.msgpack.encode(row), PACK_LEVEL)
        blocks.append(Block(row[0][1], row[-1][1], frozenset(kept[0] for kept in row), packed))
        self._packed_bytes += len(packed)
        self._fresh, self._fresh_bytes = [], 0
        while self._packed_bytes > PACKED_BYTES_MAX or self._number - blocks[0].first >= FRAMES_MAX - BLOCK_FRAMES:
            self._packed_bytes -= len(blocks.popleft().packed)

    def _back(self, stations: Container[str], before: int = NEWEST) -> Iterator[Kept]:
        """The frames of these stations short of a number, newest first."""
        yield from (kept for kept in reversed(self._fresh) if kept[1] < before and kept[0] in stations)
        for block in reversed(self._blocks):
            if block.first < before and any(each in stations for each in block.stations):
                yield from (kept for kept in reversed(block.read()) if kept[1] < before and kept[0] in stations)

    def _on(self, identity: str, after: int) -> Iterator[Kept]:
        """The frames of this station past a number, oldest first."""
        for block in self._blocks:
            if block.last > after and identity in block.stations:
                yield from (kept for kept in block.read() if kept[1] > after and kept[0] == identity)
        yield from (kept for kept in self._fresh if kept[1] > after and kept[0] == identity)

    def last(self, identities: Container[str], limit: int) -> set[str]:
        """Whose of these stations the last `limit` frames of theirs were."""
        return {kept[0] for kept in islice(self._back(identities), limit)}

    def newest(self, identity: str, after: int = 0) -> int:
        """The number of the station's last frame, when it is past this one; else this one."""
        for kept in reversed(self._fresh):
            if kept[1] <= after:
                return after
            if kept[0] == identity:
                return kept[1]
        newest = next((block for block in reversed(self._blocks) if identity in block.stations), None)
        if newest is None or newest.last <= after:
            return after
        return max(after, next(kept[1] for kept in reversed(newest.read()) if kept[0] == identity))

    def between(self, identity: str, after: int, before: int, limit: int = STATION_FRAMES_MAX) -> list[Frame]:
        """The newest `limit` frames past one number and short of another, oldest first."""
        own: list[Kept] = []
        wanted = 0
        for kept in self._back((identity,), before):
            own.append(kept)
            if kept[1] > after:
                wanted += 1
            if len(own) == wanted + ANSWER_WITHIN or len(own) == limit + ANSWER_WITHIN:
                break
        wanted = min(wanted, limit)
        return list(islice(_read(reversed(own)), len(own) - wanted, None))

    def following(self, identity: str, number: int, limit: int) -> list[Frame]:
        """The oldest `limit` frames past a number, oldest first."""
        last = max((kept[1] for kept in islice(self._on(identity, number), limit)), default=number)
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
        row = list(islice(self._back((identity,)), STATION_FRAMES_MAX))
        fitting = [
            frame
            for frame in _read(reversed(row))
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
