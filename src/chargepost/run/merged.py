"""Figures of several processes as one: counts add, histograms add, and nothing that counts up ever falls."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from chargepost.run.metrics import Metric, Sample
from chargepost.run.pulse import Look
from chargepost.run.shards import KEPT
from chargepost.run.tally import BUCKETS_S, Histogram

WORST = {"chargepost_event_loop_lag_seconds", "chargepost_store_lag_seconds", "chargepost_build_info"}
"""Of these the highest is told; of all others the sum."""

IN_STORE = {"chargepost_energy_joules_total"}
"""Counts that a shard finds in its store when it begins again: they must not be added a second time."""


def added(parts: Iterable[Iterable[Metric]]) -> list[Metric]:
    """All parts as one, family by family and series by series."""
    families: dict[str, Metric] = {}
    sums: dict[str, dict[tuple[frozenset[tuple[str, str]], str], Sample]] = {}
    for metric in (metric for part in parts for metric in part):
        families.setdefault(metric.name, metric)
        series = sums.setdefault(metric.name, {})
        for sample in metric.samples:
            key = frozenset(sample.labels.items()), sample.suffix
            if key in series:
                one, other = series[key].value, sample.value
                value = max(one, other) if metric.name in WORST else one + other
                series[key] = sample._replace(value=value)
            else:
                series[key] = sample
    return [metric._replace(samples=list(sums[name].values())) for name, metric in families.items()]


class Merged:
    """What all shards told last, and what those lives of theirs have counted that are over."""

    def __init__(self, shards: int) -> None:
        self._last: list[list[Metric]] = [[] for _ in range(shards)]
        self._over: list[list[Metric]] = [[] for _ in range(shards)]
        self.away: set[int] = set(range(shards))
        """Shards that do not run just now."""
        self.restarts = 0

    def told(self, number: int, figures: Sequence[Metric]) -> None:
        """By a shard that runs."""
        if number in self.away:
            self.away.remove(number)
            ended = [metric for metric in self._last[number] if metric.name not in IN_STORE]
            self._over[number] = added([self._over[number], ended])
        self._last[number] = list(figures)

    def died(self, number: int) -> None:
        """What it counted stays; what it was is no more."""
        self.away.add(number)
        self.restarts += 1
        self._last[number] = [metric for metric in self._last[number] if metric.kind != "gauge"]

    def kept(self) -> int:
        """Transactions under way when the shards ended."""
        return round(
            _sum(each for part in self._last for metric in part if metric.name == KEPT for each in metric.samples)
        )

    def metrics(self) -> list[Metric]:
        states = {"running": len(self._last) - len(self.away), "away": len(self.away)}
        shards = [Sample({"state": state}, count) for state, count in states.items()]
        return [
            Metric("chargepost_shards", "gauge", "Shards by whether they run.", shards),
            Metric("chargepost_shard_restarts_total", "counter", "Shards that died and began again.",
                   [Sample({}, self.restarts)]),
            *added([*self._over, *self._last]),
        ]  # fmt: skip


class Looks:
    """Takes looks at what is merged; rates and latencies since the look before."""

    def __init__(self, merged: Merged, wanted: int, seed: int) -> None:
        self._merged, self._wanted, self._seed = merged, wanted, seed
        self._messages, self._at_s, self._durations = 0, 0.0, Histogram()

    def look(self, lasted_s: float, speed: float = 1.0, *, whole: bool = False) -> Look:
        """`lasted_s`: of the world, since the start. `whole`: rates and latencies of all the time."""
        found = {metric.name: metric.samples for metric in self._merged.metrics()}
        messages = round(_sum(found.get("chargepost_ocpp_messages_total", ())))
        durations = _histogram(found.get("chargepost_ocpp_call_duration_seconds", ()))
        if whole:
            new, took_s, latest = messages, lasted_s / speed, durations
        else:
            new, took_s = messages - self._messages, lasted_s / speed - self._at_s
            latest = durations.since(self._durations)
        self._messages, self._at_s, self._durations = messages, lasted_s / speed, durations

        def value(name: str) -> int:
            return round(_sum(found.get(f"chargepost_{name}", ())))

        def by(name: str, label: str) -> dict[str, int]:
            counts: Counter[str] = Counter()
            for sample in found.get(f"chargepost_{name}", ()):
                counts[sample.labels[label]] += round(sample.value)
            return dict(counts.most_common())

        p50_s, p95_s, p99_s = (latest.quantile_s(share) for share in (0.5, 0.95, 0.99))
        return Look(
            lasted_s=round(lasted_s, 1),
            wanted=self._wanted,
            booted=value("stations_booted"),
            links=by("stations", "link"),
            connectors=by("connectors", "status"),
            power_w=value("power_watts"),
            energy_wh=round(_sum(found.get("chargepost_energy_joules_total", ())) / 3600),
            waiting_messages=value("outbox_messages"),
            transactions_begun=value("transactions_begun_total"),
            transactions_ended=value("transactions_ended_total"),
            messages=messages,
            messages_per_s=round(new / max(took_s, 1e-3), 1),
            p50_s=p50_s,
            p95_s=p95_s,
            p99_s=p99_s,
            lost=by("link_errors_total", "kind"),
            troubles=by("troubles_total", "event"),
            seed=self._seed,
        )


def _sum(samples: Iterable[Sample]) -> float:
    return sum(sample.value for sample in samples)


def _histogram(samples: Iterable[Sample]) -> Histogram:
    """Of all actions together, from buckets that count all below their bound."""
    below: Counter[str] = Counter()
    sum_s = 0.0
    for sample in samples:
        if sample.suffix == "_bucket":
            below[sample.labels["le"]] += round(sample.value)
        elif sample.suffix == "_sum":
            sum_s += sample.value
    rising = [0, *(below[bound] for bound in (*(f"{bound_s:g}" for bound_s in BUCKETS_S), "+Inf"))]
    return Histogram([high - low for low, high in pairwise(rising)], sum_s)
