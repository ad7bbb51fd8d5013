"""Reservations: a connector, or one of the station's, is held for a badge or its group (OCPP 1.6, 5.2, 5.13).

A reservation of connector 0 holds no connector by itself: it keeps one free, so the last free ones are held (reference
12; traps 72 to 76). There are never more reservations than connectors.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from chargepost.ocpp import messages as m
from chargepost.signals import ReservationView
from chargepost.station.badges import fold
from chargepost.station.connector import Connector, Grant
from chargepost.station.status import status
from chargepost.station.usage import Usage

if TYPE_CHECKING:
    from chargepost.station.station import Station

UNSET = msgspec.UNSET

GONE = frozenset({"Faulted", "Unavailable"})
"""A connector that becomes one of these is held for nobody any more (1.6, 5.13)."""

CLOCK_SLACK_S = 0.001
"""A date and an alarm agree no better than floating point does."""


class Reservation(msgspec.Struct, gc=False, omit_defaults=True):
    """Who a connector is held for, and until when."""

    connector: int
    """0: any one of the station."""
    id_tag: str
    expires_utc_s: float
    parent: str | None = None

    def is_of(self, id_tag: str, parent: str | None) -> bool:
        """Of this badge, or of its group."""
        of_group = self.parent is not None and parent is not None and fold(self.parent) == fold(parent)
        return of_group or fold(self.id_tag) == fold(id_tag)


# --- what the central system asks ------------------------------------------------------------------------------------


def reserve(s: "Station", ask: m.ReserveNow, ident: str, now: float) -> Any:
    """The same id replaces a reservation, on another connector too; a refusal leaves it as it was (trap 72)."""
    verdict = _verdict(s, ask, now)
    if verdict == "Accepted":
        parent = None if ask.parent_id_tag is UNSET else ask.parent_id_tag
        held = Reservation(ask.connector_id, ask.id_tag, ask.expiry_date.timestamp(), parent)
        s.reservations[ask.reservation_id] = held
        s.core.memory.put(f"reservation/{ask.reservation_id}", held)
        watch(s)
    return m.ReserveNowResponse(status=verdict)


def _verdict(s: "Station", ask: m.ReserveNow, now: float) -> m.ReservationStatus:
    """In the order of reference 12."""
    number = ask.connector_id
    if why := next((why for why, holds in _impossible(s, ask, now).items() if holds), None):
        s.core.refused(f"reservation {ask.reservation_id}", why, number)
        return "Rejected"
    if number:
        return _of_connector(s, s.connectors[number - 1], ask.reservation_id)
    whole = status(s.zero)
    each = {_of_connector(s, c, ask.reservation_id) for c in s.connectors}
    words: tuple[m.ReservationStatus, ...] = ("Accepted", "Occupied", "Unavailable", "Faulted")
    return next(word for word in words if word == whole or (whole not in GONE and word in each))


def _impossible(s: "Station", ask: m.ReserveNow, now: float) -> dict[str, bool]:
    """Whatever the state of the connectors."""
    number = ask.connector_id
    return {
        "the station is about to start anew": s.restarting is not None,
        f"there are connectors 0 to {len(s.connectors)}": not 0 <= number <= len(s.connectors),
        "idTag is empty": not ask.id_tag,
        "ReserveConnectorZeroSupported is false": number == 0
        and not s.core.settings.flag("ReserveConnectorZeroSupported"),
        "expiryDate is over": ask.expiry_date.timestamp() <= s.core.utc(now),
    }


def _of_connector(s: "Station", c: Connector, same: int) -> m.ReservationStatus:
    """What the state of a connector says to a reservation of this id."""
    if c.blocked:
        return "Faulted"
    if status(c) == "Unavailable":
        return "Unavailable"
    if holding := _holding(s, c):
        return "Accepted" if s.reservations.get(same) in holding and c.free else "Occupied"
    return "Accepted" if c.free and c.usage is Usage.FREE else "Occupied"


BOOKING = -(2**40)
"""Ids of bookings by an external system, less the connector's number: no central system has such ids."""

NEVER_UTC_S = 7_258_118_400.0
"""2200-01-01: a booking has no end of its own."""


def book(s: "Station", c: Connector, id_tag: str) -> str:
    """An external system reserves a connector for a badge, or for nobody; why it cannot, or empty."""
    unbook(s, c)
    state = _of_connector(s, c, BOOKING - c.number)
    if state != "Accepted" or s.restarting:
        return f"the connector is {state.lower()}" if not s.restarting else "the station is about to start anew"
    held = s.reservations[BOOKING - c.number] = Reservation(c.number, id_tag, NEVER_UTC_S)
    s.core.memory.put(f"reservation/{BOOKING - c.number}", held)
    c.modes |= {"booked"}
    watch(s)
    return ""


def unbook(s: "Station", c: Connector) -> None:
    if BOOKING - c.number in s.reservations:
        end(s, BOOKING - c.number, "set available")


def cancel(s: "Station", ask: m.CancelReservation, ident: str, now: float) -> Any:
    known = ask.reservation_id in s.reservations
    if known:
        end(s, ask.reservation_id, "cancelled")
    return m.CancelReservationResponse(status="Accepted" if known else "Rejected")


