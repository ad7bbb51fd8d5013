"""Who may know whom, and who may touch the world: the rooms of the house, checked on the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "chargepost"
LOWER = "signals journal ocpp catalogue station energy records drivers supervision"
MAY = {
    "__init__": "", "signals": "", "redact": "", "spreadsheet": "", "journal": "", "web": "", "ocpp": "",
    "catalogue": "ocpp",
    "station": "ocpp catalogue signals", "energy": "signals", "records": "signals journal", "drivers": "signals",
    "supervision": "ocpp catalogue records signals journal", "supervision.api": "web",
    "commissioning": "signals catalogue", "commissioning.api": "web", "fleet": LOWER,
    "run": f"{LOWER} commissioning fleet web cli", "cli": f"{LOWER} commissioning fleet web run", "__main__": "cli",
}  # fmt: skip
LOOPS = {"run", "cli", "web", "supervision.api", "commissioning.api", "drivers.real"}  # asyncio lives here
WORLDLY = LOOPS | {"journal", "records.ledger", "supervision.ledger", "commissioning.access"}
WORLD = """asyncio threading multiprocessing concurrent subprocess socket socketserver ssl select selectors signal http
time random secrets uuid os sched sqlite3 uvicorn starlette picows uvloop"""


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Full names of what is imported; a date that reads the clock counts as `time`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{package if node.level else ''}{node.module or ''}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node).endswith(("datetime.now", ".utcnow", "date.today")):
            yield "time"


def faults(name: str, source: str) -> Iterator[str]:
    """What of its imports the file `name` ("station.core") may not have."""
    room, _, rest = name.partition(".")
    names = {room, f"{room}.{rest.partition('.')[0]}"}
    may = {room, "redact", "spreadsheet", *" ".join(MAY.get(n, "") for n in names).split()}
    world = "" if names & LOOPS else "asyncio" if names & WORLDLY else WORLD
    banned = {"litestar", "sqlalchemy", *world.split()}
    for word in imports(ast.parse(source), f"chargepost.{room}."):
        first, second = f"{word}.".split(".")[:2]
        seeded = room == "fleet" and word == "random.Random"  # dice with a seed: the same day again
        if room not in MAY or (first == "chargepost" and second not in may) or (first in banned and not seeded):
            yield f"{name} may not import {word}"


def test_each_file_knows_only_whom_it_may() -> None:
    paths = {path: ".".join(path.relative_to(SRC).with_suffix("").parts) for path in SRC.rglob("*.py")}
    assert not [fault for path, name in paths.items() for fault in faults(name, path.read_text())]
