"""Where shards run: a small port, and Ray behind it. Ray is an extra; nothing else here knows it."""

import asyncio
import os
from importlib.metadata import version
from typing import Any, Protocol

from chargepost.run.metrics import Metric
from chargepost.run.shards import Job, Shard, cut

CALL_S = 60.0
"""A shard that does not answer by then is as good as dead: a call is a look of some hundredths of a second."""

BEGIN_S = 300.0
"""A process starts, ten thousand stations are read from a store."""

LOCAL = "local"


class NodesError(Exception):
    """Shards cannot run here; one line with the remedy."""


class Died(Exception):
    """The process of a shard is gone, or does not answer."""


class Nodes(Protocol):
    """Places for shards."""

    async def begin(self, number: int, again: bool) -> None:
        """Start a shard; what is left of its former life is ended first. Raises Died, or what Shard.begin raises."""

    async def figures(self, number: int) -> list[Metric]:
        """Raises Died."""

    async def end(self, number: int) -> list[Metric]:
        """Raises Died."""

    def close(self) -> None: ...


class RayNodes:
    """An actor for each shard, a core each, on the nodes of a cluster."""

    def __init__(self, job: Job, address: str) -> None:
        """`address`: of the cluster, HOST:PORT; local: one on this machine for the time being. Raises NodesError."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that we run
        try:
            import ray  # noqa: PLC0415 - an extra
        except ImportError:
            raise NodesError("--shards needs Ray, which is not installed: pip install 'chargepost[ray]'") from None
        self._ray, self._job = ray, job
        self._actors: dict[int, Any] = {}
        self._nodes: dict[int, str] = {}
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address == LOCAL:
            quiet |= {"num_cpus": job.shards, "include_dashboard": False}
        try:
            ray.init(address=address, **quiet)
        except Exception as error:  # Ray raises many kinds
            raise NodesError(f"--ray {address}: there is no cluster to reach: {_line(error)}") from None
        cores = int(ray.cluster_resources().get("CPU", 0))
        if cores < job.shards:
            ray.shutdown()
            raise NodesError(f"--shards {job.shards}: the cluster has {cores} cores, and a shard takes one: give fewer")
        self._shard = ray.remote(num_cpus=1, max_restarts=0, max_concurrency=1)(RayShard)

    async def begin(self, number: int, again: bool) -> None:
        if former := self._actors.pop(number, None):
            self._ray.kill(former)
        options: dict[str, Any] = {}
        if node := self._nodes.get(number):  # where its store is; elsewhere it finds it only on a shared disk
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - an extra

            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=True)
        part = cut(self._job.site, number, self._job.shards)
        self._actors[number] = self._shard.options(**options).remote(self._job._replace(site=part), number)
        self._nodes[number] = await self._ask(number, BEGIN_S, "begin", again)

    async def figures(self, number: int) -> list[Metric]:
        return await self._ask(number, CALL_S, "figures")  # type: ignore[no-any-return]

    async def end(self, number: int) -> list[Metric]:
        return await self._ask(number, CALL_S, "end")  # type: ignore[no-any-return]

    async def _ask(self, number: int, wait_s: float, method: str, *args: object) -> Any:
        errors = self._ray.exceptions
        asked = getattr(self._actors[number], method).remote(*args)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(asked.future()), wait_s)
        except errors.RayTaskError as error:
            raise error.cause from None
        except TimeoutError:
            raise Died(f"no answer within {wait_s:g} s") from None
        except errors.RayError as error:
            raise Died(_line(error)) from None

    def close(self) -> None:
        self._ray.shutdown()


class RayShard(Shard):
    """As an actor."""

    def begin(self, again: bool) -> str:  # type: ignore[override]
        """The node it is on. Raises NodesError where another version is installed there."""
        import ray  # noqa: PLC0415 - an extra

        here = version("chargepost")
        if here != self.job.version:
            raise NodesError(f"a node has chargepost {here}, this one {self.job.version}: install the same on all")
        super().begin(again)
        return str(ray.get_runtime_context().get_node_id())


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
