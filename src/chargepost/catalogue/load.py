"""From a product file to a frozen `Model`: read, inherit, type, check, share.

A product file is TOML under `models/<line>/<release>.toml`. A wrong word is a `Finding`: the path inside the file, what
is wrong, and the nearest right word. Loading raises the first one; `examine` returns them all.
"""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import structs

from chargepost.catalogue.checks import Finding, inconsistencies, nearest, one_line
from chargepost.catalogue.model import (
    AfterPowerCut,
    Authentication,
    DataTransferSpec,
    ErrorSpec,
    Identity,
    InputSpec,
    KeySpec,
    MeasurandSpec,
    Messages,
    ModbusSpec,
    Model,
    RegisterSpec,
    SmartCharging,
    Transport,
    Variant,
)

HERE = Path(__file__).parent
MODELS = HERE / "models"
STANDARD = HERE / "standard.toml"
TOOL = HERE / "tool.toml"

T = TypeVar("T")
Table = dict[str, Any]


class ModelError(ValueError):
    """A product file or a model name is wrong; its text is one line with the remedy."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


TABLES: dict[str, type] = {
    "identity": Identity,
    "messages": Messages,
    "transport": Transport,
    "authentication": Authentication,
    "smart_charging": SmartCharging,
    "after_power_cut": AfterPowerCut,
    "modbus": ModbusSpec,
}
"""Parts of a file that are one struct."""

ROWS: dict[str, type] = {
    "variants": Variant, "errors": ErrorSpec, "measurands": MeasurandSpec, "registers": RegisterSpec,
    "inputs": InputSpec,
}  # fmt: skip
"""Parts of a file that are rows by name."""

PLAIN: dict[str, Any] = {
    "line": str,
    "release": str,
    "title": str,
    "variant": str,
    "dialects": tuple[str, ...],
    "reference_prefixes": tuple[str, ...],
    "file_transfers": tuple[str, ...],
    "quirks": dict[str, dict[str, str | int | float | bool]],
    "sources": dict[str, str],
    "unknown": dict[str, str],
    "data_transfers": tuple[DataTransferSpec, ...],
}

OPTIONAL = {
    "reference_prefixes", "file_transfers", "quirks", "data_transfers", "unknown", "hidden", "modbus", "registers",
    "inputs",
}  # fmt: skip
PARTS = [*PLAIN, *TABLES, *ROWS, "keys", "hidden"]


# --- reading --------------------------------------------------------------------------------------------------------


def _toml(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ModelError(f"{_short(path)}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{_short(path)}: is not TOML: {error}") from None


def _short(path: Path) -> str:
    return path.relative_to(HERE).as_posix() if path.is_relative_to(HERE) else str(path)


def _document(path: Path) -> Table:
    """The file with what it inherits.

    `extends` names another file, or several in order: beside this one, under models/, or a base that is no product
    itself (models/<base>.toml). `without` lists what is there so far and not here: a part (`errors`), a row
    (`keys.CpoName`) or a word of a list (`messages.answers.GetLog`).
    """
    document = _read(path)
    if "extends" not in document:
        return document
    extends = document["extends"]
    whole: Table = {}
    for name in extends if isinstance(extends, list) else [extends]:
        base_path = _base(path, str(name))
        base = _read(base_path)
        if "extends" in base:
            raise ModelError(
                f"{_short(path)}: extends: {_short(base_path)} extends another file itself; one level only"
            )
        whole = _laid_over(whole, base, base_path)
    return _laid_over(whole, document, path)


def _laid_over(whole: Table, layer: Table, path: Path) -> Table:
    """First what the layer is without is taken away, then what it says is put in."""
    absent = layer.get("without", [])
    if not isinstance(absent, list):
        raise ModelError(f"{_short(path)}: without: expected a list of paths")
    for each in map(str, absent):
        less = _without(whole, each)
        if less is None:
            raise ModelError(f"{_short(path)}: without: nothing inherited is called {each}")
        whole = less
    return _merged(whole, {name: value for name, value in layer.items() if name not in ("extends", "without")})


_shipped_toml = cache(_toml)


def _read(path: Path) -> Table:
    """A file of ours is read once for all that extend it, and never changed: `_merged` and `_without` copy."""
    return _shipped_toml(path) if path.is_relative_to(MODELS) else _toml(path)


def _base(path: Path, name: str) -> Path:
    for folder in (path.parent, MODELS):
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    known = [each.relative_to(MODELS).with_suffix("").as_posix() for each in MODELS.rglob("*.toml")]
    raise ModelError(f"{_short(path)}: extends: there is no {name}{nearest(name, known)}")


def _without(inside: Any, absent: str) -> Any:
    """A copy without what a path names; None when there is no such thing. A name may hold dots (errors.2.4)."""
    if isinstance(inside, list):
        return [each for each in inside if each != absent] if absent in inside else None
    if not isinstance(inside, dict):
        return None
    if absent in inside:
        return {name: value for name, value in inside.items() if name != absent}
    name, _, rest = absent.partition(".")
    less = _without(inside.get(name), rest) if rest else None
    return None if less is None else {**inside, name: less}


def _merged(base: Table, over: Table) -> Table:
    """Tables merge word by word; anything else is replaced."""
    merged = dict(base)
    for name, value in over.items():
        under = merged.get(name)
        merged[name] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


class _Standard(NamedTuple):
    """standard.toml, its rows by lower-case name."""

    rows: dict[str, Table]
    absent: dict[str, str]
    """What rules a product that does not list the key, where that is not the default."""
    sources: dict[str, str]


@cache
def _standard() -> _Standard:
    document = _toml(STANDARD)
    rows = {name.lower(): {"name": name, **row} for name, row in document["keys"].items()}
    absent = {lower: row.pop("absent") for lower, row in rows.items() if "absent" in row}
    return _Standard(rows, absent, document["sources"])


# --- typing ---------------------------------------------------------------------------------------------------------


def _vocabulary(kind: Any) -> frozenset[str]:
    """Every field name and every literal word that may stand somewhere inside a type."""
    if get_origin(kind) is Literal:
        return frozenset(str(each) for each in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        inside = get_type_hints(kind)
        return frozenset(inside).union(*(_vocabulary(each) for each in inside.values()))
    return frozenset[str]().union(*(_vocabulary(each) for each in get_args(kind)))


SAID = (
    (r"Object contains unknown field `(.+)`", r"there is no word \1 here"),
    (r"Object missing required field `(.+)`", r"`\1` is missing"),
    (r"Expected `str(?: \| null)?`, got `(?:int|float|bool)`", "is a text: put it in quotes"),
)
"""What msgspec finds, and how a person says it; the rest is clear enough."""


def _in_words(found: str) -> str:
    for pattern, words in SAID:
        if (match := re.fullmatch(pattern, found)) is not None:
            return match.expand(words)
    return found[0].lower() + found[1:]


class _Reader:
    """Types a document part by part and keeps what is wrong."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def typed(self, value: object, kind: type[T], path: str) -> T | None:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            what, _, inside = str(error).partition(" - at ")
            word = re.search(r"(?:unknown field|enum value) [`'](.+?)[`']", what)
            hint = nearest(word[1], _vocabulary(kind)) if word else ""
            where = inside.strip("`").removeprefix("$").replace("[...]", "")
            said = _in_words(what)
            self.findings.append(Finding(path + where, said + hint))
            return None

    def rows(self, table: object, kind: type[T], path: str) -> dict[str, T]:
        if not isinstance(table, dict):
            self.findings.append(Finding(path, "expected a table of rows"))
            return {}
        typed = {name: self.typed(row, kind, f"{path}.{name}") for name, row in table.items()}
        return {name: row for name, row in typed.items() if row is not None}

    def named(self, rows: dict[str, T], field: str) -> dict[str, T]:
        """Rows that know the name they stand under."""
        return {name: structs.replace(row, **{field: name}) for name, row in rows.items()}  # type: ignore[type-var]

    def keys(self, table: object, path: str) -> dict[str, KeySpec]:
        """Key rows by lower-case name; what a row does not state comes from the standard row."""
        standard = _standard().rows
        if not isinstance(table, dict):
            self.findings.append(Finding(path, "expected a table of keys"))
            return {}
        keys: dict[str, KeySpec] = {}
        for name, row in table.items():
            whole = row
            if isinstance(row, dict):
                inherited = standard.get(name.lower()) or standard.get(str(row.get("setting")).lower()) or {}
                whole = {**inherited, "name": name, **row}
            spec = self.typed(whole, KeySpec, f"{path}.{name}")
            if name.lower() in keys:
                self.findings.append(
                    Finding(f"{path}.{name}", f"is {keys[name.lower()].name} again; keys have no case")
                )
            elif spec:
                keys[name.lower()] = spec
        return keys


