"""Push buttons and wired contacts: what a hand, a door, a detection loop or a timer relay tells the station.

What each contact does is its row in the product file; limits that come of one are rules of charging.py. Besides those,
`other_socket_1`, `other_socket_2` ... say that two sockets of connector 1, 2 ... are taken (surroundings.py).
"""

from typing import TYPE_CHECKING, Any

import msgspec

from chargepost.catalogue.model import InputSpec
from chargepost.ocpp import messages
from chargepost.signals import ButtonPressed, InputChanged
from chargepost.station import contacts, faults, surroundings, transactions

if TYPE_CHECKING:
    from chargepost.station.station import Station

LOOP_MESSAGE = "Detection loop"

NO_DATA = "{}"


def button(s: "Station", fact: ButtonPressed, now: float) -> None:
    if fact.name == "emergency_stop":
        code = str(s.core.model.quirks.get("emergency_stop", {}).get("error", "OtherError"))
        if fact.active:
            for c in s.connectors:
                transactions.stop(s, c, "EmergencyStop", None, now)
            faults.raised(s, 0, code, now)
        else:
            faults.cleared(s, 0, code, now)
    elif fact.name == "stop" and fact.active:
        for c in s.connectors:
            transactions.stop(s, c, "Local", None, now)
    elif fact.name == "suspend" and fact.active:
        _suspend(s)
    elif fact.name == surroundings.KEY_BUTTON:
        surroundings.key_turned(s, fact, now)


def _suspend(s: "Station") -> None:
    """The button in front holds a charge and lets it go on, where the product has one and its key allows it."""
    rule = s.core.model.quirks.get("push_button")
    if rule and s.core.settings.flag(str(rule["enable_key"])):
        for c in s.connectors:
            c.paused = c.transaction is not None and not c.paused


def contact(s: "Station", fact: InputChanged, now: float) -> None:
    core = s.core
    name, _, number = fact.name.rpartition("_")
    shared = name == surroundings.OTHER_SOCKET and number.isdecimal()
    known = contacts.find(core, fact.name)
    if known is None and not shared:
        core.note("warning", "input unknown", f"{fact.name}: there are {', '.join(contacts.names(core)) or 'none'}")
        return
    core.note("info", "input", f"{fact.name} {'active' if fact.active else 'at rest'}")
    if fact.active == (fact.name in core.inputs):
        return
    core.inputs = core.inputs | {fact.name} if fact.active else core.inputs - {fact.name}
    if known is None:
        surroundings.both_taken(s, int(number), now, taken=fact.active)
        return
    spec, connector = known
    if spec.does in ("error", "emergency"):
        _judge(s, spec, connector, now)
    elif spec.does == "detect":
        _loop(s, connector, now, active=fact.active)
    elif spec.does == "shutter":
        _shutter(s, connector, now, opened=fact.active)


def review(s: "Station", now: float) -> None:
    """Contacts that are closed at rest are active before anybody touches them, and so are those newly wired."""
    for spec in s.core.model.inputs.values():
        if spec.normally_key and spec.does == "error":
            for connector in [c.number for c in s.connectors] if spec.each else [0]:
                _judge(s, spec, connector, now)


def _judge(s: "Station", spec: InputSpec, connector: int, now: float) -> None:
    """Its error is there while it is active."""
    if not contacts.is_active(s.core, spec, connector):
        faults.cleared(s, connector, spec.error, now)
        return
    if spec.does == "emergency":
        for c in s.connectors:
            transactions.stop(s, c, "EmergencyStop", None, now)
    faults.raised(s, connector, spec.error, now)


def _shutter(s: "Station", connector: int, now: float, *, opened: bool) -> None:
    """While charging it is an error where the product watches it; shut, the error is over."""
    rule = s.core.model.quirks.get("shutter_watched")
    if rule is None or not 0 < connector <= len(s.connectors):
        return
    if opened and s.connectors[connector - 1].transaction:
        s.connectors[connector - 1].last_error = "KO_OnStreetOpenShutterInCharge"
        faults.raised(s, connector, str(rule["error"]), now)
    elif not opened:
        faults.cleared(s, connector, str(rule["error"]), now)


def _loop(s: "Station", connector: int, now: float, *, active: bool) -> None:
    """A vehicle has come: told while the product has a message for it and its key is on."""
    if not active or not 0 < connector <= len(s.connectors):
        return
    for row in s.core.model.data_transfers:
        wanted = row.direction == "out" and row.message == LOOP_MESSAGE
        if wanted and (not row.enable_key or s.core.settings.flag(row.enable_key)):
            data: dict[str, Any] = msgspec.json.decode(row.data or NO_DATA) | {"connectorId": connector}
            text = msgspec.json.encode(data).decode()
            payload = messages.DataTransfer(vendor_id=row.vendor, message_id=row.message, data=text)
            s.talk.say(payload, ("other", None), now)
