"""Stations of almost nothing: bare connections that say what they are told to, every answer decoded and validated.

The floor of a station, and the load on a supervision under test.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import cast

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from chargepost.ocpp import frames
from parts import orders, words
from parts.wires import SILENT, TUNED

TOGETHER = 100
"""Handshakes under way at once."""

_step = count(1)


class Talker(WSListener):
    """Says one frame after another, each when the last was answered; then calls `done`."""

    __slots__ = ("_action", "_done", "_frames", "_ids", "_transport")

    def __init__(self) -> None:
        self._ids = count(1)
        self._done: Callable[[], None] = lambda: None
        self._frames: Iterator[tuple[str, object]] = iter(())
        self._action = ""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        SILENT.forget_headers(transport)

    def say(self, what: Iterator[tuple[str, object]], done: Callable[[], None]) -> None:
        self._frames, self._done = what, done
        self._next()

    def _next(self) -> None:
        found = next(self._frames, None)
        if found is None:
            self._done()
        else:
            self._action, payload = found
            data = payload if isinstance(payload, bytes) else words.call(str(next(self._ids)), self._action, payload)
            self._transport.send(WSMsgType.TEXT, data)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            answer = frames.read(frame.get_payload_as_bytes())
            assert isinstance(answer, frames.Result), answer
            frames.read_result(self._action, answer.payload)
            self._next()
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())


_HEARTBEAT = words.call("1", "Heartbeat", {})
_BEFORE, _, _AFTER = words.call("1", "MeterValues", words.meter_values(0)).partition(words.stamp(0).encode())


def heartbeat() -> tuple[str, bytes]:
    return "Heartbeat", _HEARTBEAT


def meter_values() -> tuple[str, bytes]:
    """Cut from one frame, each with a time stamp of its own: the load must cost less than what it loads."""
    return "MeterValues", _BEFORE + words.stamp(next(_step)).encode() + _AFTER


MIXES = {"both": (heartbeat, meter_values), "MeterValues": (meter_values,), "Heartbeat": (heartbeat,)}


class Crowd:
    def __init__(self, url: str) -> None:
        self._url = url
        self._talkers: list[Talker] = []

    async def connect(self, n: int) -> None:
        """That many more."""
        gate = asyncio.Semaphore(TOGETHER)

        async def one(number: int) -> None:
            async with gate:
                _, talker = await ws_connect(
                    Talker,
                    f"{self._url}/S{number:05}",
                    extra_headers=[("Sec-WebSocket-Protocol", words.SUBPROTOCOL)],
                    **TUNED,
                )
                self._talkers.append(cast(Talker, talker))

        first = len(self._talkers)
        await asyncio.gather(*(one(number) for number in range(first, first + n)))
        await self._all(self._talkers[first:], lambda: iter(words.BOOTING))

    async def talk(self, each: int, mix: str = "both") -> None:
        """Each station says so many messages, as fast as they are answered."""
        kinds = MIXES[mix]

        def said() -> Iterator[tuple[str, object]]:
            return (kinds[step % len(kinds)]() for step in range(each))

        await self._all(self._talkers, said)

    async def _all(self, talkers: list[Talker], what: Callable[[], Iterator[tuple[str, object]]]) -> None:
        waiting, over = len(talkers), asyncio.Event()

        def done() -> None:
            nonlocal waiting
            waiting -= 1
            if not waiting:
                over.set()

        for talker in talkers:
            talker.say(what(), done)
        await over.wait()


async def main() -> None:
    crowd = Crowd(sys.argv[1])
    await orders.obey({"connect": crowd.connect, "talk": crowd.talk})


if __name__ == "__main__":
    orders.run(main())