def _with_inner_names(keys: dict[str, KeySpec], hidden: dict[str, KeySpec]) -> tuple[dict[str, KeySpec], ...]:
    """A renamed key answers to its inner name too: over OCPP when OCPP defines that name (Q-019), else inside only."""
    standard = _standard().rows
    shown: dict[str, KeySpec] = {}
    inside = dict(hidden)
    for lower, spec in keys.items():
        shown[lower] = spec
        inner = spec.setting.lower()
        if not inner or inner in keys:
            continue
        if inner in standard:
            shown[inner] = structs.replace(spec, name=standard[inner]["name"])
        else:
            inside[inner] = structs.replace(spec, name=spec.setting)
    return shown, inside


@cache
def _unlisted() -> dict[str, KeySpec]:
    """Standard keys as they rule a product that does not list them: not writable, `absent` before `default`."""
    standard = _standard()
    rows: dict[str, KeySpec] = {}
    for lower, row in standard.rows.items():
        spec = msgspec.convert(row, KeySpec)
        rows[lower] = structs.replace(
            spec,
            access="W" if spec.access == "W" else "R",
            default=standard.absent.get(lower, spec.default),
            ocpp_writes=False,
        )
    return rows


@cache
def _of_the_tool() -> tuple[dict[str, KeySpec], dict[str, str]]:
    """tool.toml: settings that every product has, beside those of OCPP, and where they are from."""
    document = _toml(TOOL)
    rows = {name: msgspec.convert({"name": name, "ocpp_writes": False, **row}, KeySpec)
            for name, row in document["keys"].items()}  # fmt: skip
    return {name.lower(): spec for name, spec in rows.items()}, document["sources"]


