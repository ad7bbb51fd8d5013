"""What a charge record says beside what is billed: who made it, the kind of charge and outlet, the badge's comment.

The twelve fields of the commissioning guide, chapter 6 (R-327, R-337). They are written down when the charge ends:
what a badge is called later changes no record.
"""

from typing import TYPE_CHECKING

from chargepost.signals import BadgeCommented, ChargeDetail
from chargepost.station.badges import fold
from chargepost.station.connector import Transaction

if TYPE_CHECKING:
    from chargepost.station.station import Station

COMMENT_MAX = 50
"""Characters (commissioning guide, List of badge properties)."""

COMMENTS_MAX = 10_000
"""Badges with a comment: more than any list of the tool; some 1 MB."""

SOCKET_TYPES = {
    "T2": "TYPE2", "T2S": "TYPE2", "T3": "TYPE3", "T1": "TYPE1", "TE": "DOMESTIC", "cable": "TYPE2",
    "CCS2": "CCS2", "CHAdeMO": "CHADEMO",
}  # fmt: skip
"""The guide prints TYPE2 only; the others are ours, in its manner."""


def detail(s: "Station", tx: Transaction) -> ChargeDetail:
    outlets = s.core.model.connectors
    spec = outlets[min(tx.connector, len(outlets)) - 1]
    alternating = "AC_THREE_PHASE" if tx.phases > 1 else "AC_SINGLE_PHASE"  # so the guide calls what drew nothing too
    kind = "DC" if spec.direct else alternating
    return ChargeDetail(s.core.serial, kind, SOCKET_TYPES[spec.kind], comment(s, tx.id_tag))


def comment(s: "Station", id_tag: str) -> str:
    """What the owner wrote beside a badge; empty where there is nothing."""
    return s.comments.get(fold(id_tag), "") if s.comments else ""


def commented(s: "Station", fact: BadgeCommented, now: float) -> None:
    comment_on(s, fact.id_tag, fact.comment)


def comment_on(s: "Station", id_tag: str, comment: str) -> None:
    """The owner writes something beside a badge; control characters are no writing, and the rest is cut."""
    badge = fold(id_tag)
    comments = s.comments or {}
    text = "".join(each for each in comment if each.isprintable())[:COMMENT_MAX]
    if text and (badge in comments or len(comments) < COMMENTS_MAX):
        comments[badge] = text
        s.core.memory.put(f"comment/{badge}", text)
    elif not text and badge in comments:
        del comments[badge]
        s.core.memory.drop(f"comment/{badge}")
    s.comments = comments or None
