"""Every figure there is, with its unit and its budget, and how one is said."""

import json
import sys
from typing import Literal, NamedTuple

Of = Literal["chargepost", "ocpp (PyPI)", "ocpp-rpc (npm)", "floor"]
"""Whose figure it is. The floor is the same work on bare parts: no rules, no queue, no store."""

COLUMNS: tuple[Of, ...] = ("chargepost", "ocpp (PyPI)", "ocpp-rpc (npm)", "floor")


class Kind(NamedTuple):
    """What a figure means. `budget` is None where nothing was promised."""

    unit: str
    budget: float | None = None
    more_is_better: bool = False


MESSAGES = ("MeterValues", "StartTransaction", "StatusNotification", "Heartbeat")

KINDS: dict[str, Kind] = {
    **{f"decode and validate {name}": Kind("us", 3.5 if name == "MeterValues" else None) for name in MESSAGES},
    **{f"encode {name}": Kind("us") for name in MESSAGES},
    "100 charging profiles merged over a day": Kind("ms", 1),
    "sharing among 1,000 stations": Kind("ms", 20),
    "a cycle of a leader of 1,000 stations": Kind("ms", 20),
    "the same among 10,000": Kind("times", 13.4),  # n log n: 10 * log(10,000) / log(1,000)
    "every product file loaded": Kind("ms", 50),
    "memory of one more connected station": Kind("KB", 16),
    "CPU to boot one station": Kind("ms", 0.7),
    "the whole crowd connected and booted, CPU": Kind("s", 8),
    "the whole crowd connected and booted, time": Kind("s", 8),
    "memory of one station held by the supervision": Kind("KB"),
    "CPU to let in and boot one station, supervision": Kind("ms"),
    "memory of one more station connected by TLS": Kind("KB", 100),
    "memory of one station held by TLS, supervision": Kind("KB", 100),
    "TLS handshakes of a server, per second of CPU": Kind("1/s", more_is_better=True),
    "TLS handshakes of a station, per second of CPU": Kind("1/s", more_is_better=True),
    "TLS handshakes of a server, resumed, per second of CPU": Kind("1/s", more_is_better=True),
    "TLS handshakes of a station, resumed, per second of CPU": Kind("1/s", more_is_better=True),
    "TLS handshakes of a server, resumed against whole": Kind("times", more_is_better=True),
    "TLS handshakes of a station, resumed against whole": Kind("times", more_is_better=True),
    "TLS handshakes of a server, against bare asyncio": Kind("times", 0.8, more_is_better=True),
    "TLS handshakes of a station, against bare asyncio": Kind("times", 0.8, more_is_better=True),
    "CPU per 1,000 messages, station": Kind("s", 0.04),
    "CPU per 1,000 heartbeats, station": Kind("s", 0.04),
    "CPU per 1,000 messages, station, back to back": Kind("s", 0.04),
    "CPU per 1,000 heartbeats, station, back to back": Kind("s", 0.04),
    "CPU per 1,000 messages, supervision": Kind("s", 0.04),
    "MeterValues answered, per second of CPU": Kind("1/s", 10_000, more_is_better=True),
    "MeterValues answered, per second": Kind("1/s", more_is_better=True),
    "start of one station's process": Kind("s"),
    "memory of the first station's process": Kind("MB", 60),
    "first page of a station's tool": Kind("s", 1),
    "memory of a station with its tool": Kind("MB", 60),
    "memory of one more station with its tool": Kind("KB"),
    "a day of 1,000 stations in virtual time": Kind("s", 40),
    "a herd is back": Kind("s", 60),
    "busiest second of a herd, against the mean": Kind("times", 2),
    "failed dials of a herd": Kind("dials", 0),
    "Heartbeat answered while a herd comes in, p99": Kind("ms", 500),
    "page of the supervision while a herd comes in, p99": Kind("ms"),
}
"""The budgets of the crowd hold for the full run of 10,000 stations."""


def emit(figure: str, value: float, of: Of, how: str = "") -> None:
    """Print one figure; `how` says with what counts it was reached. Raises KeyError for one not in the table."""
    kind = KINDS[figure]
    line = {"figure": figure, "value": float(f"{value:.4g}"), "unit": kind.unit, "budget": kind.budget, "of": of}
    print(json.dumps(line | {"how": how}), flush=True)


def is_quick() -> bool:
    """A small run: it shows that everything works, its values mean little."""
    return "--quick" in sys.argv[1:]
