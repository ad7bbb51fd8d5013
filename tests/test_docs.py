"""The documentation is true: its links lead somewhere, its commands parse, its requests exist, its programs run."""

import itertools
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import pytest
import typer
from typer.main import get_command

from chargepost.cli import app, run_with
from chargepost.run import faults, site
from chargepost.run.control import Control
from chargepost.run.given import find_model
from chargepost.web import Page, Route
from tests.shells.supervised import running

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TRIED = re.compile(r"chargepost (models|fleet --virtual --stations 20 .*--json|fleet \S+garage\.toml --virtual)\b.*")
"""Quick enough to be run and not only parsed."""


class Line(NamedTuple):
    """A line of a page, named as editors open it."""

    at: str
    text: str


class Block(NamedTuple):
    """What stands between fences; `kind` is the word after the first."""

    kind: str
    lines: list[Line]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines) + "\n"


def blocks(page: Path) -> Iterator[Block]:
    fence: Block | None = None
    for number, text in enumerate(page.read_text("utf-8").splitlines(), 1):
        if not text.startswith("```"):
            if fence:
                fence.lines.append(Line(f"{page.relative_to(ROOT)}:{number}", text))
        elif fence:
            yield fence
            fence = None
        else:
            fence = Block(text.removeprefix("```"), [])


def prose(page: Path) -> Iterator[Line]:
    """Inline code: `chargepost models` counts as a command too."""
    text = re.sub(r"^```.*?^```", lambda found: "\n" * found[0].count("\n"), page.read_text("utf-8"), flags=re.M | re.S)
    for number, line in enumerate(text.splitlines(), 1):
        yield from (Line(f"{page.relative_to(ROOT)}:{number}", code) for code in re.findall(r"`([^`]+)`", line))


def lines() -> Iterator[Line]:
    for page in PAGES:
        yield from itertools.chain.from_iterable(block.lines for block in blocks(page) if not block.kind)
        yield from prose(page)


def commands() -> Iterator[Line]:
    """Lines that begin with our program. What has a placeholder or dots in it is not meant to be typed."""
    for line in lines():
        found = re.match(r"(?:\.venv/bin/)?(chargepost [\w-].*)", line.text)
        if found and "..." not in found[1]:
            yield Line(line.at, found[1])


# --- links ------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = page.parent / name if name else page
    return path.exists() and (not anchor or anchor in anchors(path))


