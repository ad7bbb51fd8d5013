"""Laws of sharing over random trees: 2,000 of them in `make test`, 100,000 in `make soak`.

Each law is a function that says what is wrong, so that the last test can show that it sees a planted fault.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

import msgspec
import pytest

from chargepost.energy.share import ENOUGH, Part, Taker, give, share
from chargepost.energy.tree import Tree
from tests.energy import trees
from tests.soak import times

TREES = times(2_000, 100_000)
ROUNDING = 4
"""Steps of 0.1 A that cannot be dealt out alike where lines cross."""

Share = Callable[[Sequence[int], Sequence[Taker]], list[Part]]


def loads(limits: Sequence[int], takers: Sequence[Taker], steps: Sequence[int]) -> list[int]:
    """What each line carries."""
    load = [0] * len(limits)
    for taker, part in zip(takers, steps, strict=True):
        for line in taker.lines:
            load[line] += part
    return load


def above_a_limit(limits: Sequence[int], takers: Sequence[Taker], parts: Sequence[Part]) -> bool:
    load = loads(limits, takers, [part.steps for part in parts])
    return any(steps > max(limit, 0) for steps, limit in zip(load, limits, strict=True))


def below_the_least(limits: Sequence[int], takers: Sequence[Taker], parts: Sequence[Part]) -> bool:
    return any(
        part.steps and not taker.least <= part.steps <= taker.most for taker, part in zip(takers, parts, strict=True)
    )


def left_unused(limits: Sequence[int], takers: Sequence[Taker], parts: Sequence[Part]) -> bool:
    """Somebody could take a step more, or begin, without anybody having less."""
    load = loads(limits, takers, [part.steps for part in parts])

    def could(taker: Taker, part: Part) -> bool:
        more = 1 if part.steps else taker.entry
        fits = all(load[line] + more <= limits[line] for line in taker.lines)
        return taker.most >= taker.least and part.steps < taker.most and fits

    return any(could(taker, part) for taker, part in zip(takers, parts, strict=True))


def unfair(limits: Sequence[int], takers: Sequence[Taker], parts: Sequence[Part]) -> bool:
    """Of two of one priority that charge, one has more above its least, of which the other could have had something."""
    load = loads(limits, takers, [part.steps for part in parts])
    charging = [(taker, part) for taker, part in zip(takers, parts, strict=True) if part.steps]
    for poor, has in charging:
        for rich, more in charging:
            gap = (more.steps - rich.least) - (has.steps - poor.least)
            if gap <= ROUNDING or has.steps >= poor.most or poor.priority != rich.priority:
                continue
            freed = set(rich.lines)
            if all(load[line] + ROUNDING * (line not in freed) <= limits[line] for line in poor.lines):
                return True
    return False


def priority_broken(
    limits: Sequence[int], takers: Sequence[Taker], parts: Sequence[Part], shares: Share = share
) -> bool:
    """Those of a lower priority change something for those above, or one who goes later made one before go without."""
    for priority in {taker.priority for taker in takers}:
        above = [taker for taker in takers if taker.priority >= priority]
        if shares(limits, above) != list(parts[: len(above)]):
            return True
    for rank, (taker, part) in enumerate(zip(takers, parts, strict=True)):
        if part.steps or taker.most < taker.least:
            continue
        before = [
            each.least if other.priority == taker.priority else had.steps
            for other, had, each in zip(takers[:rank], parts[:rank], takers[:rank], strict=True)
        ]
        charged = [steps if had.steps else 0 for steps, had in zip(before, parts[:rank], strict=True)]
        load = loads(limits, takers[:rank], charged)
        if all(load[line] + taker.entry <= limits[line] for line in taker.lines):
            return True
    return False


def flaps(limits: Sequence[int], takers: Sequence[Taker], parts: Sequence[Part], shares: Share = share) -> bool:
    """The same again gives something else, when all that changed is who charges now."""
    after = [
        msgspec.structs.replace(taker, entry=taker.least if part.steps else taker.least + 10)
        for taker, part in zip(takers, parts, strict=True)
    ]
    first = shares(limits, after)
    return first != shares(limits, after) or [part.steps for part in first] != [part.steps for part in parts]


def no_reason(limits: Sequence[int], takers: Sequence[Taker], parts: Sequence[Part]) -> bool:
    """Who gets less than it asked for is told which line holds it, one of its own; who gets all of it, none."""
    return any(
        (
            (part.line == ENOUGH) != (part.steps >= taker.most or taker.most < taker.least)
            and not (part.line != ENOUGH and part.steps == taker.most)
        )  # the last step was dealt out
        or (part.line != ENOUGH and part.line not in taker.lines)
        for taker, part in zip(takers, parts, strict=True)
    )


LAWS: tuple[Callable[[Sequence[int], Sequence[Taker], Sequence[Part]], bool], ...] = (
    above_a_limit, below_the_least, left_unused, unfair, priority_broken, flaps, no_reason,
)  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_law_of_sharing_holds_over_random_trees(law: Callable[..., bool]) -> None:
    for seed in range(TREES):
        dice = Random(seed)
        site = trees.tree(dice)
        takers, limits = trees.takers(dice, site), trees.limits(dice, site)
        assert not law(limits, takers, share(limits, takers)), f"seed {seed}"


def test_take_before_give_over_random_trees() -> None:
    """The larger of what each may still draw and what it is granted passes no limit, whatever order messages take.

    Each round some members have heard their grants and some have not; demands change all the time.
    """
    for seed in range(TREES // 10):
        dice = Random(seed)
        site = trees.tree(dice)
        limits = [max(each, 0) for each in trees.limits(dice, site)]
        owed = [0] * len(site.places)
        for _ in range(10):
            wishes = trees.takers(dice, site)
            takers = [msgspec.structs.replace(wish, lines=site.path(place, 3)) for place, wish in enumerate(wishes)]
            wanted = [part.steps for part in share(limits, takers)]
            granted = give(limits, takers, owed, owed, wanted)
            both = [max(pair) for pair in zip(owed, granted, strict=True)]
            assert all(a <= b for a, b in zip(loads(limits, takers, both), limits, strict=True)), f"seed {seed}"
            owed = [grant if dice.random() < 0.6 else most for grant, most in zip(granted, both, strict=True)]
        for _ in range(3):  # all hear: what is wanted is what is had
            granted = give(limits, takers, owed, owed, wanted)
            owed = granted
        assert owed == wanted, f"seed {seed}"


def test_what_was_over_and_is_heard_of_again_is_not_given_again() -> None:
    """A report can be on its way while the lease that it speaks of ends, and others are given the room meanwhile. What
    was counted all the time and what is granted pass no limit then, either, that the first alone did not pass.
    """
    for seed in range(TREES // 10):
        dice = Random(seed)
        site = trees.tree(dice)
        limits = [max(each, 0) for each in trees.limits(dice, site)]

        def takers(dice: Random = dice, site: Tree = site) -> list[Taker]:
            wishes = trees.takers(dice, site)
            return [msgspec.structs.replace(each, lines=site.path(place, 3)) for place, each in enumerate(wishes)]

        before, now = takers(), takers()
        held = [part.steps if dice.random() < 0.5 else 0 for part in share(limits, before)]
        wanted = [part.steps for part in share(limits, now)]
        owed = [max(each, dice.choice((0, 0, 160))) for each in held]
        both = [max(pair) for pair in zip(held, give(limits, now, owed, held, wanted), strict=True)]
        assert all(a <= b for a, b in zip(loads(limits, now, both), limits, strict=True)), f"seed {seed}"


def test_what_is_shed_is_given_back_in_the_reverse_order() -> None:
    """A fuse that shrinks and grows again: the last one shed is the first to come back."""
    everyone = [Taker((0,), 160, 60, 60) for _ in range(5)]

    def charging(limit: int) -> list[int]:
        return [rank for rank, part in enumerate(share([limit], everyone)) if part.steps]

    down = [charging(limit) for limit in (300, 240, 180, 120, 60, 0)]
    assert down == [list(range(count)) for count in (5, 4, 3, 2, 1, 0)]
    assert [charging(limit) for limit in (0, 60, 120, 180, 240, 300)] == down[::-1]
    assert all(len(more) - len(less) == 1 for more, less in pairwise(down))


# --- planted faults: each law sees the one it is for -----------------------------------------------------------------


def greedy(limits: Sequence[int], takers: Sequence[Taker]) -> list[Part]:
    """Who comes first takes all it can."""
    room, parts = list(limits), []
    for taker in takers:
        free = min(room[line] for line in taker.lines)
        steps = min(taker.most, free) if min(taker.most, free) >= max(taker.least, 1) else 0
        held = min(taker.lines, key=lambda line: room[line])
        for line in taker.lines:
            room[line] -= steps
        parts.append(Part(steps, ENOUGH if steps == taker.most else held))
    return parts


def changed(change: Callable[[Part, Taker], Part]) -> Share:
    def planted(limits: Sequence[int], takers: Sequence[Taker]) -> list[Part]:
        return [change(part, taker) for part, taker in zip(share(limits, takers), takers, strict=True)]

    return planted


FAULTS: dict[str, Share] = {
    "above_a_limit": changed(lambda part, taker: Part(part.steps + 1 if part.steps else 0, part.line)),
    "below_the_least": changed(lambda part, taker: Part(part.steps or min(taker.most, 50), part.line)),
    "left_unused": changed(lambda part, taker: Part(max(part.steps - 1, min(taker.least, part.steps)), part.line)),
    "unfair": greedy,
    "priority_broken": lambda limits, takers: share(limits, takers[::-1])[::-1],
    "no_reason": changed(lambda part, taker: Part(part.steps, ENOUGH)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_its_law(name: str) -> None:
    law = next(law for law in LAWS if law.__name__ == name)
    seen = 0
    for seed in range(200):
        dice = Random(seed)
        site = trees.tree(dice)
        takers, limits = trees.takers(dice, site), trees.limits(dice, site)
        seen += law(limits, takers, FAULTS[name](limits, takers))
    assert seen, f"{name} saw nothing in 200 trees"


def test_sharing_by_turns_would_flap() -> None:
    """The law of stability sees a rule that lets whoever waits go first."""

    def by_turns(limits: Sequence[int], takers: Sequence[Taker]) -> list[Part]:
        order = sorted(range(len(takers)), key=lambda rank: (-takers[rank].priority, -takers[rank].entry))
        parts = dict(zip(order, share(limits, [takers[rank] for rank in order]), strict=True))
        return [parts[rank] for rank in range(len(takers))]

    seen = 0
    for seed in range(200):
        dice = Random(seed)
        site = trees.tree(dice)
        takers, limits = trees.takers(dice, site), trees.limits(dice, site)
        seen += flaps(limits, takers, by_turns(limits, takers), by_turns)
    assert seen
