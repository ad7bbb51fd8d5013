"""Who is shed first when there is not enough, and when it is given back.

Commissioning guide of the EVlink family, Load Shedding Priority: by charge duration, the charge that has started
first is shed first; by energy delivered, the one that has delivered the most. One order says both who goes first and
who is shed last, so what was shed is given back in the reverse order.

Two margins keep charges from being switched on and off: of two that have delivered about the same, the one that charges
goes on (SWAP_WH), and one that was shed comes back only where there is a little more room than it needs (ENTRY_A).
"""

from typing import Literal

By = Literal["duration", "energy"]

SWAP_WH = 1000.0
"""A charge that runs has to be so much ahead of one that waits before they change places."""

ENTRY_A = 1.0
"""Above its least, for one that was shed: what a limit that trembles by a hair does not have."""


def rank(
    by: By, *, priority: int, is_idle: bool, is_running: bool, since_utc_s: float, energy_wh: float
) -> tuple[float, ...]:
    """What to sort takers by: who goes first is the smallest. `since_utc_s` is when the charge began.

    Who has a higher priority goes first; a car that takes nothing of what it is offered goes last of its priority.
    """
    order = -since_utc_s if by == "duration" else energy_wh - (SWAP_WH if is_running else 0.0)
    return (-priority, is_idle, order)
