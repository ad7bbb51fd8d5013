"""The tele-information of a French meter (TIC): what is subscribed and what the house draws, in both its modes.

A frame stands between STX and ETX; a line in it between LF and CR: label, value and checksum, parted by spaces in the
historic mode (1200 baud) and by tabs in the standard mode (9600 baud), where a date may stand before the value. Both
are 7 bits with even parity. A line whose checksum is wrong is as if it had not been said.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final, Literal

from chargepost.drivers.real.instrument import AGAIN_S, Instrument
from chargepost.drivers.real.wires import Line, Wire
from chargepost.signals import Tic

Mode = Literal["historic", "standard"]

BAUD: Final[Mapping[Mode, int]] = {"historic": 1200, "standard": 9600}

FRAME_MAX: Final = 2000
"""Bytes of a frame: a standard one of three phases has under 1,000."""

SILENT_S: Final = 10.0
"""A meter says a frame every second or two; one that is not heard for so long is silent."""

SEVEN_BITS: Final = bytes(byte & 0x7F for byte in range(256))
"""What a line that was opened with 8 bits hears: the eighth is the parity."""

NOMINAL_V: Final = 230.0

CURRENTS: Final[Mapping[Mode, tuple[str, ...]]] = {
    "historic": ("IINST", "IINST1", "IINST2", "IINST3"),  # the first of one phase, the others of three
    "standard": ("IRMS1", "IRMS2", "IRMS3"),
}

_LINE = re.compile(rb"\n([^\r\n]+)\r")


def lines(frame: bytes) -> dict[str, str]:
    """Values by label, of the lines whose checksum is right."""
    found = {}
    for text in _LINE.findall(frame):
        separator = b"\t" if b"\t" in text else b" "
        # The checksum may itself be a space, which then stands after the separator.
        body, checksum = text[:-1], text[-1]
        summed = body if separator == b"\t" else body[:-1]
        if body.endswith(separator) and (sum(summed) & 0x3F) + 0x20 == checksum:
            label, *_, value = body[:-1].split(separator)
            found[label.decode("ascii", "replace")] = value.decode("ascii", "replace")
    return found


def read(frame: bytes) -> Tic | None:
    """What a frame tells; None when it lacks the subscribed power or a current."""
    said = lines(frame)
    mode: Mode = "standard" if "PREF" in said else "historic"
    try:
        loads = [float(said[name]) for name in CURRENTS[mode] if name in said]
        if mode == "standard":
            subscribed_a = 1000 * float(said["PREF"]) / NOMINAL_V / max(len(loads), 1)
        else:
            subscribed_a = float(said["ISOUSC"])
    except (KeyError, ValueError):
        return None
    if len(loads) not in (1, 3):
        return None
    first, second, third = (*loads, 0.0, 0.0)[:3]
    return Tic(mode, subscribed_a, (first, second, third), len(loads))


class TicLine(Instrument):
    """Listens; it asks nothing. Silent when no good frame came for a while."""

    def __init__(self, line: Line, silent_s: float = SILENT_S, again_s: float = AGAIN_S) -> None:
        super().__init__("the TIC meter", line, again_s)
        self._silent_s = silent_s
        self._tic: Tic | None = None

    def read(self) -> Tic:
        """As of the last good frame. OSError when there was none for a while."""
        self.must_speak()
        assert self._tic
        return self._tic

    async def converse(self, wire: Wire) -> None:
        loop = asyncio.get_running_loop()
        held, until = b"", loop.time() + self._silent_s
        while True:
            try:
                async with asyncio.timeout_at(until):
                    data = await wire.reader.read(FRAME_MAX)
            except TimeoutError:
                raise OSError(f"no good frame within {self._silent_s:g} s: is the mode right?") from None
            if not data:
                raise OSError("the wire was closed at the other end")
            *frames, held = (held + data.translate(SEVEN_BITS))[-2 * FRAME_MAX :].split(b"\x03")
            for frame in frames:
                if tic := read(frame[frame.rfind(b"\x02") + 1 :]):
                    self._tic, until = tic, loop.time() + self._silent_s
                    self.heard()
