"""Controllers by other people's habits, in a process of their own: what the drivers of evcc and nymea do, on pymodbus.

python -m tests.shells.peers.modbus evcc|nymea|plain HOST:PORT: one JSON list on stdin is one call (name, arguments),
its result one line of JSON on stdout. While `live` is on, evcc and nymea write the life bit in their rhythm.
"""

import asyncio
import json
import sys
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

TYPES = AsyncModbusTcpClient.DATATYPE


class Plain:
    """Reads and writes, with the exception code where there is one."""

    unit = 255
    order: Any = "big"

    def __init__(self, client: AsyncModbusTcpClient) -> None:
        self.client = client
        self.lives: asyncio.Task[None] | None = None

    async def read(self, address: int, count: int, unit: int | None = None) -> Any:
        return self._judged(
            await self.client.read_holding_registers(address, count=count, device_id=self._unit(unit)), "registers"
        )

    async def write(self, address: int, value: int, unit: int | None = None) -> Any:
        return self._judged(await self.client.write_register(address, value, device_id=self._unit(unit)))

    async def write_many(self, address: int, values: list[int], unit: int | None = None) -> Any:
        return self._judged(await self.client.write_registers(address, values, device_id=self._unit(unit)))

    async def other(self, name: str) -> Any:
        """A function that these stations do not have."""
        return self._judged(await getattr(self.client, name)(0, device_id=self.unit))

    async def live(self, address: int, every_s: float) -> Any:
        """The life bit, until 0."""
        if self.lives:
            self.lives.cancel()
        self.lives = asyncio.create_task(self._live(address, every_s)) if every_s else None

    async def _live(self, address: int, every_s: float) -> None:
        while True:
            await self.client.write_register(address, 1, device_id=self.unit)
            await asyncio.sleep(every_s)

    async def value(self, kind: str, address: int, count: int) -> Any:
        """Put together by the library, in the word order of the product."""
        words = await self.read(address, count)
        return self.client.convert_from_registers(words, TYPES[kind], word_order=self.order)

    def _unit(self, unit: int | None) -> int:
        return self.unit if unit is None else unit

    @staticmethod
    def _judged(answer: ModbusPDU, what: str = "") -> Any:
        if answer.isError():
            return {"exception": answer.exception_code}
        return getattr(answer, what) if what else "written"


class Evcc(Plain):
    """As evcc drives a Pro AC: set point once, life bit each 2 s unless it reads 2, state once a cycle."""

    order = "little"
    LIFE, SET_POINT, STATE = 4000, 4004, 1
    current_a = 6

    async def begin(self, every_s: float = 2.0) -> Any:
        words = await self.read(self.SET_POINT, 1)
        life = await self.read(self.LIFE, 1)
        if life[0] != 2:
            await self.live(self.LIFE, every_s)
        return [words[0], life[0]]

    async def status(self) -> str:
        (state,) = await self.read(self.STATE, 1)
        return next((name for name, states in STATES.items() if state in states), f"invalid {state}")

    async def enabled(self) -> bool:
        return bool((await self.read(self.SET_POINT, 1))[0])

    async def enable(self, on: bool) -> Any:
        return await self.write(self.SET_POINT, self.current_a if on else 0)

    async def max_current(self, current_a: int) -> Any:
        self.current_a = current_a
        return await self.write(self.SET_POINT, current_a)

    async def power_w(self) -> float:
        return float(1000 * await self.value("FLOAT32", 3059, 2))

    async def energy_kwh(self) -> float:
        return float(await self.value("INT64", 3203, 4)) / 1000

    async def currents(self) -> Any:
        return await self.value("FLOAT32", 2999, 6)

    async def voltages(self) -> Any:
        return await self.value("FLOAT32", 3027, 6)

    async def session_s(self) -> int:
        return int(await self.value("UINT32", 4009, 2))

    async def ocpp(self) -> int:
        return int((await self.read(150, 1))[0])


STATES = {"A": (0, 1, 2, 6), "B": (3, 4, 5, 7), "C": (8, 9)}


class Nymea(Plain):
    """As nymea drives an EVlink: every register by itself, big endian."""

    unit = 1
    LIFE = 932

    async def update(self) -> dict[str, Any]:
        return {name: await self.value(kind, address, count) for name, (kind, address, count) in EVLINK.items()}


EVLINK = {
    "cpw": ("UINT16", 6, 1), "last": ("UINT16", 9, 1), "command_status": ("UINT16", 20, 1), "errors": ("UINT32", 23, 2),
    "charge_s": ("UINT32", 30, 2), "command": ("UINT16", 150, 1), "socket_a": ("UINT16", 301, 1),
    "cluster_a": ("UINT16", 310, 1), "l1_a": ("FLOAT32", 350, 2), "l2_a": ("FLOAT32", 352, 2),
    "l3_a": ("FLOAT32", 354, 2), "energy_wh": ("UINT32", 356, 2), "power_kw": ("FLOAT32", 358, 2),
    "life": ("UINT16", 932, 1), "degraded": ("UINT16", 933, 1), "session_s": ("UINT32", 2004, 2),
}  # fmt: skip

DRIVERS = {"plain": Plain, "evcc": Evcc, "nymea": Nymea}


async def main(name: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    client = AsyncModbusTcpClient(host, port=int(port), timeout=10, retries=0)
    assert await client.connect()
    driver = DRIVERS[name](client)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        call, *arguments = json.loads(line)
        print(json.dumps(await getattr(driver, call)(*arguments)), flush=True)
    client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
