"""Cars, cables and badges: how a visit begins and ends, before and after the transaction (OCPP 1.6, 3.4, 4.9).

Where one reader serves several connectors, a badge is for the connector that is plugged, or is plugged next.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from chargepost.ocpp import messages
from chargepost.signals import BadgeJudged
from chargepost.station import (
    badge_window,
    badges,
    charging,
    electrics,
    faults,
    reservations,
    surroundings,
    transactions,
)
from chargepost.station.badges import fold
from chargepost.station.connector import ATTACHED, OF_A_VISIT, Connector, Grant
from chargepost.station.usage import On, Usage, advance

if TYPE_CHECKING:
    from chargepost.station.station import Station

ASKING_MAX = 8
"""Badges the central system is being asked about: more than readers, and each is answered or times out."""


How = Literal["badge", "remote start", "free charging", "remote system", "remote reader"]

AT_READER: frozenset[How] = frozenset({"badge", "remote system", "remote reader"})
"""Ways of a person who stands at the station: the same badge again ends what it began, and one of its group."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A badge the central system is being asked about."""

    id_tag: str
    connector: int | None
    how: How
    profile: messages.ChargingProfile | None = None
    """What a remote start brought, for the transaction to come."""


# --- cable and car ---------------------------------------------------------------------------------------------------


def plugged_in(s: "Station", c: Connector, now: float) -> None:
    c.met_offline = not s.talk.online
    if c.usage is Usage.FREE:
        c.usage = advance(c.usage, On.PLUG_IN)  # A2
        time_out(s, c, now)
    grant = s.waiting_grant
    if c.usage is Usage.PREPARING and grant and open_to(s, c, grant.id_tag, grant.parent):
        s.waiting_grant = None
        s.core.wake_at("waiting", 0, None)
        give(s, c, grant, now)


def let_in_freely(s: "Station", c: Connector, now: float) -> None:
    """Where nobody is asked for a badge, whoever is plugged in may charge; in some products, while offline only."""
    if s.talk.online:
        c.met_offline = False
    if c.usage is not Usage.PREPARING or not c.plugged or not open_to(s, c, s.default_tag, None):
        return
    if s.free_charging and not s.core.settings.flag("ControlChargeByRemoteCommand"):
        if "free_charge_authorizes" not in s.core.model.quirks:
            give(s, c, Grant(s.default_tag, None, "free charging"), now)
        elif not c.asked_freely:
            c.asked_freely = True
            ask(s, Asking(s.default_tag, c.number, "free charging"), now)
    elif s.core.model.authentication.plug_starts_offline and c.met_offline and s.talk.out_of_reach:
        give(s, c, Grant(s.default_tag, None, "offline"), now)


def watch_plug(s: "Station", c: Connector, was_alone: bool, car_left: bool, now: float) -> None:
    """A cable in the socket without a car has its time, then it is an error (quirk plug_procedure).

    A cable that was left behind, or found there at the start, is none where the key allows it to stay.
    """
    rule = s.core.model.quirks.get("plug_procedure")
    if rule is None or cable_alone(c) == was_alone:
        return
    left = car_left or ("settle", 0) in s.core.alarms
    excused = left and s.core.settings.flag(str(rule["may_stay_key"]), True)
    due = now + float(rule["within_s"]) if cable_alone(c) and not excused else None
    s.core.wake_at("plug", c.number, due)


def cable_alone(c: Connector) -> bool:
    return c.spec.kind not in ATTACHED and c.cable_in and not c.ev_in


def plug_overdue(s: "Station", c: Connector, now: float) -> None:
    """Alarm: the plug procedure has not come to its end."""
    faults.raised(s, c.number, str(s.core.model.quirks["plug_procedure"]["error"]), now)
    electrics.plug_missed(s, c)


def unplugged(s: "Station", c: Connector, now: float) -> None:
    """What was plugged in is out; a running transaction has been told before."""
    c.plugged_since_stop = c.ev_left = c.asked_freely = c.paused = False
    c.ev_offered_at = None
    c.release = None
    c.modes -= OF_A_VISIT
    for ticket, asking in list(s.asking.items()):
        if asking.how == "free charging" and asking.connector == c.number:
            del s.asking[ticket]  # who it was about has gone
    faults.unplugged(s, c)
    if c.usage is Usage.FINISHING or (c.usage is Usage.PREPARING and c.grant is None):
        c.usage = advance(c.usage, On.PLUG_OUT)  # F1, B1
        s.core.wake_at("connect", c.number, None)
    elif c.usage is Usage.PREPARING:
        time_out(s, c, now)


