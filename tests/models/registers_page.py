"""docs/reference/modbus.md: the register maps, written from the product files and read back by a test.

python -m tests.models.registers_page      writes the page (tools/registers)
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from chargepost.catalogue import load
from chargepost.catalogue.load import releases
from chargepost.catalogue.model import Model
from chargepost.catalogue.report import modbus

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "modbus.md"

HEAD = """\
# Modbus registers

What a station shows and takes as a Modbus TCP server; [how to control one](../how-to/control-by-modbus.md).
This page is written from the product files by `tools/registers`; `make test` fails where it is not true any more.

Function codes 3, 6 and 16. Unit 0, 1 or 255 is the first charge point, unit 2 the second (each has an address of its
own in the product). A read that touches an address without a register is answered with exception 2; part of a value of
several words may be read. A write is taken whole or not at all: exception 2 for what is read only, is nowhere, or is
half of a value; exception 3 for a value out of range. Texts have two characters a word, in their order. A float whose
meter never answered is NaN.

Numbers that no source prints are chosen, and have the source `chosen`; what else was decided stands at each product
under what is unknown: `chargepost models evlink-pro-ac`.
"""


def page() -> str:
    maps: dict[str, list[Model]] = {}
    for line in releases():
        model = load(line)
        if model.registers:
            maps.setdefault("".join(_map(model)), []).append(model)
    parts = [f"\n## {', '.join(model.title for model in models)}\n{table}" for table, models in maps.items()]
    return HEAD + "".join(parts)


def _map(model: Model) -> Iterator[str]:
    spec = model.modbus
    assert spec
    order = "low word first" if spec.low_word_first else "high word first"
    switches = {spec.enable_key: "is on", spec.control_key: "lets it be written"}
    keys = ", ".join(f"`{key}` {does}" for key, does in switches.items() if key)
    silence = f"A controller is lost after {spec.life_timeout_s:g} s without a life bit: error {spec.lost_error}."
    yield f"\nValues of several words: {order}. Key: {keys}. {silence}\n\n"
    rows = modbus(model)[1]
    yield _line(rows.columns)
    yield _line("---" for _ in rows.columns)
    for row in rows.rows:
        yield _line(cell.replace("|", "\\|") for cell in row)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
