"""A day in virtual time, in a process that can be looked into."""

import msgspec

from chargepost.fleet import scenario
from chargepost.fleet.report import run_fleet
from parts import orders


async def live(n: int, seed: int) -> int:
    """The frames that went over the links."""
    return run_fleet(msgspec.structs.replace(scenario.load(), stations=n, seed=seed)).frames


if __name__ == "__main__":
    orders.run(orders.obey({"live": live}))
