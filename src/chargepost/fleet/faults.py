"""Faults of a link as people write them: rows for OCPP frames and rows for bytes, and who decides about a frame.

One vocabulary for all links: those of a virtual fleet (`fleet/link.py`), those on real sockets (`run/line.py` for
frames, `run/faults.py` for bytes), the file of `--faults` and the control API. Same seed and same frames, same faults.
"""

from collections import deque
from collections.abc import Collection, Sequence
from random import Random
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from chargepost.catalogue.checks import nearest
from chargepost.fleet.timeline import dice
from chargepost.ocpp.frames import MAX_DESCRIPTION, REQUESTS

DELAY_MAX_MS = 3_600_000
"""The longest delay of a link, an hour: more is a silence."""

RULES_MAX = 100
"""Of a file: each frame is held against each of them."""

OPEN_MAX = 32
"""Calls of one direction whose action is remembered until their answer: a peer has one open, a bad one a few."""

Direction = Literal["up", "down"]
"""`up`: from the station to the central system."""

Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=DELAY_MAX_MS)]
"""Of the world: at speed 60 an hour of it is a minute."""

Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """One fault."""

    direction: Direction | None = None
    """None: both."""
    chance: Chance = 1.0


# --- of OCPP frames -------------------------------------------------------------------------------------------------


