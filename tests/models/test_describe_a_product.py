"""The page for newcomers is true: its files are sound, mistakes are answered as it prints, its commands do as told."""

import re
import shlex
from pathlib import Path

import pytest

from chargepost.catalogue import read
from chargepost.cli import run_with

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "describe-a-product.md").read_text("utf-8")
WHOLE, VARIANT, OLDER = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
WRONG = re.findall(r"^\| `(.+)` \| `(.+)` \| (.+) \|$", PAGE, re.M)
CONSOLE = re.findall(r"^```console\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the newcomer saves the files under their names."""
    (tmp_path / "acme-duo.toml").write_text(WHOLE, "utf-8")
    (tmp_path / "3.09.toml").write_text(OLDER, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("wrong", "right", "said"), WRONG, ids=lambda text: text[:20])
def test_each_mistake_of_the_table_is_answered_as_the_page_prints_it(
    wrong: str, right: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert right in WHOLE
    (folder / "acme-duo.toml").write_text(WHOLE.replace(right, wrong, 1), "utf-8")
    assert run_with(["models", "--check", "acme-duo.toml"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == f"acme-duo.toml: {said}"


def test_the_mistakes_are_found_in_the_page() -> None:
    assert len(WRONG) > 10


@pytest.mark.parametrize("block", CONSOLE)
def test_each_command_of_the_page_does_and_says_what_it_prints(
    block: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, printed in re.findall(r"^\$ chargepost (.+)\n((?:[^$].*\n)*)", block, re.M):
        assert run_with(shlex.split(command)) == 0, command
        assert printed in capsys.readouterr().out


def test_a_variant_is_added_and_an_older_release_differs_as_told(folder: Path) -> None:
    (folder / "acme-duo.toml").write_text(f"{WHOLE}\n{VARIANT}", "utf-8")
    newer, older = read(folder / "acme-duo.toml"), read(folder / "3.09.toml")
    assert set(newer.variants) == {"socket", "cable"}
    assert set(newer.messages.answers) - set(older.messages.answers) == {"UnlockConnector"}
    assert newer.keys.keys() - older.keys.keys() == {"ledcolour"}
    assert older.keys["heartbeatinterval"].default == "300"


def test_an_empty_file_is_told_what_has_to_be_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.toml").write_text("")
    assert run_with(["models", "--check", "empty.toml"]) == 1
    assert "empty.toml: keys: is missing" in capsys.readouterr().out
