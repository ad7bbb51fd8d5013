"""What every Python process under test does: obey orders, one line of JSON each (see machine.py)."""

import asyncio
import cProfile
import gc
import json
import os
import pstats
import resource
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import uvloop

Order = Callable[..., Awaitable[Any]]


async def collect() -> None:
    for _ in range(3):
        gc.collect()


_profile = cProfile.Profile()


async def look() -> None:
    """Begin to count what functions cost."""
    _profile.enable()


async def seen() -> list[tuple[str, str, int, float, list[tuple[str, float]]]]:
    """File, function, calls, seconds of its own, and those seconds by the calling file (for what has no file)."""
    _profile.disable()
    rows = []
    for (path, _, name), (_, calls, own_s, _, callers) in pstats.Stats(_profile).stats.items():  # type: ignore[attr-defined]
        rows.append((path, name, calls, own_s, [(caller[0], cost[2]) for caller, cost in callers.items()]))
    return rows


async def obey(orders: Mapping[str, Order], hello: object = None) -> None:
    """Until there are no more. `hello` is told first."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb"))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what others print must not stand among the answers

    def say(answer: Mapping[str, object]) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    say({"done": hello})
    known = {"collect": collect, "look": look, "seen": seen, **orders}
    while line := await reader.readline():
        what = json.loads(line)
        try:
            say({"done": await known[what.pop("order")](**what)})
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})


def run(main: Coroutine[Any, Any, None]) -> None:
    """On uvloop, with as many descriptors as the system gives."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
    sys.stdout.flush()
