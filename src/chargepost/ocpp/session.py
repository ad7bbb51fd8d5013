"""One OCPP-J conversation, seen from either end: a single open CALL, time-outs, correlation (OCPP-J 4.1).

Needs no socket and no clock: feed it frames and the time, send what it returns. Ids are passed in and must never
repeat for this sender, restarts included (OCPP-J 4.1.4, errata 3.1).
"""

from collections.abc import Callable
from typing import Any

import msgspec

from chargepost.ocpp import frames
from chargepost.ocpp.frames import BadMessage, Call, NotAFrame


class OpenCall(msgspec.Struct, frozen=True):
    """Our CALL that waits for its answer."""

    id: str
    action: str
    tag: Any
    deadline: float


class Asked(msgspec.Struct, frozen=True):
    """The peer's CALL, valid: to be answered with its id."""

    call: Call


class Answered(msgspec.Struct, frozen=True):
    """The CALLRESULT of our open CALL, valid."""

    tag: Any
    payload: Any


class Refused(msgspec.Struct, frozen=True):
    """Our open CALL failed to be processed: a CALLERROR, an answer that is not one, or silence (code "")."""

    tag: Any
    code: str
    description: str


class Malformed(msgspec.Struct, frozen=True):
    """The peer's CALL was not valid; `reply` is the CALLERROR that says so. `action` is known, or ""."""

    id: str
    action: str
    reply: bytes
    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """Not to be answered: not a frame, or an answer to nothing that is open (late, doubled, foreign)."""

    reason: str


Event = Asked | Answered | Refused | Malformed | Ignored


class Session:
    """At most one CALL of ours is unanswered; the peer's CALLs are answered whatever is open."""

    __slots__ = ("_new_id", "open", "tolerant")

    def __init__(self, new_id: Callable[[], str], *, tolerant: bool = True) -> None:
        self._new_id = new_id
        self.tolerant = tolerant
        self.open: OpenCall | None = None

    def call(self, payload: Any, tag: Any, now: float, timeout_s: float) -> bytes:
        """The frame of a new CALL. Raises RuntimeError while one is open: OCPP-J 4.1.1 allows no second."""
        if self.open is not None:
            raise RuntimeError(f"{self.open.action} is still open")
        ident = self._new_id()
        self.open = OpenCall(ident, type(payload).action, tag, now + timeout_s)
        return frames.write_call(ident, payload)

    def call_encoded(self, action: str, payload: bytes, tag: Any, now: float, timeout_s: float) -> bytes:
        """The frame of a new CALL whose payload is JSON already, valid when it was made."""
        if self.open is not None:
            raise RuntimeError(f"{self.open.action} is still open")
        ident = self._new_id()
        self.open = OpenCall(ident, action, tag, now + timeout_s)
        return msgspec.json.encode((2, ident, action, msgspec.Raw(payload)))

    def receive(self, data: bytes, now: float) -> Event:
        """What one frame means; never raises for what a peer sends."""
        try:
            frame = frames.read(data, tolerant=self.tolerant)
        except NotAFrame as error:
            return Ignored(str(error))
        except BadMessage as error:
            reply = frames.write_error(error.message_id, error.code, error.description)
            return Malformed(error.message_id, error.action, reply, str(error))
        if isinstance(frame, Call):
            return Asked(frame)
        waiting = self.open
        if waiting is None or waiting.id != frame.id:
            return Ignored(f"an answer to {frame.id[:40]!r}, which is not open: late or foreign")
        self.open = None
        if isinstance(frame, frames.Error):
            return Refused(waiting.tag, frame.code, frame.description)
        try:
            return Answered(waiting.tag, frames.read_result(waiting.action, frame.payload, tolerant=self.tolerant))
        except BadMessage as error:
            return Refused(waiting.tag, error.code, f"the answer is not valid: {error.description}")

    def expire(self, now: float) -> Refused | None:
        """The open CALL as unanswered, when its time is over."""
        waiting = self.open
        if waiting is None or now < waiting.deadline:
            return None
        self.open = None
        return Refused(waiting.tag, "", "no answer in time")

    def drop(self) -> Any:
        """The link is gone: forget the open CALL; its tag, or None when nothing was open."""
        waiting, self.open = self.open, None
        return waiting.tag if waiting else None
