"""HTML that cannot be injected into: text is escaped unless it was made here. Pure."""

from collections.abc import Collection, Sequence
from html import escape
from typing import Any, NamedTuple

VOID = {"meta", "link", "input", "br", "wbr", "path", "circle", "rect"}


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


class Row(NamedTuple):
    """One line of a table: a cell for each head."""

    cells: Sequence[Child]
    kind: str | None = None
    key: str | None = None
    """By which the script finds a row again that moved."""


def table(heads: Sequence[str], rows: Sequence[Row], empty: Child, label: str, numbers: Collection[str] = ()) -> Html:
    """A table with its heads, or the words that say how it is filled. `numbers` are the heads of figures.

    Each cell carries its head, so that a narrow screen can show a row as a block of labelled lines. The roles are
    spoken out because browsers drop those of a table that is laid out as blocks.
    """
    if not rows:
        return el("p", empty, class_="empty")
    head = el("tr", [el("th", word, scope="col", role="columnheader") for word in heads], role="row")
    lines = [el("tr", _cells(heads, row, numbers), class_=row.kind, data_key=row.key, role="row") for row in rows]
    parts = (el("thead", head, role="rowgroup"), el("tbody", lines, role="rowgroup"))
    whole = el("table", parts, aria_label=label, role="table")
    return el("div", whole, class_="scroll", tabindex="0", role="region", aria_label=label)


def _cells(heads: Sequence[str], row: Row, numbers: Collection[str]) -> list[Html]:
    return [
        el("td", cell, class_="number" if head in numbers else None, data_label=head, role="cell")
        for head, cell in zip(heads, row.cells, strict=True)
    ]