def assemble(document: Table) -> tuple[Model | None, list[Finding]]:
    """The model of the file's own variant, or what is wrong with words and types."""
    reader = _Reader()
    for word in document:
        if word not in PARTS:
            reader.findings.append(Finding(word, f"is no part of a product file{nearest(word, PARTS)}"))
    for part in PARTS:
        if part not in document and part not in OPTIONAL:
            reader.findings.append(Finding(part, "is missing"))
    parts: Table = {}
    for part, kind in (PLAIN | TABLES).items():
        if part in document:
            parts[part] = reader.typed(document[part], kind, part)
    for part, kind in ROWS.items():
        parts[part] = reader.rows(document.get(part, {}), kind, part)
    parts["errors"] = reader.named(parts["errors"], "code")
    parts["measurands"] = reader.named(parts["measurands"], "name")
    parts["inputs"] = reader.named(parts["inputs"], "name")
    parts["registers"] = reader.named(parts["registers"], "name")
    keys = reader.keys(document.get("keys", {}), "keys")
    own_hidden = reader.keys(document.get("hidden", {}), "hidden")
    keys, hidden = _with_inner_names(keys, own_hidden)
    tool, sources = _of_the_tool()
    for others in (_unlisted(), tool):
        hidden |= {lower: spec for lower, spec in others.items() if lower not in keys and lower not in hidden}
    if reader.findings:
        return None, reader.findings
    parts["sources"] = _standard().sources | sources | parts["sources"]
    return Model(**parts, keys=keys, hidden=hidden), []


def examine(path: Path) -> tuple[Model | None, list[Finding]]:
    """A product file anywhere: its model when it can be built, and all that is wrong with it."""
    model, findings = assemble(_document(path))
    return model, findings or (inconsistencies(model) if model else [])


def read(path: Path) -> Model:
    """The model of a product file anywhere; `ModelError` with the first thing wrong in it."""
    return _sound(path, *examine(path))


def _sound(path: Path, model: Model | None, findings: list[Finding]) -> Model:
    if findings or model is None:
        raise ModelError(findings[0].line(_short(path)))
    return model


def _for_variant(model: Model, variant: str) -> Model:
    """The model with another variant chosen and that variant's defaults in its keys."""
    keys, hidden = dict(model.keys), dict(model.hidden)
    for name, default in model.variants[variant].keys.items():
        spec = model.key(name)
        assert spec is not None, "checked on loading"
        setting = (spec.setting or spec.name).lower()
        for rows in (keys, hidden):
            for lower, row in rows.items():
                if (row.setting or row.name).lower() == setting:
                    rows[lower] = structs.replace(row, default=default)
    return structs.replace(model, variant=variant, keys=keys, hidden=hidden)


# --- names ----------------------------------------------------------------------------------------------------------


