"""HTML that cannot be injected into: text is escaped unless it was made here. Pure."""

from html import escape
from typing import Any

VOID = {"meta", "link", "input", "br", "path", "circle", "rect"}


class Html(str):
    """Markup made by `el`; every other string is text."""

    __slots__ = ()


Child = Any
"""Html, text, a number, None (nothing), or a list of these."""


def el(tag: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """One element. `class_` is class, `data_live` is data-live; True is a bare attribute, False and None are none."""
    words = [tag]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(attribute)
        elif value is not None and value is not False:
            words.append(f'{attribute}="{escape(str(value))}"')
    opening = " ".join(words)
    return Html(f"<{opening}>" if tag in VOID else f"<{opening}>{join(children)}</{tag}>")


def join(children: Child) -> Html:
    """All of them, one after the other."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, list | tuple):
        return Html("".join(join(child) for child in children))
    return Html(escape(str(children)))


def table(heads: list[str], rows: list[Html], empty: str, label: str) -> Html:
    """A table with its heads, or the words that say how it is filled."""
    if not rows:
        return el("p", empty, class_="empty")
    head = el("tr", [el("th", word, scope="col") for word in heads])
    body = el("table", el("thead", head), el("tbody", rows), aria_label=label)
    return el("div", body, class_="scroll", tabindex="0", role="region", aria_label=label)
