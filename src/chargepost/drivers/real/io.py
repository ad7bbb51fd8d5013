"""Modbus I/O: coils that drive contactors and lamps, discrete inputs that read auxiliary and wired contacts."""

import asyncio
from collections.abc import Iterable
from typing import Final

from chargepost.drivers.real.instrument import AGAIN_S, Instrument
from chargepost.drivers.real.modbus import ANSWER_S, Framing, Master
from chargepost.drivers.real.wires import Line, Wire

POLL_S: Final = 0.1
"""From one look at the inputs to the next; an emergency stop is seen within it. What is switched goes out at once."""

LINES_MAX: Final = 2000
"""Coils in one question (Modbus application protocol, 6.1)."""


class ModbusIo(Instrument):
    """A board of coils (outputs) and discrete inputs, both counted from 0 as the wire does.

    Coils are read back: a module that restarted, or that somebody else wrote to, gets what is wanted again.
    """

    def __init__(
        self, line: Line, unit: int, outputs: Iterable[int], inputs: Iterable[int], *, framing: Framing | None = None,
        poll_s: float = POLL_S, answer_s: float = ANSWER_S, again_s: float = AGAIN_S,
    ) -> None:  # fmt: skip
        super().__init__("the I/O module", line, again_s)
        self._unit = unit
        self._framing: Framing = framing or ("rtu" if line.serial else "tcp")
        self._poll_s, self._answer_s = poll_s, answer_s
        self._wanted = dict.fromkeys(sorted(outputs), False)
        self._read = dict.fromkeys(sorted(inputs), False)
        self._switched = asyncio.Event()

    def set(self, line: int, on: bool) -> None:
        """Remembered while the module is silent, and written as soon as it speaks."""
        if self._wanted[line] != on:
            self._wanted[line] = on
            self._switched.set()

    def get(self, line: int) -> bool:
        self.must_speak()
        return self._read[line]

    async def converse(self, wire: Wire) -> None:
        master = Master(wire, self._framing, self._answer_s)
        while True:
            self._switched.clear()
            await self._write(master)
            read = self._read
            if read:
                first = min(read)
                answered = await master.inputs(self._unit, first, max(read) - first + 1)
                self._read = {line: answered[line - first] for line in read}
            if self.silent or self._read != read:
                self.heard()
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._switched.wait()
            except TimeoutError:
                continue

    async def _write(self, master: Master) -> None:
        if self._wanted:
            first = min(self._wanted)
            standing = await master.coils(self._unit, first, max(self._wanted) - first + 1)
            for line, on in self._wanted.items():
                if standing[line - first] != on:
                    await master.set_coil(self._unit, line, on)

    async def rest(self) -> None:
        """All outputs off, once, over a wire of its own: the end of the program. Raises OSError."""
        self._wanted = dict.fromkeys(self._wanted, False)
        wire = await self.line.open()
        try:
            await self._write(Master(wire, self._framing, self._answer_s))
        finally:
            wire.writer.close()
