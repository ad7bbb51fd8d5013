"""Tab Configuration (commissioning guide, chapter 3; OCPP guide of the EVlink family, 6.3)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from zoneinfo import available_timezones

from chargepost.commissioning import ladder, pages, transfer
from chargepost.commissioning.port import Port
from chargepost.commissioning.views import (
    Action,
    Download,
    Field,
    Rule,
    SubTab,
    Tab,
    Values,
    has,
    has_domestic,
    is_evlink,
)
from chargepost.commissioning.words import _

TAB = Tab("configuration", _("Configuration"))


# --- what the product and its settings say ---------------------------------------------------------------------------


def text(port: Port, key: str) -> str:
    setting = port.setting(key)
    return (setting.value or "") if setting else ""


def flag(port: Port, key: str) -> bool:
    return text(port, key).lower() == "true"


def with_quirk(name: str) -> Callable[[Port], bool]:
    return lambda port: name in port.model.quirks


def has_reader(port: Port) -> bool:
    own = port.model.variants[port.model.variant].reader
    return port.model.authentication.reader if own is None else own


def is_supervised(port: Port) -> bool:
    """A product without a station type is always."""
    return port.setting("Supervised") is None or flag(port, "Supervised")


def with_newer_pages(port: Port) -> bool:
    """The release whose pages show more (OCPP guide, 6.3.1.2; R-273)."""
    return "newer_pages" in port.model.quirks


# --- authentication done by ------------------------------------------------------------------------------------------

PLACES = {
    "Charging station": _("Charging station"),
    "Supervision": _("Supervision"),
    "Disable": _("Disable"),
    "Remote": _("Remote"),
}
"""Who decides on badges, in the guide's words."""


def _places(port: Port) -> Iterable[str]:
    """What is offered, alone and supervised (Q-042, Q-044); who has no reader cannot be asked for a badge here."""
    rule = port.model.quirks["authentication_done_by"]
    offered = str(rule["supervised" if is_supervised(port) else "standalone"]).split(", ")
    return [each for each in offered if each != "Charging station" or has_reader(port)]


def _place(port: Port) -> str:
    """As the keys have it: operatingMode 1 is nobody, authenticationManager says who else."""
    mode, manager = port.model.quirks["operating_mode"], port.model.quirks["authentication_manager"]
    if text(port, str(mode["mode_key"])) == mode["free"]:
        return "Disable"
    if is_supervised(port):
        return "Charging station" if text(port, str(manager["manager_key"])) == manager["local"] else "Supervision"
    remote = text(port, str(manager["manager_key"])) == manager["master"]
    return "Remote" if remote or text(port, str(mode["mode_key"])) == mode["remote"] else "Charging station"


def _put_place(port: Port, place: str) -> Mapping[str, str]:
    mode, manager = port.model.quirks["operating_mode"], port.model.quirks["authentication_manager"]
    if place == "Disable":
        return {str(mode["mode_key"]): str(mode["free"])}
    who = {"Charging station": "local", "Supervision": "supervision", "Remote": "master"}[place]
    return {str(mode["mode_key"]): str(mode["badges"]), str(manager["manager_key"]): str(manager[who])}


def _factory_place(port: Port) -> str:
    """Who has no reader charges freely in either case: no remote command is required from the factory (Q-042)."""
    if not has_reader(port):
        return "Disable"
    return "Supervision" if is_supervised(port) else "Charging station"


# --- date and time ---------------------------------------------------------------------------------------------------


def _now(port: Port) -> str:
    return datetime.fromtimestamp(port.utc_s(), pages.zone_of(text(port, "TimeZone"))).strftime("%Y-%m-%dT%H:%M")


def _date(port: Port, value: str) -> datetime | None:
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M").replace(tzinfo=pages.zone_of(text(port, "TimeZone")))
    except ValueError:
        return None


def _no_date(port: Port, value: str) -> str:
    date = _date(port, value)
    return "" if date and 2000 <= date.year < 2100 else _("A date with its time, such as 2026-11-20T14:30.")


def _set_date(port: Port, value: str) -> None:
    date = _date(port, value)
    if date:
        port.set_clock(date.timestamp())


