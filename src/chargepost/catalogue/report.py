"""What the catalogue knows, as plain data and text for `chargepost models`. Pure: nothing is printed here."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Any

import msgspec

from chargepost.catalogue.checks import items
from chargepost.catalogue.load import ModelError, examine, load, names
from chargepost.catalogue.model import (
    ConnectorSpec,
    ErrorSpec,
    InputSpec,
    KeySpec,
    MeasurandSpec,
    Model,
    RegisterSpec,
    Variant,
)


class ModelRow(msgspec.Struct, frozen=True):
    """One line of the list of models."""

    name: str
    title: str
    release: str
    firmware: str
    variant: str
    description: str
    dialects: tuple[str, ...]
    reference: str
    default: bool
    """This one is meant when the line is named alone."""


class Section(msgspec.Struct, frozen=True):
    """A part of a model as a table; its last column is the source."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: tuple[str, ...] = ()
    """Columns that may go below their row when the width is not enough."""
    head: int = 1
    """Columns that name a row."""

    def text(self, width: int) -> str:
        """As a table; where that is too narrow to read with its sentences below the rows, and else row by row."""
        used = [column for column in range(len(self.columns)) if any(row[column] for row in self.rows)]
        prose = [column for column in used if self.columns[column] in self.prose]
        for below in ([], prose):
            beside = [column for column in used if column not in below]
            widths = self._fitted(beside, prose, width)
            if widths:
                return "\n".join([self.title, *self._table(beside, widths, below, width)])
        return "\n".join([self.title, *self._records(used, prose, width)])

    def _fitted(self, beside: list[int], prose: list[int], width: int) -> list[int]:
        """Widths of columns so that a line fits, the widest giving way, no word broken; empty when there are none."""
        cells = [[line[column] for line in (self.columns, *self.rows)] for column in beside]
        fitted = [max(map(len, column)) for column in cells]
        word = [max(len(each) for cell in column for each in (cell.split() or [""])) for column in cells]
        readable = [PROSE_LEAST if column in prose else CELL_LEAST for column in beside]
        least = [max(word[i], min(fitted[i], readable[i])) for i in range(len(beside))]
        while sum(fitted) + len(GAP) * len(fitted) > width:
            widest = max(range(len(fitted)), key=lambda i: fitted[i] - least[i])
            if fitted[widest] <= least[widest]:
                return []
            fitted[widest] -= 1
        return fitted

    def _table(self, beside: list[int], widths: list[int], below: list[int], width: int) -> Iterator[str]:
        for line in (self.columns, *self.rows):
            cells = [_wrapped(line[column], size) for column, size in zip(beside, widths, strict=True)]
            for row in zip_longest(*cells, fillvalue=""):
                yield GAP + GAP.join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
            if line is not self.columns:
                yield from _indented((line[column] for column in below), width)

    def _records(self, used: list[int], prose: list[int], width: int) -> Iterator[str]:
        rest = used[self.head :]
        for row in self.rows:
            yield GAP + GAP.join(row[: self.head])
            facts = (f"{self.columns[column]} {row[column]}" for column in rest if column not in prose and row[column])
            yield from _indented((GLUE.join(facts), *(row[column] for column in prose)), width)


GAP, GLUE = "  ", " · "
PROSE_LEAST, CELL_LEAST = 36, 24
"""Characters a column of sentences, and one of facts, needs to be read."""


def _indented(texts: Iterable[str], width: int) -> Iterator[str]:
    for text in filter(None, texts):
        for line in _wrapped(text, width - 3 * len(GAP)):
            yield GAP * 3 + line


def _wrapped(text: str, width: int) -> list[str]:
    return wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]


class Difference(msgspec.Struct, frozen=True):
    """A fact two models do not share; empty on the side that does not have it."""

    path: str
    """keys.HeartbeatInterval.default"""
    left: str
    right: str


