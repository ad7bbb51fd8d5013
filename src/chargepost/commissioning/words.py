"""The tool's texts in the languages it speaks. A text without a translation, or a language without its compiled file,
is English: words never make a page fail. Catalogues are compiled by `tools/setup pages`.
"""

import gettext
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

LANGUAGES = {"en": "English", "fr": "Français", "de": "Deutsch", "es": "Español", "it": "Italiano"}
LOCALE = Path(__file__).parent / "locale"
DOMAIN = "tool"


def _(text: str) -> str:
    """Marks a text of a row for translation; it is translated where it is shown."""
    return text


class Words:
    """The texts in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = gettext.translation(DOMAIN, LOCALE, [language], fallback=True)

    def __call__(self, text: str) -> str:
        return self._texts.gettext(text) if text else ""  # an empty text is the catalogue's head

    def count(self, one: str, many: str, number: int) -> str:
        """With the plural form of the language; `%(num)s` stands for the number."""
        return self._texts.ngettext(one, many, number) % {"num": number}

    def number(self, text: str) -> str:
        """A number, with its unit perhaps, as the language writes it: with a comma in all but English."""
        return text if self.language == "en" else text.replace(".", ",")


@lru_cache(len(LANGUAGES))
def words(language: str) -> Words:
    return Words(language)


def choose(wished: Iterable[str]) -> str:
    """The first language that is spoken here, of tags like `fr-CH`; else English."""
    for tag in wished:
        language = tag.strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"
