"""A strict reader of Prometheus' text format 0.0.4: what a scraper would refuse, or promtool complain about, fails."""

import re
from typing import NamedTuple

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LINE = re.compile(rf"(?P<name>{NAME})(?:\{{(?P<labels>.*)\}})? (?P<value>\S+)")
LABEL = re.compile(r'(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?P<value>(?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
UNITS = ("seconds", "bytes", "watts", "joules", "messages", "writes")
NO_UNITS = ("milliseconds", "ms", "kwh", "wh", "kb", "minutes", "hours", "percent")


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float


class Family(NamedTuple):
    kind: str
    text: str
    samples: list[Sample]


def read(text: str) -> dict[str, Family]:
    """Families by name. Raises AssertionError, with the line, for whatever is not as it should be."""
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    help_of: tuple[str, str] = ("", "")
    current = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            assert name not in families, f"{name} comes twice"
            assert words.strip(), f"{name} is not explained"
            help_of = name, words
        elif line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert help_of[0] == current, f"{current}: HELP first"
            assert kind in ("counter", "gauge", "histogram"), line
            families[current] = Family(kind, help_of[1], [])
        else:
            families[current].samples.append(_sample(line))
    for name, family in families.items():
        _check(name, family)
    return families


def _sample(line: str) -> Sample:
    match = LINE.fullmatch(line)
    assert match, f"no sample: {line}"
    written = match["labels"] or ""
    labels = {}
    at = 0
    while at < len(written):
        label = LABEL.match(written, at)
        assert label, f"no label: {line}"
        assert label["name"] not in labels, f"{label['name']} twice: {line}"
        labels[label["name"]] = label["value"]
        at = label.end()
    assert "station" not in labels, f"a series for each station: {line}"
    return Sample(match["name"], labels, float(match["value"]))


def _check(name: str, family: Family) -> None:
    words = name.split("_")
    assert not set(words) & set(NO_UNITS), f"{name}: not a base unit"
    assert name.startswith(("chargepost_", "process_")), name
    assert (family.kind == "counter") == name.endswith("_total"), f"{name}: counters, and only they, end in _total"
    for unit in UNITS:
        assert unit not in words or words[-1] == unit or words[-2:] == [unit, "total"], f"{name}: the unit comes last"
    seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
    assert len(seen) == len(set(seen)), f"{name}: a series comes twice"
    if family.kind == "histogram":
        _check_histogram(name, family)
    else:
        assert all(sample.name == name for sample in family.samples), name
    if family.kind == "counter":
        assert all(sample.value >= 0 for sample in family.samples), name


def _check_histogram(name: str, family: Family) -> None:
    series: dict[tuple[tuple[str, str], ...], dict[str, list[tuple[float, float]]]] = {}
    for sample in family.samples:
        kind = sample.name.removeprefix(name)
        assert kind in ("_bucket", "_sum", "_count"), sample.name
        key = tuple(sorted((word, value) for word, value in sample.labels.items() if word != "le"))
        bound = float(sample.labels.get("le", "nan"))
        series.setdefault(key, {}).setdefault(kind, []).append((bound, sample.value))
    for key, parts in series.items():
        bounds = [bound for bound, _ in parts["_bucket"]]
        counts = [count for _, count in parts["_bucket"]]
        assert bounds == sorted(bounds), key
        assert bounds[-1] == float("inf"), key
        assert counts == sorted(counts), f"{name}{key}: buckets are cumulative"
        assert counts[-1] == parts["_count"][0][1], f"{name}{key}: +Inf is the count"
        assert len(parts["_sum"]) == len(parts["_count"]) == 1, key