def car_left(s: "Station", c: Connector, now: float) -> None:
    """The car's end was pulled while a transaction runs (1.6, 4.10; trap 41)."""
    if c.transaction is None or c.stopping:
        return
    c.ev_left = True
    charging.car_gone(c)
    if s.core.settings.flag("StopTransactionOnEVSideDisconnect", True):
        transactions.stop(s, c, "EVDisconnected", None, now)


def time_out(s: "Station", c: Connector, now: float) -> None:
    """ConnectionTimeOut runs anew; 0 is none."""
    wait_s = s.core.settings.number("ConnectionTimeOut")
    s.core.wake_at("connect", c.number, now + wait_s if wait_s > 0 else None)


def timed_out(s: "Station", c: Connector, now: float) -> None:
    """Alarm: nobody plugged in, or nobody identified themselves (trap 44)."""
    if c.usage is not Usage.PREPARING or c.starting:
        return
    if c.grant:
        s.core.note("info", "connection time-out", "the badge is no longer waited for", c.number)
        electrics.plug_missed(s, c)
        c.grant = None
        c.ev_offered_at = None
        if not c.plugged:
            c.usage = advance(c.usage, On.GIVE_UP)  # B1
    elif c.status == "Reserved":
        time_out(s, c, now)  # somebody else's cable: the table knows no way from Reserved to Finishing
    elif len(s.connectors) > 1:
        c.usage = advance(c.usage, On.NO_TAG)  # B6


# --- badges ----------------------------------------------------------------------------------------------------------


def judged(s: "Station", id_tag: str, connector: int | None, accepted: bool, why: str) -> None:
    s.core.wish(BadgeJudged(id_tag, connector, accepted, why))


def presented(s: "Station", id_tag: str, connector: int | None, now: float, how: How = "badge") -> None:
    """A badge at the reader: it stops its own transaction, gives up its own waiting, or asks to charge."""
    refusal = surroundings.unread(s) if how == "badge" else ""
    if refusal:
        judged(s, id_tag, connector, False, refusal)
        return
    if badge_window.read(s, id_tag, connector, now):
        return
    if s.core.model.authentication.shown_connector:
        shown = on_screen(s, connector)
        if shown is None:
            judged(s, id_tag, connector, False, "no connector is plugged in: the screen stays on the Welcome page")
            return
        connector = shown.number
    here = [c for c in s.connectors if connector in (None, c.number)]
    if not here:
        judged(s, id_tag, connector, False, f"there is no connector {connector}")
        return
    tag = fold(id_tag)
    for c in here:
        if c.transaction and fold(c.transaction.id_tag) == tag:
            judged(s, id_tag, c.number, True, "ends its own charge")
            transactions.stop(s, c, "Local", id_tag, now)
            return
        if c.release and fold(c.release.id_tag) == tag:
            c.release = None
            judged(s, id_tag, c.number, True, "its cable is released")
            return
        if c.usage is Usage.PREPARING and c.grant and fold(c.grant.id_tag) == tag and not c.starting:
            judged(s, id_tag, c.number, True, "gives up waiting")
            give_up(s, c, now)
            return
    if s.free_charging:
        judged(s, id_tag, connector, False, "everybody charges freely here: badges are not asked for")
        return
    ask(s, Asking(id_tag, connector, how), now)


def on_screen(s: "Station", connector: int | None) -> Connector | None:
    """The connector a badge at the screen is for: the plugged one, of several the one the screen shows."""
    plugged = [c for c in s.connectors if c.plugged and connector in (None, c.number)]
    return next((c for c in plugged if c.number == s.shown), plugged[0] if plugged else None)


def give_up(s: "Station", c: Connector, now: float) -> None:
    c.grant = None
    c.ev_offered_at = None
    if not c.plugged:
        c.usage = advance(c.usage, On.GIVE_UP)  # B1
        s.core.wake_at("connect", c.number, None)
    else:
        time_out(s, c, now)


def ask(s: "Station", asking: Asking, now: float) -> None:
    """Decide by the rules; ask the central system when they say so."""
    if asking.how == "remote system":
        admitted(s, asking, Grant(asking.id_tag, None, asking.how), now)
        return
    verdict, why = s.authorization.judge(asking.id_tag, s.talk.online, now)
    if verdict == "allow":
        admitted(s, asking, Grant(asking.id_tag, s.authorization.parent(asking.id_tag, now), why), now)
    elif verdict == "deny":
        turned_away(s, asking, why)
    elif len(s.asking) >= ASKING_MAX or any(asking.how == other.how == "badge" for other in s.asking.values()):
        turned_away(s, asking, "the badge before it is still being asked about")
    else:
        s.asks += 1
        s.asking[s.asks] = asking
        if not s.talk.say(messages.Authorize(id_tag=asking.id_tag), ("authorize", s.asks), now):
            unanswered(s, s.asks, now)


