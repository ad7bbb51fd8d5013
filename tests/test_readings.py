"""The page of readings explains every number cited and no other, and `chargepost models` leads to it."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepost.catalogue import names, read
from chargepost.catalogue.report import as_text
from chargepost.cli import run_with

THIS = Path(__file__)
ROOT = THIS.parents[1]
PAGE = ROOT / "docs" / "reference" / "readings.md"
HOW_TO = ROOT / "docs" / "how-to" / "describe-a-product.md"
CITED = re.compile(r"\bQ-\d{3}\b")
ROW = re.compile(r"^\| (Q-\d{3}) \| \S.* \| \S.* \|$", re.M)
"""Its number, what is printed, what is built."""
KINDS = {".py", ".toml", ".md", ".json", ".mjs", ".js", ".html", ".css"}
WIDE = 400
"""Characters of a line in which nothing is folded."""


def citing() -> Iterator[Path]:
    """Every text that may rest on a reading; the page itself and this file do not count."""
    for folder in ("src", "tests", "docs"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in KINDS and path not in (PAGE, THIS))


def cited() -> dict[str, str]:
    """Each number with one of the files that cite it."""
    return {each: str(path.relative_to(ROOT)) for path in citing() for each in CITED.findall(path.read_text("utf-8"))}


def disagreements(page: str, cited: dict[str, str]) -> list[str]:
    """What the page and the citations say differently; empty when they agree."""
    explained = Counter(ROW.findall(page))
    return sorted(
        [f"{number} is cited in {path} and has no line" for number, path in cited.items() if number not in explained]
        + [f"{number} has a line and is cited nowhere" for number in explained if number not in cited]
        + [f"{number} has {count} lines" for number, count in explained.items() if count > 1]
    )


def test_readings_and_citations_agree() -> None:
    assert disagreements(PAGE.read_text("utf-8"), cited()) == []


def test_a_missing_a_needless_and_a_double_line_are_found() -> None:
    page = "| Q-001 | a | b |\n| Q-002 | a | b |\n| Q-002 | c | d |\n| Q-003 |  | b |\n"
    assert disagreements(page, {"Q-002": "a.py", "Q-003": "b.py"}) == [
        "Q-001 has a line and is cited nowhere",
        "Q-002 has 2 lines",
        "Q-003 is cited in b.py and has no line",
    ]


@pytest.mark.parametrize("line", sorted({name.partition("/")[0] for name in names()}))
def test_a_model_that_rests_on_readings_says_where_they_are_explained(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(["models", line]) == 0
    printed = capsys.readouterr().out
    assert CITED.search(printed)
    assert str(PAGE.relative_to(ROOT)) in printed.partition("\nSources\n")[2]


def test_a_model_without_readings_does_not_speak_of_them(tmp_path: Path) -> None:
    whole = re.findall(r"^```toml\n(.*?)^```", HOW_TO.read_text("utf-8"), re.M | re.S)[0]
    (tmp_path / "acme-duo.toml").write_text(whole, "utf-8")
    assert PAGE.name not in as_text(read(tmp_path / "acme-duo.toml"), WIDE)
