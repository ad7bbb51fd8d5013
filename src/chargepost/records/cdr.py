"""Charge records as the commissioning tool shows, filters, draws and exports them (commissioning guide, chapter 6).

Twelve fields in the order of the guide, dates in the local time of the station. Pure: the time zone is passed in.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from chargepost.signals import ChargeDay, ChargeDetail, ChargeRecord, ChargeView
from chargepost.spreadsheet import neutral

SHOWN = 30
"""Charges on the page (commissioning guide, chapter 6)."""

EXPORT_MAX = 3_000
"""Charges in one file (commissioning guide, chapter 6); the store keeps the older ones."""

DAYS_MAX = 92
"""Days in the chart: a bar of each still has its place on a telephone."""

HEADINGS = (
    "Charge number", "Charging station", "Socket ID", "Transaction ID", "UID", "Type of charge", "Start time",
    "End time", "Energy (kWh)", "Socket Type", "Duration", "Comment",
)  # fmt: skip
"""As the guide prints them."""

SEPARATORS = {"Semicolon": ";", "Comma": ",", "Tab": "\t"}
DECIMALS = {"Comma": ",", "Dot": "."}
"""Words of the settings. Comma and comma together cannot be told apart, so such numbers stand in quotes (RFC 4180)."""

NEVER_NUMBERED = -1
"""Of a charge whose start the supervision never took (OCPP 1.6 errata 3.18)."""

Told = Literal["sent", "waiting", "not sent"]
Published = Literal["not yet", "published", "in doubt"]

UNKNOWN = ChargeDetail("", "", "", "")


def zone_of(name: str) -> tzinfo:
    """By its IANA name; UTC where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # a name that is a path, a folder, unknown
        return UTC


def local(utc_s: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(utc_s, zone)


def view(record: ChargeRecord, number: int, *, serial: str, published: Published, waiting: bool) -> ChargeView:
    """`serial`: of the station now, for a record without."""
    detail = record.detail or UNKNOWN
    told: Told = "sent" if record.delivered else "waiting" if waiting else "not sent"
    number_there = 0 if record.transaction in (None, NEVER_NUMBERED) else record.transaction
    return ChargeView(
        number, detail.serial or serial, record.connector, number_there or 0, record.id_tag, detail.charge_type,
        record.start_utc_s, record.stop_utc_s, record.stop_wh - record.start_wh, detail.socket_type, record.duration_s,
        detail.comment, told, published,
    )  # fmt: skip


def fields(charge: ChargeView, zone: tzinfo, decimal: str = ",") -> tuple[str, ...]:
    """The twelve, as they are read by people."""
    return (
        str(charge.number), charge.station, str(charge.socket), str(charge.transaction), charge.id_tag,
        charge.charge_type, _minute(charge.start_utc_s, zone), _minute(charge.stop_utc_s, zone),
        kwh(charge.energy_wh, decimal), charge.socket_type, _lasted(charge.duration_s), charge.comment,
    )  # fmt: skip


def to_csv(
    charges: Iterable[ChargeView], zone: tzinfo, separator: str, decimal: str, *, head: bool = True
) -> str:  # fmt: skip
    """A file, or without its headings a piece of one. `separator` and `decimal` are words of the settings."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=SEPARATORS[separator], lineterminator="\r\n")
    if head:
        writer.writerow(HEADINGS)
    writer.writerows([harmless(each) for each in fields(charge, zone, DECIMALS[decimal])] for charge in charges)
    return file.getvalue()


def harmless(cell: str) -> str:
    """On one line, and no formula whatever somebody wrote on a badge."""
    plain = neutral(cell)
    return plain if plain.isprintable() else "".join(each if each.isprintable() else " " for each in plain)


def kwh(energy_wh: int, decimal: str) -> str:
    """Not through a float: it is a sum somebody pays."""
    return f"{energy_wh // 1000}{decimal}{energy_wh % 1000:03}"


def _minute(utc_s: float, zone: tzinfo) -> str:
    return f"{local(utc_s, zone):%Y-%m-%d %H:%M}"


def _lasted(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


# --- filter and chart -------------------------------------------------------------------------------------------------


class Chosen(NamedTuple):
    """Which charges are wanted; nothing said: all."""

    first: date | None = None
    """Begun on this local day, or later."""
    last: date | None = None
    """Begun on this local day, or earlier."""
    badge: str = ""
    """A part of it, without case."""
    socket: int | None = None
    comment: str = ""
    """A part of it, without case."""

    def has(self, charge: ChargeView, zone: tzinfo) -> bool:
        day = local(charge.start_utc_s, zone).date()
        return (
            (self.first is None or self.first <= day)
            and (self.last is None or day <= self.last)
            and self.badge.casefold() in charge.id_tag.casefold()
            and (self.socket is None or self.socket == charge.socket)
            and self.comment.casefold() in charge.comment.casefold()
        )


def per_day(charges: Sequence[ChargeView], zone: tzinfo) -> list[ChargeDay]:
    """Each day up to that of the last charge, without a gap, oldest first, at most DAYS_MAX; a charge counts for the
    day on which it began."""
    days: dict[date, tuple[int, int]] = {}
    for charge in charges:
        day = local(charge.start_utc_s, zone).date()
        energy_wh, count = days.get(day, (0, 0))
        days[day] = energy_wh + charge.energy_wh, count + 1
    if not days:
        return []
    last = max(days)
    length = min((last - min(days)).days + 1, DAYS_MAX)
    shown = (last - timedelta(days=back) for back in reversed(range(length)))
    return [ChargeDay(day.isoformat(), *days.get(day, (0, 0))) for day in shown]