def answered(s: "Station", ticket: int, info: messages.IdTagInfo, now: float) -> None:
    """The central system judged a badge."""
    asking = s.asking.pop(ticket, None)
    if asking is None:
        return
    badges.learn(s, asking.id_tag, info, now)
    if info.status == "Accepted":
        parent = None if info.parent_id_tag is msgspec.UNSET else info.parent_id_tag
        admitted(s, asking, Grant(asking.id_tag, parent, "central system"), now)
    else:
        turned_away(s, asking, f"central system: {info.status}")


def unanswered(s: "Station", ticket: int, now: float) -> None:
    """No answer, or an error: decide as if offline (reference 7)."""
    asking = s.asking.pop(ticket, None)
    if asking is None:
        return
    verdict, why = s.authorization.judge(asking.id_tag, False, now)
    if verdict == "allow":
        admitted(s, asking, Grant(asking.id_tag, s.authorization.parent(asking.id_tag, now), why), now)
    else:
        turned_away(s, asking, why)


def turned_away(s: "Station", asking: Asking, why: str) -> None:
    electrics.badge_refused(s, asking.connector)
    judged(s, asking.id_tag, asking.connector, False, why)


def admitted(s: "Station", asking: Asking, grant: Grant, now: float) -> None:
    """The badge is good: it ends a charge of its group (trap 22), or may begin one."""
    if asking.how in AT_READER and grant.parent is not None:
        for c in s.connectors:
            tx = c.transaction
            if tx and tx.parent and fold(tx.parent) == fold(grant.parent) and asking.connector in (None, c.number):
                judged(s, grant.id_tag, c.number, True, "ends a charge of its group")
                transactions.stop(s, c, "Local", grant.id_tag, now)
                return
            held = c.release.parent if c.release else None
            if held and fold(held) == fold(grant.parent) and asking.connector in (None, c.number):
                c.release = None
                judged(s, grant.id_tag, c.number, True, "releases a cable of its group")
                return
    grant = grant._replace(profile=asking.profile)
    chosen = choose(s, asking.connector, grant.id_tag, grant.parent)
    if chosen is None and asking.connector is None and may_wait(s, grant.id_tag, grant.parent):
        s.waiting_grant = grant
        wait_s = s.core.settings.number("ConnectionTimeOut")
        s.core.wake_at("waiting", 0, now + wait_s if wait_s > 0 else None)
        judged(s, grant.id_tag, None, True, f"{grant.how}: for the connector that is plugged next")
    elif chosen is None:
        is_held = any(c.free for c in s.connectors if asking.connector in (None, c.number))
        turned_away(s, asking, "reserved for another badge" if is_held else "no connector is free")
    else:
        judged(s, grant.id_tag, chosen.number, True, grant.how)
        give(s, chosen, grant, now)


def open_to(s: "Station", c: Connector, id_tag: str, parent: str | None) -> bool:
    """This badge may be let in here."""
    return c.free and reservations.admits(s, c, id_tag, parent)


def may_wait(s: "Station", id_tag: str, parent: str | None) -> bool:
    """One reader for several connectors: the badge is for the one that is plugged next."""
    return len(s.connectors) > 1 and any(open_to(s, c, id_tag, parent) for c in s.connectors)


def shut(c: Connector, why: str) -> None:
    """Nobody new is let in here, for as long as there is a reason."""
    c.shut |= {why}


def reopen(c: Connector, why: str) -> None:
    c.shut -= {why}
    if not c.shut and c.usage is Usage.FINISHING and c.status == "Unavailable":
        c.usage = advance(c.usage, On.BACK_IN_SERVICE)


def choose(s: "Station", connector: int | None, id_tag: str, parent: str | None) -> Connector | None:
    """The connector a badge is for: the named one, the one reserved for it, the plugged one, or the only one."""
    candidates = [c for c in s.connectors if connector in (None, c.number) and open_to(s, c, id_tag, parent)]
    if connector is None and len(s.connectors) > 1:
        candidates = [c for c in candidates if c.plugged or c.reservation is not None]
    return min(candidates, key=lambda c: (not reservations.names(s, c), not c.plugged), default=None)


def give(s: "Station", c: Connector, grant: Grant, now: float) -> None:
    """Let somebody charge here: Preparing until the car is there (A2, F2)."""
    c.usage = advance(c.usage, On.TAG_OK)
    c.grant = grant
    c.ev_left = False
    time_out(s, c, now)
