"""Benches for real drivers: a driver runs on the loop, the check beside it in a thread, the instrument elsewhere."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from chargepost.drivers.check import Request
from tests.patience import PATIENCE_S

SLAVE = Path(__file__).parent / "instruments" / "slave.py"


QUICK: dict[str, Any] = {"poll_s": 0.01, "again_s": 0.01, "answer_s": 0.2}
"""How a driver is set up here: it looks a hundred times a second."""


class Runs(Protocol):
    async def run(self, changed: Callable[[], None]) -> None: ...


class Process:
    """An instrument in a process of its own, told by lines what to be."""

    def __init__(self, process: asyncio.subprocess.Process, at: str) -> None:
        self._process, self.at = process, at

    async def do(self, command: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command}\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            return (await self._process.stdout.readline()).decode().strip()

    async def end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def slave(kind: str, framing: str, unit: int = 30) -> AsyncIterator[Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, SLAVE, kind, framing, str(unit), stdin=pipe, stdout=pipe
    )
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE_S):
            at = (await process.stdout.readline()).decode().strip()
        yield (made := Process(process, at))
    finally:
        await made.end()


class Bench:
    """Time and hands for a check in a thread; what they do to the instrument is done on the loop."""

    def __init__(self, process: Process | None = None, hands: Mapping[Request, str] | None = None) -> None:
        self._loop, self._process, self._hands = asyncio.get_running_loop(), process, hands or {}
        self.changes = 0
        self._changed = asyncio.Event()

    def changed(self) -> None:
        self.changes += 1
        self._changed.set()

    async def until(self, what: Callable[[], bool]) -> None:
        """Looked at whenever the driver says that something changed, and now and then besides."""
        async with asyncio.timeout(PATIENCE_S):
            while not what():
                self._changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.02)

    async def polled(self, times: int = 2) -> None:
        """The first may have been under way already."""
        seen = self.changes
        await self.until(lambda: self.changes >= seen + times)

    def let_pass(self, seconds: float) -> None:
        if self._process:
            self._on_loop(f"pass {seconds}")

    def ask(self, what: Request) -> None:
        self._on_loop(self._hands[what])

    def _on_loop(self, command: str) -> None:
        assert threading.current_thread() is not threading.main_thread()

        async def told() -> None:
            assert self._process
            assert await self._process.do(command) == "done"
            await self.polled()

        asyncio.run_coroutine_threadsafe(told(), self._loop).result(PATIENCE_S)


@asynccontextmanager
async def running(driver: Runs, bench: Bench) -> AsyncIterator[None]:
    task = asyncio.create_task(driver.run(bench.changed))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