@cache
def zones() -> list[str]:
    """By region; the abbreviations that nobody chooses are left out."""
    return ["UTC", *sorted(each for each in available_timezones() if "/" in each and not each.startswith("Etc/"))]


def _no_zone(port: Port, value: str) -> str:
    return "" if value in zones() else _("Choose a time zone of the list, for example Europe/Paris.")


# --- network ---------------------------------------------------------------------------------------------------------

UNSET = "0.0.0.0"  # noqa: S104 - no address is listened on here


def _own_network(after: Values) -> IPv4Network | None:
    try:
        return IPv4Network((after["ip-address"], after["network-mask"]), strict=False)
    except (KeyError, AddressValueError, NetmaskValueError, ValueError):
        return None


def _address_rules(port: Port, after: Values) -> Mapping[str, str]:
    """X.Y.Z.A for the station, A+1 for its second charge point, A-1 for its Wi-Fi card; the gateway is in the same
    sub-network (commissioning guide, IP address management)."""
    if "ip-address" not in after or after.get("dhcp") == "true":
        return {}
    network = _own_network(after)
    if network is None or network.prefixlen > 30:
        return {"network-mask": _("A mask such as 255.255.255.0: ones, then zeros, with room for several addresses.")}
    own = IPv4Address(after["ip-address"])
    wrong = {}
    if own not in network or own in (network.network_address, network.broadcast_address) or own.is_loopback:
        wrong["ip-address"] = _("This is no address of a single station in its sub-network.")
    second = after.get("second-ip-address")
    if second == text(port, "SecondIpAddress") and str(own) != text(port, "IpAddress"):
        second = _next(port, str(own))  # it was left alone, and follows
    if second and second != _next(port, str(own)):
        wrong["second-ip-address"] = _("The second charge point has the address of the first, plus 1.")
    elif second and IPv4Address(second) == network.broadcast_address:
        wrong["ip-address"] = _("There is no room for the second charge point, whose address is this one plus 1.")
    wifi = after.get("wifi-ip-address", text(port, "WifiIpAddress"))  # a file moves both at once
    if flag(port, "WifiPresent") and IPv4Address(wifi) + 1 != own:
        wrong["ip-address"] = _(
            "The Wi-Fi card has the address of the station, minus 1. Change that one first, in the sub-tab Wi-Fi."
        )
    gateway = after.get("network-gateway", UNSET)
    if gateway != UNSET and (IPv4Address(gateway) not in network or IPv4Address(gateway) == own):
        wrong["network-gateway"] = _("The gateway is in the sub-network of the station, and not the station itself.")
    return wrong


def _put_address(port: Port, value: str) -> Mapping[str, str]:
    """The second charge point goes along."""
    if port.setting("SecondIpAddress") is None:
        return {"IpAddress": value}
    return {"IpAddress": value, "SecondIpAddress": _next(port, value)}


def _next(port: Port, address: str) -> str:
    """The address of the second board; of no address, it itself."""
    try:
        return str(IPv4Address(address) + int(port.model.quirks["board_for_each_connector"]["step"]))
    except (AddressValueError, ValueError):
        return address


# --- supervision -----------------------------------------------------------------------------------------------------


def _speech_rules(port: Port, after: Values) -> Mapping[str, str]:
    """http is SOAP, which is 1.5; ws is JSON (OCPP guide, 5.5.2)."""
    url, version = after.get("supervision-url", ""), after.get("ocpp-version")
    if version and url.lower().startswith("http") and version != "1.5":
        return {"ocpp-version": _("An address that begins with http is OCPP 1.5 by SOAP: choose 1.5, or a ws address.")}
    return {}


def _speaks_otherwise(port: Port) -> str:
    """The version that is set is not the one that the address stands for."""
    if text(port, "ocppVersion") == "1.5" and text(port, "SupervisionUrl").lower().startswith("ws"):
        return _(
            "The supervision URL begins with ws, which is OCPP 1.6: 1.6 is spoken, whatever stands here. Choose 1.6."
        )
    return ""


