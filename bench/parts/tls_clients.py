"""Clients that shake hands, TLS and WebSocket, with a server: ours, or bare asyncio.

Arguments: `ours` (whole handshakes), `resumed` (all but the first) or `bare`, the port, and the root certificate that
vouches for the server.
"""

import asyncio
import base64
import ssl
import sys
from pathlib import Path

from chargepost.run import tls
from chargepost.run.websocket import Link, dial
from chargepost.signals import Dial
from parts import orders

TOGETHER = 20
"""Handshakes under way at once."""
HEAD = (
    "GET /ocpp/S HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
).encode()


class Dialled:
    """A listener that says when it opened and when it is over."""

    def __init__(self) -> None:
        self.link: asyncio.Future[Link] = asyncio.get_running_loop().create_future()

    def opened(self, link: Link, subprotocol: str) -> None:
        self.link.set_result(link)

    def received(self, data: bytes) -> None: ...
    def ponged(self) -> None: ...

    def closed(self, reason: str, status: int | None) -> None:
        if not self.link.done():
            self.link.set_exception(ConnectionError(reason))


async def main(root: str) -> None:
    kind, port = sys.argv[1], int(sys.argv[2])
    context = ssl.create_default_context(cadata=root)
    trust = tls.client(False, (root,))
    if kind == "ours":
        trust._session = lambda host: None  # type: ignore[method-assign]
    held: list[object] = []

    async def ours() -> Link:
        listener = Dialled()
        dial(Dial(f"wss://127.0.0.1:{port}/ocpp/S", ("ocpp1.6",), "S", None, 60.0), listener, trust=trust)
        return await listener.link

    async def bare() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(HEAD)
        await reader.readuntil(b"\r\n\r\n")
        return writer

    async def connect(n: int, keep: bool) -> None:
        gate = asyncio.Semaphore(TOGETHER)

        async def one() -> None:
            async with gate:
                if kind != "bare":
                    made = await ours()
                    held.append(made) if keep else made.cut()  # type: ignore[attr-defined]
                else:
                    writer = await bare()
                    held.append(writer) if keep else writer.transport.abort()

        await asyncio.gather(*(one() for _ in range(n)))

    await orders.obey({"connect": connect})


if __name__ == "__main__":
    clients = main(Path(sys.argv[3]).read_text())
    orders.run(clients) if sys.argv[1] != "bare" else asyncio.run(clients)