def dead_links(page: Path, text: str) -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [each for each in targets if not re.match(r"[a-z]+:", each) and not leads_somewhere(page, each)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_documentation_leads_somewhere(page: Path) -> None:
    assert dead_links(page, page.read_text("utf-8")) == []


def test_a_dead_link_is_found() -> None:
    text = "[a](nowhere.md) [b](README.md#no-such) [c](README.md) [d](https://example.org/) [e](#chargepost)"
    assert dead_links(ROOT / "README.md", text) == ["nowhere.md", "README.md#no-such"]


# --- commands ---------------------------------------------------------------------------------------------------------


def wrong_usage(command: str) -> str:
    """What the command line has against it; nothing is run."""
    name, *args = shlex.split(command, comments=True)[1:]
    group = cast(Any, get_command(app))
    if name.startswith("-"):
        name, args = "", [name, *args]
    chosen = group.commands.get(name) if name else group
    if chosen is None:
        return f"there is no command {name}"
    known = {option for parameter in [*chosen.params, *group.params] for option in parameter.opts} | {"-h", "--help"}
    unknown = [word for word in args if word.startswith("-") and word.partition("=")[0] not in known]
    if unknown:
        return f"{name} has no {' '.join(unknown)}"
    if not name or {"-h", "--help"} & set(args):
        return ""
    try:
        chosen.make_context(name, list(args))
    except typer.TyperException as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("line", list(commands()), ids=lambda line: line.at)
def test_every_command_is_one_that_the_program_takes(line: Line) -> None:
    assert wrong_usage(line.text) == ""


def test_a_wrong_command_is_found() -> None:
    assert wrong_usage("chargepost flee --virtual") == "there is no command flee"
    assert wrong_usage("chargepost run --spede 60") == "run has no --spede"
    assert "--stations" in wrong_usage("chargepost fleet --virtual --stations many")
    assert "Missing argument" in wrong_usage("chargepost station")


TRIED_COMMANDS = [
    pytest.param(text, marks=[pytest.mark.slow] * text.startswith("chargepost fleet"))
    for text in sorted({each.text for each in commands() if TRIED.fullmatch(each.text)})
]


@pytest.mark.parametrize("command", TRIED_COMMANDS)
def test_quick_commands_run(command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = command.replace("--plot ", f"--plot {tmp_path}/")
    assert run_with(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


def test_the_file_of_faults_to_copy_is_one_that_the_program_takes() -> None:
    files = [block.text for block in blocks(ROOT / "docs" / "how-to" / "in-ci.md") if block.kind == "toml"]
    assert [(len(each.frames), len(each.bytes)) for each in (faults.read(text, "in-ci.md") for text in files)] == [
        (2, 2)
    ]


def test_the_tables_of_instruments_to_copy_are_ones_that_the_program_takes() -> None:
    page = ROOT / "docs" / "how-to" / "build-a-station.md"
    *tables, whole = [block.text for block in blocks(page) if block.kind == "toml"]
    parts = [site.read_hardware(text, page.name) for text in tables]
    named = [name for part in parts for name in ("meter", "reader", "gpio", "io", "tic") if getattr(part, name)]
    assert named == ["meter", "reader", "gpio", "io", "tic"], "each has its table"
    assert site.read_hardware("\n".join(tables), page.name), "they may stand in one file"
    (station,) = site.read(whole, page.name).stations
    assert station.hardware
    assert station.hardware.fittings(find_model(station.model)).meters.keys() == {1, 2}


def test_the_site_of_fuses_to_copy_is_one_that_the_program_takes() -> None:
    page = ROOT / "docs" / "how-to" / "share-fuses.md"
    text, meter, manager, member = (block.text for block in blocks(page) if block.kind == "toml")
    garage = site.read(text, "garage.toml")
    site.read(text + '[[fuses]]\nname = "third"\nrating = 9\n' + meter, "garage.toml")
    assert [part.fuse().rating_a for part in garage.fuses] == [(63, 63, 63), (40, 40, 32)]
    yard, right = site.read(manager, "yard.toml"), site.read(member, "right.toml")
    assert [part.id for part in yard.remote] == [part.id for part in right.stations]
    assert yard.site.floor == right.site.floor


def test_make_knows_every_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {Line(line.at, found[1]) for line in lines() if (found := re.match(r"make ([a-z-]+)", line.text))}
    assert {line for line in named if line.text not in targets} == set()
    assert {line.text for line in named} >= {"run", "test"}


# --- requests ---------------------------------------------------------------------------------------------------------


class Request(NamedTuple):
    at: str
    method: str
    path: str
    body: str | None


def requests() -> Iterator[Request]:
    """Every curl line, as the request it makes."""
    for line in lines():
        found = re.search(r"curl (.*?)(?: \||\)?$)", line.text)
        if not found:
            continue
        words = shlex.split(found[1].replace("$TOKEN", "T"))
        options = dict(itertools.pairwise(words))
        body = options.get("--json")
        url = next(word for word in words if re.match(r"\$[CS]/|http://127", word))
        path = "/" + re.sub(r"^(\$[CS]|http://127\.0\.0\.1:\d+)/", "", url).partition("?")[0]
        yield Request(line.at, options.get("-X", "POST" if body else "GET"), path, body)


def row_for(request: Request, rows: Iterable[Any]) -> Route | None:
    for row in rows:
        if isinstance(row, Route) and row.method == request.method:
            pattern = re.sub(r"\{\w+(:\w+)?\}", "[^/]+", row.path)
            if re.fullmatch(pattern, request.path):
                return row
    return None


async def test_every_request_exists_and_takes_its_body() -> None:
    async with running() as site:
        from chargepost.supervision.api import Supervision

        supervision = Supervision(site.host, bytes).rows()
    rows = [*Control(cast(Any, None)).rows(), *supervision]
    asked = list(requests())
    for request in asked:
        row = row_for(request, rows)
        assert row, request
        if request.body is not None:
            assert row.body, request
            msgspec.json.decode(request.body, type=row.body)
    assert len(asked) > 20, "curl lines are found"
    assert row_for(Request("", "POST", "/stations/X/plugin", None), rows) is None, "a wrong one would be seen"


async def test_addresses_in_the_text_are_served() -> None:
    async with running() as site:
        from chargepost.commissioning.api import Tool
        from chargepost.supervision.api import Supervision

        tools = Tool(cast(Any, None), lambda: 0.0, "")
        rows = [*Control(cast(Any, None)).rows(), *Supervision(site.host, bytes).rows(), *tools.rows()]
    served = {row.path for row in rows if isinstance(row, Page | Route)} | {"/docs", "/openapi.json"}
    told = {
        Line(line.at, line.text) for page in PAGES for line in prose(page) if re.fullmatch(r"/[\w/{}.]+", line.text)
    }
    assert {line for line in told if line.text not in served} == set()


# --- programs ---------------------------------------------------------------------------------------------------------


def program(page: str) -> str:
    """The one Python program of a how-to page."""
    found = [block.text for block in blocks(ROOT / "docs" / "how-to" / page) if block.kind == "python"]
    assert len(found) == 1
    return found[0]


@pytest.mark.slow
def test_the_central_system_to_copy_and_the_test_to_copy_fit_together(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    central, test = tmp_path / "central.py", tmp_path / "test_mine.py"
    central.write_text(program("your-central-system.md").replace("9000", port))
    test.write_text(program("in-ci.md").replace("9000", port))
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    serving = subprocess.Popen(
        [sys.executable, central], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        pytest_alone = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--rootdir={tmp_path}",
            str(test),
        ]
        done = subprocess.run(
            pytest_alone, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, done.stdout
    finally:
        serving.terminate()
        said = serving.communicate(timeout=10)[0]
    assert "CI-1 boots: EVlink Pro AC" in said
    assert re.search(r"CI-1 ends at \d+ Wh: Local", said)
    assert "Traceback" not in said, "every message of the charge is answered, and the end of a link is no error"
