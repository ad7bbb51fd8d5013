"""What happened, as a line for people and as a line of JSON for programs."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from chargepost import signals as sig

Told = sig.StatusChanged | sig.Note | sig.BadgeJudged


class Event(NamedTuple):
    """Something that happened at a station."""

    utc_s: float
    station: str
    what: Told


def clock_time(utc_s: float) -> str:
    """Local, to the second."""
    return datetime.fromtimestamp(utc_s).astimezone().strftime("%H:%M:%S")


def line(event: Event) -> str:
    return f"{clock_time(event.utc_s)} {event.station:<10} {text(event.what)}"


def text(what: Told) -> str:
    match what:
        case sig.StatusChanged(connector, old, new, error, _, limit):
            trouble = f" ({error})" if error != "NoError" else ""
            held = f": {limit.current_a:g} A, {limit.source}" if limit else ""
            return f"{_place(connector)}{old} -> {new}{trouble}{held}"
        case sig.BadgeJudged(id_tag, connector, accepted, why):
            return f"{_place(connector)}badge {id_tag} {'accepted' if accepted else 'refused'}: {why}"
        case sig.Note(_, event, words, connector):
            return f"{_place(connector)}{event}: {words}"


def _place(connector: int | None) -> str:
    return "" if connector is None else f"#{connector} "


def as_json(event: Event) -> dict[str, Any]:
    what = event.what
    told: dict[str, Any]
    common = {
        "time": datetime.fromtimestamp(event.utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "station": event.station,
        "connector": what.connector,
    }
    match what:
        case sig.StatusChanged():
            told = {"event": "status", "old": what.old, "new": what.new, "error": what.error}
            if what.limit:
                told |= {"offered_a": what.limit.current_a, "limit_source": what.limit.source}
        case sig.BadgeJudged():
            told = {"event": "badge", "id_tag": what.id_tag, "accepted": what.accepted, "why": what.why}
        case sig.Note():
            told = {"event": what.event, "level": what.level, "text": what.text}
    return common | told
