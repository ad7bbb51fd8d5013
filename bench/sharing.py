"""What a cycle of a site costs: the limits of all its fuses shared among all its stations, all of them charging."""

import statistics
import time
from random import Random

import msgspec
from parts.figures import COLUMNS, emit, is_quick

from chargepost.energy.cluster import Leader, Member, Rules, Terms
from chargepost.energy.share import Taker, give, share
from chargepost.energy.tree import Fuse, Place, Tree
from chargepost.signals import Demand

ROUNDS = 5 if is_quick() else 50
SIZES = (1_000, 10_000)
BOARD, BOARDS = 20, 10
"""Stations under a sub-fuse; sub-fuses under a fuse of the main one."""


def site(stations: int) -> Tree:
    """Three levels: a fuse for each 1,000 stations, one for each 200, one for each 20."""
    boards = range(stations // BOARD)
    fuses = [Fuse(f"M{n}", (8_000.0,) * 3) for n in range(stations // 1_000)]
    fuses += [Fuse(f"G{n}", (1_700.0,) * 3, f"M{n // 5}") for n in range(len(boards) // BOARDS)]
    fuses += [Fuse(f"B{n}", (160.0,) * 3, f"G{n // BOARDS}") for n in boards]
    return Tree(fuses, [Place(f"S{n}", 1, f"B{n // BOARD}") for n in range(stations)])


def demands(tree: Tree, dice: Random) -> list[Taker]:
    return [
        Taker(tree.path(place, dice.choice((1, 3, 3))), dice.choice((100, 160, 320)), 60, 60)
        for place in range(len(tree.places))
    ]


def share_s(stations: int) -> float:
    """The median time to divide what there is, and to find what may be given of it by now."""
    tree = site(stations)
    takers = demands(tree, Random(stations))
    owed = [0] * stations
    took_s = []
    for _ in range(ROUNDS):
        start = time.process_time()
        parts = share(tree.rating, takers)
        give(tree.rating, takers, owed, owed, [part.steps for part in parts])
        took_s.append(time.process_time() - start)
    return statistics.median(took_s)


def cycle_s(stations: int) -> float:
    """The median cycle of a leader whose members all charge and report, one of them something new."""
    dice = Random(stations)
    tree, terms = site(stations), Terms()
    leader = Leader(tree, Rules(), terms, dice.random, utc_s=0.0, now=0.0)
    members = [Member(place.station, 1, 0.0, terms, 0.0) for place in tree.places]
    wants = [Demand(1, dice.choice((1, 3)), 6.0, 16.0, 16.0, 0.0, n, 0.0, "") for n in range(stations)]
    now = 0.0
    took_s: list[float] = []
    while len(took_s) < ROUNDS:
        now += terms.report_s
        wants[0] = msgspec.structs.replace(wants[0], energy_wh=now * 10)
        for member, want in zip(members, wants, strict=True):
            member.want(want, now)
            report, _ = member.wake(now)
            if report:
                leader.hear(report, now)
        start = time.process_time()
        leader.wake(now + 1)
        spent_s = time.process_time() - start
        if now > 2 * terms.lease_s:
            took_s.append(spent_s)
        by_name = {grant.member: grant for grant in leader.take()}
        for member in members:
            if member.name in by_name:
                member.hear(by_name[member.name], now + 1)
    assert sum(each.granted_a > 0 for each in leader.view()) > stations * 0.9
    return statistics.median(took_s)


def main() -> None:
    small, large = (share_s(stations) for stations in SIZES)
    how = f"{SIZES[0]:,} charging stations under {len(site(SIZES[0]).fuses)} fuses"
    emit("sharing among 1,000 stations", small * 1e3, COLUMNS[0], how)
    emit("the same among 10,000", large / small, COLUMNS[0], f"{large * 1e3:.3g} ms")
    emit("a cycle of a leader of 1,000 stations", cycle_s(SIZES[0]) * 1e3, COLUMNS[0], how)


if __name__ == "__main__":
    main()
