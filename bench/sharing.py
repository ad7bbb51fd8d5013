"""What a cycle of a site costs: the limits of all its fuses shared among all its stations, all of them charging."""

import statistics
import time
from random import Random

from parts.figures import COLUMNS, emit, is_quick

from chargepost.energy.share import Taker, give, share
from chargepost.energy.tree import Fuse, Place, Tree

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


def cycle_s(stations: int) -> float:
    """The median cycle of a site: what each should have, and what may be given of it by now."""
    dice = Random(stations)
    tree = site(stations)
    takers = demands(tree, dice)
    owed = [0] * stations
    took_s = []
    for _ in range(ROUNDS):
        start = time.process_time()
        parts = share(tree.rating, takers)
        give(tree.rating, takers, owed, [part.steps for part in parts])
        took_s.append(time.process_time() - start)
    return statistics.median(took_s)


def main() -> None:
    small, large = (cycle_s(stations) for stations in SIZES)
    how = f"{SIZES[0]:,} charging stations under {len(site(SIZES[0]).fuses)} fuses, limits, sharing and grants"
    emit("a cycle of sharing for 1,000 stations", small * 1e3, COLUMNS[0], how)
    emit("the same for 10,000 stations", large / small, COLUMNS[0], f"{large * 1e3:.3g} ms")


if __name__ == "__main__":
    main()
