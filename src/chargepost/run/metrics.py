"""What a process tells Prometheus, in its text format 0.0.4: names and units by its conventions.

Base units (seconds, bytes, watts, joules), `_total` on counters, no label that grows with the fleet: ten thousand
stations are the same series as one.
"""

import os
import resource
import sys
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Literal, NamedTuple

from chargepost.journal import Journal
from chargepost.run.tally import BUCKETS_S, Histogram, Tally

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["gauge", "counter", "histogram"]

Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One line."""

    labels: Labels
    value: float
    suffix: str = ""


class Metric(NamedTuple):
    """One family; those of the process itself have the names that every program gives them."""

    name: str
    kind: Kind
    text: str
    samples: list[Sample]


def one(name: str, kind: Kind, text: str, value: float) -> Metric:
    return Metric(name, kind, text, [Sample({}, value)])


def counted(name: str, kind: Kind, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return Metric(name, kind, text, [Sample({label: word}, value) for word, value in sorted(values.items())])


def exposition(metrics: Iterable[Metric]) -> str:
    """All families; those of one name, from several parts of the process, are one."""
    families: dict[str, Metric] = {}
    for metric in metrics:
        known = families.setdefault(metric.name, metric._replace(samples=[]))
        known.samples.extend(metric.samples)
    return "".join(_family(metric) for metric in families.values())


def _family(metric: Metric) -> str:
    lines = [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} {metric.kind}"]
    for labels, value, suffix in metric.samples:
        words = ",".join(f'{name}="{_escaped(word)}"' for name, word in labels.items())
        lines.append(f"{metric.name}{suffix}{{{words}}} {_number(value)}" if words else f"{metric.name} {value:.17g}")
    return "\n".join(lines) + "\n"


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return f"{value:.17g}"


# --- parts of a process -----------------------------------------------------------------------------------------------


def of_process() -> list[Metric]:
    """CPU, memory and files, by the names of Prometheus' own clients."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    metrics = [
        one("process_cpu_seconds_total", "counter", "CPU spent, user and system.", used.ru_utime + used.ru_stime),
        one("process_max_fds", "gauge", "Open files the system grants.", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    ]
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        metrics += [
            one("process_resident_memory_bytes", "gauge", "Memory in use.", pages * os.sysconf("SC_PAGE_SIZE")),
            one("process_open_fds", "gauge", "Open files.", len(os.listdir("/proc/self/fd"))),
        ]
    return metrics


def of_tally(side: str, tally: Tally) -> list[Metric]:
    """What passed on the links of the stations, or of the supervision."""
    return [
        Metric(
            "chargepost_ocpp_messages_total",
            "counter",
            "OCPP messages, by direction, action and outcome: call, result, error.",
            [
                Sample({"side": side, "direction": "out" if up == (side == "station") else "in", "action": action,
                        "outcome": outcome}, count)
                for (up, action, outcome), count in sorted(tally.messages.items())
            ],
        ),
        Metric(
            "chargepost_ocpp_call_duration_seconds",
            "histogram",
            "From a station's CALL to its answer, by action.",
            [
                sample
                for action, durations in sorted(tally.durations.items())
                for sample in _histogram({"side": side, "action": action}, durations)
            ],
        ),
        Metric(
            "chargepost_link_errors_total",
            "counter",
            "Links and dials that ended, by kind.",
            [Sample({"side": side, "kind": kind}, count) for kind, count in sorted(tally.lost.items())],
        ),
    ]  # fmt: skip


def _histogram(labels: Labels, durations: Histogram) -> Iterable[Sample]:
    bounds = [f"{bound_s:g}" for bound_s in BUCKETS_S] + ["+Inf"]
    for bound, count in zip(bounds, accumulate(durations.counts), strict=True):
        yield Sample({**labels, "le": bound}, count, "_bucket")
    yield Sample(labels, durations.sum_s, "_sum")
    yield Sample(labels, durations.count, "_count")


def of_store(store: str, journal: Journal) -> list[Metric]:
    return [
        counted(
            "chargepost_store_lag_seconds", "gauge", "How long the oldest write has waited for the disk, at most.",
            "store", {store: journal.lag_s},
        ),
        counted(
            "chargepost_store_waiting_writes", "gauge", "Writes that wait for the disk.",
            "store", {store: journal.waiting},
        ),
    ]  # fmt: skip
