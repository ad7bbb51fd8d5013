"""What every Python process under test does: obey orders, one line of JSON each (see machine.py)."""

import asyncio
import gc
import json
import os
import resource
import signal
import sys
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import FrameType
from typing import Any

import uvloop

Order = Callable[..., Awaitable[Any]]


async def collect() -> None:
    for _ in range(3):
        gc.collect()


SAMPLE_S = 0.001
"""Of CPU between two looks. Sampling leaves calls as cheap as they are; a tracing profiler makes small ones dear."""

Place = tuple[str, str]
"""File and function."""

_at: Counter[Place] = Counter()
_under: Counter[Place] = Counter()


def _sample(_: int, frame: FrameType | None) -> None:
    if frame is not None:
        _at[frame.f_code.co_filename, frame.f_code.co_name] += 1
    places = set()
    while frame is not None:
        places.add((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    _under.update(places)


async def look() -> None:
    """Begin to look where the CPU goes."""
    _at.clear()
    _under.clear()
    signal.signal(signal.SIGPROF, _sample)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)


async def seen() -> list[tuple[str, str, int, int]]:
    """File, function, looks that found it at work, and looks that found it waiting for what it had called as well."""
    signal.setitimer(signal.ITIMER_PROF, 0)
    return [(*place, _at[place], count) for place, count in _under.items()]


async def trace() -> None:
    """Begin to count what memory is taken where."""
    await collect()
    tracemalloc.start()


async def traced() -> list[tuple[str, int, int]]:
    """File, line, bytes that were taken there since and are still held."""
    await collect()
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    return [(stat.traceback[0].filename, stat.traceback[0].lineno, stat.size) for stat in snapshot.statistics("lineno")]


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
    known = {"collect": collect, "look": look, "seen": seen, "trace": trace, "traced": traced, **orders}
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
