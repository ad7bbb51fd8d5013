"""What the catalogue knows, as plain data and text for `chargepost models`. Pure: nothing is printed here."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from chargepost.catalogue.load import ModelError, examine, load, names
from chargepost.catalogue.model import KeySpec, Model


class ModelRow(msgspec.Struct, frozen=True):
    """One line of the list of models."""

    name: str
    title: str
    release: str
    firmware: str
    variant: str
    description: str
    dialects: tuple[str, ...]
    default: bool
    """This one is meant when the line is named alone."""


class Section(msgspec.Struct, frozen=True):
    """A part of a model as a table; its last column is the source."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        """The table with aligned columns."""
        lines = (self.columns, *self.rows)
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        body = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
        return "\n".join([self.title, *(f"  {line}" for line in body)])


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
                default=load(model.line) is model,
            )
        )
    return rows


def describe(model: Model) -> list[Section]:
    """Everything in a model's file, with the source of each row."""
    return [
        _table("Identity", "fact", _facts(model.identity)),
        Section(
            "Variants",
            ("variant", "description", "outlets", "defaults that differ", "source"),
            tuple(
                (name, facts.description, ", ".join(map(_outlet, facts.connectors)), _pairs(facts.keys), facts.source)
                for name, facts in model.variants.items()
            ),
        ),
        Section("Messages", ("action", "way", "comment", "source"), tuple(_messages(model))),
        _keys("Configuration keys", model.keys.values()),
        _keys("Keys not shown to the supervision", model.hidden.values()),
        Section(
            "Vendor errors",
            ("code", "name", "OCPP", "charge", "clears", "scope", "description", "remedy", "source"),
            tuple(
                (
                    code,
                    error.name,
                    error.ocpp,
                    "ends" if error.stops else "goes on",
                    error.clears if error.clears_after_s is None else f"after {error.clears_after_s:g} s",
                    ("connector" if error.connector_only else "station") + _only(error.variants),
                    error.description,
                    error.remedy,
                    error.source,
                )
                for code, error in model.errors.items()
            ),
        ),
        Section(
            "Measurands",
            ("measurand", "unit", "phases", "source"),
            tuple(
                (name, spec.unit or "without", " ".join(spec.phases), spec.source)
                for name, spec in model.measurands.items()
            ),
        ),
        _table("Smart charging", "restriction", _facts(model.smart_charging)),
        _table("Authentication", "fact", _facts(model.authentication)),
        _table("Link to the supervision", "fact", _facts(model.transport)),
        _table("After a power cut", "fact", _facts(model.after_power_cut)),
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
        ),
        Section("Sources", ("name", "document"), tuple(model.sources.items())),
        Section("Unknown", ("what", "why, and what was taken"), tuple(model.unknown.items())),
    ]


def as_text(model: Model) -> str:
    """`describe` as one text, headed by name and title; empty sections are left out."""
    head = f"{model.title}\n  {model.name}  {' '.join(model.dialects)}  files by {' '.join(model.file_transfers)}"
    return "\n\n".join([head, *(section.text for section in describe(model) if section.rows)])


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
    if isinstance(value, dict):
        return _pairs(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pairs(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {_cell(value)}" for name, value in facts.items())


def _facts(part: msgspec.Struct) -> tuple[list[tuple[str, str]], str]:
    """Fields of a struct that say something, and its source."""
    facts = {name: _cell(value) for name, value in msgspec.structs.asdict(part).items()}
    source = facts.pop("source", "")
    return [(name, value) for name, value in facts.items() if value], source


def _table(title: str, column: str, facts: tuple[list[tuple[str, str]], str]) -> Section:
    rows, source = facts
    return Section(title, (column, "value", "source"), tuple((name, value, source) for name, value in rows))


def _outlet(outlet: Any) -> str:
    return f"{outlet.kind} {outlet.phases}-phase {outlet.min_current_a:g} to {outlet.max_current_a:g} A"


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


def _keys(title: str, rows: Iterable[KeySpec]) -> Section:
    columns = ("key", "access", "type", "range", "unit", "default", "effect", "meaning", "source")
    return Section(title, columns, tuple(_key(row) for row in rows))


def _key(row: KeySpec) -> tuple[str, ...]:
    name = f"{row.name} (is {row.setting})" if row.setting and row.setting != row.name else row.name
    effect = "reboot" if row.reboot else "none" if row.inert else "" if row.access == "R" else "at once"
    access = row.access if row.ocpp_writes or row.access == "R" else f"{row.access} not over OCPP"
    meaning = f"{row.meaning}. Without effect: {row.inert}" if row.inert else row.meaning
    default = "-" if row.default is None else row.default or '""'
    return name, access, row.type, key_range(row), row.unit, default, effect, meaning, row.source


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
    if row.out_of_range is not None:
        parts.append(f"else stored as {row.out_of_range}")
    return ", ".join(parts)
