"""Every duty accepted names tests that exist, and every test that cites a duty is named there: both ways."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

TESTS = Path(__file__).parent
KNOWN = {f"R-{number:03}" for number in range(1, 355)}
CITED = re.compile(r"\bR-\d{3}\b|(?<=_)r_\d{3}(?=_|$)")
"""`R-042` in a docstring, `test_r_042_...` in a name."""


class Duty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One duty: in our words, where it stands, and what proves it (`file::function`, below tests/)."""

    says: str
    source: str
    tests: list[str]


def accepted(text: str) -> dict[str, Duty]:
    return msgspec.convert(tomllib.loads(text), dict[str, Duty])


def cited_by_tests(tests: Path) -> Iterator[tuple[str, set[str]]]:
    """Each test function as `file::function` (`file::Class::function`), with the duties it cites."""
    for path in tests.rglob("test_*.py"):
        for name, function in functions_of(ast.parse(path.read_text())):
            text = f"{function.name} {ast.get_docstring(function) or ''}"
            duties = {word.upper().replace("_", "-") for word in CITED.findall(text)}
            yield f"{path.relative_to(tests).as_posix()}::{name}", duties


def functions_of(
    tree: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{prefix}{node.name}::")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield f"{prefix}{node.name}", node


def disagreements(duties: dict[str, Duty], cited: dict[str, set[str]]) -> list[str]:
    """What the list of duties and the tests say differently; empty when they agree."""
    found = [f"{duty} is no duty: they are R-001 to R-354" for duty in duties.keys() - KNOWN]
    for name, duty in duties.items():
        found += [f"{name} has no {field}" for field in ("says", "source", "tests") if not getattr(duty, field)]
        found += [f"{name} names {test}, which is no test" for test in duty.tests if test not in cited]
    for test, names in cited.items():
        found += [
            f"{test} cites {name}, which does not name it" for name in names if test not in proofs_of(duties, name)
        ]
    return sorted(found)


def proofs_of(duties: dict[str, Duty], name: str) -> list[str]:
    return duties[name].tests if name in duties else []


def test_duties_and_tests_agree() -> None:
    duties = accepted((TESTS / "duties.toml").read_text())
    assert not disagreements(duties, dict(cited_by_tests(TESTS)))
