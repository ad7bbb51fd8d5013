"""What `tools/words` reads and writes, for tests; and a language that nobody speaks, to see what is not translated."""

import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"(\{\w+\}|%\(\w+\)s)")

ACCENTS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀçðéƒğĥíĵķļɱñóþǫŕšţúṽŵẋýžÁƁÇÐÉƑĞĤÍĴĶĻṀÑÓÞǪŔŠŢÚṼŴẊÝŽ",
)
"""No letter stays that English has."""


def tool() -> Any:
    """`tools/words` as a module."""
    loader = SourceFileLoader("tools_words", str(ROOT / "tools" / "words"))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


def pseudo(text: str) -> str:
    """Accented, and a third longer as German is: each vowel stands twice."""
    parts = PLACEHOLDER.split(text)
    return "".join(
        part if n % 2 else re.sub("([aeiou])", r"\1\1", part).translate(ACCENTS) for n, part in enumerate(parts)
    )


def compile_into(home: Path, language: str, catalogue: Catalog) -> None:
    """For the run time, under another home than the package's."""
    place = home / language / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "tool.mo").open("wb") as file:
        write_mo(file, catalogue)


def pseudo_catalogue(language: str) -> Catalog:
    """That of a language, with the pseudo-language in it."""
    made = Catalog(language, domain="tool")
    for message in tool().texts():
        if isinstance(message.id, tuple):
            made.add(message.id, tuple(pseudo(each) for each in message.id))
        elif message.id:
            made.add(message.id, pseudo(message.id))
    return made