# --- who may charge --------------------------------------------------------------------------------------------------


def admits(s: "Station", c: Connector, id_tag: str, parent: str | None) -> bool:
    """Whether a badge may charge here: what is held for others is refused."""
    return c.reservation is None or any(held.is_of(id_tag, parent) for held in _holding(s, c))


def _holding(s: "Station", c: Connector) -> list[Reservation]:
    """What holds this connector: its own reservation, or any of the station's."""
    own = s.reservations[c.reservation] if c.reservation is not None else None
    if own is None or own.connector:
        return [own] if own else []
    return [held for held in s.reservations.values() if not held.connector]


def names(s: "Station", c: Connector) -> bool:
    """This very connector is reserved, not one of the station."""
    return c.reservation is not None and s.reservations[c.reservation].connector == c.number


def of_a_group(s: "Station", connector: int | None) -> Connector | None:
    """A connector held for a group: of a badge that is not known here the central system says whether it belongs."""
    here = (c for c in s.connectors if connector in (None, c.number) and c.free)
    return next((c for c in here if any(held.parent for held in _holding(s, c))), None)


def used(s: "Station", c: Connector, grant: Grant) -> Any:
    """A transaction begins here: the id of the reservation it uses up, its own connector's before the station's."""

    def rank(ident: int) -> tuple[bool, bool]:
        held = s.reservations[ident]
        return held.connector == 0, fold(held.id_tag) != fold(grant.id_tag)

    here = [ident for ident, held in s.reservations.items() if held.connector in (0, c.number)]
    mine = [ident for ident in here if s.reservations[ident].is_of(grant.id_tag, grant.parent)]
    if not mine:
        return UNSET
    ident = min(mine, key=rank)
    end(s, ident, "used")
    return UNSET if ident <= BOOKING else ident


# --- what is held ----------------------------------------------------------------------------------------------------


def hold(s: "Station") -> None:
    """Mark the connectors that are held; let go of what can no longer be."""
    for ident, held in list(s.reservations.items()):
        if _lost(s, held):
            end(s, ident, "out of service")
    own = {held.connector: ident for ident, held in s.reservations.items() if held.connector}
    waiting = [ident for ident, held in s.reservations.items() if not held.connector and not _claimed(s, held)]
    spare = sorted((c for c in s.connectors if c.free and c.number not in own), key=_is_taken)
    at_rest = sum(not _is_taken(c) for c in spare)
    last = {c.number: ident for c, ident in zip(spare, waiting, strict=False)} if at_rest <= len(waiting) else {}
    for c in s.connectors:
        c.reservation = own.get(c.number, last.get(c.number))


def _is_taken(c: Connector) -> bool:
    """Somebody who is not let in yet has plugged in here."""
    return c.usage is not Usage.FREE and c.status != "Reserved"


def _claimed(s: "Station", held: Reservation) -> bool:
    """Who it is for has been let in, and has not begun yet."""
    return any(c.grant and not c.transaction and held.is_of(c.grant.id_tag, c.grant.parent) for c in s.connectors)


def _lost(s: "Station", held: Reservation) -> bool:
    if held.connector:
        return status(s.connectors[held.connector - 1]) in GONE
    return status(s.zero) in GONE or all(status(c) in GONE for c in s.connectors)


def end(s: "Station", ident: int, why: str) -> None:
    """A reservation is over."""
    held = s.reservations.pop(ident)
    s.core.memory.drop(f"reservation/{ident}")
    s.core.note("info", "reservation over", f"{ident}: {why}", held.connector or None)
    for c in s.connectors:
        if c.reservation == ident:
            c.reservation = None
        if ident == BOOKING - c.number:
            c.modes -= {"booked"}
    watch(s)


def forget(s: "Station") -> None:
    """As it left the factory."""
    for ident in list(s.reservations):
        end(s, ident, "factory settings")


# --- expiry, also offline --------------------------------------------------------------------------------------------


def watch(s: "Station") -> None:
    """Be woken when the next one expires, by the date as it is now."""
    dates = [held.expires_utc_s for held in s.reservations.values()]
    s.core.wake_at("reservation", 0, min(dates) - s.core.offset_s if dates else None)


def due(s: "Station", now: float) -> None:
    """Alarm, and at the start of the program: what has expired is over (1.6, 5.13)."""
    for ident, held in list(s.reservations.items()):
        if held.expires_utc_s <= s.core.utc(now) + CLOCK_SLACK_S:
            end(s, ident, "expired")
    watch(s)


def recall(s: "Station") -> None:
    """What was reserved before the program began anew."""
    for ident, held in s.core.memory.load_all("reservation/", Reservation):
        if held.connector <= len(s.connectors):
            s.reservations[int(ident)] = held
            if int(ident) <= BOOKING:
                s.connectors[held.connector - 1].modes |= {"booked"}


def view(s: "Station", c: Connector) -> ReservationView | None:
    """What holds a connector, for people."""
    if c.reservation is None:
        return None
    held = s.reservations[c.reservation]
    return ReservationView(c.reservation, held.id_tag, held.expires_utc_s)