def list_models() -> list[ModelRow]:
    """Every line, release and variant."""
    rows = []
    for name in names():
        model = load(name)
        rows.append(
            ModelRow(
                name=name,
                title=model.title,
                release=model.release,
                firmware=model.identity.firmware,
                variant=model.variant,
                description=model.variants[model.variant].description,
                dialects=model.dialects,
                reference=model.variants[model.variant].reference,
                default=load(model.line) is model,
            )
        )
    return rows


def as_list(rows: list[ModelRow], width: int) -> str:
    """The lines with their releases and variants, in names that can be typed."""
    blocks = []
    for line in dict.fromkeys(row.name.partition("/")[0] for row in rows):
        own = [row for row in rows if row.name.partition("/")[0] == line]
        releases = list(dict.fromkeys(row.release for row in own))
        newest = [row for row in own if row.release == releases[0]]
        names = [row.name if row.default else row.name.partition("@")[0] for row in newest]
        size = max(map(len, names))
        blocks += [
            f"{own[0].title}, OCPP {' '.join(own[0].dialects)}",
            *wrap(f"releases: {' '.join(releases)}", width, initial_indent=GAP, subsequent_indent=GAP * 6),
            *(
                line
                for row, name in zip(newest, names, strict=True)
                for line in _hanging(f"{'*' if row.default else ' '} {name:<{size}}{GAP}", row.description, width)
            ),
            "",
        ]
    return "\n".join([*blocks, *wrap(NAMES, width)])


def _hanging(head: str, text: str, width: int) -> list[str]:
    lines = _wrapped(text, max(width - len(head), PROSE_LEAST))
    return [f"{head}{lines[0]}".rstrip(), *(" " * len(head) + line for line in lines[1:])]


NAMES = (
    "* is meant when a line is named alone. A name is LINE, LINE/VARIANT, LINE@RELEASE or LINE/VARIANT@RELEASE, in any "
    "case; without a release the newest is meant; a variant or commercial reference that one line has may stand alone. "
    "chargepost models NAME tells all that is known of one."
)


def describe(model: Model) -> list[Section]:
    """Everything in a model's file, with the source of each row."""
    return [
        _table("Identity", "fact", _facts(model.identity)),
        Section(
            f"Variants ({len(model.variants)}; what follows is {model.variant})",
            ("variant", "description", "outlets", "together", "defaults that differ", "source"),
            tuple(
                (
                    name,
                    facts.description,
                    _outlets(facts.connectors),
                    "" if facts.power_w is None else f"{facts.power_w / 1000:g} kW",
                    _pairs(facts.keys),
                    facts.source,
                )
                for name, facts in model.variants.items()
            ),
            prose=("description", "defaults that differ"),
        ),
        Section(
            f"Messages ({len(model.messages.sends)} sent, {len(model.messages.answers)} answered)",
            ("action", "way", "comment", "source"),
            tuple(_messages(model)),
            prose=("comment",),
        ),
        _keys(f"Configuration keys ({len(model.keys)})", model.keys.values()),
        _keys("Keys not shown to the supervision, whose values rule", model.hidden.values()),
        Section(
            f"Vendor errors ({len(model.errors)})",
            ("code", "name", "OCPP errorCode", "charge", "clears", "of", "description", "remedy", "source"),
            tuple(
                (
                    code,
                    error.name,
                    error.ocpp,
                    "ends" if error.stops else "goes on",
                    CLEARS[error.clears].format(error.clears_after_s),
                    ("connector" if error.connector_only else "station") + _only(error.variants),
                    error.description,
                    error.remedy
                    + {True: " Service is needed.", False: " No service is needed.", None: ""}[error.service],
                    error.source,
                )
                for code, error in model.errors.items()
            ),
            prose=("description", "remedy"),
            head=2,
        ),
        Section(
            f"Measurands ({len(model.measurands)})",
            ("measurand", "unit", "phases", "source"),
            tuple(
                (name, spec.unit or "without", " ".join(spec.phases), spec.source)
                for name, spec in model.measurands.items()
            ),
        ),
        Section(
            "Inputs",
            ("input", "does", "error", "each connector", "while", "normally", "meaning", "source"),
            tuple(map(_input, model.inputs.values())),
            prose=("meaning",),
        ),
        _table("Smart charging", "restriction", _facts(model.smart_charging)),
        _table("Authentication", "fact", _facts(model.authentication)),
        _table("Link to the supervision", "fact", _facts(model.transport)),
        _table("After a power cut", "fact", _facts(model.after_power_cut)),
        *modbus(model),
        Section(
            "Data transfers",
            ("vendor", "message", "way", "enabled by", "data", "source"),
            tuple(
                (each.vendor, each.message, each.direction, each.enable_key, each.data, each.source)
                for each in model.data_transfers
            ),
        ),
        Section(
            "Quirks",
            ("quirk", "words", "source"),
            tuple(
                (name, _pairs({word: value for word, value in facts.items() if word != "source"}), str(facts["source"]))
                for name, facts in model.quirks.items()
            ),
            prose=("words",),
        ),
        Section("Sources", ("name", "document"), tuple(_sources(model))),
        Section("Unknown", ("what", "why, and what was taken"), tuple(model.unknown.items())),
    ]


