"""The PyPI package `ocpp` on `websockets`, with its schema validation on, both ways and at once."""

import asyncio
import contextlib
import logging
import traceback
import uuid
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import ocpp.messages
from ocpp.charge_point import camel_to_snake_case
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action
from tests.patience import PATIENCE_S
from tests.shells.peers.record import Policy, Record
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

ocpp.messages.ASYNC_VALIDATION = False  # in a thread it would judge later than it answers

PROTOCOL = [Subprotocol("ocpp1.6")]
FAULTS = {1002, 1003, 1007, 1009}
"""Codes `websockets` closes with when the other side breaks RFC 6455."""

Socket = ServerConnection | ClientConnection


class _Tap:
    """A WebSocket as the package wants it, all that passes being recorded."""

    def __init__(self, socket: Socket, identity: str, record: Record) -> None:
        self._socket, self._identity, self._record = socket, identity, record

    async def recv(self) -> str | bytes:
        raw = await self._socket.recv()
        self._record.frame(self._identity, True, raw)
        return raw

    async def send(self, raw: str) -> None:
        self._record.frame(self._identity, False, raw)
        await self._socket.send(raw)


class _Objector(logging.Handler):
    """What the package cannot read or process it tells its log only."""

    def __init__(self, identity: str, record: Record) -> None:
        super().__init__(logging.ERROR)
        self._identity, self._record = identity, record

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        why = "".join(traceback.format_exception_only(error)) if error else ""
        self._record.object(self._identity, f"{record.getMessage()} {why}".strip())


class _Point(ChargePoint):  # type: ignore[misc]  # the package has no types
    """One conversation. The package calls it a charge point at both ends."""

    def __init__(self, identity: str, socket: Socket, record: Record, policy: Policy) -> None:
        log = logging.Logger(f"ocpp of {identity}")
        log.addHandler(_Objector(identity, record))
        super().__init__(identity, _Tap(socket, identity, record), response_timeout=PATIENCE_S, logger=log)
        self.socket, self.record, self.policy = socket, record, policy
        record.opened(identity, socket.subprotocol or "")
        self.route_map = {
            action.value: {"_on_action": partial(self._answer, action.value), "_skip_schema_validation": False}
            for action in Action
        }

    def _answer(self, action: str, /, *, call_unique_id: str, **_: Any) -> Any:
        payload = self.record.asked(self.id, call_unique_id).payload  # as it was on the wire
        return getattr(call_result, action)(**camel_to_snake_case(self.policy(self.id, action, payload)))

    async def ask(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        request = getattr(call, action)(**camel_to_snake_case(payload))
        ident = str(uuid.uuid4())
        try:
            await self.call(request, suppress=False, unique_id=ident)
        except Exception as error:
            with contextlib.suppress(LookupError):
                self.record.answer(self.id, ident)  # a CALLERROR is raised from here
            self.record.object(self.id, f"{action}: {error!r}")
            raise
        return self.record.answer(self.id, ident)

    async def live(self) -> None:
        """Until the link ends."""
        try:
            await self.start()
        except ConnectionClosed as closed:
            if closed.sent and closed.sent.code in FAULTS and not closed.rcvd_then_sent:
                self.record.object(self.id, f"the WebSocket was closed: {closed}")
        except Exception as error:
            self.record.object(self.id, f"it made the package fail: {error!r}")


class PypiCentral:
    """A central system."""

    url: str

    def __init__(self, policy: Policy) -> None:
        self.record = Record("PyPI ocpp")
        self._policy = policy
        self._points: dict[str, _Point] = {}
        self._server: Server

    @classmethod
    async def open(cls, policy: Policy) -> "PypiCentral":
        central = cls(policy)
        central._server = await serve(central._talk, "127.0.0.1", 0, subprotocols=PROTOCOL)
        central.url = f"ws://127.0.0.1:{central._server.sockets[0].getsockname()[1]}/pypi"
        return central

    async def _talk(self, socket: ServerConnection) -> None:
        assert socket.request
        identity = unquote(socket.request.path.rpartition("/")[2])
        if old := self._points.get(identity):
            self.record.closed(identity)
            old.socket.transport.abort()  # a new link replaces the old one, which may be dead
        point = self._points[identity] = _Point(identity, socket, self.record, self._policy)
        await point.live()
        if self._points.get(identity) is point:
            del self._points[identity]
            self.record.closed(identity)

    async def call(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        return await self._points[identity].ask(action, payload)

    async def close(self) -> None:
        self._server.close()
        for point in list(self._points.values()):
            point.socket.transport.abort()
        await self._server.wait_closed()


class PypiStation:
    """Stations, each under its identity."""

    def __init__(self, policy: Policy) -> None:
        self.record = Record("PyPI ocpp")
        self._policy = policy
        self._points: dict[str, _Point] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, policy: Policy) -> "PypiStation":
        return cls(policy)

    async def connect(self, url: str, identity: str) -> None:
        try:
            socket = await connect(f"{url}/{quote(identity, safe='')}", subprotocols=PROTOCOL, proxy=None)
        except (OSError, InvalidHandshake) as error:
            raise ConnectionError(str(error)) from error
        point = self._points[identity] = _Point(identity, socket, self.record, self._policy)
        self._tasks.append(asyncio.create_task(self._live(point)))

    async def _live(self, point: _Point) -> None:
        await point.live()
        self.record.closed(point.id)

    async def call(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        return await self._points[identity].ask(action, payload)

    async def close(self) -> None:
        for point in self._points.values():
            point.socket.transport.abort()
        await asyncio.gather(*self._tasks)
