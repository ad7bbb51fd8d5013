"""A server that answers handshakes of TLS and of WebSocket, and keeps the connections: ours, or bare asyncio.

Arguments: `ours` or `bare`, the certificate, its key.
"""

import asyncio
import base64
import hashlib
import ssl
import sys
from pathlib import Path

from chargepost.run import tls
from chargepost.run.http import serve
from chargepost.run.websocket import Handshake, Link, Listener
from parts import orders


class Quiet:
    """A listener that wants nothing."""

    def opened(self, link: Link, subprotocol: str) -> None: ...
    def received(self, data: bytes) -> None: ...
    def ponged(self) -> None: ...
    def closed(self, reason: str, status: int | None) -> None: ...


async def ours(certificate: Path, key: Path) -> int:
    def admit(_: Handshake) -> Listener:
        return Quiet()

    return (await serve("127.0.0.1", 0, None, admit, secured=tls.server(certificate, key))).port


async def bare(certificate: Path, key: Path) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        digest = hashlib.sha1(asked + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\nSec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context, backlog=4096)
    return int(server.sockets[0].getsockname()[1])  # the loop holds what listens


async def main() -> None:
    kind, certificate, key = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    port = await (ours if kind == "ours" else bare)(certificate, key)
    await orders.obey({}, {"port": port})


if __name__ == "__main__":
    orders.run(main()) if sys.argv[1] == "ours" else asyncio.run(main())