def _input(row: InputSpec) -> tuple[str, ...]:
    wired = f"{row.function_key} is {row.function}" if row.function_key else ""
    each = "yes" if row.each else ""
    return (row.name, row.does, row.error, each, wired, row.normally_key, row.meaning, row.source)


def modbus(model: Model) -> list[Section]:
    """How the station is controlled over Modbus, and its map; empty sections where none is known."""
    return [
        _table("Modbus", "fact", _facts(model.modbus)) if model.modbus else Section("Modbus", ("fact",), ()),
        Section(
            f"Modbus registers ({len(model.registers)})",
            ("register", "words", "type", "access", "name", "unit", "takes", "meaning", "source"),
            tuple(map(_register, sorted(model.registers.values(), key=lambda row: row.address))),
            prose=("meaning",),
            head=5,
        ),
    ]


def _register(row: RegisterSpec) -> tuple[str, ...]:
    least, most = row.min or 0, row.max
    takes = f"{least:g}..{'' if most is None else f'{most:g}'}" if row.access == "RW" and row.type != "text" else ""
    words: dict[int, list[str]] = {}
    for word, number in (row.values | row.writes).items():
        words.setdefault(number, []).append(word)
    head, middle = ("bit ", " error ") if row.type == "bits" else ("", " ")
    numbers = ", ".join(f"{head}{number}{middle}{' or '.join(each)}" for number, each in words.items())
    key = f"key {row.key}" if row.key else ""
    meaning = ": ".join(filter(None, (row.meaning, numbers)))
    return (
        str(row.address), str(row.words), row.type, row.access, row.name, row.unit,
        ", ".join(map(str, row.writes.values())) or takes, "; ".join(filter(None, (meaning, key))), row.source,
    )  # fmt: skip


CLEARS = {"cause": "with its cause", "unplug": "by unplugging", "self": "after {:g} s", "service": "by service"}


def as_text(model: Model, width: int) -> str:
    """`describe` as one text, headed by name and title; empty sections are left out."""
    files = f"  files by {' '.join(model.file_transfers)}" if model.file_transfers else ""
    head = f"{model.title}\n  {model.name}  {' '.join(model.dialects)}{files}"
    return "\n\n".join([head, *(section.text(width) for section in describe(model) if section.rows)])


def as_json(model: Model) -> str:
    """The whole model as one line of JSON."""
    return msgspec.json.encode(model).decode()


def diff(left: Model, right: Model) -> list[Difference]:
    """Every fact in which two models differ, in the order of the left one."""
    ours, theirs = dict(_flat(msgspec.to_builtins(left))), dict(_flat(msgspec.to_builtins(right)))
    return [
        Difference(path, ours.get(path, ""), theirs.get(path, ""))
        for path in dict.fromkeys([*ours, *theirs])
        if ours.get(path, "") != theirs.get(path, "")
    ]


