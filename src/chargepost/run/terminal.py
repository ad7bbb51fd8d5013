"""What a terminal shows while a process runs: live where there is one, line by line otherwise.

A status is a word and a shape; its colour only helps (and is left out with NO_COLOR).
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chargepost import signals as sig
from chargepost.run.house import House
from chargepost.run.stations import Event
from chargepost.run.words import as_json, clock_time, line

REFRESH_S = 0.5
"""Often enough to look alive, seldom enough not to flicker or to cost anything."""

WIDE = 100
"""Columns from which badges and sources are shown in full."""

FRAMES_SHOWN = 12
"""At most; a low terminal shows fewer."""

STATIONS_LOOKED_AT = 50
"""More do not fit on any screen."""

LOOKS: dict[str, tuple[str, str, str]] = {
    "Available": ("o", "○", "default"),
    "Preparing": ("+", "◔", "cyan"),
    "Charging": ("#", "●", "bold green"),
    "SuspendedEV": ("=", "◐", "yellow"),
    "SuspendedEVSE": ("=", "◑", "yellow"),
    "Finishing": ("-", "◕", "cyan"),
    "Reserved": ("r", "◇", "blue"),
    "Unavailable": ("x", "✕", "bright_black"),
    "Faulted": ("!", "▲", "bold magenta"),
}
"""Status -> shape in ASCII, shape, colour."""


class JsonLines:
    """One object per line on stdout: what is served, then each event."""

    async def show(self, house: House, stop: asyncio.Event) -> None:
        self._say(house.as_json())
        house.stations.listeners.append(lambda event: self._say(as_json(event)))
        await stop.wait()

    def end(self, summary: str) -> None:
        self._say({"event": "stopped", "summary": summary})

    def _say(self, what: Any) -> None:
        sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
        sys.stdout.flush()


class PlainLines:
    """For pipes, logs and `--plain`."""

    async def show(self, house: House, stop: asyncio.Event) -> None:
        for each in heading(house):
            print(each)
        sys.stdout.flush()
        house.stations.listeners.append(_print_event)
        await stop.wait()

    def end(self, summary: str) -> None:
        print(summary, flush=True)


def _print_event(event: Event) -> None:
    """Warnings and errors stand in the log already."""
    if not isinstance(event.what, sig.Note) or event.what.level == "info":
        print(line(event), flush=True)


def heading(house: House) -> list[str]:
    """What is served, as lines."""
    rows = house.addresses()
    width = max((len(where) for _, where, note in rows if note), default=0)
    return [
        f"{house.title}        (Ctrl-C stops)",
        *(f"  {what:<13} {where:<{width}}  {note}".rstrip() for what, where, note in rows),
    ]


class LiveView:
    """The connectors and the last frames, in place."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()

    async def show(self, house: House, stop: asyncio.Event) -> None:
        for each in heading(house):
            self.console.print(each, highlight=False, markup=False, soft_wrap=True)
        with Live(console=self.console, auto_refresh=False, vertical_overflow="crop") as live:
            while not stop.is_set():
                live.update(self.render(house), refresh=True)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), REFRESH_S)
            live.update(self.render(house), refresh=True)

    def end(self, summary: str) -> None:
        self.console.print(summary, highlight=False, markup=False, soft_wrap=True)

    # --- parts -------------------------------------------------------------------------------------------------------

    def render(self, house: House) -> RenderableType:
        views = [host.view() for host in islice(house.stations.hosts.values(), STATIONS_LOOKED_AT)]
        outlets = [(view, outlet) for view in views for outlet in view.connectors]
        room = self.console.height - 5  # without the head, the table's head, the line under it and the cursor
        shown = outlets[: max(room - 3, 1)]
        frames = min(max(room - len(shown), 0), FRAMES_SHOWN)
        return Group(
            self._head(house, [outlet for _, outlet in outlets]),
            self._table(shown),
            Text(f"... and {len(outlets) - len(shown)} more connectors" if len(outlets) > len(shown) else ""),
            *self._frames(house.stations.log.newest((view.id for view in views), frames)),
        )

    def _head(self, house: House, outlets: list[sig.ConnectorView]) -> Text:
        charging = sum(outlet.status == "Charging" for outlet in outlets)
        power_kw = sum(outlet.power_w for outlet in outlets) / 1000
        where = house.supervision.pages if house.supervision else house.control_url
        parts = [
            house.plan.site.name,
            clock_time(house.clock.utc_s()),
            f"speed {house.clock.speed:g}",
            f"{charging} of {len(outlets)} charging",
            f"{power_kw:.1f} kW",
            where,
        ]
        return Text("  ".join(part for part in parts if part), "bold", no_wrap=True, overflow="ellipsis")

    def _table(self, outlets: Iterable[tuple[sig.StationView, sig.ConnectorView]]) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="underline")
        table.add_column("station", no_wrap=True, max_width=16)
        table.add_column("#", no_wrap=True)
        table.add_column("status", no_wrap=True, min_width=15)
        for heading in ("power", "visit", "offered"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("limited by", no_wrap=True, ratio=1)
        table.add_column("badge", no_wrap=True)
        for view, outlet in outlets:
            table.add_row(view.id, str(outlet.connector), self._status(view, outlet), *self._figures(outlet))
        return table

    def _status(self, view: sig.StationView, outlet: sig.ConnectorView) -> Text:
        plain, shape, colour = LOOKS.get(outlet.status, ("?", "?", "default"))
        word = outlet.status if outlet.error == "NoError" else f"{outlet.status} {outlet.vendor_error or outlet.error}"
        offline = "" if view.link.state == "open" and view.link.boot == "Accepted" else " (offline)"
        return Text(f"{shape if self._has_shapes else plain} {word}{offline}", colour)

    def _figures(self, outlet: sig.ConnectorView) -> tuple[str, ...]:
        tx = outlet.transaction
        badge = tx.id_tag if tx else ""
        return (
            f"{outlet.power_w / 1000:.2f} kW" if tx else "",
            f"{tx.energy_wh / 1000:.3f} kWh" if tx else "",
            f"{outlet.offered_a:g} A" if tx else "",
            outlet.limit_source if tx else "",
            badge if self.console.width >= WIDE or len(badge) <= 8 else f"{badge[:4]}..{badge[-2:]}",
        )

    def _frames(self, traces: list[dict[str, Any]]) -> Iterable[Text]:
        for trace in traces:
            out = trace["direction"] == "cp-to-csms"
            arrow = ("→" if out else "←") if self._has_shapes else (">" if out else "<")
            kind = {"CALL": "", "CALLRESULT": " answered", "CALLERROR": " error"}[trace["messageType"]]
            at = clock_time(_utc_s(trace["timestamp"]))
            words = Text(no_wrap=True, overflow="ellipsis")
            words.append(f"{at} {trace['chargePointId']:<10} {arrow} ", "bright_black")
            words.append(f"{trace['action'] or '?'}{kind} ", "magenta" if kind == " error" else "default")
            words.append(msgspec.json.encode(trace.get("payload", trace.get("error"))).decode(), "bright_black")
            yield words

    @property
    def _has_shapes(self) -> bool:
        return "utf" in (self.console.encoding or "").lower()


def _utc_s(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
