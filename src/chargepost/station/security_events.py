"""Security events: told to the central system when they are critical, kept until it has taken them (white paper
"Improved security for OCPP 1.6-J", edition 3, A04 and 8).

A product that does not send SecurityEventNotification, or whose SecurityEventsEnabled is off, tells none.
"""

from typing import TYPE_CHECKING, Literal

import msgspec

from chargepost.ocpp.security import SecurityEventNotification
from chargepost.station import metering
from chargepost.station.core import EMPTY, Core

if TYPE_CHECKING:
    from chargepost.ocpp.session import Refused
    from chargepost.station.station import Station

WAITING_MAX = 32
"""Events that wait for the central system: days of restarts in 8 kB, and fewer than calls may wait on a link. The
oldest go first: the newest tell of the present."""

INFO_MAX = 255
"""Characters of techInfo."""

CLOCK_STEP_S = 10.0
"""A correction of the clock below this is no setting of the time."""

Kind = Literal[
    "FirmwareUpdated",
    "SettingSystemTime",
    "StartupOfTheDevice",
    "ResetOrReboot",
    "MemoryExhaustion",
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "InvalidCentralSystemCertificate",
]
"""Those that are told here: the critical ones, and what the flows of the white paper ask for."""


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One that the central system has not yet taken."""

    kind: str
    utc_s: float
    info: str = ""


class SecurityEvents:
    """What waits to be told, oldest first; it survives a power cut."""

    __slots__ = ("_next", "said", "waiting")

    def __init__(self, core: Core) -> None:
        self.waiting = dict(core.memory.load_numbered("event/", Event))
        self._next = max(self.waiting, default=0) + 1
        self.said: frozenset[int] = EMPTY
        """Told on this link and not yet answered."""

    def add(self, core: Core, event: Event) -> None:
        while len(self.waiting) >= WAITING_MAX:
            self.drop(core, min(self.waiting))
        number, self._next = self._next, self._next + 1
        self.waiting[number] = event
        core.memory.put(_name(number), event)

    def drop(self, core: Core, number: int) -> None:
        self.said = self.said - {number} or EMPTY
        if number in self.waiting:
            self.waiting = {n: event for n, event in self.waiting.items() if n != number}  # as small as it can be
            core.memory.drop(_name(number))


def _name(number: int) -> str:
    return f"event/{number:012d}"


def happened(s: "Station", kind: Kind, now: float, info: str = "") -> None:
    """Note a security event of a product that knows them, and tell it while its key is on."""
    core = s.core
    if "SecurityEventNotification" not in core.model.messages.sends:
        return
    core.note("info", "security event", f"{kind} {info}".strip())
    if core.settings.flag("SecurityEventsEnabled", True):
        s.security_events.add(core, Event(kind, core.utc(now), info[:INFO_MAX]))
        tell(s, now)


def tell(s: "Station", now: float) -> None:
    """Say what waits, once the central system has accepted the station."""
    events = s.security_events
    for number, event in sorted(events.waiting.items()):
        payload = SecurityEventNotification(
            type=event.kind, timestamp=metering.date(event.utc_s), tech_info=event.info or msgspec.UNSET
        )
        if number not in events.said and s.talk.say(payload, ("security", number), now):
            events.said |= {number}


def taken(s: "Station", number: int, answer: object, now: float) -> None:
    s.security_events.drop(s.core, number)
    tell(s, now)


def refused(s: "Station", number: int, failure: "Refused", now: float) -> None:
    """A central system that knows no such message will not know it the next time; one that was silent may hear it on
    the next link."""
    if failure.code:
        taken(s, number, None, now)


def link_lost(s: "Station") -> None:
    s.security_events.said = EMPTY
