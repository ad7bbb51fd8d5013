"""A Modbus slave in a process of its own: an iEM3x5x meter or an I/O module, served by pymodbus over TCP or RTU.

`python slave.py meter|io tcp|rtu UNIT` prints where it is reached, then does one command a line and answers "done":
`pass SECONDS`, `load AMPERES`, `register WH`, `input LINE 0|1`, `coil LINE 0|1`, `coils`, `silent`, `speak`.
An RTU line is a pseudo terminal: what comes over it goes, byte by byte as it is, to the server's RTU framing.
"""

import asyncio
import os
import sys
import tty
from collections.abc import Mapping

from pymodbus import FramerType, pymodbus_apply_logging_config
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from chargepost.drivers.real import registers

VOLT = 230.0
FACTOR = 0.97
LINES = 16


class Slave:
    def __init__(self, kind: str, framing: str, unit: int) -> None:
        self.kind, self.framing, self.unit = kind, framing, unit
        self.map = registers.load("iem3x5x")
        self.silent = False
        self.current_a, self.energy_wh = 16.0, 1_000_000.0
        self.server: ModbusTcpServer

    def values(self) -> Mapping[str, tuple[float, ...]]:
        power_w = VOLT * self.current_a * FACTOR
        return {
            "current_a": (self.current_a,) * 3,
            "voltage_v": (VOLT,) * 3,
            "power_w": (power_w,) * 3,
            "frequency_hz": (50.0,),
            "energy_wh": (self.energy_wh,),
            "reactive_varh": (self.energy_wh / 4,),
        }

    async def serve(self) -> str:
        bits = [SimData(0, values=[False] * LINES, datatype=DataType.BITS)]
        words = [
            SimData(at, values=[0] * value.words, datatype=DataType.REGISTERS)
            for value in self.map.registers.values()
            for at in value.at
        ]
        words.sort(key=lambda each: each.address)
        inputs = [SimData(0, values=[False] * LINES, datatype=DataType.BITS)]
        device = SimDevice(self.unit, simdata=(bits, inputs, words, words))
        framer = FramerType.RTU if self.framing == "rtu" else FramerType.SOCKET
        self.server = ModbusTcpServer(
            device, framer=framer, address=("127.0.0.1", 0), trace_packet=self.trace, ignore_missing_devices=True
        )
        await self.server.serve_forever(background=True)
        await self.update()
        port = self.server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # it listens
        return f"tcp://127.0.0.1:{port}" if self.framing == "tcp" else await self.terminal(port)

    def trace(self, sending: bool, data: bytes) -> bytes:
        """Another unit's question is not ours to refuse."""
        place = 0 if self.framing == "rtu" else 6
        return b"" if sending and (self.silent or data[place] != self.unit) else data

    async def terminal(self, port: int) -> str:
        """A pseudo terminal in front of the server."""
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        here, there = os.openpty()
        tty.setraw(there)
        loop.add_reader(here, lambda: writer.write(os.read(here, 4096)))

        async def back() -> None:
            while data := await reader.read(4096):
                os.write(here, data)

        self.task = loop.create_task(back())
        return os.ttyname(there)

    async def update(self) -> None:
        for at, word in self.map.written(self.values()).items():
            await self.server.async_setValues(self.unit, 16, at, [word])

    async def do(self, name: str, *args: str) -> str:
        match name, args:
            case "pass", (seconds,):
                self.energy_wh += 3 * VOLT * self.current_a * FACTOR * float(seconds) / 3600
            case "load", (ampere,):
                self.current_a = float(ampere)
            case "register", (wh,):
                self.energy_wh = float(wh)
            case "input", (line, on):
                await self.server.async_setValues(self.unit, 2, int(line), [on == "1"])
            case "coil", (line, on):
                await self.server.async_setValues(self.unit, 5, int(line), [on == "1"])
            case "coils", ():
                bits = await self.server.async_getValues(self.unit, 1, 0, LINES)
                return "".join(str(int(bit)) for bit in bits[:LINES])
            case "silent" | "speak", ():
                self.silent = name == "silent"
            case _:
                return f"no command {name}"
        await self.update()
        return "done"


async def main(kind: str, framing: str, unit: str) -> None:
    pymodbus_apply_logging_config("CRITICAL")
    slave = Slave(kind, framing, int(unit))
    print(await slave.serve(), flush=True)
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        print(await slave.do(*line.decode().split()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
