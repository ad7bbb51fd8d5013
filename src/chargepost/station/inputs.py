"""Push buttons and wired contacts: what a hand, a door, a detection loop or a timer relay tells the station.

| input | does |
|---|---|
| `load_shedding` | limits the current to loadSheddingSetPoint (charging.py) |
| `other_socket_1`, `other_socket_2` ... | two sockets of connector 1, 2 ... are taken (surroundings.py) |
| `shutter`, `shutter_2` ... | the shutter of connector 1, 2 ... stands open (quirk shutter_watched) |
| `detection_loop`, `detection_loop_2` ... | a vehicle stands at connector 1, 2 ...: the product's data transfer |
"""

from typing import TYPE_CHECKING, Any

import msgspec

from chargepost.ocpp import messages
from chargepost.signals import ButtonPressed, InputChanged
from chargepost.station import faults, surroundings, transactions

if TYPE_CHECKING:
    from chargepost.station.station import Station

LOOP_INPUT = "detection_loop"
SHUTTER_INPUT = "shutter"
LOOP_MESSAGE = "Detection loop"

NO_DATA = "{}"


def button(s: "Station", fact: ButtonPressed, now: float) -> None:
    if fact.name == "emergency_stop":
        s.emergency = fact.active
        if fact.active:
            for c in s.connectors:
                transactions.stop(s, c, "EmergencyStop", None, now)
            faults.raised(s, 0, "OtherError", now)
        else:
            faults.cleared(s, 0, "OtherError", now)
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
    inputs = s.core.inputs
    s.core.note("info", "input", f"{fact.name} {'active' if fact.active else 'at rest'}")
    if fact.active == (fact.name in inputs):
        return
    if fact.active:
        s.core.inputs = inputs | {fact.name}
    else:
        s.core.inputs = inputs - {fact.name}
    name, _, number = fact.name.rpartition("_")
    if not number.isdecimal():
        name, number = fact.name, "1"
    if name == LOOP_INPUT:
        _loop(s, int(number), now, active=fact.active)
    elif name == SHUTTER_INPUT:
        _shutter(s, int(number), now, opened=fact.active)
    elif fact.name == f"{surroundings.OTHER_SOCKET}_{number}":
        surroundings.both_taken(s, int(number), now, taken=fact.active)


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
