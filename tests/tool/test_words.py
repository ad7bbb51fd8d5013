"""Every text of the tool in every language it speaks (UX check 16), as `tools/words` reads them."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from chargepost.commissioning.words import LANGUAGES, Words, choose
from tests.tool.words import compile_into, placeholders, pseudo, tool

OTHERS = [language for language in LANGUAGES if language != "en"]


@cache
def texts() -> Catalog:
    found: Catalog = tool().texts()
    return found


def forms(text: Any) -> tuple[str, ...]:
    return text if isinstance(text, tuple) else (text,)


def faults(catalogue: Catalog) -> list[str]:
    """What is wrong with the catalogue of a language, each in one line."""
    found = []
    for wanted in texts():
        message = catalogue.get(wanted.id)
        if not wanted.id:
            continue
        if message is None or not all(forms(message.string)) or len(forms(message.string)) != len(forms(wanted.id)):
            found.append(f"not translated: {wanted.id!r}")
            continue
        original, translated = forms(wanted.id), forms(message.string)
        for one, other in zip(original, translated, strict=True):
            # the singular may leave its number out, and a language may write it although English does not
            loose = len(original) == 2 and one is original[0]
            if placeholders(one) != placeholders(other) and not (loose and set(placeholders(other)) <= {"%(num)s"}):
                found.append(f"other placeholders: {other!r} for {one!r}")
            if re.search(r"<[a-zA-Z/]|&\w+;", other):
                found.append(f"HTML: {other!r}")
            if one.strip() != one or other.strip() != other:
                found.append(f"blanks at an end: {other!r}")
    found += [f"marked fuzzy: {message.id!r}" for message in catalogue if message.fuzzy and message.id]
    found += [
        f"used no more: {message.id!r}" for message in catalogue if message.id and texts().get(message.id) is None
    ]
    return found + [f"obsolete: {text!r}" for text in catalogue.obsolete]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    """When it fails: `tools/words update`, then translate what is empty in the .po files."""
    assert faults(tool().read(language)) == []


def test_what_is_missing_or_wrong_is_found() -> None:
    catalogue = tool().read("fr")
    catalogue["Save"].string = ""
    catalogue["Log in"].string = "<b>Se connecter</b>"
    catalogue["Factory: {value}"].string = "Usine : {valeur}"
    catalogue["Log out"].flags.add("fuzzy")
    catalogue.add("Gone since", "Parti depuis")
    del catalogue["Badges"]
    assert [each.partition(":")[0] for each in sorted(faults(catalogue))] == [
        "HTML", "marked fuzzy", "not translated", "not translated", "other placeholders", "used no more",
    ]  # fmt: skip


def test_the_catalogues_are_those_of_the_languages_spoken() -> None:
    module = tool()
    assert set(module.LANGUAGES) == set(LANGUAGES)
    assert {path.name for path in (module.HOME / "locale").iterdir()} == set(LANGUAGES)
    for language in LANGUAGES:
        known = {message.id for message in module.read(language) if message.id}
        assert known == {message.id for message in texts() if message.id}, "run tools/words update"


def test_texts_within_an_f_string_are_read() -> None:
    """Babel's own reader of Python misses them."""
    known = {forms(message.id)[0] for message in texts()}
    for path in tool().HOME.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name("_"), args=[ast.Constant(str(text))]):
                    assert text in known, f"{path.name}: {text}"


def test_plural_forms_and_numbers_as_the_language_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for language in LANGUAGES:
        compile_into(tmp_path, language, tool().read(language))
    monkeypatch.setattr("chargepost.commissioning.words.LOCALE", tmp_path)
    said = [Words(each).count("%(num)s badge", "%(num)s badges", 0) for each in LANGUAGES]
    assert said == ["0 badges", "0 badge", "0 Badges", "0 tarjetas", "0 badge"]
    assert [Words(each).number("6.94 kW") for each in LANGUAGES] == ["6.94 kW", *["6,94 kW"] * 4]


def test_the_first_language_of_the_browser_that_is_spoken() -> None:
    assert choose(["pt-PT", "fr-CH", "de"]) == "fr"
    assert choose(["ja"]) == "en"


def test_the_pseudo_language_keeps_what_is_filled_in() -> None:
    assert pseudo("Take {value}!") == "Ţááķéé {value}!"
    assert placeholders(pseudo("%(num)s of {n}")) == ["%(num)s", "{n}"]
