"""Reports and grants between machines: each is one datagram, in JSON, under a keyed hash (HMAC-SHA256).

Who has not the key is not heard. What was heard once is not heard again: a report names the leader's life that it is
for, and its number only rises; an answer names the member's life that it is for, and the report that it answers. The
text can be read by whoever sees the network.
"""

import hmac
from math import isfinite

import msgspec

from chargepost.energy.cluster import Grant, Report
from chargepost.energy.tree import RATING_MAX_A
from chargepost.signals import Limit

KEY_MIN = 16
"""Bytes of a key: fewer can be guessed."""

DATAGRAM_MAX = 4096
"""Bytes: a report of a station with a dozen connectors; more is not even hashed."""

HASH_BYTES = 32
WORD_MAX = 100
"""Characters of a name, a badge, a reason: those of a station have 48 at most, a badge 20."""
CONNECTORS_MAX = 12
LEASE_MAX_S = 86_400.0
NUMBER_MAX = 2**62
"""Numbers begin with the date in ms, so this is never reached."""


class Unheard(ValueError):
    """A datagram that is not taken; its text is one word for why, to count by."""


class Up(msgspec.Struct, frozen=True, tag="report"):
    """A member's report, and what both must agree on."""

    nonce: str
    """Of this life of the member; drawn."""
    life: str
    """Of the leader, as the member knows it; empty: not yet."""
    speed: float
    floor_a: float
    connectors: int
    report: Report


class Down(msgspec.Struct, frozen=True, tag="grant"):
    """The leader's grant, for this life of the member."""

    nonce: str
    grant: Grant


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The leader's answer to a report that it cannot use."""

    nonce: str
    member: str
    life: str
    """Of the leader: the member's next reports are to name it."""
    number: int
    """Of the last report that it heard of this member."""
    why: str = ""
    """It will never use one: in words, for the member's log."""


Answer = Down | Hello

_up, _answer = msgspec.json.Decoder(Up), msgspec.json.Decoder(Answer)


def seal(what: Up | Answer, key: bytes) -> bytes:
    text = msgspec.json.encode(what)
    return hmac.digest(key, text, "sha256") + text


def _open(datagram: bytes, key: bytes) -> memoryview:
    if len(datagram) > DATAGRAM_MAX:
        raise Unheard("too long")
    text = memoryview(datagram)[HASH_BYTES:]
    if not hmac.compare_digest(datagram[:HASH_BYTES], hmac.digest(key, text, "sha256")):
        raise Unheard("wrong key")
    return text


def read_report(datagram: bytes, key: bytes) -> Up:
    """At the leader. Raises Unheard."""
    text = _open(datagram, key)
    try:
        up = _up.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unheard("malformed") from None
    report = up.report
    fine = (
        _is_word(report.member) and _are_numbers(report.number, report.grant)
        and len(report.demands) <= CONNECTORS_MAX and len(report.begins) <= CONNECTORS_MAX
        and all(
            0 < demand.connector <= CONNECTORS_MAX and 1 <= demand.phases <= 3 and len(demand.id_tag) <= WORD_MAX
            and _are_currents(demand.least_a, demand.most_a, demand.takes_a, demand.may_draw_a)
            and isfinite(demand.since_utc_s) and isfinite(demand.energy_wh)
            and (demand.station is None or _is_limit(demand.station))
            for demand in report.demands
        )
    )  # fmt: skip
    if not fine:
        raise Unheard("malformed")
    return up


def read_answer(datagram: bytes, key: bytes) -> Answer:
    """At a member. Raises Unheard."""
    text = _open(datagram, key)
    try:
        answer: Answer = _answer.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unheard("malformed") from None
    if isinstance(answer, Hello):
        fine = _are_numbers(answer.number) and len(answer.life) <= WORD_MAX and (not answer.why or _is_text(answer.why))
    else:
        grant = answer.grant
        fine = (
            _are_numbers(grant.number, grant.report) and 0 < grant.lease_s <= LEASE_MAX_S
            and all(
                _are_currents(each.current_a) and 1 <= each.phases <= 3 and _is_text(each.author)
                for each in grant.limits
            )
        )  # fmt: skip
    if not fine:
        raise Unheard("malformed")
    return answer


def _is_word(text: str) -> bool:
    return 0 < len(text) <= WORD_MAX and text.isprintable()


def _is_text(text: str) -> bool:
    """It goes into logs and onto pages."""
    return len(text) <= DATAGRAM_MAX and text.isprintable()


def _is_limit(limit: Limit) -> bool:
    return _are_currents(limit.current_a) and _is_text(limit.source)


def _are_numbers(*numbers: int) -> bool:
    return all(0 <= number < NUMBER_MAX for number in numbers)


def _are_currents(*currents: float) -> bool:
    return all(0 <= current_a <= RATING_MAX_A for current_a in currents)
