"""CPU of messages over real WebSockets, every payload validated: heartbeats and meter values of seven samples.

A message is a CALL with its answer. Peers and floor say the next one as soon as the last is answered. Our stations say
theirs when they are due, one a second, each MeterValues on its way through outbox and journal: first each at an instant
of its own, then ("back to back") all at the same instant, so that no message waits for the loop alone.
"""

import statistics
import tempfile
import time

from parts.ends import CENTRALS, STATIONS, boot, central, present, stations, until
from parts.figures import Of, emit, is_quick
from parts.machine import Child

ROUNDS = 2 if is_quick() else 3
STATIONS_EACH = 100 if is_quick() else 2_000
PEERS_EACH = 30 if is_quick() else 200
ROUND_S = 1.5 if is_quick() else 4.0
"""How long our own stations are watched in a round."""
SAY_EACH = 10 if is_quick() else 20
"""Messages of each station in a round, where they are said one after another."""


def count(of: Of) -> int:
    return STATIONS_EACH if of in ("chargepost", "floor") else PEERS_EACH


def talk_cost(under_test: Child, load: Child, messages: int, mix: str) -> float:
    """CPU seconds of 1,000 messages, median of the rounds."""
    costs = []
    for _ in range(ROUNDS):
        before_s = under_test.cpu_s()
        load.ask("talk", each=SAY_EACH, mix=mix)
        costs.append((under_test.cpu_s() - before_s) / messages * 1000)
    return statistics.median(costs)


def as_stations(of: Of) -> None:
    n = count(of)
    with stations(of) as (under_test, at_other_end):
        boot(under_test, at_other_end, n, 0)
        for mix, what in (("both", "messages"), ("Heartbeat", "heartbeats")):
            cost = talk_cost(under_test, under_test, n * SAY_EACH, mix)
            emit(f"CPU per 1,000 {what}, station", cost, of, f"{n:,} stations")


def our_stations() -> None:
    """Heartbeats alone while nobody charges, then a car at each."""
    with stations("chargepost", interval_s=1) as (under_test, at_other_end):
        boot(under_test, at_other_end, STATIONS_EACH, 0, talk=True)
        watch_both(under_test, at_other_end, "heartbeats")
        under_test.ask("charge")
        until(lambda: at_other_end.ask("counts").get("StartTransaction", 0) >= STATIONS_EACH, "all charge")
        watch_both(under_test, at_other_end, "messages")


def watch_both(under_test: Child, at_other_end: Child, what: str) -> None:
    watch(under_test, at_other_end, what)
    under_test.ask("align")
    watch(under_test, at_other_end, what, ", back to back")


def watch(under_test: Child, at_other_end: Child, what: str, how: str = "") -> None:
    time.sleep(ROUND_S)  # until the beginning is over
    costs, meter_values, messages = [], 0, 0
    for _ in range(ROUNDS):
        before, before_s = at_other_end.ask("counts"), under_test.cpu_s()
        time.sleep(ROUND_S)
        after, after_s = at_other_end.ask("counts"), under_test.cpu_s()
        said = sum(after.values()) - sum(before.values())
        costs.append((after_s - before_s) / said * 1000)
        meter_values += after.get("MeterValues", 0) - before.get("MeterValues", 0)
        messages += said
    share = f"{meter_values / messages:.0%} MeterValues"
    rate = f"{messages / ROUNDS / ROUND_S:,.0f} messages a second"
    emit(f"CPU per 1,000 {what}, station{how}", statistics.median(costs), "chargepost", f"{rate}, {share}")


def as_central(of: Of) -> None:
    """Ours with its ledger on disk: a MeterValues is durable before it is answered. Peers keep nothing."""
    n = count(of)
    with tempfile.TemporaryDirectory() as store, central(of, store) as (under_test, load):
        load.ask("connect", n=n)
        how = f"{n:,} stations, {'durable' if of == 'chargepost' else 'kept nowhere'}"
        cost = talk_cost(under_test, load, n * SAY_EACH, "both")
        emit("CPU per 1,000 messages, supervision", cost, of, how)
        start_s = time.monotonic()
        cost = talk_cost(under_test, load, n * SAY_EACH, "MeterValues")
        took_s = time.monotonic() - start_s
        emit("MeterValues answered, per second of CPU", 1000 / cost, of, how)
        emit("MeterValues answered, per second", n * SAY_EACH * ROUNDS / took_s, of, f"{how}, load on the other core")
        if of == "chargepost":
            kept, said = under_test.ask("stored"), n * SAY_EACH * ROUNDS + n * ((SAY_EACH + 1) // 2) * ROUNDS
            assert kept >= said - n * ROUNDS, f"{kept} of {said} meter values are kept"


if __name__ == "__main__":
    our_stations()
    for who in present(STATIONS):
        if who != "chargepost":
            as_stations(who)
    for who in present(CENTRALS):
        as_central(who)
