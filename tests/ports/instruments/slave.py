"""A Modbus slave in a process of its own: an iEM3x5x meter or an I/O module, served by pymodbus over TCP or RTU.

`python slave.py meter|io tcp|rtu UNIT` prints where it is reached, then does one command a line and answers "done":
`pass SECONDS`, `load AMPERES`, `register WH`, `input LINE 0|1`, `coil LINE 0|1`, `coils`, `silent`, `speak`.
An RTU line is a pseudo terminal: what comes over it goes, byte by byte as it is, to the server's RTU framing.
"""

import asyncio
import os
import struct
import sys
import tty

from pymodbus import FramerType, pymodbus_apply_logging_config
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

VOLT = 230.0
FACTOR = 0.97
LINES = 16


class Slave:
    def __init__(self, kind: str, framing: str, unit: int) -> None:
        self.kind, self.framing, self.unit = kind, framing, unit
        self.silent = False
        self.current_a, self.energy_wh = 16.0, 1_000_000.0
        self.server: ModbusTcpServer

    def registers(self) -> dict[int, bytes]:
        """As the register list of the meter has them, not as our driver reads them: the higher word first."""
        kilowatt = VOLT * self.current_a * FACTOR / 1000
        floats = {2999: self.current_a, 3027: VOLT, 3053: kilowatt}
        three = {at + 2 * phase: struct.pack(">f", value) for at, value in floats.items() for phase in range(3)}
        return three | {
            3109: struct.pack(">f", 50.0),
            3203: struct.pack(">q", round(self.energy_wh)),
            3219: struct.pack(">q", round(self.energy_wh / 4)),
        }

    async def serve(self) -> str:
        bits = [SimData(0, values=[False] * LINES, datatype=DataType.BITS)]
        words = [
            SimData(at, values=[0] * (len(data) // 2), datatype=DataType.REGISTERS)
            for at, data in sorted(self.registers().items())
        ]
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
        for at, data in self.registers().items():
            words = list(struct.unpack(f">{len(data) // 2}H", data))
            await self.server.async_setValues(self.unit, 16, at, words)

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
