"""A central system with the PyPI package `ocpp`, as its documentation has it. It stores nothing."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result

from parts import orders


class Point(ChargePoint):  # type: ignore[misc]  # the package says nothing of its types
    @on("BootNotification")  # type: ignore[untyped-decorator]
    def boot(self, **_: Any) -> Any:
        return call_result.BootNotification(datetime.now(UTC).isoformat(), 86_400, "Accepted")

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def heartbeat(self) -> Any:
        return call_result.Heartbeat(datetime.now(UTC).isoformat())

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def status(self, **_: Any) -> Any:
        return call_result.StatusNotification()

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def meter_values(self, **_: Any) -> Any:
        return call_result.MeterValues()


async def connected(link: websockets.ServerConnection) -> None:
    assert link.request
    with suppress(websockets.ConnectionClosed):
        await Point(link.request.path.rpartition("/")[2], link).start()


async def main() -> None:
    server = await websockets.serve(connected, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("ocpp1.6")])
    await orders.obey({}, {"port": next(iter(server.sockets)).getsockname()[1]})


if __name__ == "__main__":
    orders.run(main())
