"""A Modbus master: one question at a time over a wire, framed as TCP or RTU by pymodbus."""

import asyncio
from typing import Any, Final, Literal

from chargepost.drivers.real.wires import Wire

ANSWER_S: Final = 1.0
"""A slave that has not answered by then is silent: at 9600 baud the longest answer takes 0.3 s."""

FRAME_MAX: Final = 264
"""Bytes of the longest frame; more without a good one is noise."""

Framing = Literal["tcp", "rtu"]


class Refused(OSError):
    """The slave answered with a Modbus exception."""


class Master:
    """Asks the slaves of one line. Every method raises OSError when the slave is silent or refuses."""

    def __init__(self, wire: Wire, framing: Framing, answer_s: float = ANSWER_S) -> None:
        from pymodbus.framer import FramerRTU, FramerSocket  # noqa: PLC0415 - most stations have no Modbus
        from pymodbus.pdu import DecodePDU  # noqa: PLC0415

        self._wire, self._answer_s = wire, answer_s
        self._framer = (FramerRTU if framing == "rtu" else FramerSocket)(DecodePDU(False))
        self._number = 0

    async def holding(self, unit: int, address: int, count: int) -> list[int]:
        """Function 3: registers from `address`, as the wire counts them."""
        from pymodbus.pdu.register_message import ReadHoldingRegistersRequest  # noqa: PLC0415

        answer = await self._ask(ReadHoldingRegistersRequest(dev_id=unit, address=address, count=count))
        return _whole(list(answer.registers), count)

    async def coils(self, unit: int, address: int, count: int) -> list[bool]:
        """Function 1."""
        from pymodbus.pdu.bit_message import ReadCoilsRequest  # noqa: PLC0415

        answer = await self._ask(ReadCoilsRequest(dev_id=unit, address=address, count=count))
        return _whole(list(answer.bits)[:count], count)

    async def inputs(self, unit: int, address: int, count: int) -> list[bool]:
        """Function 2."""
        from pymodbus.pdu.bit_message import ReadDiscreteInputsRequest  # noqa: PLC0415

        answer = await self._ask(ReadDiscreteInputsRequest(dev_id=unit, address=address, count=count))
        return _whole(list(answer.bits)[:count], count)

    async def set_coil(self, unit: int, address: int, on: bool) -> None:
        """Function 5."""
        from pymodbus.pdu.bit_message import WriteSingleCoilRequest  # noqa: PLC0415

        await self._ask(WriteSingleCoilRequest(dev_id=unit, address=address, bits=[on]))

    async def _ask(self, request: Any) -> Any:
        self._number = self._number % 0xFFFF + 1
        request.transaction_id = self._number
        self._wire.writer.write(self._framer.buildFrame(request))
        await self._wire.writer.drain()
        try:
            async with asyncio.timeout(self._answer_s):
                answer = await self._answer(request)
        except TimeoutError:
            raise OSError(f"unit {request.dev_id} left a question unanswered for {self._answer_s:g} s") from None
        if answer.isError():
            raise Refused(f"unit {request.dev_id} refuses register {request.address}: code {answer.exception_code}")
        return answer

    async def _answer(self, request: Any) -> Any:
        """The frame that answers; what is of others, late or noise is passed over."""
        held = b""
        while True:
            data = await self._wire.reader.read(FRAME_MAX)
            if not data:
                raise OSError("the wire was closed at the other end")
            held = (held + data)[-2 * FRAME_MAX :]
            used, answer = self._framer.handleFrame(held, request.dev_id, request.transaction_id)
            held = held[used:]
            if answer is not None and answer.function_code & 0x7F == request.function_code:
                return answer


def _whole(values: list[Any], count: int) -> list[Any]:
    if len(values) != count:
        raise OSError(f"{len(values)} values were answered where {count} were asked for")
    return values
