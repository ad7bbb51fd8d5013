"""A quirk is a rule of the station, no remark: what a product file names there is read, or has its reason here."""

import tomllib
from pathlib import Path

from chargepost.catalogue.load import MODELS

SRC = MODELS.parents[1]

INFORMATIVE = {
    "less_in_1_5": "OCPP 1.5 is not spoken: a dialect that nobody dials with has no messages to shorten",
}
"""Facts of a product that nothing here can act on, and why."""


def named(folder: Path = MODELS) -> dict[str, set[str]]:
    """Each quirk of any product file, with its words."""
    quirks: dict[str, set[str]] = {}
    for path in folder.rglob("*.toml"):
        for quirk, words in tomllib.loads(path.read_text("utf-8")).get("quirks", {}).items():
            quirks.setdefault(quirk, set()).update(words.keys() - {"source"})
    return quirks


def unread(quirks: dict[str, set[str]], source: str) -> list[str]:
    """Quirks, and words of them, that no line of the source names."""

    def reads(word: str) -> bool:
        return f'"{word}"' in source or f"'{word}'" in source

    return sorted(
        f"{quirk}.{word}".rstrip(".")
        for quirk, words in quirks.items()
        for word in ("", *words)
        if quirk not in INFORMATIVE and not reads(word or quirk)
    )


def test_every_quirk_of_a_product_is_read_by_the_station() -> None:
    source = "\n".join(path.read_text("utf-8") for path in SRC.rglob("*.py"))
    assert unread(named(), source) == []
    assert [quirk for quirk in INFORMATIVE if f'"{quirk}"' in source] == [], "read, and said to be informative"
    assert INFORMATIVE.keys() <= named().keys()


def test_a_quirk_or_a_word_that_nobody_reads_is_found() -> None:
    assert unread({"a": {"b", "c"}, "d": set()}, "quirks['a'][\"b\"]") == ["a.c", "d"]
