"""The way to the supervision in words: each step, and for each cause of a broken one what to do."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chargepost.commissioning.pages import local_time
from chargepost.commissioning.port import Port, Step
from chargepost.commissioning.words import Words, _

NAMES: Mapping[str, str] = {
    "process": _("Program of the station"),
    "address": _("Address of the supervision"),
    "tcp": _("Network (TCP)"),
    "tls": _("Encryption (TLS)"),
    "websocket": _("WebSocket"),
    "boot": _("Boot accepted"),
    "connectors": _("Connectors told"),
    "answer": _("Last sign of life"),
    "waiting": _("Messages waiting"),
}

STATES: Mapping[str, tuple[str, str]] = {
    "good": (_("good"), "available"),
    "wait": (_("in progress"), "waiting"),
    "bad": (_("broken"), "faulted"),
    "unknown": (_("not reached"), "unavailable"),
}
"""State -> its word and its shape."""

REMEDIES: Mapping[str, tuple[str, str]] = {
    "standalone": (_("The station type is Standalone: it speaks with no supervision."),
                   _("To have one, choose Supervised on the sub-tab General settings.")),
    "none": (_("No address of a supervision is set."),
             _("Type the address that the operator of the supervision gave you, beginning with ws:// or wss://.")),
    "disabled": (_("OCPP is switched off."), _("Switch the supervision on, on the sub-tab Supervision.")),
    "http": (_("This is an address of OCPP by SOAP; the station speaks OCPP by JSON."),
             _("Ask the operator for the JSON address: it begins with ws:// or wss://, and has no file in its path.")),
    "version": (_("OCPP 1.5 is set, but an address that begins with ws:// or wss:// is OCPP 1.6, which is spoken."),
                _("Choose 1.6 on the sub-tab Supervision.")),
    "scheme": (_("This is no address of a supervision."),
               _("Give ws://HOST:PORT/PATH or wss://HOST:PORT/PATH, without spaces.")),
    "forbidden": (_("The address leads to this machine itself, or to what is near it."),
                  _("Look for a typing error; a supervision has an address of its own.")),
    "name": (_("The name of the supervision does not resolve."),
             _("Look for a typing error in the name, then at the DNS server of the station.")),
    "refused": (_("The connection was refused: nothing listens at this port."),
                _("Look at the port in the address; ask the operator whether the supervision runs.")),
    "timeout": (_("Nobody answers at this address."),
                _("Look at the address and at the gateway; a firewall may be in between.")),
    "unreachable": (_("There is no way to this address."), _("Look at the network cable and at the gateway.")),
    "wifi_name": (_("The wireless network that the Wi-Fi card looks for is not there."),
                  _("Look at the network name (SSID) on the sub-tab Wi-Fi, then switch the power off and on.")),
    "wifi_key": (_("The wireless network does not let the Wi-Fi card in."),
                 _("Look at the security and the key on the sub-tab Wi-Fi, then switch the power off and on.")),
    "wifi_address": (_("The Wi-Fi card and the station do not find each other."),
                     _("The card has the address of the station, minus 1: set it on the sub-tab Wi-Fi.")),
    "dhcp": (_("The station gets no address: nobody gives out any (DHCP)."),
             _("Switch the automatic IP address off on the sub-tab Network, and type the addresses.")),
    "own_address": (_("The station has no good address in its sub-network."),
                    _("Look at IP address and mask on the sub-tab Network; Save and reboot.")),
    "no_gateway": (_("The supervision is outside the sub-network, and the station has no gateway."),
                   _("Type the address of the router as default gateway on the sub-tab Network; Save and reboot.")),
    "gateway_outside": (_("The default gateway is not in the sub-network of the station."),
                        _("Look at gateway, IP address and mask on the sub-tab Network; Save and reboot.")),
    "gateway": (_("There is no router at the default gateway."),
                _("Type the address of the router as default gateway on the sub-tab Network; Save and reboot.")),
    "modem": (_("The modem, which leads to the supervision, does not answer."),
              _("Look at the power of the modem, and at the cable between modem and station.")),
    "dns": (_("The name of the supervision does not resolve: no name server answers."),
            _("Look at the DNS systems on the sub-tab Network; Save and reboot. An address in numbers needs none.")),
    "cable": (_("The network cable is out."), _("Plug it in.")),
    "reset": (_("The connection was cut off at once."), _("A firewall or a proxy may be in between.")),
    "files": (_("This machine has too many files open."), _("Let it open more (ulimit -n).")),
    "not_yet": (_("The certificate of the supervision is not valid yet."),
                _("The clock of the station is probably wrong: set it, or name a time server. It says {clock}.")),
    "expired": (_("The certificate of the supervision has expired."),
                _("If the clock of the station is right ({clock}), the operator has to renew the certificate.")),
    "tls_name": (_("The certificate is for another name."),
                 _("Type the address with the name that the certificate is for.")),
    "root": (_("Nobody whom the station trusts vouches for the certificate of the supervision."),
             _("Install its root certificate, or type the right address.")),
    "tls": (_("There is no encryption with this address."),
            _("Look at the port: it may be one for ws://, without encryption.")),
    "subprotocol": (_("The other side does not agree to OCPP 1.6 (the subprotocol ocpp1.6)."),
                    _("Look whether the address is that of a supervision for OCPP 1.6, not for 2.0.1.")),
    "not_websocket": (_("What answers there does not speak WebSocket."),
                      _("Look at the port and the path; it may be one for wss://.")),
    "websocket": (_("The WebSocket did not open."), _("Look at the port and the path.")),
    "silent": (_("The supervision has fallen silent."), _("The station dials again by itself.")),
    "closed": (_("The supervision has closed the connection."),
               _("The station dials again by itself. If it goes on, ask the operator whether the identity is known.")),
    "http 400": (_("The supervision refuses the question (HTTP 400)."),
                 _("It may not speak OCPP 1.6, or want another path.")),
    "http 401": (_("The supervision refuses the password (HTTP 401)."),
                 _("Ask the operator for the AuthorizationKey of this station.")),
    "http 403": (_("The supervision refuses this station (HTTP 403)."),
                 _("Ask the operator to let this identity in.")),
    "http 404": (_("The supervision does not know this path (HTTP 404)."),
                 _("Look at the path of the address, and whether the identity is entered at the supervision.")),
    "http 426": (_("The supervision wants another protocol (HTTP 426)."),
                 _("Look whether it is an address for OCPP 1.6 by WebSocket.")),
    "http 429": (_("The supervision has been asked too often (HTTP 429)."),
                 _("Wait; the station dials again by itself.")),
    "http 503": (_("The supervision is not available now (HTTP 503)."), _("Wait; the station dials again by itself.")),
    "http 3": (_("The supervision sends us on to another address."),
               _("The station does not follow: type that address here.")),
    "http other": (_("The supervision refuses the WebSocket."),
                   _("Look at the path of the address, and ask the operator.")),
    "serial": (_("The supervision did not take the boot: the serial number has {number} characters, OCPP allows 25."),
               _("Let the station shorten its serial numbers ({key}).")),
    "pending": (_("The supervision has not decided about this station yet."), _("Ask the operator to accept it.")),
    "rejected": (_("The supervision rejects this station."),
                 _("Ask the operator to enter its identity and serial number.")),
    "boot": (_("The supervision did not take the boot."),
             _("Look at the frames: what it answered to BootNotification stands there.")),
}  # fmt: skip
"""Cause -> what happened, and what to do."""


class Rung(NamedTuple):
    """A step as a page draws it."""

    name: str
    label: str
    state: str
    word: str
    shape: str
    found: str
    """What was found, when it is well."""
    what: str
    """What is wrong; empty: nothing."""
    remedy: str
    told: str
    """What the other side said, as it said it."""
    cure: str
    """The key whose switching on cures it; empty where hands are needed."""


def context(port: Port, account: str, query: Mapping[str, str], words: Words) -> Mapping[str, Any]:
    """The way as it is now, as `ladder.html` shows it."""
    return shown(port.ladder(), port, words)


def shown(steps: Sequence[Step], port: Port, words: Words) -> Mapping[str, Any]:
    """These steps, as `ladder.html` shows them."""
    setting = port.setting("TimeZone")
    clock = local_time(port.utc_s(), (setting.value or "") if setting else "")
    found = [_rung(step, port, words, clock) for step in steps]
    return {"rungs": found, "broken": next((rung for rung in found if rung.state == "bad"), None)}


def _rung(step: Step, port: Port, words: Words, clock: str) -> Rung:
    word, shape = STATES[step.state]
    key = port.model.identity.truncate_serials_key
    what, remedy = _remedy(step.cause) if step.cause else ("", "")
    number = "" if step.number is None else f"{step.number:.0f}"
    filled = {"clock": clock, "key": key, "number": number}
    return Rung(
        step.name, words(NAMES[step.name]), step.state, words(word), shape, _found(step, words),
        words(what).format(**filled), words(remedy).format(**filled), step.told,
        key if step.cause == "serial" else "",
    )  # fmt: skip


def _remedy(cause: str) -> tuple[str, str]:
    if cause in REMEDIES:
        return REMEDIES[cause]
    return REMEDIES["http 3" if cause.startswith("http 3") else "http other"]


def _found(step: Step, words: Words) -> str:
    if step.state == "unknown":
        return ""
    match step.name:
        case "answer":
            return words.count("%(num)s second ago", "%(num)s seconds ago", round(step.number or 0))
        case "waiting":
            return words.count("%(num)s message", "%(num)s messages", round(step.number or 0))
        case "address" | "connectors" | "tcp":
            return step.told if step.state != "bad" else ""
    return ""
