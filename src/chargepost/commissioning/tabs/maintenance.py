"""Tab Maintenance: live status, report, restart and restore, passwords, firmware (commissioning guide, chapter 7)."""

import re
from collections.abc import Mapping
from typing import Any

from chargepost.commissioning import pages
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.port import Port
from chargepost.commissioning.state_words import PLAIN, contact
from chargepost.commissioning.tabs.configuration import text
from chargepost.commissioning.views import Action, Download, Field, Rule, Sent, SubTab, Tab, Told, is_evlink
from chargepost.commissioning.words import Words, _

IMAGE_BYTES_MAX = 1 << 20
"""Of a firmware file: what the station looks at."""

# --- status ----------------------------------------------------------------------------------------------------------

ROWS: tuple[tuple[str, str], ...] = (
    ("cpw_state", _("CPW state")),
    ("cable_state", _("Cable state")),
    ("ev_state", _("EV state")),
    ("last_charge", _("Last charge status")),
    ("evse_status", _("EVSE status")),
    ("outlet_status", _("Outlet status")),
    ("outlet_last_error", _("Outlet status last error")),
)
"""The guide's lines, in its order."""


def _status(port: Port, account: str, query: Mapping[str, str]) -> Mapping[str, Any]:
    outlets = port.outlets()
    errors = [each for each in port.errors() if each.connectors]
    contacts = dict.fromkeys(name for outlet in outlets for name, _active in (*outlet.inputs, *outlet.outputs))
    return {
        "outlets": outlets, "errors": errors, "rows": ROWS, "plain": PLAIN,
        "contacts": {name: contact(name) for name in contacts},
        "numbered": is_evlink(port.model),
        "read_utc_s": port.utc_s(), "zone": text(port, "TimeZone"),
    }  # fmt: skip


# --- report ----------------------------------------------------------------------------------------------------------


REPORTED = (
    _("Identity"), _("Versions and counters"), _("Supervision"), _("Errors"), _("Configuration"),
    _("Vendor"), _("Model"), _("Product"), _("Variant"), _("Serial number"), _("Meter"),
    _("Firmware version"), _("Release"), _("Date"), _("Boot counter"), _("Transactions since the start"), _("Disk"),
    _("Address"), _("Link"), _("Boot"), _("Messages that wait"), _("Last error"),
    _("Outlet"), _("Status"), _("Error"), *(label for _name, label in ROWS),
    _("Lock"), _("Contactor"), _("Register"), _("Offered current"), _("Transaction"),
)  # fmt: skip
"""Titles and labels of the report. The file and what GetDiagnostics sends stay English: they go to the maker."""


def _report(port: Port, account: str, query: Mapping[str, str], spoken: Words) -> Mapping[str, Any]:
    """Its page, in words of the account's language as far as they are not the product's own."""
    outlet = re.compile(r"Connector (\d+)")

    def said(text: str) -> tuple[str, str]:
        """And its language, where it is not the account's."""
        if number := outlet.fullmatch(text):
            return spoken(_("Connector {number}")).format(number=number[1]), ""
        return (spoken(text), "") if text in REPORTED else (text, "en")

    sections = [(said(each.title), [(said(label), value) for label, value in each.lines]) for each in port.report()]
    return {"sections": sections}


def _as_page(port: Port) -> bytes:
    """The report as one file that needs nothing else."""
    return pages.render(
        "report-file.html", "en", sections=port.report(), station=port.identity, read_utc_s=port.utc_s(),
        product=f"{port.model.title} {port.model.release}", zone=text(port, "TimeZone"),
    ).encode()  # fmt: skip


# --- control ---------------------------------------------------------------------------------------------------------


def _control(port: Port, account: str, query: Mapping[str, str], spoken: Words) -> Mapping[str, Any]:
    asks = spoken(_("Restart {identity}?")).format(identity=port.identity)
    if running := sum(each.transaction is not None for each in port.view().connectors):
        ends = spoken.count("One charge is running: it ends.", "%(num)s charges are running: they end.", running)
        asks = f"{asks} {ends}"
    return {"asks": asks}


def _restart(port: Port, sent: Sent) -> Told:
    port.restart()
    return Told("", template="starting.html")


