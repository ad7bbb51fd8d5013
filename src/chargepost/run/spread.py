"""A fleet over many processes: begins its shards, begins a dead one again from its store, and shows all as one."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any

import msgspec

from chargepost.journal import StoreError
from chargepost.run.addresses import Address
from chargepost.run.aside import say
from chargepost.run.control import is_loopback
from chargepost.run.crowd import LINE_S, line, say_json, summary_lines
from chargepost.run.house import in_one_line
from chargepost.run.http import serve
from chargepost.run.merged import Looks, Merged
from chargepost.run.metrics import MEDIA, exposition
from chargepost.run.nodes import Died, Nodes, RayNodes
from chargepost.run.serving import on_a_loop, stop_on_signals
from chargepost.run.shards import Job
from chargepost.web import LOOPBACK, Asked, Route, bearer, build

LOOK_S = 1.0
"""Between two looks at a shard: what it counted since the last one is missing from the figures if it dies, and from
nothing else."""

TRIES_MAX, PAUSE_S = 10, 1.0
"""To begin a shard again: its node may need a moment to let go of the store."""


class Spread:
    """Shards that run until told to end."""

    def __init__(self, job: Job, nodes: Nodes, tell: Callable[[str], None] = say) -> None:
        self.job, self._nodes, self._tell = job, nodes, tell
        self.merged = Merged(job.shards)
        self.looks = Looks(self.merged, len(job.site.stations), job.site.seed)
        self._begun_s = asyncio.get_running_loop().time()

    @property
    def lasted_s(self) -> float:
        """Of the world."""
        return (asyncio.get_running_loop().time() - self._begun_s) * self.job.speed

    async def begin(self) -> None:
        """Raises what a shard refuses to begin for, or Died."""
        await self._each(lambda number: self._nodes.begin(number, again=False))
        self._begun_s = asyncio.get_running_loop().time()
        await self._each(self._look)

    async def watch(self) -> None:
        """Look at all shards, and begin those again that die, for ever. Raises when one cannot be brought back."""
        await self._each(self._watch)

    async def end(self) -> None:
        """All hang up; what runs goes on from the stores at the next start."""
        await self._each(self._end)

    async def _each(self, what: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        """With all shards at once; the first that fails ends it."""
        tasks = [asyncio.create_task(what(number)) for number in range(self.job.shards)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, number: int) -> None:
        self.merged.told(number, await self._nodes.figures(number))

    async def _watch(self, number: int) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look(number)
            except Died as error:
                self.merged.died(number)
                self._tell(f"shard {number} died ({error}): it begins again from its store")
                await self._again(number)

    async def _again(self, number: int) -> None:
        for left in reversed(range(TRIES_MAX)):
            try:
                await self._nodes.begin(number, again=True)
                return
            except (Died, StoreError):
                if not left:
                    raise
                await asyncio.sleep(PAUSE_S)

    async def _end(self, number: int) -> None:
        if number in self.merged.away:
            return
        with suppress(Died):  # then its last look is what is told
            self.merged.told(number, await self._nodes.end(number))


def serve_shards(
    job: Job, ray: str, *, json: bool, control: Address | None, token: str | None, until_s: float | None
) -> int:
    """The exit code. Raises NodesError, ServeError, StoreError or TooFewFiles with one clear line."""
    nodes = RayNodes(job, ray)
    try:
        return on_a_loop(_serve(job, nodes, json, control, token, until_s))
    finally:
        nodes.close()


async def _serve(
    job: Job, nodes: Nodes, json: bool, control: Address | None, token: str | None, until_s: float | None
) -> int:
    stop = stop_on_signals()
    async with AsyncExitStack() as stack:
        spread = Spread(job, nodes)
        url, token = await _open_metrics(spread, control, token, stack) if control else (None, None)
        await spread.begin()
        _say_begin(job, json, url, token)
        watch = asyncio.create_task(spread.watch())
        watch.add_done_callback(lambda _: stop.set())
        if until_s is not None:
            asyncio.get_running_loop().call_later(until_s / job.speed, stop.set)
        while not stop.is_set():
            look = spread.looks.look(spread.lasted_s, job.speed)
            if json:
                say_json({"event": "figures", **msgspec.structs.asdict(look)})
            else:
                print(line(look), flush=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LINE_S)
        failed = watch.exception() if watch.done() else None
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await spread.end()
        _say_end(spread, json)
        if failed:
            raise failed
    return 0


async def _open_metrics(
    spread: Spread, address: Address, token: str | None, stack: AsyncExitStack
) -> tuple[str, str | None]:
    """Of all shards as one. A station's own hands and eyes are in its shard, and not served here."""

    async def metrics(asked: Asked[None, None]) -> str:
        return exposition(spread.merged.metrics())

    if not is_loopback(address.host):
        token = token or secrets.token_urlsafe(16)
    rows = [Route("GET", "/metrics", metrics, "metrics", "Figures for Prometheus", answer=str, media=MEDIA)]
    guard = bearer(token) if token else None
    app = build("chargepost fleet", rows, version=spread.job.version, guard=guard, hosts=None if token else LOOPBACK)
    server = await serve(address.host, address.port, app, None, fixed=address.fixed)
    stack.push_async_callback(server.close)
    return f"http://{Address(server.host, server.port).from_here()}/", token


def _say_begin(job: Job, json: bool, url: str | None, token: str | None) -> None:
    rows = {"shards": job.shards, "control": url, "token": token, "store": str(job.folder)}
    if json:
        say_json({"event": "serving", "site": job.site.name, "speed": job.speed, **rows})
        return
    print(f"{job.site.name}: {job.shards} shards")
    for word, value in rows.items():
        if value and word != "shards":
            print(f"{word:<13} {value}{'metrics' if word == 'control' else ''}", flush=True)


def _say_end(spread: Spread, json: bool) -> None:
    look = spread.looks.look(spread.lasted_s, spread.job.speed, whole=True)
    kept = spread.merged.kept()
    summary = in_one_line(look.lasted_s, look.transactions_begun, look.transactions_ended, look.energy_wh, kept)
    if json:
        shards = {"shards": spread.job.shards, "restarts": spread.merged.restarts}
        say_json({"event": "stopped", "summary": summary, **shards, **msgspec.structs.asdict(look)})
        return
    died = f"{spread.job.shards}, {spread.merged.restarts} begun again after they died"
    for each in (*summary_lines(look), f"{'shards':<13} {died}", summary):
        print(each, flush=True)
