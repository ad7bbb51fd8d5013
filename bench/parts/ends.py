"""The two ends of a connection, each in a process of its own: who is under test, and what stands at the other end."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from parts import words
from parts.figures import Of
from parts.machine import PATIENCE_S, Child, node

LOOK_S = 0.05
"""Between looks at whether something has happened."""

STATIONS: dict[Of, str] = {
    "chargepost": "stations",
    "ocpp (PyPI)": "ocpp_stations",
    "ocpp-rpc (npm)": "rpc_stations.cjs",
    "floor": "light_stations",
}
CENTRALS: dict[Of, str] = {
    "chargepost": "central",
    "ocpp (PyPI)": "ocpp_central",
    "ocpp-rpc (npm)": "rpc_central.cjs",
    "floor": "light_central",
}


def present(table: dict[Of, str]) -> list[Of]:
    """Who of them can run here."""
    return [of for of, part in table.items() if not part.endswith(".cjs") or node()]


def url(central: Child) -> str:
    return f"ws://127.0.0.1:{central.hello['port']}/ocpp"


@contextmanager
def stations(of: Of, *, interval_s: int = 86_400) -> Iterator[tuple[Child, Child]]:
    """Stations under test (none yet) and the light central system that answers them."""
    with Child("light_central", interval_s) as central:
        more: dict[Of, list[object]] = {"ocpp-rpc (npm)": [json.dumps(words.SAMPLES)]}
        with Child(STATIONS[of], url(central), *more.get(of, [])) as under_test:
            yield under_test, central


@contextmanager
def central(of: Of, store: str = "none") -> Iterator[tuple[Child, Child]]:
    """A central system under test, and light stations (none yet) that load it."""
    more = {"chargepost": [store], "floor": ["--validate"]}.get(of, [])
    with Child(CENTRALS[of], *more) as under_test, Child("light_stations", url(under_test)) as load:
        yield under_test, load


def until(what: Callable[[], bool], why: str) -> None:
    """Raises TimeoutError with what never happened."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"never happened: {why}")
        time.sleep(LOOK_S)


def said_all(central: Child, n: int) -> bool:
    """The light central system has heard all that so many stations say at first."""
    counts = central.ask("counts")
    each = Counter(action for action, _ in words.BOOTING)
    return all(counts.get(action, 0) >= count * n for action, count in each.items())


def boot(under_test: Child, central: Child, n: int, so_far: int, **more: object) -> None:
    """So many more stations; over when all are booted."""
    under_test.ask("connect", n=n, **more)
    until(lambda: said_all(central, so_far + n), f"{so_far + n} stations booted")
