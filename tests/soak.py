"""How long a check runs: short in `make test`, long in `make soak`. The only place that reads CHARGEPOST_SOAK."""

import os

SOAK = os.environ.get("CHARGEPOST_SOAK") == "1"


def times(short: int, long: int) -> int:
    """How often, or how many: `short` in `make test`, `long` in `make soak`."""
    return long if SOAK else short
