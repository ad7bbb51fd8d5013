"""The walk through the tool in the documentation has each sub-tab, with its place in the guide and its picture."""

import importlib.util
from pathlib import Path
from types import ModuleType

from chargepost.commissioning import tabs

WALK = Path(__file__).parents[2] / "docs" / "pictures" / "walk.py"


def walk() -> ModuleType:
    spec = importlib.util.spec_from_file_location("walk", WALK)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_sub_tab_has_its_row_and_its_picture_and_none_is_left_over() -> None:
    """What fails here is made anew by `tools/walk`."""
    made = walk()
    assert set(made.WALK) == {f"{sub.tab}/{sub.name}" for sub in tabs.SUB_TABS}
    wanted = {made.picture(at) for at in made.WALK}
    wanted |= {made.picture("overview/station", each) for each in made.MODELS if each != made.STATION}
    assert wanted == set(made.PICTURES.glob("*.png"))
    assert made.PAGE.read_text("utf-8") == made.text()


def test_a_picture_is_a_picture_and_all_of_them_are_small() -> None:
    made = walk()
    sizes = []
    for each in made.PICTURES.glob("*.png"):
        data = each.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n", each.name
        assert int.from_bytes(data[16:20], "big") == made.WIDTH, each.name
        sizes.append(len(data))
    assert sum(sizes) <= made.ALL_BYTES_MAX
