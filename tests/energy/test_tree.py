"""A site as a tree of fuses: which lines a charge loads, and what a wrong table is told."""

import re
from typing import Any

import pytest

from chargepost.energy.tree import Fuse, Place, Tree, TreeError, wiring

MAIN = Fuse("main", (63.0, 63.0, 63.0))
GARAGE = Fuse("garage", (32.0, 32.0, 20.0), "main")
BUSY = Fuse("main", (63.0, 63.0, 63.0), metered=True, building_a=56.0)
HALL = Fuse("hall", (32.0, 32.0, 32.0), "main", metered=True, building_a=10.0)


def test_a_charge_loads_its_phases_of_every_fuse_above_it() -> None:
    tree = Tree([MAIN, GARAGE], [Place("A", 1, "garage"), Place("B", 1, "main", "STR")])
    assert tree.path(0, 1) == (3, 0)
    assert tree.path(0, 3) == (3, 4, 5, 0, 1, 2)
    assert [tree.name(line) for line in tree.path(1, 1)] == ["fuse main L2"], "its L1 is wired to S"
    assert tree.path(1, 2) == (1, 2)


def test_a_connector_of_unknown_wiring_counts_on_all_phases() -> None:
    tree = Tree([MAIN], [Place("A", 1, "main", "Unknown")])
    assert tree.path(0, 1) == (0, 1, 2)


@pytest.mark.parametrize(
    ("key", "connector", "word"),
    [
        ("0.RST,1.RTS", 1, "RTS"), ("0.RST, 1.RST, 2.TSR", 2, "TSR"), ("RST", 2, "RST"), ("0.RST", 1, "Unknown"),
        ("NotApplicable", 1, "Unknown"), ("0.NotApplicable,1.NotApplicable", 1, "Unknown"), ("", 1, "Unknown"),
    ],
)  # fmt: skip
def test_9_1_7_connector_phase_rotation_says_how_a_connector_is_wired(key: str, connector: int, word: str) -> None:
    assert wiring(key, connector) == word


@pytest.mark.parametrize(
    ("fuses", "places", "path", "words"),
    [
        ([], [], "fuses", "there are 0: a site has 1 to 1000"),
        ([Fuse("", (1.0, 1.0, 1.0))], [], "fuses[0].name", "is empty"),
        ([MAIN, MAIN], [], "fuses[1].name", "'main' is there twice"),
        ([GARAGE], [], "fuses[0].parent", "there is no fuse 'main': known are garage"),
        ([Fuse("a", (9.0, 9.0, 9.0), "b"), Fuse("b", (9.0, 9.0, 9.0), "a")], [], "fuses[0].parent", "leads back"),
        ([Fuse("a", (-1.0, 9.0, 9.0))], [], "fuses[0].rating", "must lie in 0 to 10000 A"),
        ([Fuse("a", (float("nan"), 9.0, 9.0))], [], "fuses[0].rating", "must lie in 0 to 10000 A"),
        ([Fuse("a", (0.0, 0.0, 0.0))], [], "fuses[0].rating", "must lie"),
        ([MAIN], [Place("A", 1, "mian")], "places[0].fuse", "there is no fuse 'mian'"),
        ([MAIN], [Place("A", 1, "main"), Place("A", 1, "main")], "places[1]", "hangs under two fuses"),
        ([MAIN], [Place("A", 1, "main", "RRR")], "places[0].wiring", "'RRR' is none of RST"),
        ([MAIN], [Place("A", 1, "main", floor_a=3)], "places[0].floor", "3 A cannot be offered"),
        ([MAIN], [Place(f"S{n}", 1, "main", floor_a=8) for n in range(8)], "fuses[0]", "more than the 63 A"),
        ([BUSY], [Place("A", 1, "main", floor_a=8)], "fuses[0]", "and what else draws there at its busiest (56 A"),
        ([BUSY, HALL], [], "fuses[0]", "what else draws there at its busiest (66 A) come to more than the 63 A"),
    ],
)  # fmt: skip
def test_a_wrong_tree_is_refused_by_path(fuses: Any, places: Any, path: str, words: str) -> None:
    with pytest.raises(TreeError, match=re.escape(words)) as caught:
        Tree(fuses, places)
    assert caught.value.path == path
