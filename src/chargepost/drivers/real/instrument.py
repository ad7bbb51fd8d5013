"""What every real instrument does: keep its wire open, talk, and begin anew when that breaks."""

import asyncio
from collections.abc import Callable
from typing import Final

from chargepost.drivers.real.wires import Line, Wire

AGAIN_S: Final = 2.0
"""From a wire that broke to the next attempt: long enough for a line of many, short enough for three polls."""

NEVER_HEARD: Final = "has not been heard yet"


class NotHeardYet(OSError):
    """It was asked before its wire was first open: neither an answer nor a silence."""


Changed = Callable[[], None]


class Instrument:
    """One instrument at the end of one wire. `run` is a task that ends only by being cancelled."""

    def __init__(self, name: str, line: Line, again_s: float = AGAIN_S) -> None:
        self.name = name
        """For people: what it is, in errors."""
        self.line = line
        self.silent = NEVER_HEARD
        """Why it says nothing; empty while it speaks."""
        self._again_s = again_s
        self._changed: Changed = lambda: None

    async def run(self, changed: Changed) -> None:
        """`changed` is called whenever something new is known, silence included."""
        self._changed = changed
        while True:
            try:
                wire = await self.line.open()
                try:
                    await self.converse(wire)
                finally:
                    wire.writer.close()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.fell_silent(getattr(error, "strerror", None) or str(error) or type(error).__name__)
            await asyncio.sleep(self._again_s)

    async def converse(self, wire: Wire) -> None:
        """Ask or listen for as long as the wire lasts; any error ends it."""
        raise NotImplementedError

    def heard(self) -> None:
        self.silent = ""
        self._changed()

    def fell_silent(self, why: str) -> None:
        self.silent = why
        self._changed()

    def must_speak(self) -> None:
        """Raises OSError while the instrument is silent."""
        if self.silent:
            kind = NotHeardYet if self.silent == NEVER_HEARD else OSError
            raise kind(f"{self.name} at {self.line.at} does not answer: {self.silent}")
