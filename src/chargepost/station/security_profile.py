"""The central system raises the security profile: it is tried at once, and taken back when it does not work (white
paper "Improved security for OCPP 1.6-J", A05; reference 15.3; trap 60).

From profile 2 on the address of the supervision is dialled with TLS (`Conversation.url`), whatever it begins with.
"""

from typing import TYPE_CHECKING

from chargepost.signals import LinkDown
from chargepost.station.roots import CENTRAL

if TYPE_CHECKING:
    from chargepost.station.station import Station

KEY = "SecurityProfile"

BEFORE_KEY = "security/before"


def may_rise(s: "Station", value: str) -> bool:
    """It only goes up, and needs what it rests on: 1 and 2 a password, 2 a root of the central system too."""
    settings, wanted = s.core.settings, value.strip()
    if wanted not in ("1", "2") or int(wanted) <= settings.number(KEY):
        return False
    has_password = bool(settings.text(s.core.model.transport.password_key))
    return has_password and (wanted == "1" or bool(s.core.roots.of(CENTRAL)))


def risen(s: "Station", before: int) -> None:
    """The first dial with it tells whether it works; until then the one before is kept, through a power cut too."""
    s.profile_before = before
    s.core.memory.put(BEFORE_KEY, before)


def link_up(s: "Station") -> None:
    """It works."""
    if s.profile_before is not None:
        s.profile_before = None
        s.core.memory.drop(BEFORE_KEY)


def link_down(s: "Station", fact: LinkDown, now: float) -> None:
    """Told before the link itself is: a dial that failed is the end of the attempt, a link that we left is none."""
    before = s.profile_before
    if before is None or s.talk.state != "dialling":
        return
    s.core.note("warning", "security profile", f"{before} again, the higher one does not work: {fact.reason}")
    s.change_setting(KEY, str(before), now, owner=True)
    s.after_answer.clear()  # there is no link to leave
    s.core.wake_at("dial", 0, now)
    link_up(s)