def as_differences(left: Model, right: Model, width: int) -> str:
    """What differs, for people: a row that one side does not have is one line, of lists is told what only one side
    lists, and where only the telling differs is left out."""
    rows: list[tuple[str, str, str]] = []
    ours, theirs = _by_part(left, right), _by_part(right, left)
    for part in ours:
        for name in dict.fromkeys([*ours[part], *theirs[part]]):
            one, other = ours[part].get(name), theirs[part].get(name)
            path = f"{part}.{name}" if name else part
            if one == other:
                continue
            if one is None or other is None:
                rows.append((path, _summary(one), _summary(other)))
            else:
                rows += ((f"{path}.{word}".rstrip("."), a, b) for word, a, b in _differing(one, other))
    if not rows:
        return f"{left.name} and {right.name} do not differ"
    title = f"{len(rows)} differences: A is {left.name}, B is {right.name}"
    return Section(title, ("fact", "A", "B"), tuple(rows)).text(width)


NOT_COMPARED = {"line", "release", "variant", "sources", "unknown"}
"""Parts of a model that name it, or tell of its documents."""
NOT_FACTS = {"name", "source", "meaning", "description", "remedy"}
"""Words of a row that name it, or tell of it."""


def _by_part(model: Model, other: Model) -> dict[str, dict[str, Any]]:
    """Rows by name in each part; of hidden keys only those that the other hides too."""
    parts: dict[str, dict[str, Any]] = {}
    for part, value in msgspec.structs.asdict(model).items():
        if isinstance(value, dict):
            parts[part] = {
                getattr(row, "name", "") or name if part == "keys" else name: row for name, row in value.items()
            }
        elif isinstance(value, msgspec.Struct):
            parts[part] = {
                word: each for word, each in _words(value).items() if word not in NOT_FACTS and each is not None
            }
        else:
            parts[part] = {"": value}
    chosen = model.variants[model.variant]
    parts["outlets"] = {"": _outlets(chosen.connectors)}
    parts["reference"], parts["power_w"] = {"": chosen.reference}, {"": chosen.power_w}
    if model.line != other.line:
        del parts["variants"]  # each line has its own
    parts["data_transfers"] = {each.message: each for each in model.data_transfers}
    parts["hidden"] = {name: row for name, row in parts["hidden"].items() if name in other.hidden}
    return {part: rows for part, rows in parts.items() if part not in NOT_COMPARED}


def _differing(one: Any, other: Any) -> Iterator[tuple[str, str, str]]:
    """Words of two rows that differ; of two plain values, the values under no word."""
    ours, theirs = _words(one), _words(other)
    for word in dict.fromkeys([*ours, *theirs]):
        a, b = ours.get(word), theirs.get(word)
        if word in NOT_FACTS or a == b:
            continue
        if isinstance(a, tuple) and isinstance(b, tuple) and set(a) != set(b):
            a, b = tuple(each for each in a if each not in b), tuple(each for each in b if each not in a)
        yield word, _cell(a) or "-", _cell(b) or "-"


def _words(row: Any) -> dict[str, Any]:
    if isinstance(row, msgspec.Struct):
        return msgspec.structs.asdict(row)
    return row if isinstance(row, dict) else {"": row}


def _summary(row: Any) -> str:
    """A row in one cell."""
    match row:
        case None:
            return "-"
        case KeySpec():
            _, access, takes, default, *_ = _key(row)
            return f"{access} {takes} = {default}"
        case Variant():
            return _outlets(row.connectors)
        case ErrorSpec():
            return f"{row.name}: {row.ocpp}"
        case MeasurandSpec():
            return " ".join((row.unit or "without unit", *row.phases))
    return _cell(
        {word: value for word, value in _words(row).items() if word not in NOT_FACTS} if isinstance(row, dict) else row
    )


def check(path: Path | str) -> list[str]:
    """All that is wrong with a product file, one line each; empty when it is right."""
    try:
        _, findings = examine(Path(path))
    except ModelError as error:
        return [str(error)]
    return [finding.line(path) for finding in findings]


