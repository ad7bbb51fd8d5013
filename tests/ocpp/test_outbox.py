"""The outbox alone: what goes when too many meter values wait (OCPP 1.6, 3.7; reference 8.3; bar P4)."""

import itertools

import pytest

from chargepost.ocpp.outbox import METERS_MAX, Outbox

MINUTES_OF_90_DAYS = 90 * 24 * 60


@pytest.mark.slow
def test_p4_90_days_offline_at_one_a_minute_keep_every_start_and_stop_and_an_even_row() -> None:
    outbox, tokens = Outbox(), itertools.count()
    for minute in range(MINUTES_OF_90_DAYS):
        kind = {0: "start", 719: "stop"}.get(minute % 720, "meter")
        outbox.add(kind, "t", b"%d" % minute, next(tokens), numbered=True, order=0)  # type: ignore[arg-type]
        for gone in outbox.thin():
            assert gone.kind == "meter"
    left = outbox.of("t")
    assert [e.seq for e in left] == sorted(e.seq for e in left)
    assert sum(e.kind == "meter" for e in left) <= METERS_MAX
    assert sum(e.kind != "meter" for e in left) == 2 * MINUTES_OF_90_DAYS // 720
    minutes = [int(e.payload) for e in left]
    assert max(b - a for a, b in itertools.pairwise(minutes)) <= 180


def test_p4_what_may_be_on_its_way_and_the_ends_of_a_gap_are_not_thinned() -> None:
    outbox = Outbox()
    outbox.add("meter", "t", b"first", 0, numbered=True, order=0)
    outbox.add("meter", "t", b'"Interruption.Begin"', 0, numbered=True, order=0)
    for _ in range(METERS_MAX - 2):
        outbox.add("meter", "t", b"", 0, numbered=True, order=0)
        assert not outbox.thin()
    for _ in range(3):
        outbox.add("meter", "t", b"", 0, numbered=True, order=0)
        outbox.thin()
    assert len(outbox) < METERS_MAX
    assert [e.payload for e in outbox.of("t")[:2]] == [b"first", b'"Interruption.Begin"']
