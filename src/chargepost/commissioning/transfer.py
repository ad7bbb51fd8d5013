"""The configuration as a file (.cfg), out and in: what the owner can set, without badges and secrets.

The form is that of the real files, as far as it was seen (lbbrhzn/ocpp#918): upper-case sections, `key=` and blanks,
comments with `#`. Their names of keys are used where they differ from those of OCPP. A last line seals the file: one
that was edited, cut or is of another product is refused as a whole, with the line (R-260, R-261, Q-059). Before
anything changes, a table says what would.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from chargepost.catalogue.model import KeySpec
from chargepost.commissioning.port import Port
from chargepost.commissioning.views import Sent, Told, spec_of
from chargepost.commissioning.words import Words, _

FILE_BYTES_MAX = 200_000
"""Of the form that brings the file: twenty times the longest there is."""
LINES_MAX = 2_000
VALUE_AT = 48
"""Column at which values begin."""
SEAL = re.compile(r"# seal = ([0-9a-f]{64})")

SECTION = "CONFIGURATION"
SECTIONS = {
    "AUTHENTICATION": """operatingMode authenticationManager enableUnknown rfidStatusTimeout AuthenticationOCPPMode
        ControlChargeByRemoteCommand Supervised DefaultIdTag""",
    "CURRENT MEASUREMENT": "maxIntensityStation maxIntensitySocket voltageReference iMaxDeratingSwCapacity",
    "OCPP": """ocppVersion ocppCentralAddress SupervisionUrl ocppBoxLocalPort ocppBoxPublicPort
        ocppDefaultBoxAddrPublic ocppConfModemAddress ocppConfSimModemAddress ModemPresent confModemRetryInterval
        boxIdentity BoxIdentifier defaultIdTag MeterValuesAlignedData MeterValuesSampledData meterValueSampleInterval
        ClockAlignedDataInterval ocppConnectTimeOut truncateBootNotificationsSerialNumbers cacheListEnabled""",
    "NETWORK": """DhcpEnabled IpAddress SecondIpAddress NetworkSubmask NetworkGateway DnsAddress1 DnsAddress2
        WifiPresent WifiSsid WifiSecurity WifiIpAddress""",
    "TIME": "TimeSettings NtpServer TimeZone",
}
"""Section -> keys; all others are of `SECTION`."""

NAMES = {
    "enableunknown": "enableUnknownUser",
    "maxintensitystation": "iMaxStation",
    "modempresent": "ocppModemPresence",
    "ocppboxpublicaddr": "ocppBoxPublicIp",
    "ocppdefaultboxaddrpublic": "ocppBoxPublicIp",
    "ocppconfmodemaddress": "ocppModemIpAddress",
    "authenticationocppmode": "authenticationMode",
    "supervised": "supervisionSystem",
    "clockaligneddatainterval": "clockAlignedDataInterval",
}
"""Lower-case name of a key -> what real files call it."""

OWN = ("ipaddress", "secondipaddress", "wifiipaddress", "boxidentity", "boxidentifier", "serialnumber", "stationname")
"""What no two stations share."""


class Damaged(Exception):
    """It is no file of ours, or not as it was written; the text is for people."""


# --- out -------------------------------------------------------------------------------------------------------------


def exported(port: Port) -> dict[str, KeySpec]:
    """Every key that the owner can set, by its lower-case name; a secret is none of them."""
    model = port.model
    tables = {**model.keys, **{name: spec for name, spec in model.hidden.items() if not spec.ocpp_writes}}
    return {name: spec for name, spec in tables.items() if spec.access == "RW" and not _is_secret(spec)}


def _is_secret(spec: KeySpec) -> bool:
    return bool(re.search(r"password|authorizationkey|wifikey", spec.name.lower()))


def file_name(port: Port) -> str:
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', port.identity)}.cfg"


def export(port: Port) -> bytes:
    """The file."""
    lines = [
        "# Configuration of a charging station; badges and passwords are not in it.",
        "# Do not edit: a changed file is refused.",
        "",
        "[STATION]",
        _line("product", port.model.line),
        _line("variant", port.model.variant),
        _line("release", port.model.release),
    ]
    by_section: dict[str, list[str]] = {section: [] for section in (*SECTIONS, SECTION)}
    sections = {key.lower(): section for section, keys in SECTIONS.items() for key in keys.split()}
    for lower, spec in exported(port).items():
        for number in ("", "/2"):
            setting = port.setting(lower + number) if not number or spec.per_connector else None
            if setting and setting.value is not None and setting.value.isprintable():  # else it is no line
                line = _line(NAMES.get(lower, spec.name) + number, setting.value)
                by_section[sections.get(lower, SECTION)].append(line)
    for section, rows in by_section.items():
        if rows:
            lines += ["", f"[{section}]", *rows]
    text = "\n".join(lines) + "\n"
    return f"{text}# seal = {_seal(text)}\n".encode()


def _line(name: str, value: str) -> str:
    return f"{name}=".ljust(VALUE_AT) + value


def _seal(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- in --------------------------------------------------------------------------------------------------------------


class Change(NamedTuple):
    """One line of the table."""

    key: str
    now: str
    new: str
    refused: str
    """Why the station would not take it; empty when it would."""


def read(text: str, port: Port, words: Words) -> dict[str, str]:
    """Values by lower-case key. Raises Damaged."""
    text = text.replace("\r\n", "\n").lstrip("\ufeff")
    body, found, seal = _split(text)
    if not found or len(body.splitlines()) > LINES_MAX:
        raise Damaged(words(_("This is no configuration file, or its end is missing.")))
    known = exported(port)
    by_file_name = {NAMES.get(lower, spec.name).lower(): lower for lower, spec in known.items()}
    station: dict[str, str] = {}
    values: dict[str, str] = {}
    for number, section, name, value in _lines(body, words):
        if section == "STATION":
            station[name.lower()] = value
            continue
        stem, slash, point = name.lower().partition("/")
        lower = by_file_name.get(stem)
        if lower and slash:
            lower = f"{lower}/{point}" if known[lower].per_connector and point == "2" else None
        if station.get("product") == port.model.line and lower is None:
            raise Damaged(words(_("Line {n}: this station has no setting {name}.")).format(n=number, name=name[:60]))
        if name.lower() in values or (lower and lower in values):
            raise Damaged(words(_("Line {n}: {name} stands there twice.")).format(n=number, name=name[:60]))
        values[lower or name.lower()] = value
    if station.get("product") != port.model.line:
        raise Damaged(words(_("The file is of another product ({theirs}); this station is {ours}.")).format(
            theirs=station.get("product", "?")[:60], ours=port.model.line))  # fmt: skip
    if _seal(body) != seal:
        raise Damaged(words(_("The file was changed after its export. Export it again, and do not edit it.")))
    return values


def _split(text: str) -> tuple[str, bool, str]:
    """What is sealed, whether there is a seal, and the seal."""
    body, _newline, last = text.rstrip("\n").rpartition("\n")
    seal = SEAL.fullmatch(last)
    return f"{body}\n", seal is not None, seal[1] if seal else ""


def _lines(body: str, words: Words) -> Iterator[tuple[int, str, str, str]]:
    section = ""
    for number, line in enumerate(body.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        head = re.fullmatch(r"\[([A-Z ]{1,40})\]", line)
        if head:
            section = head[1]
            continue
        name, equals, value = line.partition("=")
        if not section or not equals or not re.fullmatch(r"\w{1,60}(/\d)?", name) or not value.isprintable():
            raise Damaged(words(_("Line {n} cannot be read.")).format(n=number))
        yield number, section, name, value.lstrip(" ")


def changes(text: str, port: Port, sent: Sent, *, keep_own: bool) -> list[Change]:
    """What would change, in the order of the file. A rule that it would break stands at the key, also where that one
    would stay as it is. Raises Damaged."""
    nows: dict[str, str] = {}
    wanted: dict[str, str] = {}
    for lower, value in read(text, port, sent.words).items():
        setting = port.setting(lower)
        nows[lower] = (setting.value or "") if setting else ""
        if setting and value != nows[lower] and not (keep_own and lower in OWN):
            wanted[lower] = value
    refused = sent.words(_("The station does not take this value."))
    wrong = {lower: refused for lower, value in wanted.items() if port.refuses(lower, value)} or sent.broken(wanted)
    found = []
    for lower in (*wanted, *(each for each in wrong if each not in wanted)):
        spec, point = spec_of(port.model, lower), "".join(lower.partition("/")[1:])
        now = nows.get(lower, "")
        found.append(Change((spec.name if spec else lower) + point, now, wanted.get(lower, now), wrong.get(lower, "")))
    return found


def preview(port: Port, sent: Sent) -> Told:
    """The table, before anything changes."""
    text, keep_own = sent.form.get("text", ""), "keep-own" in sent.form
    try:
        found = changes(text, port, sent, keep_own=keep_own)
    except Damaged as error:
        return Told(str(error), bad=True, template="general.html")
    return Told("", template="import.html", context={"changes": found, "text": text, "keep_own": keep_own})


def take_in(port: Port, sent: Sent) -> Told:
    """All of it, or nothing."""
    text, keep_own = sent.form.get("text", ""), "keep-own" in sent.form
    try:
        found = changes(text, port, sent, keep_own=keep_own)
    except Damaged as error:
        return Told(str(error), bad=True, template="general.html")
    if any(change.refused for change in found):
        return Told(sent.words(_("Nothing was changed: the station does not take all of it.")), bad=True,
                    template="import.html", context={"changes": found, "text": text, "keep_own": keep_own})  # fmt: skip
    port.change({change.key: change.new for change in found}, sent.account)
    done = sent.words.count("One setting was imported.", "%(num)s settings were imported.", len(found))
    return Told(f"{done} {sent.words(_('Some of it may work after a reboot only.'))}" if found else done)