# --- cells ----------------------------------------------------------------------------------------------------------


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested tables with their dotted paths."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from _flat(inside, f"{path}.{name}" if path else name)
    elif value is not None:
        yield path, _cell(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    if isinstance(value, msgspec.Struct):
        return _pairs(
            {word: each for word, each in msgspec.structs.asdict(value).items() if each and word not in NOT_FACTS}
        )
    if isinstance(value, dict):
        return _pairs(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pairs(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {_cell(value)}" for name, value in facts.items())


def _facts(part: msgspec.Struct) -> tuple[list[tuple[str, str]], str]:
    """Fields of a struct that say something, and its source."""
    facts = {name.replace("_", " "): _cell(value) for name, value in msgspec.structs.asdict(part).items()}
    source = facts.pop("source", "")
    return [(name, value) for name, value in facts.items() if value], source


def _table(title: str, column: str, facts: tuple[list[tuple[str, str]], str]) -> Section:
    rows, source = facts
    return Section(title, (column, "value", "source"), tuple((name, value, source) for name, value in rows))


def _outlets(outlets: Iterable[ConnectorSpec]) -> str:
    """T2S 3-phase 6 to 32 A, 2 of CCS2 1.44 to 173.91 A"""
    counted = Counter(map(_outlet, outlets))
    return ", ".join(outlet if count == 1 else f"{count} of {outlet}" for outlet, count in counted.items())


def _outlet(outlet: ConnectorSpec) -> str:
    phases = "" if outlet.direct else f"{outlet.phases}-phase "
    return f"{outlet.kind} {phases}{outlet.min_current_a:g} to {outlet.max_current_a:g} A"


def _only(variants: tuple[str, ...]) -> str:
    return f", only {' and '.join(variants)}" if variants else ""


def _messages(model: Model) -> Iterator[tuple[str, ...]]:
    said = model.messages
    for way, actions in (("sends", said.sends), ("answers", said.answers)):
        for action in actions:
            yield action, way, said.comments.get(action, ""), said.source
    for action, comment in said.comments.items():
        if action not in said.sends + said.answers:
            yield action, "not", comment, said.source


def _sources(model: Model) -> Iterator[tuple[str, str]]:
    yield from model.sources.items()
    if re.search(r"\bQ-\d{3}\b", as_json(model)):
        yield "Q-nnn", "docs/reference/readings.md of chargepost: how we read what the guides leave open"


def _keys(title: str, rows: Iterable[KeySpec]) -> Section:
    columns = ("key", "access", "takes", "default", "effect", "meaning", "source")
    return Section(title, columns, tuple(_key(row) for row in rows), prose=("meaning",))


def _key(row: KeySpec) -> tuple[str, ...]:
    name = f"{row.name} (is {row.setting})" if row.setting and row.setting != row.name else row.name
    effect = "reboot" if row.reboot else "none" if row.inert else "" if row.access == "R" else "at once"
    if not row.ocpp_writes and row.access != "R":
        effect += ", not over OCPP"
    meaning = f"{row.meaning}. Without effect: {row.inert}" if row.inert else row.meaning
    default = "-" if row.default is None else ", ".join(items(row.default)) or '""'
    takes = " ".join(filter(None, (row.type, key_range(row), row.unit)))
    return name, row.access, takes, default, effect, meaning, row.source


def key_range(row: KeySpec) -> str:
    """What values a key takes, in one cell: `0 or 15..7200`, `10..`, `Current`, `at most 20 characters`."""
    parts = []
    if row.allowed:
        parts.append(" ".join(row.allowed))
    unit = " characters" if row.type == "string" else ""
    if row.min is not None or row.max is not None:
        low = "" if row.min is None else f"{row.min:.15g}"
        high = "" if row.max is None else f"{row.max:.15g}"
        parts.append(f"{'0 or ' if row.zero else ''}{low}..{high}{unit}")
    if row.max_length is not None:
        parts.append(f"at most {row.max_length} characters")
    if row.pattern:
        parts.append(f"matching {row.pattern}")
    if row.out_of_range is not None:
        parts.append(f"else stored as {row.out_of_range}")
    return ", ".join(parts)
