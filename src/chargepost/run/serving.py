"""A house open until somebody says stop: once is a clean end, twice is at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from chargepost.run.addresses import Address
from chargepost.run.aside import say
from chargepost.run.crowd import CrowdView
from chargepost.run.drawing import keep
from chargepost.run.house import House, Plan, opened
from chargepost.run.limits import need
from chargepost.run.site import place
from chargepost.run.terminal import JsonLines, LiveView, PlainLines

FAILED, INTERRUPTED = 1, 130


class View(Protocol):
    """Shows what happens until `stop`, and says the last line."""

    async def show(self, house: House, stop: asyncio.Event) -> None: ...
    def end(self, summary: str) -> None: ...


def serve(
    plan: Plan, *, plain: bool, json: bool, wished: Mapping[str, Address | None], site_file: Path | None = None,
    hardware_file: Path | None = None,
) -> int:  # fmt: skip
    """The exit code. The files are where keys stand that errors name.

    Raises StoreError, ServeError, TlsError or TooFewFiles when it cannot begin.
    """
    need(len(plan.site.stations), served_here=plan.supervision is not None and not plan.site.supervision.url)
    live = sys.stdout.isatty() and not plain and os.environ.get("TERM") != "dumb"
    view: View
    if plan.crowd:
        view = CrowdView(json=json, live=live)
    else:
        view = JsonLines() if json else LiveView() if live else PlainLines()
    return on_a_loop(_serve(plan, view, wished, partial(_placed, site_file, hardware_file)))


async def _serve(plan: Plan, view: View, wished: Mapping[str, Address | None], placed: Callable[[str], str]) -> int:
    stop = stop_on_signals()
    async with opened(plan) as house:
        broken = [f"{placed(path)}: {reason}" for path, reason in house.broken]
        for each in broken:
            say(each)
        if house.broken and not house.wanted:
            return 2
        for each in _elsewhere(house, wished):
            say(each)
        if house.tools:
            house.tools.tools.announce = lambda identity, words: say(f"the tool of {identity}: {words}")
        if plan.until_s is not None:
            house.clock.call_later(plan.until_s, stop.set)
        await view.show(house, stop)
        summary = house.summary()
        is_drawn = keep(plan.plot, house.sites.picture()) if plan.plot and house.sites else True
    view.end(summary)
    for each in broken:
        say(f"did not run: {each}")
    return 0 if is_drawn else FAILED


def _elsewhere(house: House, wished: Mapping[str, Address | None]) -> list[str]:
    """Ports that were busy."""
    found = {
        "supervision": house.supervision.server.port if house.supervision else None,
        "control": house.control_port,
        "tool": house.tools.server.port if house.tools else None,
    }
    return [
        f"port {address.port} is in use: the {what} takes {found[what]}"
        for what, address in wished.items()
        if address and address.port and found[what] not in (None, address.port)
    ]


def _placed(site_file: Path | None, hardware_file: Path | None, path: str) -> str:
    """The path to a key, with its file and line where it comes from one."""
    own = path.removeprefix("stations[0].hardware.")
    file, key = (hardware_file, own) if hardware_file and own != path else (site_file, path)
    return f"{place(str(file), file.read_text('utf-8'), key)}{key}" if file else path


def stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stop


def on_a_loop(what: Coroutine[Any, Any, int]) -> int:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.run(what)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(what)
