"""The last frames of the stations hosted here, both ways, in the open trace format v1.1.

A frame is kept as bytes; what it was is worked out when somebody looks, so that ten thousand stations pay nothing.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from chargepost.supervision.tracelog import STATION_FRAMES_MAX, Direction, Frame, FrameLog, MessageType, trace

KINDS: dict[int, MessageType] = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR"}

ANSWERED: dict[Direction, Direction] = {"cp-to-csms": "csms-to-cp", "csms-to-cp": "cp-to-csms"}


class Frames:
    """One for all stations of the process; `supervision.tracelog` names the bounds."""

    def __init__(self) -> None:
        self._log = FrameLog()
        self.counts: dict[Direction, int] = {"cp-to-csms": 0, "csms-to-cp": 0}

    def sent(self, identity: str, data: bytes, utc_s: float) -> None:
        self._add(identity, data, utc_s, "cp-to-csms")

    def received(self, identity: str, data: bytes, utc_s: float) -> None:
        self._add(identity, data, utc_s, "csms-to-cp")

    def _add(self, identity: str, data: bytes, utc_s: float, direction: Direction) -> None:
        self.counts[direction] += 1
        self._log.add(identity, data, at_utc_s=utc_s, direction=direction, kind="CALL")

    def newest(self, identities: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """The last frames of these stations together, oldest first."""
        traces = [trace for identity in identities for trace in self._traces(identity, 2 * limit)[-limit:]]
        return sorted(traces, key=lambda trace: int(trace["meta"]["number"]))[-limit:]

    def traces(self, identity: str, after: int = 0, limit: int = STATION_FRAMES_MAX) -> list[dict[str, Any]]:
        """The newest `limit` frames past the number `after`, oldest first, without secrets."""
        traces = self._traces(identity, STATION_FRAMES_MAX)
        return [trace for trace in traces if trace["meta"]["number"] > after][-limit:]

    def _traces(self, identity: str, limit: int) -> list[dict[str, Any]]:
        return [trace(identity, frame) for frame in _read(self._log.frames(identity, limit=limit))]


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


def _head(data: bytes) -> tuple[MessageType, str, str]:
    """Kind, id and action; of what is no frame, a CALL without either."""
    try:
        kind, ident, *rest = msgspec.json.decode(data)
        return KINDS[kind], str(ident), str(rest[0]) if kind == 2 else ""
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, TypeError, KeyError, IndexError):
        return "CALL", "", ""
