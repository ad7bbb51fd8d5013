"""The maintenance report: what a station is, has, and does, for people. A pure view, without secrets.

What it holds is what the tool's Report sub-tab shows (EVlink commissioning guide: identity, versions, boot counter,
states), with what else a maintainer asks for first: link, errors and configuration. The same sections make the text
that GetDiagnostics sends and the page of the tool.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET

from chargepost.redact import MASK, redact_text
from chargepost.signals import ErrorView
from chargepost.station.settings import Row
from chargepost.station.status import error

if TYPE_CHECKING:
    from chargepost.station.connector import Connector
    from chargepost.station.station import Station

TITLE = "Maintenance report"


class Section(NamedTuple):
    """A heading and its lines, each a label and a value."""

    title: str
    lines: tuple[tuple[str, str], ...]


def sections(s: "Station", now: float) -> tuple[Section, ...]:
    """The whole report, in the order it is read."""
    return (
        Section("Identity", tuple(_identity(s))),
        Section("Versions and counters", tuple(_counters(s, now))),
        Section("Supervision", tuple(_link(s))),
        *(Section(f"Connector {c.number}", tuple(_connector(s, c, now))) for c in s.connectors),
        Section("Errors", tuple(_errors(s))),
        Section("Configuration", tuple((row.spec.name, _value(s, row)) for row in s.core.settings.shown())),
    )


def text(s: "Station", now: float) -> str:
    """The report as a text file; no value can break a line or look like a heading."""
    lines = [TITLE]
    for section in sections(s, now):
        lines += ["", section.title]
        lines += [f"  {label}: {' '.join(value.split()) or '-'}" for label, value in section.lines]
    return "\n".join(lines) + "\n"


def security_log(s: "Station") -> str:
    """The head of the security log: whose it is. The events follow in the log that the carrier keeps."""
    lines = [f"  {label}: {value}" for label, value in _identity(s)]
    return "\n".join(["Security log", "", *lines]) + "\n"


def file_name(s: "Station", what: str, now: float) -> str:
    """Tells stations and days apart, and is a plain name on every server."""
    serial = re.sub(r"[^A-Za-z0-9]+", "-", s.core.serial)[:40]
    return f"{what}-{serial}-{datetime.fromtimestamp(s.core.utc(now), UTC):%Y%m%dT%H%M%SZ}.txt"


def _identity(s: "Station") -> Iterator[tuple[str, str]]:
    said = s.talk.boot_notification()
    model = s.core.model
    yield "Vendor", said.charge_point_vendor
    yield "Model", said.charge_point_model
    yield "Product", model.title
    yield "Variant", model.variants[model.variant].reference or model.variant
    yield "Serial number", s.core.serial
    yield "Identity", s.talk.identity()
    if said.meter_type is not UNSET:
        yield "Meter", said.meter_type


def _counters(s: "Station", now: float) -> Iterator[tuple[str, str]]:
    said = s.talk.boot_notification()
    yield "Firmware version", "" if said.firmware_version is UNSET else said.firmware_version
    yield "Release", s.core.model.release
    zone = _zone(s.core.settings.text("TimeZone"))
    yield "Date", f"{datetime.fromtimestamp(s.core.utc(now), zone):%Y-%m-%d %H:%M:%S} {zone.key}"
    yield "Boot counter", str(s.boots)
    yield "Transactions since the start", str(s.transactions)
    yield "Disk", "good" if s.core.disk_good else "refuses"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, LookupError):  # a name that is a path, a folder, unknown
        return ZoneInfo("UTC")


def _link(s: "Station") -> Iterator[tuple[str, str]]:
    view = s.talk.view()
    yield "Address", redact_text(view.url)
    yield "Link", view.state
    yield "Boot", view.boot
    yield "Messages that wait", str(view.waiting_messages)
    yield "Last error", redact_text(view.error)


def _connector(s: "Station", c: "Connector", now: float) -> Iterator[tuple[str, str]]:
    """In the words of the page Status (EVlink commissioning guide, Maintenance)."""
    outlet = s.outlet_state(c.number, now)
    yield "Outlet", c.spec.kind
    yield "Status", c.status
    yield "Error", error(c)[0]
    yield "CPW state", outlet.cpw_state
    yield "Cable state", outlet.cable_state
    yield "EV state", outlet.ev_state
    yield "Last charge status", outlet.last_charge
    yield "EVSE status", ", ".join(outlet.evse_status)
    yield "Outlet status", outlet.outlet_status
    yield "Outlet status last error", outlet.outlet_last_error
    for name, active in (*outlet.inputs, *outlet.outputs):
        yield name, "active" if active else "at rest"
    yield "Lock", "locked" if c.locked else "open"
    yield "Contactor", "closed" if c.contactor else "open"
    yield "Register", f"{c.reading.energy_wh if c.reading else c.register_wh:.0f} Wh"
    yield "Offered current", f"{c.offered_a:g} A ({c.limit.source})"
    yield "Transaction", c.transaction.name if c.transaction else "none"


def errors(s: "Station") -> Iterator[ErrorView]:
    """Each error of the product, and where it is."""
    for code, spec in s.core.model.errors.items():
        if not spec.variants or s.core.model.variant in spec.variants:
            there = [c for c in s.all_connectors if code in c.faults]
            since_utc_s = min((c.faults_since[code] for c in there), default=None)
            here = tuple(c.number for c in there)
            yield ErrorView(code, spec.name, spec.description, spec.remedy, bool(spec.service), here, since_utc_s)


def _errors(s: "Station") -> Iterator[tuple[str, str]]:
    """KO where an error is (EVlink OCPP guide, 6.3: OK or KO for each plug)."""
    for each in errors(s):
        where = [f"connector {number}" if number else "station" for number in each.connectors]
        yield f"{each.code} {each.name}", f"KO: {', '.join(where)}" if where else "OK"


def _value(s: "Station", row: Row) -> str:
    """Without what is written and never read: passwords and keys."""
    value = s.core.settings.value(row)
    if row.spec.access == "W":
        return MASK if value else ""
    assigned = redact_text(f"{row.spec.name}={value or ''}")
    return assigned.partition("=")[2]
