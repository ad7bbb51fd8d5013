"""Tab Charge Data Record (commissioning guide, chapter 6): what was charged, and where that is sent."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chargepost.commissioning.port import Port
from chargepost.commissioning.views import Action, Download, Field, Rule, Sent, SubTab, Tab, Told, Values
from chargepost.commissioning.words import _

TAB = Tab("records", _("Charge Data Record"))

HEADINGS = (
    _("Charge number"), _("Charging station"), _("Socket ID"), _("Transaction ID"), _("UID"), _("Type of charge"),
    _("Start time"), _("End time"), _("Energy (kWh)"), _("Socket type"), _("Duration"), _("Comment"),
)  # fmt: skip
"""The twelve fields, in the order of the guide (R-327)."""

TOLD = {
    "sent": (_("Sent"), "available"),
    "waiting": (_("Waiting"), "waiting"),
    "not sent": (_("Not sent"), "unavailable"),
}
"""To the supervision."""

PUBLISHED = {
    "published": (_("Published"), "available"),
    "in doubt": (_("In doubt"), "faulted"),
    "not yet": (_("Not yet"), "unavailable"),
}

BECOME = {
    "sent": (_("Sent"), "available"),
    "failed": (_("Failed, will be tried again"), "waiting"),
    "in doubt": (_("In doubt, not sent again"), "faulted"),
    "test passed": (_("Test passed"), "available"),
    "test failed": (_("Test failed"), "faulted"),
}

FILTERS = ("first", "last", "badge", "socket", "comment")
"""In the address of the page, so that a link shows the same charges."""

FILTER_MAX = 50
"""Characters of a filter: as long as a comment."""


def _records(port: Port, account: str, query: Mapping[str, str]) -> Mapping[str, Any]:
    chosen = {name: query.get(name, "")[:FILTER_MAX] for name in FILTERS}
    found = port.charges(chosen)
    top_wh = top(max((day.energy_wh for day in found.days), default=0))
    return {
        "chosen": chosen, "filtered": any(chosen.values()), "found": found,
        "query": f"?{urlencode(chosen)}" if any(chosen.values()) else "", "headings": HEADINGS,
        "told": TOLD, "published": PUBLISHED,
        "sockets": [str(connector.connector) for connector in port.view().connectors],
        "top_wh": top_wh, "ticks": [f"{wh / 1000:g}" for wh in (top_wh, top_wh / 2, 0)],
    }  # fmt: skip


def top(most_wh: int) -> int:
    """Of an axis: the next 10, 20, 50, 100 ... Wh."""
    steps = (step * int(10**power) for power in range(1, 18) for step in (1, 2, 5))
    return next(step for step in steps if step >= most_wh)


def _publication(port: Port, account: str, query: Mapping[str, str]) -> Mapping[str, Any]:
    return {"publication": port.publication(), "become": BECOME}


SUB_TABS = (
    SubTab("records", "charges", _("Charge Data Record"), template="charges.html", live="charges-live.html",
           context=_records),
    SubTab("records", "publication", _("Publication settings"), template="publication.html", context=_publication,
           live="publication-live.html"),
)  # fmt: skip

WORDS = {
    "Disabled": _("Disabled"), "Daily": _("Daily"), "Weekly": _("Weekly"), "Monthly": _("Monthly"),
    "Semicolon": _("Semicolon"), "Comma": _("Comma"), "Tab": _("Tab"), "Dot": _("Dot"), "None": _("None"),
}  # fmt: skip
ENCRYPTED = {"None": _("None"), "STARTTLS": "STARTTLS", "TLS": "TLS"}


def _of(protocol: str, hidden: str = "R") -> tuple[Field, ...]:
    """What all three protocols have: server, port, encryption, authentication, and who asks (R-333 to R-336)."""
    name, row = protocol.lower(), f"Report{protocol.capitalize()}"
    chosen, asked = ("report-protocol", (protocol,)), (f"{name}-authentication", ("true",))
    group = _("Server")
    return (
        Field("publication", f"{name}-server", _("Server"), key=f"{row}Server", user="R", when=chosen, group=group,
              help=_("Enter the name or the IP address of the server.")),
        Field("publication", f"{name}-port", _("Port"), key=f"{row}Port", user=hidden, when=chosen, group=group),  # type: ignore[arg-type]
        Field("publication", f"{name}-encryption", _("Encryption"), key=f"{row}Encryption", user="R", when=chosen,
              group=group, choices=ENCRYPTED),
        Field("publication", f"{name}-authentication", _("Authentication required"), key=f"{row}Authentication",
              user="R", when=chosen, group=group),
        Field("publication", f"{name}-user", _("User name"), key=f"{row}User", when=asked, group=group),
        Field("publication", f"{name}-password", _("Password"), key=f"{row}Password", when=asked, group=group,
              help=_("It is never shown. Leave it empty to keep the present one.")),
    )  # fmt: skip


FIELDS = (
    Field("publication", "report-frequency", _("Report frequency"), key="ReportFrequency", user="R", choices={
              each: WORDS[each] for each in ("Disabled", "Daily", "Weekly", "Monthly")},
          help=_("Sent at 0:01 local time: every day, every Monday, or every 1st of the month. What was sent is never "
                 "sent again.")),
    Field("publication", "report-protocol", _("Protocol"), key="ReportProtocol", user="R", choices={
              "SMTP": _("SMTP (mail)"), "FTP": "FTP", "HTTP": "HTTP"}),
    Field("publication", "field-separator", _("Field separator"), key="ReportFieldSeparator", user="R", choices={
              each: WORDS[each] for each in ("Semicolon", "Comma", "Tab")}, help=_("Also of the exported file.")),
    Field("publication", "decimal-separator", _("Decimal separator"), key="ReportDecimalSeparator", user="R", choices={
              each: WORDS[each] for each in ("Comma", "Dot")},
          help=_("Where both separators are commas, the energy stands in quotes.")),
    *_of("SMTP"),
    Field("publication", "smtp-sender", _("Sender"), key="ReportSmtpSender", user="R",
          when=("report-protocol", ("SMTP",)), group=_("Server"), help=_("The mail address the records come from.")),
    Field("publication", "smtp-receiver", _("Receiver"), key="ReportSmtpReceiver", user="R",
          when=("report-protocol", ("SMTP",)), group=_("Server"),
          help=_("Several mail addresses have a semicolon between them, and no space.")),
    *_of("FTP", "N"),
    Field("publication", "ftp-passive", _("Passive mode"), key="ReportFtpPassive", when=("report-protocol", ("FTP",)),
          group=_("Server"), help=_("The station opens the connection for the file. Needed behind most routers.")),
    *_of("HTTP", "N"),
    Field("publication", "http-path", _("Path"), key="ReportHttpPath", when=("report-protocol", ("HTTP",)),
          group=_("Server"), help=_("Where on the server the file goes.")),
    Field("publication", "http-field-name", _("Field name"), key="ReportHttpFieldName",
          when=("report-protocol", ("HTTP",)), group=_("Server"), help=_("The field of the form that holds the file.")),
)  # fmt: skip

NEEDED = {
    "SMTP": ("smtp-server", "smtp-sender", "smtp-receiver"),
    "FTP": ("ftp-server",),
    "HTTP": ("http-server", "http-field-name"),
}
"""Mandatory once records are published (commissioning guide, Publication settings)."""


def _complete(port: Port, values: Values) -> Mapping[str, str]:
    if values.get("report-frequency", "Disabled") == "Disabled":
        return {}
    protocol = values.get("report-protocol", "")
    needed = list(NEEDED.get(protocol, ()))
    if values.get(f"{protocol.lower()}-authentication") == "true":
        needed.append(f"{protocol.lower()}-user")
    return {name: _("It is needed to publish charge records.") for name in needed if not values.get(name, "").strip()}


async def _test(port: Port, sent: Sent) -> Told:
    result = await port.test_publication()
    words = sent.words
    if result.what == "test passed":
        return Told(words(_("The test has arrived: {text}")).format(text=result.text))
    return Told(words(_("The test did not arrive. {text}")).format(text=result.text), bad=True)


def _again(port: Port, sent: Sent) -> Told:
    texts = [sent.form.get(name, "") for name in ("first", "last")]
    numbers = [int(text) for text in texts if re.fullmatch(r"[0-9]{1,12}", text)]
    if len(numbers) == 2 and port.publish_again(*numbers):
        return Told(sent.words(_("They are sent again now. See below what becomes of it.")))
    return Told(sent.words(_("Nothing was sent: these charges are not in doubt, or others are being sent.")), bad=True)


ACTIONS = (Action("publication", "test", _test), Action("publication", "again", _again))
DOWNLOADS = (
    Download("charges", "charges.csv", lambda port: port.charges_csv(), "text/csv; charset=utf-8",
             lambda port: f"{port.identity}-charges.csv", user=True),
)  # fmt: skip
RULES: Mapping[str, tuple[Rule, ...]] = {"publication": (_complete,)}
