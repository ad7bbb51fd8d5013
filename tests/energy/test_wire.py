"""A report or a grant as a datagram: only who has the key is heard, and only what makes sense."""

import hmac
import json

import msgspec
import pytest

from chargepost.energy.cluster import Grant, Granted, Report
from chargepost.energy.wire import DATAGRAM_MAX, Down, Hello, Unheard, Up, read_answer, read_report, seal
from chargepost.signals import Demand, Limit

KEY = b"sixteen bytes or more"
DEMAND = Demand(1, 3, 6.0, 32.0, 32.0, 0.0, 1e9, 0.0, "04A2", station=Limit(32.0, "both"))
UP = Up("nonce", "life", 1.0, 6.0, 2, Report("LEFT-1", 5, 4, (DEMAND,), (1,)))
DOWN = Down("nonce", Grant("LEFT-1", 7, 5, 30.0, (Granted(16.0, "fuse main L1, 32 A", 3),), confirm=True))
HELLO = Hello("nonce", "LEFT-1", "life", 5, "it is not known")


def test_what_is_sealed_is_read_as_it_was() -> None:
    assert read_report(seal(UP, KEY), KEY) == UP
    assert read_answer(seal(DOWN, KEY), KEY) == DOWN
    assert read_answer(seal(HELLO, KEY), KEY) == HELLO


def test_no_bit_of_a_datagram_can_be_another_and_no_other_key_opens_it() -> None:
    whole = seal(UP, KEY)
    with pytest.raises(Unheard, match="wrong key"):
        read_report(whole, b"another key, as long")
    for bit in range(0, 8 * len(whole), 7):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unheard, match="wrong key"):
            read_report(bytes(changed), KEY)
    for length in range(0, len(whole), 9):
        with pytest.raises(Unheard, match="wrong key"):
            read_report(whole[:length], KEY)
    with pytest.raises(Unheard, match="too long"):
        read_report(bytes(DATAGRAM_MAX + 1), KEY)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("report.number", -1), ("report.number", 10**30), ("report.grant", 1.5), ("report.member", ""),
        ("report.member", "A\nB"), ("report.member", "A" * 101), ("report.demands.0.phases", 0),
        ("report.demands.0.connector", 0), ("report.demands.0.most_a", -1.0), ("report.demands.0.may_draw_a", 1e300),
        ("report.demands.0.takes_a", None),
        ("report.demands.0.station.current_a", -1), ("report.begins", list(range(20))), ("type", "grant"),
        ("floor_a", "6"),
    ],
)  # fmt: skip
def test_who_has_the_key_and_makes_no_sense_is_not_heard_either(path: str, value: object) -> None:
    with pytest.raises(Unheard, match="malformed"):
        read_report(_with(UP, path, value), KEY)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("grant.lease_s", 0.0), ("grant.lease_s", 1e9), ("grant.limits.0.current_a", -6.0),
        ("grant.limits.0.phases", 4), ("grant.limits.0.author", "main\x1b[2J"), ("grant.number", 2**63),
    ],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_not_obeyed(path: str, value: object) -> None:
    with pytest.raises(Unheard, match="malformed"):
        read_answer(_with(DOWN, path, value), KEY)


def _with(what: object, path: str, value: object) -> bytes:
    """The same with another value at a place, under the right key."""
    document = json.loads(msgspec.json.encode(what))
    *above, last = path.split(".")
    table = document
    for word in above:
        table = table[int(word) if word.isdigit() else word]
    table[last] = value
    text = json.dumps(document).encode()
    return hmac.digest(KEY, text, "sha256") + text
