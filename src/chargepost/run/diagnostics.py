"""What is kept of a station's log, as the end of a diagnostics report: events for people, frames as they were said."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from chargepost.redact import redact_text
from chargepost.run import words
from chargepost.run.words import Event


def log_between(
    events: Iterable[Event], traces: Iterable[Mapping[str, Any]], since_utc_s: float | None, until_utc_s: float | None
) -> str:
    """Lines in the order of their times, without secrets; a date that is None does not bound them."""
    since, until = _stamp(since_utc_s or 0.0), _stamp(until_utc_s) if until_utc_s is not None else "~"
    lines = [(_stamp(event.utc_s), redact_text(words.text(event.what))) for event in events]
    lines += [(each["timestamp"], f"{each['direction']} {each['raw']}") for each in traces]
    told = [f"{at} {text}\n" for at, text in sorted(lines, key=lambda line: line[0]) if since <= at <= until]
    return "".join(["\nlog\n", *told])


def _stamp(utc_s: float) -> str:
    """As the trace writes it: texts of one length, so that they compare as their times do."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
