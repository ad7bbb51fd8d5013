"""docs/conformance.md: what became of each case at each product; written from what ran, and read back by the tests.

python -m tests.rules.conformance.page      plays everything and writes the page (tools/conformance)
"""

import importlib
import logging
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.rules.conformance.bench import Socket, Virtual
from tests.rules.conformance.case import SCRIPTS, Script, Stage, Verdict
from tests.rules.conformance.cases import CASES
from tests.rules.conformance.products import OLDER, PRODUCTS, most_capable_first

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"

SOCKET = "socket"
"""The column of what ran over a real WebSocket."""

Verdicts = dict[tuple[str, str], Verdict]
"""By case and column; a case without a script has none."""

SIGNS = {"passed": "✓", "deviates": "≠", "not applicable": "–"}
KINDS = {sign: kind for kind, sign in SIGNS.items()}

HEAD = """\
# Conformance of the stations

The test cases of the Open Charge Alliance's compliance tool that concern a station (the document is not public; the
list is rebuilt from public suites that follow its numbering), and those of other open suites. Each is written once
(`tests/rules/conformance`) and played twice: by every product in virtual time, and by the most capable product over a
real WebSocket against a central system made of somebody else's library. Those of the security extension, of Plug &
Charge and of signed firmware are not in it.

This page is written from what ran, by `tools/conformance`; `make test` fails where it is not true any more.

✓ passed · ≠ the product does otherwise because its guide says so, which is what was checked · – not applicable: what
the product is by its data · missing: no test yet. The numbers stand at the end. What is called
`socket` is the run over a real WebSocket.
"""


def scripts() -> None:
    """Every module of cases is here."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(f"{__package__}.{path.stem}")


# --- playing ---------------------------------------------------------------------------------------------------------


def stages() -> dict[str, Stage]:
    """By column."""
    virtual = {name: Stage(name, Virtual, (model,), written) for name, model in (PRODUCTS | OLDER).items()}
    return virtual | {SOCKET: Stage(SOCKET, Socket, most_capable_first(), written)}


def play_all() -> Verdicts:
    """Raises SystemExit that names every case that failed."""
    scripts()
    verdicts: Verdicts = {}
    failed: list[str] = []
    for ident, script in SCRIPTS.items():
        for column, stage in stages().items():
            try:
                verdicts[ident, column] = stage.play(script)
            except AssertionError as error:
                failed.append(f"{ident} at {column}: {error}".partition("\n")[0])
    if failed:
        raise SystemExit("\n".join([*failed, f"{len(failed)} failed: the page stays as it is"]))
    return verdicts


# --- writing ---------------------------------------------------------------------------------------------------------


def render(verdicts: Mapping[tuple[str, str], Verdict]) -> str:
    scripts()
    notes = {why: number for number, why in enumerate(sorted({v.why for v in verdicts.values() if v.why}), 1)}
    columns = [*PRODUCTS, SOCKET]
    lines = [HEAD, *_summary(verdicts), ""]
    section = ""
    for ident, row in CASES.items():
        if row.section != section:
            section = row.section
            lines += ["", f"## {section}", "", _row("case", "", "rule", *columns), _row(*["---"] * (3 + len(columns)))]
        script = SCRIPTS.get(ident)
        cells = [_cell(verdicts.get((ident, column)), notes) for column in columns]
        rule = (script.__doc__ or "").strip().splitlines()[0] if script else ""
        lines.append(_row(f"[{ident}]({_home(script)})" if script else ident, row.name, rule, *cells))
    lines += ["", "## Older releases", "", "What is not named here is as in the newest release of the line.", ""]
    lines += [_row("release", "cases that differ"), _row("---", "---")]
    for column in OLDER:
        newest = column.partition("@")[0]
        other = [
            f"{ident} {_cell(verdicts[ident, column], notes)}"
            for ident in CASES
            if (ident, column) in verdicts and verdicts[ident, column] != verdicts[ident, newest]
        ]
        lines.append(_row(column, ", ".join(other)))
    lines += ["", "## Notes", "", *[f"{number}. {why}" for why, number in notes.items()], ""]
    return "\n".join(lines)


def _summary(verdicts: Mapping[tuple[str, str], Verdict]) -> Iterator[str]:
    yield f"{len(CASES)} cases, {len(SCRIPTS)} written, {len(CASES) - len(SCRIPTS)} missing."
    yield ""
    yield _row("product", "passed", "as its guide says", "not applicable", "missing")
    yield _row("---", "---", "---", "---", "---")
    for column in (*PRODUCTS, SOCKET):
        kinds = Counter(verdict.kind for (_, seen), verdict in verdicts.items() if seen == column)
        missing = len(CASES) - kinds.total()
        yield _row(column, *[str(kinds[kind]) for kind in ("passed", "deviates", "not applicable")], str(missing))
    yield ""
    yield _row("why it is not applicable", "how often, in these columns")
    yield _row("---", "---")
    told = [verdict for (_, seen), verdict in verdicts.items() if seen not in OLDER]
    reasons = Counter(verdict.why for verdict in told if verdict.kind == "not applicable")
    for why, times in sorted(reasons.items(), key=lambda each: (-each[1], each[0])):
        yield _row(why, str(times))


def _home(script: Script) -> str:
    """Where its test stands, from the page."""
    return f"../{script.__module__.replace('.', '/')}.py"


def _cell(verdict: Verdict | None, notes: Mapping[str, int]) -> str:
    if verdict is None:
        return "missing"
    return f"{SIGNS[verdict.kind]} {notes[verdict.why]}" if verdict.why else SIGNS[verdict.kind]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


# --- reading ---------------------------------------------------------------------------------------------------------


@cache
def written() -> Verdicts:
    """What the page says."""
    return read(PAGE.read_text("utf-8")) if PAGE.is_file() else {}


def read(page: str) -> Verdicts:
    notes = dict(re.findall(r"^(\d+)\. (.*)$", page, re.M))
    plain = re.sub(r"\[(\S+)\]\(\S+\)", r"\1", page)
    rows = [line.strip("| ").split(" | ") for line in plain.splitlines() if line.startswith("| ")]
    verdicts: Verdicts = {}
    columns = [*PRODUCTS, SOCKET]
    for ident, *cells in rows:
        if ident in CASES and cells[-1] != "missing":
            for column, cell in zip(columns, cells[2:], strict=True):
                verdicts[ident, column] = _verdict(cell, notes)
    played = {ident for ident, _ in verdicts}
    for column, *cells in rows:
        if column.rstrip(" |") in OLDER:
            name = column.rstrip(" |")
            newest = name.partition("@")[0]
            verdicts |= {(ident, name): verdicts[ident, newest] for ident in played}
            for each in filter(None, ", ".join(cells).split(", ")):
                ident, _, cell = each.partition(" ")
                verdicts[ident, name] = _verdict(cell, notes)
    return verdicts


def _verdict(cell: str, notes: Mapping[str, str]) -> Verdict:
    sign, _, number = cell.partition(" ")
    return Verdict(KINDS[sign], notes.get(number, ""))  # type: ignore[arg-type]


if __name__ == "__main__":
    logging.getLogger("chargepost").setLevel(logging.ERROR)  # faults are wanted here
    PAGE.write_text(render(play_all()), "utf-8")
    print(PAGE, file=sys.stderr)
