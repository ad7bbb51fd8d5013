"""A cabinet of power modules that feeds two outlets: each gets whole modules (quirk power_modules).

How the modules are given out is not printed (unknown `modules` of the product file): in turn, who began first before
the other, as many as each can use. The cabinet itself sets the current, so who is to have less has less at once.
"""

from math import ceil, inf
from typing import TYPE_CHECKING

from chargepost.signals import Limit
from chargepost.station import charging, metering
from chargepost.station.connector import Connector

if TYPE_CHECKING:
    from chargepost.station.station import Station

HAIR = 1e-3
"""Of a module: what rounding adds is not a need."""


def divide(s: "Station", now: float) -> None:
    """The modules of each outlet that wants to charge, as a limit."""
    rule, power_w = s.core.model.quirks.get("power_modules"), s.core.model.variants[s.core.model.variant].power_w
    if rule is None or power_w is None:
        return
    total = int(power_w // float(rule["module_w"]))
    wanting = sorted(filter(charging.wants, s.connectors), key=lambda c: c.started_at if c.transaction else inf)
    needs = {}
    for c in wanting:
        each_a = float(rule["module_w"]) / (metering.NOMINAL_V * c.spec.phases)
        needs[c] = (ceil(charging.own(s.core, c, now).current_a / each_a - HAIR), each_a)
    for c, count in zip(needs, assigned(total, [need for need, _ in needs.values()]), strict=True):
        need, each_a = needs[c]
        c.balanced = Limit(count * each_a, f"cabinet, {count} of {total} power modules") if need else None


def assigned(total: int, needs: list[int]) -> list[int]:
    """Modules of each: one at a time in turn, until there are none or nobody can use another."""
    given = [0] * len(needs)
    while total > 0 and given != needs:
        for place, need in enumerate(needs):
            if given[place] < need and total > 0:
                given[place] += 1
                total -= 1
    return given


def in_order(s: "Station", connectors: list[Connector], now: float) -> list[Connector]:
    """Who gives modules back is told before who gets them."""
    if "power_modules" not in s.core.model.quirks:
        return connectors
    return sorted(
        connectors, key=lambda c: charging.wants(c) and charging.limit(s.core, c, now).current_a > c.offered_a
    )
