"""Where an instrument is reached, in the words of a site file: `tcp://HOST:PORT`, or the path of a serial line."""

import asyncio
import re
from errno import EINVAL
from typing import Final, Literal, NamedTuple

import msgspec

OPEN_S: Final = 5.0
"""A wire that is not open by then is broken: a wrong address of a network shows no sooner."""

Parity = Literal["none", "even", "odd"]


class Wire(NamedTuple):
    """Two streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One wire as it is laid."""

    at: str
    """`tcp://HOST:PORT` or the path of a serial device."""
    baud: int = 19_200
    parity: Parity = "none"
    byte_size: Literal[7, 8] = 8
    stop_bits: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        """Raises ValueError for what is no address."""
        if not self.at.startswith("/") and not self._tcp():
            raise ValueError(f"at: {self.at!r} is no wire: give tcp://HOST:PORT or the path of a serial line")

    @property
    def serial(self) -> bool:
        return self.at.startswith("/")

    def _tcp(self) -> re.Match[str] | None:
        return re.fullmatch(r"tcp://\[?([\w.:-]+?)\]?:(\d{1,5})", self.at)

    async def open(self) -> Wire:
        """Raises OSError, also when it takes too long."""
        try:
            async with asyncio.timeout(OPEN_S):
                return await (self._open_serial() if self.serial else self._open_tcp())
        except TimeoutError:
            raise OSError(f"{self.at} cannot be opened within {OPEN_S:g} s") from None

    async def _open_tcp(self) -> Wire:
        address = self._tcp()
        assert address
        return Wire(*await asyncio.open_connection(address[1], int(address[2])))

    async def _open_serial(self) -> Wire:
        """A line that knows no parity (a pseudo terminal, some adapters) is opened without: then it is bit 8."""
        try:
            return await self._serial(_PARITIES[self.parity], self.byte_size)
        except OSError as error:
            if error.errno != EINVAL or (self.parity, self.byte_size) == ("none", 8):
                raise
        return await self._serial(_PARITIES["none"], 8)

    async def _serial(self, parity: str, byte_size: int) -> Wire:
        import serialx  # noqa: PLC0415 - most stations have no serial line

        try:
            streams = await serialx.open_serial_connection(
                self.at, baudrate=self.baud, parity=parity, byte_size=byte_size, stopbits=self.stop_bits
            )
        except serialx.SerialException as error:
            raise OSError(f"{self.at}: {error}") from error
        return Wire(*streams)


_PARITIES: Final = {"none": "N", "even": "E", "odd": "O"}
