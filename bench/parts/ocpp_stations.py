"""Charge points of the PyPI package `ocpp`, as its documentation has them, many in one process."""

import asyncio
import sys
from itertools import count

import websockets
from ocpp.v16 import ChargePoint, call

from parts import orders, words

TOGETHER = 50
"""Handshakes under way at once."""

_step = count(1)


async def main() -> None:
    url, points, tasks = sys.argv[1], [], set()

    async def boot(number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            link = await websockets.connect(f"{url}/S{number:05}", subprotocols=[websockets.Subprotocol("ocpp1.6")])
            point = ChargePoint(f"S{number:05}", link)
            points.append(point)
            tasks.add(asyncio.create_task(point.start()))
            await point.call(call.BootNotification(charge_point_vendor="ACME", charge_point_model="Duo 22"))
            for connector in (0, 1):
                await point.call(
                    call.StatusNotification(connector_id=connector, error_code="NoError", status="Available")
                )

    async def connect(n: int) -> None:
        gate = asyncio.Semaphore(TOGETHER)
        first = len(points)
        await asyncio.gather(*(boot(number, gate) for number in range(first, first + n)))

    async def talk(each: int, mix: str = "both") -> None:
        async def one(point: ChargePoint) -> None:
            for step in range(each):
                if mix == "Heartbeat" or (mix == "both" and step % 2 == 0):
                    await point.call(call.Heartbeat())
                else:
                    await point.call(
                        call.MeterValues(
                            connector_id=1,
                            transaction_id=1784,
                            meter_value=[{"timestamp": words.stamp(next(_step)), "sampled_value": words.SAMPLES}],
                        )
                    )

        await asyncio.gather(*(one(point) for point in points))

    await orders.obey({"connect": connect, "talk": talk})


if __name__ == "__main__":
    orders.run(main())
