"""Templates into HTML. Text is escaped, a name that is not there is an error, and every word goes through gettext."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chargepost.commissioning.words import LANGUAGES, Words, words

HERE = Path(__file__).parent
STATIC, VENDOR = HERE.parent / "static", HERE.parent / "vendor"
"""Our own style and scripts, and what `tools/setup pages` copies from the packages of package.json."""

SHAPES = {
    "available": '<circle cx="8" cy="8" r="6" class="line"/>',
    "charging": '<path d="M9 1 3 9h4l-1 6 7-9H9z"/>',
    "waiting": '<path d="M3 1h10v3L9.5 8 13 12v3H3v-3l3.5-4L3 4z"/>',
    "suspended": '<path d="M3 2h4v12H3zM9 2h4v12H9z"/>',
    "faulted": '<path d="M8 1l7 13H1z"/>',
    "unavailable": '<path d="M1 6h14v4H1z"/>',
}
"""A state is a word, a shape and a colour."""


@lru_cache(1)
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["local"] = local_time
    made.globals |= {"LANGUAGES": LANGUAGES, "shape": shape}
    return made


def render(template: str, language: str, /, **context: Any) -> str:
    """A page, or a part of one, in a language."""
    spoken: Words = words(language)
    return (
        _environment()
        .get_template(template)
        .render(context | {"_": spoken, "ngettext": spoken.count, "number": spoken.number, "language": language})
    )


def shape(kind: str) -> Markup:
    return Markup(f'<svg viewBox="0 0 16 16" aria-hidden="true">{SHAPES[kind]}</svg>')  # noqa: S704 - our own


def local_time(utc_s: float, zone: str = "", seconds: bool = True) -> str:
    """A date as it is where the station stands: 2026-11-20 14:02:07. An unknown zone is UTC."""
    return datetime.fromtimestamp(utc_s, zone_of(zone)).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


@lru_cache(64)
def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
