"""What the tool does to the station's own list of badges, and what badges at the reader do (R-315 to R-325).

An `Admin` badge charges nothing: it ends somebody else's charge, and where nothing runs, the badges that follow it
become users, or are none any more (commissioning guide, chapter 5).
"""

from typing import TYPE_CHECKING

from chargepost.signals import (
    BadgeJudged,
    BadgeKept,
    BadgesDropped,
    BadgesReplaced,
    BadgeWindow,
    LearnBadges,
    OwnBadge,
)
from chargepost.station import charge_record, transactions
from chargepost.station.badges import fold
from chargepost.station.own_badges import Kept, Window

if TYPE_CHECKING:
    from chargepost.station.station import Station

WINDOW_S = 30.0
"""From the start, and from each badge, to the end of adding or removing (R-317, R-318, Q-058)."""

HEARD_MAX = 200
"""Badges that a window tells of: half an hour of one every ten seconds."""


# --- what the tool asks and tells ------------------------------------------------------------------------------------


def listed(s: "Station") -> tuple[OwnBadge, ...]:
    """In the order of their numbers."""
    kept = sorted(s.authorization.own.kept.values(), key=lambda each: each.number)
    return tuple(OwnBadge(each.number, each.id_tag, each.type, charge_record.comment(s, each.id_tag)) for each in kept)


def window(s: "Station", now: float) -> BadgeWindow:
    last = s.authorization.own.window
    if last is None:
        return BadgeWindow("", 0.0)
    return BadgeWindow(last.mode, max(last.ends - now, 0.0) if last.mode else 0.0, tuple(last.heard))


def kept(s: "Station", fact: BadgeKept, now: float) -> None:
    if s.authorization.own.keep(fact.id_tag, fact.type) and fact.comment is not None:
        charge_record.comment_on(s, fact.id_tag, fact.comment)


def dropped(s: "Station", fact: BadgesDropped, now: float) -> None:
    """A comment goes with its badge; charge records have theirs."""
    for id_tag in fact.id_tags:
        s.authorization.own.drop(id_tag)
        charge_record.comment_on(s, id_tag, "")


def replaced(s: "Station", fact: BadgesReplaced, now: float) -> None:
    """All at once, with the numbers of the file's order."""
    old = [each.id_tag for each in s.authorization.own.kept.values()]
    dropped(s, BadgesDropped(tuple(old)), now)
    for each in fact.badges:
        kept(s, BadgeKept(each.id_tag, each.type, each.comment), now)


def learn(s: "Station", fact: LearnBadges, now: float) -> None:
    if fact.mode:
        _open(s, fact.mode, now)
    else:
        over(s, now)


def _open(s: "Station", mode: str, now: float) -> None:
    s.authorization.own.window = Window(mode, now + WINDOW_S)
    s.core.wake_at("badges", 0, now + WINDOW_S)


def over(s: "Station", now: float) -> None:
    """It was stopped, or its time has passed."""
    if last := s.authorization.own.window:
        last.mode = ""
    s.core.wake_at("badges", 0, None)


# --- a badge at the reader -------------------------------------------------------------------------------------------


def read(s: "Station", id_tag: str, connector: int | None, now: float) -> bool:
    """Whether that was about the list, and not about charging."""
    own = s.authorization.own
    known = own.kept.get(fold(id_tag)) if own.kept else None
    is_admin = known is not None and known.type == "Admin" and s.authorization.own_list_rules
    open_window = own.window if own.window and own.window.mode else None
    if open_window and not (is_admin and open_window.mode == "turn"):
        _learned(s, open_window, id_tag, known, now)
        return True
    if is_admin:
        _managed(s, id_tag, connector, open_window, now)
    return is_admin


def _managed(s: "Station", id_tag: str, connector: int | None, open_window: Window | None, now: float) -> None:
    running = [c for c in s.connectors if connector in (None, c.number) and c.transaction and not c.stopping]
    if open_window:
        over(s, now)
        done = "the list stays as it is now"
    elif running:
        transactions.stop(s, running[0], "Local", id_tag, now)
        connector, done = running[0].number, "ends the charge of another badge"
    else:
        _open(s, "turn", now)
        done = "the next badges are added to the list, or taken from it"
    s.core.wish(BadgeJudged(id_tag, connector, True, done))


def _learned(s: "Station", window: Window, id_tag: str, known: Kept | None, now: float) -> None:
    """A beep for each badge that is added or removed; the window is open anew."""
    if window.mode == "remove" or (window.mode == "turn" and known):
        done, what = _removed(s, window, known, now), "removed"
    else:
        done, what = known is None and s.authorization.own.keep(id_tag, "User"), "added"
    heard = what if done else f"not {what}"
    if len(window.heard) < HEARD_MAX:
        window.heard.append((id_tag, heard))
    s.core.wish(BadgeJudged(id_tag, None, done, f"badge {heard}"))
    window.ends = now + WINDOW_S
    s.core.wake_at("badges", 0, window.ends)


def _removed(s: "Station", window: Window, known: Kept | None, now: float) -> bool:
    """By hand at the station only users go (R-316): an Admin that was lost can be removed in the tool."""
    if known is None or (window.mode == "turn" and known.type != "User"):
        return False
    dropped(s, BadgesDropped((known.id_tag,)), now)
    return True
