"""All programs, one after another, and their figures side by side: `.venv/bin/python bench [--quick] [--json]`.

Compare figures within a line: they come from the same minutes of the same machine. `--json` prints the lines as they
come and no table. The programs also run alone: `.venv/bin/python bench/codec.py --quick`.
"""

import subprocess
import sys

import msgspec
from parts.figures import COLUMNS, KINDS, Kind
from parts.machine import BENCH
from rich.console import Console
from rich.table import Table

PROGRAMS = ("codec", "profiles", "sharing", "products", "start", "tool", "crowd", "tls", "traffic", "day", "herd")
PASSED_ON = ("--quick",)


class Line(msgspec.Struct):
    """What a program prints."""

    figure: str
    value: float
    of: str


def figures(program: str, *, as_json: bool) -> tuple[list[Line], bool]:
    """What it printed, and whether it came to its end."""
    words = [word for word in sys.argv[1:] if word in PASSED_ON]
    command = [sys.executable, str(BENCH / f"{program}.py"), *words]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        for raw in process.stdout:
            found.append(msgspec.json.decode(raw, type=Line))
            if as_json:
                sys.stdout.write(raw.decode())
                sys.stdout.flush()
    return found, process.returncode == 0


def table(lines: list[Line]) -> Table:
    values = {(line.figure, line.of): line.value for line in lines}
    shown = Table("figure", "unit", *COLUMNS, "budget", title="less is better, but for what is counted per second")
    for column in shown.columns[2:]:
        column.justify = "right"
    for figure, kind in KINDS.items():
        row = [values.get((figure, of)) for of in COLUMNS]
        if any(value is not None for value in row):
            ours, *others = row
            shown.add_row(figure, kind.unit, _coloured(ours, kind), *map(_number, others), _budget(kind))
    return shown


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _coloured(value: float | None, kind: Kind) -> str:
    if value is None or kind.budget is None:
        return _number(value)
    kept = value >= kind.budget if kind.more_is_better else value <= kind.budget
    return f"[{'green' if kept else 'red'}]{_number(value)}[/]"


def _budget(kind: Kind) -> str:
    return "" if kind.budget is None else f"{'≥' if kind.more_is_better else '≤'} {_number(kind.budget)}"


def main() -> int:
    lines, good = [], True
    for program in PROGRAMS:
        print(f"bench: {program} ...", file=sys.stderr)
        found, ended_well = figures(program, as_json="--json" in sys.argv)
        lines += found
        good = good and ended_well
    if "--json" not in sys.argv:
        Console(width=None if sys.stdout.isatty() else 160).print(table(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
