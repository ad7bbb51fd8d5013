"""What passes on the links of a process, counted: messages, how long an answer takes, why links are lost.

A few additions for each frame, so that ten thousand stations can afford it; nothing is kept by station but the call
that waits for its answer.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from chargepost.ocpp.frames import REQUESTS

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds: from what a loopback needs to the time-out of a call."""

OTHER = "other"
"""Whatever is not in a list of ours: a peer's words must not make a new series each."""

OUTCOMES = {b"2": "call", b"3": "result", b"4": "error"}

_ACTIONS = {action.encode(): action for action in REQUESTS}


class Histogram:
    """Durations in seconds, by bucket."""

    __slots__ = ("counts", "sum_s")

    def __init__(self, counts: Sequence[int] = (0,) * (len(BUCKETS_S) + 1), sum_s: float = 0.0) -> None:
        self.counts = list(counts)
        """Of each bucket alone; the last one is past every bound."""
        self.sum_s = sum_s

    def add(self, duration_s: float) -> None:
        self.counts[bisect_left(BUCKETS_S, duration_s)] += 1
        self.sum_s += duration_s

    @property
    def count(self) -> int:
        return sum(self.counts)

    def copy(self) -> "Histogram":
        return Histogram(self.counts, self.sum_s)

    def since(self, before: "Histogram") -> "Histogram":
        """What was added after `before`, a copy of this one."""
        counts = [now - then for now, then in zip(self.counts, before.counts, strict=True)]
        return Histogram(counts, self.sum_s - before.sum_s)

    def quantile_s(self, share: float) -> float | None:
        """The duration that this share of all stays within, as well as the buckets tell; None: there were none."""
        wanted, seen, below_s = share * self.count, 0.0, 0.0
        if not self.count:
            return None
        for bound_s, count in zip(BUCKETS_S, self.counts, strict=False):
            if count and seen + count >= wanted:
                return below_s + (bound_s - below_s) * (wanted - seen) / count
            seen, below_s = seen + count, bound_s
        return BUCKETS_S[-1]


Call = tuple[bytes, str, float]
"""Its id, its action, and when it was said."""


class Tally:
    """One for one side of the links of a process: that of its stations, or that of its supervision."""

    def __init__(self) -> None:
        self.messages: Counter[tuple[bool, str, str]] = Counter()
        """By direction (True: from the station), action and outcome."""
        self.durations: dict[str, Histogram] = {}
        """From a station's CALL to its answer, by action."""
        self.lost: Counter[str] = Counter()
        """Links and dials that ended, by kind."""
        self._open: tuple[dict[str, Call], dict[str, Call]] = ({}, {})
        """The last call of each station that has no answer yet: the central system's, and the station's."""

    def passed(self, identity: str, data: bytes, up: bool, now_s: float) -> None:
        """One frame; `up`: from the station. `now_s` is of a clock of the machine."""
        outcome = OUTCOMES.get(data[1:2])
        if outcome is None:
            self.messages[up, OTHER, OTHER] += 1
            return
        parts = data.split(b'"', 4)
        if outcome == "call":
            action = _ACTIONS.get(parts[3], OTHER) if len(parts) == 5 else OTHER
            self._open[up][identity] = parts[1] if len(parts) > 1 else b"", action, now_s
        else:
            call = self._open[not up].get(identity)
            if call is None or len(parts) < 2 or parts[1] != call[0]:
                action = OTHER
            else:
                del self._open[not up][identity]
                action = call[1]
                if not up:
                    self._took(action, now_s - call[2])
        self.messages[up, action, outcome] += 1

    def link_lost(self, identity: str, reason: str, status: int | None) -> None:
        """A link, or a dial, has ended."""
        self.lost[kind_of(reason, status)] += 1
        for calls in self._open:
            calls.pop(identity, None)

    def _took(self, action: str, duration_s: float) -> None:
        if (durations := self.durations.get(action)) is None:
            durations = self.durations[action] = Histogram()
        durations.add(duration_s)

    def whole(self) -> Histogram:
        """All actions together."""
        whole = Histogram()
        for durations in self.durations.values():
            whole.counts = [one + other for one, other in zip(whole.counts, durations.counts, strict=True)]
            whole.sum_s += durations.sum_s
        return whole

    @property
    def count(self) -> int:
        return sum(self.messages.values())


KINDS = (
    ("in the simulated network", "network"),
    ("nothing listens", "refused"),
    ("cut the connection off", "reset"),
    ("connection was lost", "lost"),
    ("not answer within", "timeout"),
    ("does not answer", "timeout"),
    ("no answer to a ping", "silent"),
    ("silence", "silent"),
    ("does not resolve", "name"),
    ("certificate", "tls"),
    ("TLS", "tls"),
    ("no way to the network", "unreachable"),
    ("cannot be reached", "unreachable"),
    ("network cable is out", "cable"),
    ("other side closed", "closed"),
    ("we closed", "hung up"),
    ("hung up", "hung up"),
    ("given up", "hung up"),
    ("subprotocol", "protocol"),
    ("Too many open files", "files"),
)
"""What a reason says -> its kind, the first that fits: of the words in `websocket` and `line`."""


def kind_of(reason: str, status: int | None) -> str:
    if status is not None:
        return f"http {status}"
    return next((kind for words, kind in KINDS if words in reason), OTHER)
