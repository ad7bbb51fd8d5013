"""The last frames of the stations hosted here, both ways, in the open trace format v1.1.

A frame is kept as bytes; what it was is worked out when somebody looks, so that ten thousand stations pay nothing.
"""

from typing import Any, Literal

import msgspec

from chargepost.supervision.tracelog import Direction, Frame, FrameLog, MessageType, trace

KINDS: dict[int, MessageType] = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR"}

ANSWERED: dict[Direction, Direction] = {"cp-to-csms": "csms-to-cp", "csms-to-cp": "cp-to-csms"}


class Frames:
    """One for all stations of the process; `supervision.tracelog` names the bounds."""

    def __init__(self) -> None:
        self._log = FrameLog()

    def sent(self, identity: str, data: bytes, utc_s: float) -> None:
        self._log.add(identity, data, at_utc_s=utc_s, direction="cp-to-csms", kind="CALL")

    def received(self, identity: str, data: bytes, utc_s: float) -> None:
        self._log.add(identity, data, at_utc_s=utc_s, direction="csms-to-cp", kind="CALL")

    def traces(self, identity: str, after: int = 0, limit: int = 500) -> list[dict[str, Any]]:
        """The newest `limit` frames past the number `after`, oldest first, without secrets."""
        read = _read(self._log.frames(identity))
        return [trace(identity, frame) for frame in read if frame.number > after][-limit:]


def _read(frames: list[Frame]) -> list[Frame]:
    """Each frame with its kind, its id, and the action and latency of an answer from the call it answers."""
    calls: dict[tuple[Direction, str], Frame] = {}
    read = []
    for frame in frames:
        kind, ident, action = _head(frame.data)
        latency_s = None
        if kind == "CALL":
            frame = msgspec.structs.replace(frame, message_id=ident, action=action)  # noqa: PLW2901 - the same, read
            calls[frame.direction, ident] = frame
        else:
            call = calls.pop((ANSWERED[frame.direction], ident), None)
            latency_s = frame.at_utc_s - call.at_utc_s if call else None
            frame = msgspec.structs.replace(  # noqa: PLW2901 - the same, read
                frame, kind=kind, message_id=ident, action=call.action if call else "", latency_s=latency_s
            )
        read.append(frame)
    return read


def _head(data: bytes) -> tuple[Literal["CALL", "CALLRESULT", "CALLERROR"], str, str]:
    """Kind, id and action; of what is no frame, a CALL without either."""
    try:
        kind, ident, *rest = msgspec.json.decode(data)
        return KINDS[kind], str(ident), str(rest[0]) if kind == 2 else ""
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, TypeError, KeyError, IndexError):
        return "CALL", "", ""
