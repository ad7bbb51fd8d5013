"""The last frames of the stations hosted here, both ways, in the open trace format v1.1."""

from collections.abc import Iterable
from typing import Any

from chargepost.supervision.tracelog import STATION_FRAMES_MAX, Direction, Frame, FrameLog, trace


class Frames:
    """One for all stations of the process; `supervision.tracelog` names the bounds."""

    def __init__(self) -> None:
        self._log = FrameLog()
        self.counts: dict[Direction, int] = {"cp-to-csms": 0, "csms-to-cp": 0}

    def sent(self, identity: str, data: bytes, utc_s: float) -> None:
        self.counts["cp-to-csms"] += 1
        self._log.add(identity, data, at_utc_s=utc_s, direction="cp-to-csms")

    def received(self, identity: str, data: bytes, utc_s: float) -> None:
        self.counts["csms-to-cp"] += 1
        self._log.add(identity, data, at_utc_s=utc_s, direction="csms-to-cp")

    def last(self, identity: str, after: int = 0) -> int:
        """The number of the station's last frame, when it is past this one; else this one."""
        return self._log.newest(identity, after)

    def between(self, identity: str, after: int, before: int, limit: int) -> list[Frame]:
        """As `FrameLog.between`, and for a negative `limit` as `FrameLog.following`; the data holds secrets."""
        return (
            self._log.between(identity, after, before, limit)
            if limit > 0
            else self._log.following(identity, after, -limit)
        )

    def newest(self, identities: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """The last frames of these stations together, oldest first."""
        traces = [
            trace
            for identity in self._log.last(set(identities), limit)
            for trace in self._traces(identity, 2 * limit)[-limit:]
        ]
        return sorted(traces, key=lambda trace: int(trace["meta"]["number"]))[-limit:]

    def traces(self, identity: str, after: int = 0, limit: int = STATION_FRAMES_MAX) -> list[dict[str, Any]]:
        """The newest `limit` frames past the number `after`, oldest first, without secrets."""
        traces = self._traces(identity, STATION_FRAMES_MAX)
        return [trace for trace in traces if trace["meta"]["number"] > after][-limit:]

    def _traces(self, identity: str, limit: int) -> list[dict[str, Any]]:
        return [trace(identity, frame) for frame in self._log.frames(identity, limit=limit)]
