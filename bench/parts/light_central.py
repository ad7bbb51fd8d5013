"""A central system of almost nothing: it accepts all and answers at once.

Alone it stands at the other end of the stations under test; with `--validate` it is itself the floor of a supervision:
every payload decoded and validated, no rules, nothing kept.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from chargepost.ocpp import frames, messages
from parts import orders
from parts.wires import SILENT, TUNED
from parts.words import SUBPROTOCOL

INTERVAL_S = 86_400
"""Between heartbeats, where the program says nothing else: none in a measurement."""


DATE_S = 0.05
"""How long a date is good."""

NOTHING = b"{}"
"""The answer to whatever needs none of its own: a security event, a status of a firmware or a report."""


class Head(msgspec.Struct, array_like=True, gc=False):
    kind: int
    id: str
    action: str


class Central:
    def __init__(self, interval_s: int) -> None:
        self.interval_s = interval_s
        self.counts: Counter[str] = Counter()
        self._read = msgspec.json.Decoder(Head).decode
        self._dated_s = 0.0
        self._answers: dict[str, bytes] = {}

    def answer(self, data: bytes) -> bytes | None:
        """Without a look at the payload."""
        if not data.startswith(b"[2"):
            return None
        head = self._read(data)
        self.counts[head.action] += 1
        return b'[3,"%b",%b]' % (head.id.encode(), self._payloads().get(head.action, NOTHING))

    def validated_answer(self, data: bytes) -> bytes | None:
        frame = frames.read(data)
        assert isinstance(frame, frames.Call)
        self.counts[frame.action] += 1
        kind = frames.RESPONSES[frame.action]
        payload: Any = {}
        if "current_time" in kind.__struct_fields__:
            payload = {"current_time": datetime.now(UTC)}
        if isinstance(frame.payload, messages.BootNotification):
            payload |= {"interval": self.interval_s, "status": "Accepted"}
        return frames.write_result(frame.id, kind(**payload))

    def _payloads(self) -> dict[str, bytes]:
        """By action, with the date: stale by so little that no station need set its clock."""
        if time.time() - self._dated_s > DATE_S:
            self._dated_s = time.time()
            now = datetime.fromtimestamp(self._dated_s, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
            accepted = {"idTagInfo": {"status": "Accepted"}}
            rows: dict[str, object] = {
                "BootNotification": {"currentTime": now, "interval": self.interval_s, "status": "Accepted"},
                "Heartbeat": {"currentTime": now},
                "Authorize": accepted,
                "StartTransaction": accepted | {"transactionId": 1},
            }
            self._answers = {action: msgspec.json.encode(payload) for action, payload in rows.items()}
        return self._answers


class Link(WSListener):
    __slots__ = ("_answer",)

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer

    def on_ws_connected(self, transport: WSTransport) -> None:
        SILENT.forget_headers(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            reply = self._answer(frame.get_payload_as_bytes())
            if reply is not None:
                transport.send(WSMsgType.TEXT, reply)
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


async def main() -> None:
    intervals = [int(word) for word in sys.argv[1:] if word.isdigit()]
    central = Central(*(intervals or [INTERVAL_S]))
    answer = central.validated_answer if "--validate" in sys.argv else central.answer

    def accept(_: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        upgrade = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": SUBPROTOCOL})
        return WSUpgradeResponseWithListener(upgrade, Link(answer))

    server = await ws_create_server(accept, "127.0.0.1", 0, backlog=4096, **TUNED)

    async def counts() -> dict[str, int]:
        return dict(central.counts)

    await orders.obey({"counts": counts}, {"port": server.sockets[0].getsockname()[1]})


if __name__ == "__main__":
    orders.run(main())
