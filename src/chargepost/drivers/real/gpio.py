"""Lines of a Linux GPIO chip as a board: for stations without a pilot, and for lamps and contacts of any."""

import asyncio
import errno
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final

from chargepost.drivers.real.instrument import Changed

DEBOUNCE: Final = timedelta(milliseconds=20)
"""A contact that bounces for less is one change."""

CONSUMER: Final = "chargepost"
"""How `gpioinfo` names who holds the lines."""

REMEDIES: Final = {
    errno.ENOENT: "name the chip that gpiodetect lists, as chip",
    errno.EACCES: "let this user open it: add the user to the chip's group",
    errno.EBUSY: "another program holds one of its lines: gpioinfo names it",
    errno.EINVAL: "gpioinfo lists the lines that it has",
}

Requests = Callable[..., Any]
"""`gpiod.request_lines`, or a simulation of the kernel behind it."""


class Gpio:
    """One request for all lines: outputs begin low, inputs are pulled up, so a closed contact to ground is active."""

    def __init__(
        self, chip: str, outputs: Iterable[int], inputs: Iterable[int], request_lines: Requests | None = None
    ) -> None:
        """Raises OSError when the chip is not there or another program holds a line."""
        import gpiod  # noqa: PLC0415 - most stations have no GPIO
        from gpiod.line import Bias, Direction, Edge, Value  # noqa: PLC0415

        self.name, self.chip = "the GPIO", chip
        self._on, self._off = Value.ACTIVE, Value.INACTIVE
        self._outputs = tuple(outputs)
        out = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.INACTIVE)
        read = gpiod.LineSettings(
            direction=Direction.INPUT, edge_detection=Edge.BOTH, bias=Bias.PULL_UP, active_low=True,
            debounce_period=DEBOUNCE,
        )  # fmt: skip
        lines = {**dict.fromkeys(self._outputs, out), **dict.fromkeys(inputs, read)}
        ask: Requests = request_lines or gpiod.request_lines
        try:
            self._request = ask(chip, config=lines, consumer=CONSUMER)
        except OSError as error:
            remedy = REMEDIES.get(error.errno or 0, "see gpioinfo")
            raise OSError(f"{chip}: {error.strerror}: {remedy}") from None

    def set(self, line: int, on: bool) -> None:
        self._request.set_value(line, self._on if on else self._off)

    def get(self, line: int) -> bool:
        return bool(self._request.get_value(line) is self._on)

    async def run(self, changed: Changed) -> None:
        """The kernel says when an input changes."""
        loop, fd = asyncio.get_running_loop(), self._request.fd
        ended: asyncio.Future[None] = loop.create_future()

        def edges() -> None:
            self._request.read_edge_events()
            changed()

        loop.add_reader(fd, edges)
        try:
            await ended
        finally:
            loop.remove_reader(fd)

    async def rest(self) -> None:
        """All outputs low, and the lines given back."""
        for line in self._outputs:
            self.set(line, False)
        self._request.release()
