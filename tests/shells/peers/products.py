"""The demo's two products as the peers meet them, and how what they say is read."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.shells.peers.record import Call

PRO_AC = "evlink-pro-ac"
PRODUCTS = {
    PRO_AC: {
        "MeterValueSampleInterval": "60",
        "MinimumStatusDuration": "0",  # short statuses are told too
    },
    "evlink-smart-wallbox": {
        "MeterValueSampleInterval": "60",
        "truncateBootNotificationsSerialNumbers": "true",  # otherwise too long for the schema, in the field too
    },
}
"""Model -> keys."""


async def at_each_product(do: Callable[[str, Mapping[str, str]], Awaitable[None]]) -> None:
    """At both at once; one that fails does not keep the other from its end."""
    done = await asyncio.gather(*(do(model, keys) for model, keys in PRODUCTS.items()), return_exceptions=True)
    if failed := [each for each in done if isinstance(each, BaseException)]:
        raise BaseExceptionGroup("at some products", failed)


ENERGY = "Energy.Active.Import.Register"


def in_order(seen: Sequence[str], *wanted: str) -> bool:
    """Whether the wanted come in this order, others between them or not."""
    rest = iter(seen)
    return all(each in rest for each in wanted)


def energies_wh(samples: Sequence[Call]) -> list[float]:
    """The register in each sample, in the order they came."""
    return [
        float(value["value"])
        for call in samples
        for sample in call.payload["meterValue"]
        for value in sample["sampledValue"]
        if value.get("measurand", ENERGY) == ENERGY and value.get("unit", "Wh") == "Wh" and "phase" not in value
    ]


def is_register(told_wh: float, shown_wh: float) -> bool:
    """Whether both are one reading: told in whole Wh, the begun one left out, and shown in rounded tenths."""
    return 0 <= shown_wh - told_wh <= 1