SUB_TABS = (
    SubTab("configuration", "general", _("General settings"), template="general.html", only_fields=True),
    SubTab("configuration", "network", _("Network"), user=False,
           warning=_("Read what stands at the foot of this page before you change an address. A station whose address "
                     "is forgotten has to be restored to its factory settings."),
           template="network.html", only_fields=True),
    SubTab("configuration", "wifi", _("Wi-Fi"), shown=has("WifiPresent"),
           intro=_("The Wi-Fi card is an accessory. It is a bridge for this one station. What is changed here works "
                   "after a hardware reboot: switch the power off, wait 5 seconds, switch it on again.")),
    SubTab("configuration", "supervision", _("Supervision"), user=False, shown=is_supervised,
           template="supervision.html", live="ladder.html", worded=ladder.context, only_fields=True,
           gone=lambda port: _("The station type is Standalone: there is no supervision.") if port.setting("Supervised")
           else ""),
    SubTab("configuration", "time", _("Date and time")),
)  # fmt: skip

MAIN, MODEM, MORE = _("Main configuration"), _("Modem configuration"), _("Advanced configuration")

FIELDS = (
    # General settings
    Field("general", "station-name", _("Charging station name"), key="stationName", user="RW",
          shown=lambda port: with_newer_pages(port) or not is_evlink(port.model),
          help=_("The name that people know the station by. It stands at the top of every page.")),
    Field("general", "station-type", _("Station type"), key="Supervised", user="R",
          choices={"false": _("Standalone"), "true": _("Supervised")},
          help=_("Supervised: the station speaks OCPP with a supervision, whose address stands in the sub-tab "
                 "Supervision. Standalone: it does not.")),
    Field("general", "authentication-done-by", _("Authentication done by"), user="RW", choices=PLACES,
          shown=with_quirk("authentication_done_by"), offers=_places, reads=_place, sets=_put_place,
          factory=_factory_place,
          help=_("Who decides whether a badge may charge: the station by its own list, the supervision, or a remote "
                 "system that is no supervision (the reader is then not used). Disable: everybody charges. Older pages "
                 "call it Authentication location.")),
    Field("general", "unknown-badges", _("Authentication strategy"), key="enableUnknown", user="RW",
          choices={"false": _("Reject unknown badges"), "true": _("Allow all badges")},
          shown=lambda port: "authentication_done_by" in port.model.quirks and has_reader(port),
          when=("authentication-done-by", ("Charging station",)),
          help=_("What happens with badges that are not recorded in the station.")),
    Field("general", "unknown-badges-offline", _("Authentication strategy when communication lost"),
          key="enableUnknown", user="RW",
          choices={"false": _("Reject all badges"), "true": _("Allow all badges")},
          shown=lambda port: "authentication_done_by" in port.model.quirks and is_supervised(port),
          when=("authentication-done-by", ("Supervision",)),
          help=_("While the supervision is out of reach. Badges that it has accepted before, and that the cache still "
                 "knows, are let in either way.")),
    Field("general", "authentication-timeout", _("Authentication timeout"), key="rfidStatusTimeout", user="RW",
          shown=with_newer_pages, help=_("How long a remote authorization may take.")),
    Field("general", "remote-command", _("Remote command required to control charge"),
          key="ControlChargeByRemoteCommand", user="RW", shown=lambda port: not has_reader(port),
          choices={"false": _("No"), "true": _("Yes")},
          help=_("Yes: a charge starts only when the supervision says so, for example after somebody has paid by "
                 "phone. Stations with a reader need no such setting. Newer pages call it Remote Authentication.")),
    Field("general", "push-button", _("Front panel push button activated"), key="EnableSuspendChargeByButton",
          user="R", shown=with_quirk("push_button"), choices={"false": _("No"), "true": _("Yes")},
          help=_("Yes: the button in front stops a charge and lets it go on.")),
    Field("general", "key-lock", _("Key lock"), user="R", kind="shown", reads=lambda port: str(not has_reader(port)),
          choices={"True": _("Yes"), "False": _("No")},
          shown=lambda port: "key_lock" in port.model.quirks and (with_newer_pages(port) or not has_reader(port)),
          help=_("A station with a key lock shows no light while it is locked; unlock it to see a restart."),
          exported=False),
    Field("general", "station-location", _("Charging station location"), key="StationLocation", user="R",
          choices={"Indoor": _("Indoor"), "Outdoor": _("Outdoor")},
          help=_("Indoor: inside a building without a link to its ventilation. A vehicle that asks for ventilation is "
                 "then a fault, and its charge is stopped. Outdoor: outside, or linked to the ventilation.")),
    Field("general", "cable-may-stay", _("Allow to leave cable connected"), key="allowPluggedCable", user="RW",
          shown=lambda port: "allowpluggedcable" in port.model.keys,
          help=_("on: a cable that stays in the socket after the vehicle has gone is no fault. It is not locked then, "
                 "and may be stolen.")),
    Field("general", "authentication", _("Authentication"), key="AuthenticationOCPPMode", user="RW",
          shown=lambda port: "authenticationocppmode" in port.model.keys),
    Field("general", "light", _("Light intensity"), key="LightIntensity", user="RW", unit="%",
          shown=lambda port: bool(text(port, "LightIntensity")),
          help=_("Brightness of the lights by day.")),
    Field("general", "light-night", _("Light intensity at night"), key="LedNightIntensity", user="RW"),
    Field("general", "day-starts", _("Day starts at"), key="LedDayStartHour", user="RW"),
    Field("general", "day-ends", _("Day ends at"), key="LedDayEndHour", user="RW"),
    Field("general", "plug-numbering", _("Plug numbering"), key="PlugNumberingMode", user="R", shown=has_domestic,
          choices={"0": _("One connector"), "1": _("A connector each")},
          help=_("Whether the T2 and the domestic socket are one connector for the supervision, or two.")),

    # Network
    Field("network", "dhcp", _("Automatically obtain IP address"), key="DhcpEnabled",
          help=_("on: the addresses below come from the network (DHCP).")),
    Field("network", "mac-address", _("MAC address"), kind="shown", reads=lambda port: port.mac_address(),
          shown=has("IpAddress"), help=_("Of the network card; it cannot be changed."), exported=False),
    Field("network", "ip-address", _("IP address"), key="IpAddress", sets=_put_address,
          help=_("Of the station, or of its first charge point. It is needed to come back to this tool: note it.")),
    Field("network", "second-ip-address", _("IP address of the second charge point"), key="SecondIpAddress",
          shown=lambda port: len(port.view().connectors) > 1,
          help=_("That of the first, plus 1. It follows the first by itself.")),
    Field("network", "network-mask", _("Sub-network mask"), key="NetworkSubmask"),
    Field("network", "network-gateway", _("Default gateway"), key="NetworkGateway",
          help=_("The address of the modem, 192.168.0.254, or of the Wi-Fi access point. 0.0.0.0: there is none.")),
    Field("network", "dns-1", _("Preferred DNS system"), key="DnsAddress1"),
    Field("network", "dns-2", _("Other DNS system"), key="DnsAddress2"),

    # Wi-Fi
    Field("wifi", "wifi-present", _("Wi-Fi card"), key="WifiPresent", user="R",
          choices={"false": _("not fitted"), "true": _("fitted")},
          help=_("An accessory inside the station. Its address and that of the station belong together.")),
    Field("wifi", "wifi-ssid", _("Network name (SSID)"), key="WifiSsid", user="R", when=("wifi-present", ("true",))),
    Field("wifi", "wifi-security", _("Security"), key="WifiSecurity", user="R", when=("wifi-present", ("true",)),
          choices={"Open": _("none"), "WPA2": "WPA2"}),
    Field("wifi", "wifi-key", _("Key"), key="WifiKey", when=("wifi-present", ("true",)), exported=False,
          help=_("It is never shown. Leave it empty to keep the present one.")),
    Field("wifi", "wifi-ip-address", _("IP address of the Wi-Fi card"), key="WifiIpAddress", user="R",
          when=("wifi-present", ("true",)),
          help=_("That of the station, minus 1. To move the station, change this one first, then that of the station "
                 "in the sub-tab Network.")),

    # Supervision
    Field("supervision", "ocpp-enable", _("OCPP"), key="OcppEnable", group=MAIN,
          help=_("off: the station speaks with no supervision.")),
    Field("supervision", "ocpp-version", _("OCPP version"), key="ocppVersion", group=MAIN, warns=_speaks_otherwise,
          help=_("1.5 for an address that begins with http (SOAP), else 1.6. Ask who operates the supervision.")),
    Field("supervision", "supervision-url", _("Supervision URL"), key="SupervisionUrl", group=MAIN,
          help=_("Who operates the supervision tells it. ws and wss are JSON; http and https are SOAP, which this "
                 "version does not speak.")),
    Field("supervision", "box-identity", _("Charging station ID"), key="BoxIdentifier", group=MAIN,
          help=_("The identity towards the supervision. UNDEFINED, or nothing: the station uses one of its own.")),
    Field("supervision", "password", _("Password towards the supervision"), key="AuthorizationKey", group=MAIN,
          exported=False, help=_("It is never shown. Leave it empty to keep the present one.")),
    Field("supervision", "modem-present", _("Modem Schneider Electric present"), key="ModemPresent", group=MODEM,
          help=_("on: the modem is asked for its address and signal, and watched.")),
    Field("supervision", "public-ip", _("Charging station public IP"), key="ocppDefaultBoxAddrPublic", group=MODEM,
          help=_("Where the supervision reaches the station; needed for SOAP alone.")),
    Field("supervision", "default-tag", _("Default User ID Tag"), key="defaultIdTag", group=MORE,
          help=_("The badge that a charge is told under when none was asked for. UNDEFINED: none.")),
    Field("supervision", "sample-interval", _("Meter Value Sample Interval"), key="MeterValueSampleInterval",
          group=MORE, unit="s", help=_("Between two meter values of a charge. 0: none are sent.")),
    Field("supervision", "aligned-interval", _("OCPP Clock Aligned Data Interval"), key="ClockAlignedDataInterval",
          group=MORE, unit="s", help=_("Between two meter values at full times of the clock. 0: none are sent.")),
    Field("supervision", "connection-timeout", _("Supervision Connection Timeout"), key="ocppConnectTimeOut",
          group=MORE, help=_("Silence of the supervision after which the link counts as lost.")),
    Field("supervision", "cache", _("Authentication Cache List Enabled"), key="AuthorizationCacheEnabled", group=MORE,
          help=_("on: badges that the supervision has accepted are known while it is out of reach.")),
    Field("supervision", "socket-identifier", _("Enable Socket Identifier"), key="EnableSocketIdentifier", group=MORE,
          help=_("on: messages name the socket they are about.")),
    Field("supervision", "truncate-serials", _("Truncate the serial numbers"),
          key="truncateBootNotificationsSerialNumbers", group=MORE,
          help=_("on: both serial numbers of BootNotification are cut to the 25 characters of OCPP. Many supervisions "
                 "refuse longer ones: switch it on once the link is up.")),

    # Date and time
    Field("time", "time-settings", _("Time settings"), key="TimeSettings", user="RW",
          choices={"Manually": _("Manually"), "NTP server": _("NTP server")},
          help=_("Manually: as it is entered here. NTP server: as a server of the network tells it. A supervision sets "
                 "the date in either case.")),
    Field("time", "date", _("Set your date and time"), user="RW", kind="date", reads=_now, refuses=_no_date,
          does=_set_date, when=("time-settings", ("Manually",)), exported=False,
          help=_("In the time zone below. Charge records carry this date.")),
    Field("time", "ntp-server", _("Time server (NTP) address"), key="NtpServer", user="RW",
          when=("time-settings", ("NTP server",)),
          help=_("A name or an address. The station asks it at once, then every hour; while it is silent, Maintenance "
                 "shows event 31.")),
    Field("time", "time-zone", _("Time zone"), key="TimeZone", user="RW", kind="choice", refuses=_no_zone,
          lists=zones,
          help=_("The tool and the charge records show times in this zone; OCPP is always in UTC.")),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = (
    Action("general", "import-preview", transfer.preview, max_bytes=transfer.FILE_BYTES_MAX),
    Action("general", "import", transfer.take_in),
)
DOWNLOADS: tuple[Download, ...] = (
    Download("general", "configuration.cfg", transfer.export, "text/plain; charset=utf-8", transfer.file_name),
)
RULES: Mapping[str, tuple[Rule, ...]] = {"network": (_address_rules,), "supervision": (_speech_rules,)}
