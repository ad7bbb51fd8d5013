"""Contactors, inputs and lights that hang on a board of digital lines: Modbus I/O, or the GPIO of a small computer."""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

BLINK_S: Final = 0.5
"""Half a period of a blinking lamp."""

COLOURS: Final = ("green", "blue", "red")
"""Lamps that a board may have, by the first word of a light."""


class Board(Protocol):
    """Digital lines by their numbers. OSError while the board is silent."""

    def set(self, line: int, on: bool) -> None: ...

    def get(self, line: int) -> bool:
        """An input, as last known."""


class BoardContactor:
    """A coil on an output, and the auxiliary contact on an input."""

    def __init__(self, board: Board, coil: int, feedback: int) -> None:
        self._board, self._coil, self._feedback = board, coil, feedback

    def switch(self, on: bool) -> None:
        self._board.set(self._coil, on)

    def closed(self) -> bool:
        return self._board.get(self._feedback)


class Contact(NamedTuple):
    """A wired input."""

    line: int
    normally_closed: bool = False
    """It opens to say that it is active."""


class BoardInputs:
    def __init__(self, board: Board, contacts: Mapping[str, Contact]) -> None:
        self._board, self._contacts = board, dict(contacts)

    def read(self) -> Mapping[str, bool]:
        return {name: self._board.get(each.line) != each.normally_closed for name, each in self._contacts.items()}


class BoardLights:
    """One output a colour. A line is on or off: any intensity above 0 is on."""

    def __init__(self, board: Board, lamps: Mapping[str, int]) -> None:
        self._board, self._lamps = board, dict(lamps)
        self._shown: str | None = None
        self._blinks: asyncio.TimerHandle | None = None

    def show(self, light: str, intensity_percent: int) -> None:
        """A colour that is not wired is dark."""
        if not 0 <= intensity_percent <= 100:
            raise ValueError(f"an intensity of {intensity_percent} % is not within 0 to 100 %")
        colour, _, manner = light.partition(" ")
        if self._blinks:
            self._blinks.cancel()
            self._blinks = None
        self._light(colour if intensity_percent else None)
        if manner and intensity_percent:
            self._blinks = asyncio.get_running_loop().call_later(BLINK_S, self._toggle, colour)

    def _toggle(self, colour: str) -> None:
        self._light(None if self._shown else colour)
        self._blinks = asyncio.get_running_loop().call_later(BLINK_S, self._toggle, colour)

    def _light(self, shown: str | None) -> None:
        self._shown = shown
        for colour, line in self._lamps.items():
            self._board.set(line, colour == shown)
