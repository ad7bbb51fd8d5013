"""The charge records of a station for its tool: those somebody asks for, as a page shows them, and all as a file."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice

from chargepost.records import cdr
from chargepost.run.publish import Publisher, separators, zone_of
from chargepost.signals import ChargesView

MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""At the beginning of the exported file: by it a spreadsheet knows UTF-8. Programs get their files without."""


PIECE = 50
"""Charges of one piece of the exported file."""

VIEWS_MAX = 20
"""Kept for pages that look every five seconds: working one out of 3,000 charges takes some 40 ms."""


def chosen(publisher: Publisher, identity: str, query: Mapping[str, str]) -> ChargesView:
    """Of the last 3,000. Raises TransferError while the station has no power."""
    if not publisher.keeps:
        return ChargesView(kept=False)
    station = publisher.station(identity)
    asked = (identity, publisher.mark(identity), station.core.settings.version, *sorted(query.items()))
    view = publisher.views.get(asked)
    if view is None:
        if len(publisher.views) >= VIEWS_MAX:
            publisher.views.clear()
        view = publisher.views[asked] = _chosen(publisher, identity, query)
    return view


def _chosen(publisher: Publisher, identity: str, query: Mapping[str, str]) -> ChargesView:
    station = publisher.station(identity)
    zone, decimal = zone_of(station), "."  # a page writes numbers in its own language
    wanted = _read(query)
    found = [each for each in publisher.charges(identity, cdr.EXPORT_MAX) if wanted.has(each, zone)]
    days = cdr.per_day(found, zone)
    shown = tuple(islice(found, cdr.SHOWN))
    return ChargesView(
        True, len(found), cdr.kwh(sum(each.energy_wh for each in found), decimal),
        cdr.kwh(max((day.energy_wh for day in days), default=0), decimal), tuple(days), shown,
        tuple(cdr.fields(each, zone, decimal) for each in shown),
    )  # fmt: skip


def to_csv(publisher: Publisher, identity: str) -> Iterator[bytes]:
    """The last 3,000, the newest first as the tool shows them, in pieces that each take some milliseconds."""
    station = publisher.station(identity)
    zone, written = zone_of(station), separators(station)
    yield (MARK + cdr.to_csv([], zone, *written)).encode()
    newest = publisher.newest(identity) if publisher.keeps else 0
    for skipped in range(0, min(newest, cdr.EXPORT_MAX), PIECE):
        found = publisher.charges(identity, min(PIECE, cdr.EXPORT_MAX - skipped), newest - skipped)
        yield cdr.to_csv(found, zone, *written, head=False).encode()


def _read(query: Mapping[str, str]) -> cdr.Chosen:
    """What is no date or number chooses nothing."""
    socket = query.get("socket", "")
    return cdr.Chosen(
        _date(query.get("first", "")), _date(query.get("last", "")), query.get("badge", "").strip(),
        int(socket) if socket.isascii() and socket.isdigit() else None, query.get("comment", "").strip(),
    )  # fmt: skip


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
