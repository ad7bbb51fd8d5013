"""Random sites and demands for the laws of sharing: trees of fuses, cars on one to three phases, all of one seed."""

from collections.abc import Sequence
from random import Random

from chargepost.energy.share import Taker
from chargepost.energy.shed import By, rank
from chargepost.energy.tree import UNKNOWN, WIRINGS, Fuse, Place, Tree

RATINGS_A = (6.0, 10.0, 16.0, 25.0, 32.0, 63.0, 120.0, 400.0)
LEAST = (60, 60, 60, 80, 140)


def tree(dice: Random, places_max: int = 12) -> Tree:
    fuses = []
    for number in range(dice.randint(1, 6)):
        phases = [dice.choice(RATINGS_A)] * 3
        if dice.random() < 0.3:
            phases[dice.randrange(3)] = dice.choice((0.0, 13.7, 20.0))
        parent = f"F{dice.randrange(number)}" if number else ""
        fuses.append(Fuse(f"F{number}", (phases[0], phases[1], phases[2]), parent))
    places = [
        Place(f"S{number}", 1, dice.choice(fuses).name, dice.choice((*WIRINGS, UNKNOWN)))
        for number in range(dice.randint(1, places_max))
    ]
    return Tree(fuses, places)


def takers(dice: Random, site: Tree, running: Sequence[bool] = ()) -> list[Taker]:
    """Demands of all its places, in the order of who goes first."""
    by: By = dice.choice(("duration", "energy"))
    found = []
    for place in range(len(site.places)):
        is_running = dice.random() < 0.5
        least = dice.choice(LEAST)
        taker = Taker(
            site.path(place, dice.choice((1, 1, 2, 3, 3))),
            most=dice.choice((0, 30, 60, 100, 160, 160, 320, 325)),
            least=least,
            entry=least if is_running else least + dice.choice((0, 10)),
            priority=dice.choice((0, 0, 0, 1)),
        )
        order = rank(
            by, priority=taker.priority, is_idle=dice.random() < 0.1, is_running=is_running,
            since_utc_s=dice.randrange(100), energy_wh=dice.randrange(0, 5000, 500),
        )  # fmt: skip
        found.append(((*order, place), taker))
    return [taker for _, taker in sorted(found, key=lambda each: each[0])]


def limits(dice: Random, site: Tree) -> list[int]:
    """What is left of each fuse beside other loads; now and then a building takes more than there is."""
    return [steps if dice.random() < 0.8 else steps - dice.randint(0, steps + 50) for steps in site.rating]