def _restore(port: Port, sent: Sent) -> Told:
    """Typed by hand, so that nobody does it by a slip."""
    if sent.form.get("identity", "").strip() != port.identity:
        wrong = _("Nothing was restored: type the identity of the station, {identity}, to confirm.")
        return Told(sent.words(wrong).format(identity=port.identity), bad=True)
    port.restore()
    return Told("", template="starting.html")


# --- passwords -------------------------------------------------------------------------------------------------------


async def _password(port: Port, sent: Sent) -> Told:
    """Of the own account, or by the administrator of the other one (R-350, R-351)."""
    whose = sent.form.get("whose", sent.account)
    if whose not in (ADMIN, USER) or sent.account not in (whose, ADMIN):
        return Told(sent.words(_("Only the administrator changes the password of another account.")), bad=True)
    new = sent.form.get("new", "")
    if new != sent.form.get("again", ""):
        return Told(sent.words(_("The two new passwords are not alike. Type the new password twice.")), bad=True)
    if refusal := await sent.set_password(whose, sent.form.get("old", ""), new):
        return Told(refusal, bad=True)
    return Told(sent.words(_("The password of {account} is changed.")).format(account=whose))


# --- firmware --------------------------------------------------------------------------------------------------------

STEPS: Mapping[str, str] = {
    "scheduled": _("An update is scheduled by the supervision."),
    "fetch": _("An update is being downloaded."),
    "again": _("The download failed, and will be tried again."),
    "examine": _("The file is being examined: its signature first, then what is in it."),
    "put off": _("The update is good, and will be installed later."),
    "ready": _("The update is good. It is installed as soon as nobody charges; nobody new is let in."),
    "install": _("The update is being installed: the station starts anew."),
}
ENDS: Mapping[str, str] = {
    "Installed": _("The last update was installed."),
    "InstallationFailed": _("The last update was refused, or did not come up. The old firmware goes on."),
    "InstallVerificationFailed": _("The last update was refused. The old firmware goes on."),
    "InvalidSignature": _("The last update was refused: its signature is not that of somebody who is trusted."),
    "DownloadFailed": _("The last update could not be downloaded."),
}


def _firmware(port: Port, account: str, query: Mapping[str, str]) -> Mapping[str, Any]:
    address = port.setting("IpAddress")
    last = (address.value or "").rpartition(".")[2] if address else ""
    boards = range(len(port.outlets()) if is_evlink(port.model) else 1)
    first = int(last) if last.isdecimal() else None
    return {
        "zone": text(port, "TimeZone"),
        "firmware": port.firmware(), "steps": STEPS, "ends": ENDS, "release": port.model.release,
        "version": port.model.identity.firmware, "reader": port.has_reader,
        "boards": [str(first + number) if first is not None else str(number + 1) for number in boards],
    }  # fmt: skip


def _bring(port: Port, sent: Sent) -> Told:
    if port.firmware().step in ("install", "examine", "ready"):
        return Told(sent.words(_("An update is under way already. Wait for its end.")), bad=True)
    if not sent.data:
        return Told(sent.words(_("The file is empty. Choose a firmware file of this product.")), bad=True)
    if trouble := port.bring_firmware(sent.data):
        return Told(f"{sent.words(_('The file could not be kept.'))} {trouble}", bad=True)
    return Told("")


# --- rows ------------------------------------------------------------------------------------------------------------

TAB = Tab("maintenance", _("Maintenance"))

SUB_TABS = (
    SubTab("maintenance", "status", _("Status"), template="status.html", context=_status, live="status-live.html"),
    SubTab("maintenance", "report", _("Report"), template="report.html", worded=_report),
    SubTab("maintenance", "control", _("Control"), template="control.html", worded=_control),
    SubTab("maintenance", "passwords", _("Passwords"), template="passwords.html"),
    SubTab("maintenance", "firmware", _("Firmware update"), user=False, template="firmware.html", context=_firmware,
           live="firmware-live.html"),
)  # fmt: skip

FIELDS: tuple[Field, ...] = ()

ACTIONS = (
    Action("control", "restart", _restart, user=True),
    Action("control", "restore", _restore),
    Action("passwords", "change", _password, user=True),
    Action("firmware", "bring", _bring, max_bytes=IMAGE_BYTES_MAX + 1),
)

DOWNLOADS = (
    Download("report", "report.html", _as_page, "text/html; charset=utf-8",
             lambda port: f"{port.identity}-report.html", user=True),
)  # fmt: skip

RULES: Mapping[str, tuple[Rule, ...]] = {}
