"""What the API and the pages show, worked out from the state. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from chargepost.supervision.answers import date
from chargepost.supervision.central import Central
from chargepost.supervision.ledger import Transaction
from chargepost.supervision.live import Live
from chargepost.supervision.state import Connector, Station
from chargepost.supervision.wishes import BadgeRow, RefusedRow

IDLE = ("Available", "Unavailable", "Reserved")
"""No car draws anything."""


class ConnectorOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """A connector as its station told of it last."""

    connector: int
    status: str
    error: str
    since: str
    power_w: float | None = None
    current_a: float | None = None
    energy_wh: float | None = None
    soc_percent: float | None = None
    measured: str | None = None
    transaction: int | None = None
    id_tag: str | None = None
    info: str = ""
    vendor_error: str = ""


class StationOut(msgspec.Struct, frozen=True):
    """A station of the roster, or one that was let in."""

    id: str
    online: bool
    registration: str
    """What its last BootNotification was answered; empty: it never booted here."""
    boot_policy: str
    has_password: bool
    vendor: str
    model: str
    serial_number: str
    firmware: str
    link_since: str | None
    """When it connected, or was lost; None: never seen since we run."""
    last_seen: str | None
    waiting_commands: int
    connectors: list[ConnectorOut]


class TransactionOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """A transaction; without stop it runs, or its end was never told. With it, it is the charge record."""

    transaction: int
    station: str
    connector: int
    id_tag: str
    id_tag_status: str
    start: str
    start_wh: int
    stop: str | None = None
    stop_wh: int | None = None
    energy_wh: float | None = None
    """Of a running one: what it drew so far, as far as the station told."""
    reason: str | None = None
    """OCPP's, or "Superseded": no stop was told, and another transaction began on the connector. A stop told late
    replaces it."""


class BadgeOut(msgspec.Struct, frozen=True):
    """A badge of the table; `expiry` is RFC 3339."""

    id_tag: str
    status: str
    parent: str
    expiry: str | None
    comment: str


class RefusedOut(msgspec.Struct, frozen=True):
    """Handshakes that were refused, by who and why."""

    id: str
    peer: str
    reason: str
    status: int
    count: int
    last: str


def when(utc_s: float | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    if not utc_s:
        return None
    try:
        return date(utc_s).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # a station's absurd date
        return None


def age_s(text: str, utc_s: float) -> int:
    """Whole seconds from a date that `when` wrote until now."""
    return int(utc_s - datetime.fromisoformat(text).timestamp())


def connector(central: Central, found: Connector) -> ConnectorOut:
    row, live = found.row, found.live
    running = central.state.open.get(found.transaction) if found.transaction is not None else None
    idle = row.status in IDLE
    if running and live.measured_utc_s < running.start_utc_s:
        live = Live(live.measured_utc_s, energy_wh=live.energy_wh)  # of the visit before: only the register stays
    return ConnectorOut(
        row.connector,
        row.status,
        row.error,
        when(row.since_utc_s) or "",
        0.0 if idle and live.power_w is not None else live.power_w,
        0.0 if idle and live.current_a is not None else live.current_a,
        live.energy_wh,
        None if idle else live.soc_percent,
        when(live.measured_utc_s),
        running.transaction if running else None,
        running.id_tag if running else None,
        row.info,
        row.vendor_error,
    )


def station(central: Central, found: Station) -> StationOut:
    row = found.row
    return StationOut(
        row.identity,
        found.session is not None,
        row.registration,
        row.boot_policy,
        bool(row.password_hash),
        row.vendor,
        row.model,
        row.serial_number,
        row.firmware,
        when(found.linked_utc_s),
        when(found.seen_utc_s),
        len(found.waiting) + (1 if found.session and found.session.open else 0),
        [connector(central, found.connectors[number]) for number in sorted(found.connectors)],
    )


def transaction(central: Central, row: Transaction) -> TransactionOut:
    energy_wh: float | None = row.energy_wh
    at = central.state.stations.get(row.identity)
    place = at.connectors.get(row.connector) if at else None
    if energy_wh is None and place and place.transaction == row.transaction and place.live.energy_wh is not None:
        energy_wh = place.live.energy_wh - row.start_wh if place.live.measured_utc_s >= row.start_utc_s else None
    return TransactionOut(
        row.transaction,
        row.identity,
        row.connector,
        row.id_tag,
        row.id_tag_status,
        when(row.start_utc_s) or "",
        row.start_wh,
        when(row.stop_utc_s),
        row.stop_wh,
        energy_wh,
        row.reason,
    )


class Census(msgspec.Struct, frozen=True):
    """All stations together."""

    stations: int
    online: int
    charging: int
    untold: int
    """Of those that charge: their station tells no power."""
    power_w: float
    faults: int


def census(stations: Iterable[Station]) -> Census:
    """Without a view of each: ten thousand are counted in some hundredths of a second."""
    count = online = charging = untold = faults = 0
    power_w = 0.0
    for found in stations:
        count += 1
        online += found.session is not None
        for number, place in found.connectors.items():
            status = place.row.status
            if not number or status in IDLE:
                continue
            faults += status == "Faulted"
            told_w = place.live.power_w
            power_w += told_w or 0.0
            if status == "Charging":
                charging += 1
                untold += told_w is None
    return Census(count, online, charging, untold, power_w, faults)


SHOW: dict[str, Callable[[Station], bool]] = {
    "": lambda found: True,
    "online": lambda found: found.session is not None,
    "offline": lambda found: found.session is None,
    "charging": lambda found: any(place.row.status == "Charging" for place in found.connectors.values()),
    "faulted": lambda found: any(place.row.status == "Faulted" for place in found.connectors.values()),
}
"""Which stations a list is of, by the word that asks for them."""


def chosen(stations: Mapping[str, Station], find: str, show: str) -> list[str]:
    """Identities that contain `find`, whatever its case, in order."""
    fits, part = SHOW.get(show, SHOW[""]), find.lower()
    return sorted(name for name, found in stations.items() if (not part or part in name.lower()) and fits(found))


def badge(row: BadgeRow) -> BadgeOut:
    return BadgeOut(row.id_tag, row.status, row.parent, when(row.expiry_utc_s), row.comment)


def refused(row: RefusedRow) -> RefusedOut:
    return RefusedOut(row.identity, row.peer, row.reason, row.status, row.count, when(row.last_utc_s) or "")


def page(items: list[Any], limit: int, offset: int) -> list[Any]:
    return items[offset : offset + limit]