class FrameRow(Row, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """Which frames it befalls; the first row that fits a frame, and whose dice fall so, is the one."""

    action: str = ""
    """Of the call, for its answer too. Empty: any."""
    message: Literal["call", "answer"] | None = None
    """None: both."""
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """At most so often for each station. None: without limit."""

    def __post_init__(self) -> None:
        if self.action and self.action not in REQUESTS:
            hint = nearest(self.action, REQUESTS) or ": take one of OCPP 1.6"
            raise ValueError(f"there is no action {self.action!r}{hint}")


class Delay(FrameRow, frozen=True, kw_only=True, tag="delay"):
    """It arrives later, and so does what follows in its direction: a WebSocket keeps order."""

    delay_ms: Milliseconds
    jitter_ms: Milliseconds = 0.0
    """Up to so much more, drawn evenly."""


class Drop(FrameRow, frozen=True, kw_only=True, tag="drop"):
    """It does not arrive; the connection stays."""


class Duplicate(FrameRow, frozen=True, kw_only=True, tag="duplicate"):
    """It arrives twice."""


class Cut(FrameRow, frozen=True, kw_only=True, tag="cut"):
    """It does not arrive, and the connection ends: both ends are told."""


class Silence(FrameRow, frozen=True, kw_only=True, tag="silence"):
    """It does not arrive, nor does anything after it on this connection, either way; neither end is told."""


class Answer(FrameRow, frozen=True, kw_only=True, tag="answer"):
    """Who asked reads this payload instead of the answer. The other end believes that its own was read."""

    answer: dict[str, Any]


class Error(FrameRow, frozen=True, kw_only=True, tag="error"):
    """Who asked reads a CALLERROR instead of the answer."""

    code: str = "InternalError"
    description: Annotated[str, msgspec.Meta(max_length=MAX_DESCRIPTION)] = ""


FrameFault = Delay | Drop | Duplicate | Cut | Silence | Answer | Error

FrameRows = Annotated[tuple[FrameFault, ...], msgspec.Meta(max_length=RULES_MAX)]


# --- of bytes -------------------------------------------------------------------------------------------------------


class ByteRow(Row, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """The dice are thrown once for each connection."""


class Latency(ByteRow, frozen=True, kw_only=True, tag="latency"):
    """Every byte arrives later."""

    latency_ms: Milliseconds
    jitter_ms: Milliseconds = 0.0


class Bandwidth(ByteRow, frozen=True, kw_only=True, tag="bandwidth"):
    """No more bytes pass in a second."""

    bytes_per_s: Annotated[float, msgspec.Meta(ge=1)]


class End(ByteRow, frozen=True, kw_only=True, tag_field="do"):
    """What befalls a connection once so many bytes have passed, the handshake included."""

    after_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Of so many connections of each station at most. None: of all."""


class BlackHole(End, frozen=True, kw_only=True, tag="silence"):
    """Nothing more passes in this direction, not even that an end has gone: half-open, or a peer that never answers."""


class Reset(End, frozen=True, kw_only=True, tag="reset"):
    """Both ends are told by a reset of TCP, at that very byte: in the middle of a frame, nearly always."""


class Truncate(End, frozen=True, kw_only=True, tag="truncate"):
    """Both ends are told that the other has closed, at that very byte."""


ByteFault = Latency | Bandwidth | BlackHole | Reset | Truncate

ByteRows = Annotated[tuple[ByteFault, ...], msgspec.Meta(max_length=RULES_MAX)]


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is wrong with the links of a process: what a file of `--faults` holds."""

    seed: int = 1
    frames: FrameRows = ()
    bytes: ByteRows = ()


# --- deciding about a frame -----------------------------------------------------------------------------------------


class Fate(NamedTuple):
    """What becomes of one frame."""

    word: str
    """That of the row, for logs and counts."""
    copies: tuple[bytes, ...] = ()
    """What arrives."""
    delay_s: float = 0.0

    @property
    def ends(self) -> str:
        """What becomes of the connection: "cut", "silence", or "" for nothing."""
        return self.word if self.word in ("cut", "silence") else ""


class FrameJudge:
    """The rows for frames as one station meets them, over all its connections."""

    def __init__(self, rows: Sequence[FrameFault], seed: int, identity: str) -> None:
        self.identity = identity
        self._rows = [(row, dice(seed, f"{identity} frames {number}")) for number, row in enumerate(rows)]
        self._left = [row.times for row in rows]
        self._asked: dict[bool, deque[tuple[str, str]]] = {up: deque(maxlen=OPEN_MAX) for up in (True, False)}
        """Id and action of the last calls of each direction."""

    def befall(self, data: bytes, up: bool) -> Fate | None:
        """None: it passes as it is, as do bytes that are no frame."""
        kind, message_id, action = self._read(data, up) if self._rows else ("", "", "")
        if not kind:
            return None
        for number, (row, its_dice) in enumerate(self._rows):
            if _fits(row, kind, action, up) and self._left[number] != 0 and its_dice.random() < row.chance:
                if (left := self._left[number]) is not None:
                    self._left[number] = left - 1
                return _fate(row, data, message_id, its_dice)
        return None

    def _read(self, data: bytes, up: bool) -> tuple[str, str, str]:
        """Its kind ("" for no frame), id and action."""
        try:
            match msgspec.json.decode(data):
                case [2, str(message_id), str(action), *_]:
                    self._asked[up].append((message_id, action))
                    return "call", message_id, action
                case [3 | 4, str(message_id), *_]:
                    asked = (action for known, action in reversed(self._asked[not up]) if known == message_id)
                    return "answer", message_id, next(asked, "")
        except (ValueError, RecursionError):
            pass
        return "", "", ""


def _fits(row: FrameFault, kind: str, action: str, up: bool) -> bool:
    wanted = "answer" if isinstance(row, Answer | Error) else row.message
    return row.direction in (None, "up" if up else "down") and wanted in (None, kind) and row.action in ("", action)


def _fate(row: FrameFault, data: bytes, message_id: str, its_dice: Random) -> Fate:
    word = WORDS[type(row)]
    match row:
        case Delay():
            return Fate(word, (data,), (row.delay_ms + row.jitter_ms * its_dice.random()) / 1000)
        case Duplicate():
            return Fate(word, (data, data))
        case Answer():
            return Fate(word, (msgspec.json.encode((3, message_id, row.answer)),))
        case Error():
            return Fate(word, (msgspec.json.encode((4, message_id, row.code, row.description, {})),))
        case Drop() | Cut() | Silence():
            return Fate(word)


FRAME_ROWS: Final[Collection[type[FrameRow]]] = (Delay, Drop, Duplicate, Cut, Silence, Answer, Error)
BYTE_ROWS: Final[Collection[type[ByteRow]]] = (Latency, Bandwidth, BlackHole, Reset, Truncate)
WORDS: Final[dict[type[Row], str]] = {row: str(row.__struct_config__.tag) for row in (*FRAME_ROWS, *BYTE_ROWS)}
