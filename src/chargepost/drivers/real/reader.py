"""A badge reader on a serial line, or behind TCP: one line of text a badge.

A line is the badge's number in hexadecimal, 4, 7 or 10 bytes as cards have them (ISO/IEC 14443-3), with or without
`UID` before it and with or without `:`, `-` or spaces between the bytes; it ends with CR, LF or both:

    04A1B2C3
    UID 04:A1:B2:C3:D4:E5:F6

Whatever else a reader says (its greeting, its own beeps) is passed over. The idTag is the number in capital letters:
20 characters at most, which is what OCPP carries.
"""

import asyncio
import re
from typing import Final

from chargepost.drivers.real.instrument import AGAIN_S, Instrument
from chargepost.drivers.real.wires import Line, Wire

BAUD: Final = 9600
LINE_MAX: Final = 64
"""Bytes of a line; a longer one is no badge."""
UID_BYTES: Final = (4, 7, 10)
"""Single, double and triple size (ISO/IEC 14443-3, 6.5.4)."""


def id_tag(line: bytes) -> str | None:
    """The badge that a line tells; None for anything else."""
    text = line.decode("ascii", "replace").strip().upper()
    found = re.fullmatch(r"(?:UID[ :=]*)?((?:[0-9A-F]{2}[ :-]?)+)", text)
    uid = re.sub(r"[ :-]", "", found[1]) if found else ""
    return uid if len(uid) in {2 * count for count in UID_BYTES} else None


class SerialReader(Instrument):
    """Holds the last badge until it is asked for, as readers do: a second one replaces the first."""

    def __init__(self, line: Line, again_s: float = AGAIN_S) -> None:
        super().__init__("the badge reader", line, again_s)
        self._badge: str | None = None

    def badge(self) -> str | None:
        self.must_speak()
        badge, self._badge = self._badge, None
        return badge

    async def converse(self, wire: Wire) -> None:
        self.heard()
        held = b""
        while data := await wire.reader.read(LINE_MAX):
            *lines, held = re.split(rb"[\r\n]+", held + data)
            held = held[-2 * LINE_MAX :]
            for line in lines:
                if len(line) <= LINE_MAX and (badge := id_tag(line)):
                    self._badge = badge
                    self.heard()
        raise asyncio.IncompleteReadError(held, None)