@cache
def releases() -> dict[str, tuple[str, ...]]:
    """Product lines with their releases, newest first."""
    lines = {folder.name: folder.glob("*.toml") for folder in sorted(MODELS.iterdir()) if folder.is_dir()}
    return {line: tuple(sorted((each.stem for each in files), key=_age, reverse=True)) for line, files in lines.items()}


def _age(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release))


def files(line: str, release: str) -> dict[str, bytes]:
    """Every file that makes a release of ours, by its name in the catalogue: its own, what it extends, the standard.

    Raises `ModelError` for a release there is none of.
    """
    path = MODELS / line / f"{release}.toml"
    extends = _read(path).get("extends", [])
    bases = [_base(path, str(name)) for name in (extends if isinstance(extends, list) else [extends])]
    return {_short(each): each.read_bytes() for each in (path, *bases, STANDARD)}


@cache
def _file(line: str, release: str) -> Model:
    """Of ours: what is in it fits together, as tests found, and is not looked at again at every start."""
    path = MODELS / line / f"{release}.toml"
    return _sound(path, *assemble(_document(path)))


@cache
def _shared(line: str, release: str, variant: str) -> Model:
    return _for_variant(_file(line, release), variant)


def _pick(word: str, known: Iterable[str], name: str, kind: str, others: Iterable[str] = ()) -> str:
    """The known word that `word` is without case; `others` may be what was meant, too."""
    words = list(known)
    for each in words:
        if each.lower() == word.lower():
            return each
    hint = nearest(word, [*words, *others]) or f"; known: {', '.join(words)}"
    raise ModelError(f"model {name}: there is no {kind} {word}{hint}")


def _variants(model: Model) -> dict[str, str]:
    """What a variant may be called: its name, and its commercial reference."""
    references = {facts.reference: name for name, facts in model.variants.items() if facts.reference}
    return {name: name for name in model.variants} | references


@cache
def _words() -> dict[str, dict[str, str]]:
    """Variants and references -> the lines that have them, each with its newest release that does."""
    owners: dict[str, dict[str, str]] = {}
    for line, line_releases in releases().items():
        for release in line_releases:
            for word in _variants(_file(line, release)):
                owners.setdefault(word, {}).setdefault(line, release)
    return owners


def _owners(word: str) -> dict[str, str]:
    """The lines that have this variant or reference, in any case."""
    return {
        line: release for each in _words() if each.lower() == word.lower() for line, release in _words()[each].items()
    }


def _resolve(name: str) -> tuple[str, str, str]:
    """line[/variant][@release] -> line, release, variant. A variant or reference may stand alone when only one line
    has it."""
    if name.endswith(".toml"):
        raise ModelError(
            f"model {name}: a product file is looked at with chargepost models; to run it, put it beside the others "
            "and give its name: docs/how-to/describe-a-product.md, part 5"
        )
    body, _, release = name.strip().partition("@")
    line, _, variant = body.partition("/")
    if not variant and line.lower() not in releases():
        owners = _owners(line)
        if len(owners) > 1:
            choices = " or ".join(f"{owner}/{line}" for owner in owners)
            raise ModelError(f"model {name}: {line} is a variant of several lines; did you mean {choices}?")
        for owner, newest in owners.items():
            line, variant, release = owner, line, release or newest
    if not variant and line.lower() not in releases():
        _refuse_beginning(line, name)
    line = _pick(line, releases(), name, "model", others=() if variant else _words())
    release = _pick(release, releases()[line], name, "release") if release else releases()[line][0]
    model = _file(line, release)
    known = _variants(model)
    return line, release, known[_pick(variant, known, name, "variant")] if variant else model.variant


def _refuse_beginning(word: str, name: str) -> None:
    """A reference of which the guides print the first letters only: the line is known by them, the outlets are not."""
    for line, (newest, *_) in releases().items():
        model = _file(line, newest)
        if word.upper().startswith(model.reference_prefixes):
            raise ModelError(
                f"model {name}: by its first letters {word} is an {model.title}, and which one the guides do not tell: "
                f"say {line}/ and one of {', '.join(model.variants)}"
            )


def load(name: str) -> Model:
    """The one shared model of a name: evlink-pro-ac, evlink-pro-ac/cable, evlink-pro-ac/cable@2.0.1, without case.

    Without a variant the most common one, without a release the newest. Raises `ModelError` with the nearest names.
    """
    return _shared(*_resolve(name))


@cache
def names() -> list[str]:
    """Every model there is, as line/variant@release, newest release first."""
    return [
        f"{line}/{variant}@{release}"
        for line, line_releases in releases().items()
        for release in line_releases
        for variant in _file(line, release).variants
    ]
