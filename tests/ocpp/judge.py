"""The official schemas as judge, in the copy that the Python package `ocpp` carries, and what they make of an instance.

Instances are plain values with Decimals; `as_json` writes them exactly. Nothing here knows how chargepost reads.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import msgspec
from hypothesis import strategies as st

SCHEMAS = resources.files("ocpp.v16") / "schemas"

NAMES = sorted(path.name.removesuffix(".json") for path in SCHEMAS.iterdir() if path.name.endswith(".json"))

VALUES = ("properties", "meterValue", "items", "properties", "sampledValue")

PACKAGE_DEVIATIONS = (
    ("MeterValues", (*VALUES, "items", "properties", "unit", "enum"), "Hertz"),
    ("MeterValues", VALUES, "minItems"),
    ("MeterValues", VALUES[:2], "minItems"),
)
"""Where the package's copy differs from the schemas of the Open Charge Alliance: schema, path, what it adds."""


@cache
def schema(name: str) -> Any:
    found = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8-sig"), parse_float=Decimal)
    for where, path, added in PACKAGE_DEVIATIONS:
        if where == name:
            node = found
            for step in path:
                node = node[step]
            node.remove(added) if isinstance(node, list) else node.pop(added)
    return found


def is_draft_6(name: str) -> bool:
    """The security extension; draft 6 takes 1.0 for an integer, draft 4 does not."""
    return "draft-06" in schema(name)["$schema"]


def resolve(name: str, node: Any) -> Any:
    """The schema node itself, or what its `$ref` points to."""
    return schema(name)["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def is_date_time(value: object) -> bool:
    """RFC 3339, without leap seconds, and with a date that exists in UTC."""
    if not isinstance(value, str):
        return True
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)", value, flags=re.ASCII)
    if match is None:
        return False
    try:
        datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3].upper().replace('Z', '+00:00')}")
    except ValueError:
        return False
    return True


FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("date-time")(is_date_time)


@cache
def validator(name: str) -> Any:
    kind = jsonschema.Draft6Validator if is_draft_6(name) else jsonschema.Draft4Validator
    return kind(schema(name), format_checker=FORMATS)


def accepts(name: str, data: bytes) -> bool:
    """The verdict of the schema; decimals stay decimals, as `multipleOf: 0.1` needs."""
    value = json.loads(data) if is_draft_6(name) else json.loads(data, parse_float=Decimal)
    return bool(validator(name).is_valid(value))


as_json = msgspec.json.Encoder(decimal_format="number").encode

# --- instances ------------------------------------------------------------------------------------------------------


@st.composite
def dates(draw: st.DrawFn) -> str:
    """RFC 3339 in all its forms: any fraction, any zone, either case."""
    day = datetime(2, 1, 1, tzinfo=UTC) + timedelta(seconds=draw(st.integers(0, 9996 * 365 * 86400)))
    fraction = draw(st.sampled_from(["", ".5", ".123", ".123456", ".000000001", ".12345678901234"]))
    zone = draw(st.sampled_from(["Z", "Z", "z", "+00:00", "+02:00", "-11:30", "+23:59"]))
    return f"{day.replace(tzinfo=None).isoformat(draw(st.sampled_from('Tt')))}{fraction}{zone}"


WHOLE = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300)
TENTHS = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n) / 10) | st.integers(0, 10**6)


def instances(name: str, node: Any) -> st.SearchStrategy[Any]:
    """Valid instances of one schema node."""
    node = resolve(name, node)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if node["type"] == "object":
        parts = {key: instances(name, part) for key, part in node.get("properties", {}).items()}
        required = node.get("required", [])
        return st.fixed_dictionaries(
            {key: parts[key] for key in required},
            optional={key: part for key, part in parts.items() if key not in required},
        )
    if node["type"] == "array":
        return st.lists(instances(name, node["items"]), min_size=node.get("minItems", 0), max_size=3)
    if node["type"] == "string":
        longest = node.get("maxLength", 600)
        full = st.sampled_from("aé\U0001f600").map(lambda letter: letter * longest)
        return dates() if node.get("format") == "date-time" else st.text(max_size=min(longest, 20)) | full
    return {"integer": WHOLE, "number": TENTHS, "boolean": st.booleans()}[node["type"]]


def places(name: str, node: Any, value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every place in an instance: its path and the schema node it falls under."""
    node = resolve(name, node)
    found = [(path, node)]
    if isinstance(value, dict):
        for key, part in value.items():
            found += places(name, node["properties"][key], part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            found += places(name, node["items"], part, (*path, index))
    return found


ANYTHING: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    Decimal("1.0"),
    Decimal("1.5"),
    Decimal("6.35"),
    "",
    "1",
    "1.0",
    "x",
    [],
    {},
]
ANYTHING += [[1], {"a": 1}, "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z"]
ANYTHING += [Decimal("0.05"), Decimal("0.1"), Decimal("16.0"), Decimal("6.3"), Decimal("-0.1"), "Wh", "Accepted"]


@st.composite
def mutants(draw: st.DrawFn, name: str) -> Any:
    """An instance with one thing changed; most are invalid now, and which are is the judge's business."""
    value = draw(instances(name, schema(name)))
    path, node = draw(st.sampled_from(places(name, schema(name), value)))
    holder: Any = [value]
    last: Any = 0
    for step in path:
        holder, last = holder[last], step
    old = holder[last]
    changes: list[Any] = draw(st.permutations(ANYTHING))[:1]
    if isinstance(old, dict):
        changes += [old | {"unknown": 1}, old | {"id_tag": "a", "": None}]
        changes += [{key: part for key, part in old.items() if key != gone} for gone in old]
        changes += [old | {key: None} for key in node.get("properties", {})]
    if isinstance(old, str):
        longest = node.get("maxLength", 30)
        changes += ["x" * longest, "x" * (longest + 1), "\U0001f600" * (longest + 1), old + "?", old.lower(), [old]]
    if isinstance(old, list):
        changes += [[], {}, [*old, None], [*old, 1], [*old, *old]]
    if isinstance(old, int | Decimal) and not isinstance(old, bool):
        changes += [str(old), old + Decimal("0.01"), old + Decimal("0.1"), [old]]
    holder[last] = draw(st.sampled_from(changes))
    return path, value if path else holder[0]
