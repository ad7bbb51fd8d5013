"""What a terminal shows while a process runs: live where there is one, line by line otherwise.

A status is a word and a shape; its colour only helps (and is left out with NO_COLOR).
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any, TextIO

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chargepost import signals as sig
from chargepost.run.house import House
from chargepost.run.runner import LEVELS, log
from chargepost.run.words import Event, as_json, clock_time, line

REFRESH_S = 0.5
"""Often enough to look alive, seldom enough not to flicker or to cost anything."""

WIDE = 100
"""Columns from which badges and sources are shown in full."""

TABLE_WIDTH = 110
"""At most: the columns of a row stay near each other."""

VIEW_LINES = 12
"""The live view is not made lower than this to keep the heading in sight."""

STATIONS_LOOKED_AT = 50
"""More do not fit on any screen."""

TOTALS_S = 5.0
"""Between two countings of stations that are more than that: each look at ten thousand takes a part of a second."""

REASONS_SHOWN = 3
"""Of stations that are offline."""

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
        house.listen(lambda event: self._say(as_json(event)))
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
        house.listen(_print_event)
        await stop.wait()

    def end(self, summary: str) -> None:
        print(summary, flush=True)


def _print_event(event: Event) -> None:
    """What the log has said in the same place is not said again."""
    level = LEVELS[event.what.level] if isinstance(event.what, sig.Note) else logging.INFO
    logged = level > logging.INFO and log.isEnabledFor(level) and _is_one_place(sys.stdout, sys.stderr)
    if level >= logging.INFO and not logged:
        print(line(event), flush=True)


def _is_one_place(one: TextIO, other: TextIO) -> bool:
    """Whether both end in the same terminal or file."""
    try:
        return os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))
    except (OSError, ValueError):  # one of them is no file at all
        return False


def heading(house: House) -> list[str]:
    """What is served, as lines."""
    rows = house.addresses()
    width = max((len(where) for _, where, note in rows if note), default=0)
    return [
        f"{house.title}        (Ctrl-C stops)",
        *(f"  {what:<13} {where:<{width}} {note}".rstrip() for what, where, note in rows),
    ]


class LiveView:
    """The connectors and the last frames, in place."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._above = 0
        """Lines of the heading, which the view leaves in sight."""
        self._totals, self._counted_s = (0, 0, 0.0), -TOTALS_S

    async def show(self, house: House, stop: asyncio.Event) -> None:
        for each in heading(house):
            self.console.print(each, highlight=False, markup=False, soft_wrap=True)
            self._above += max(-(-len(each) // self.console.width), 1)
        with Live(console=self.console, auto_refresh=False, vertical_overflow="crop") as live:
            while not stop.is_set():
                live.update(self.render(house), refresh=True)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), REFRESH_S)
            live.update(self.render(house), refresh=True)

    def end(self, summary: str) -> None:
        fits = len(summary) < self.console.width
        self.console.print(summary if fits else summary.replace("; ", "\n"), highlight=False, markup=False)

    # --- parts -------------------------------------------------------------------------------------------------------

    def render(self, house: House) -> RenderableType:
        views = [host.view() for host in islice(house.stations.hosts.values(), STATIONS_LOOKED_AT)]
        outlets = [(view, outlet) for view in views for outlet in view.connectors]
        offline = list(self._offline(views))
        height = max(self.console.height - self._above, min(VIEW_LINES, self.console.height))
        room = height - len(offline) - 5  # without the head, the table's head, the line under it and the cursor
        shown = outlets[: max(room - 3, 1)]
        frames = max(room - len(shown), 0)
        total = self._total(house, outlets)
        return Group(
            self._head(house, total),
            self._table(shown),
            Text(f"... and {total[1] - len(shown)} more connectors" if total[1] > len(shown) else ""),
            *offline,
            *self._frames(house.stations.log.newest((view.id for view in views), frames)),
        )

    def _total(
        self, house: House, looked_at: list[tuple[sig.StationView, sig.ConnectorView]]
    ) -> tuple[int, int, float]:
        """Connectors that charge, connectors, and power in W: of all stations, not only of those looked at."""
        hosts = house.stations.hosts
        if len(hosts) <= STATIONS_LOOKED_AT:
            return _sum(outlet for _, outlet in looked_at)
        now = house.clock.loop.time()
        if now - self._counted_s >= TOTALS_S:
            self._counted_s = now
            self._totals = _sum(outlet for host in hosts.values() for outlet in host.view().connectors)
        return self._totals

    def _offline(self, views: list[sig.StationView]) -> Iterable[Text]:
        """Each reason once."""
        reasons: dict[str, list[str]] = {}
        for view in views:
            if view.link.error and not _is_online(view):
                reasons.setdefault(view.link.error, []).append(view.id)
        for reason, names in islice(reasons.items(), REASONS_SHOWN):
            who = "" if len(views) == 1 else f"{names[0]} " if len(names) == 1 else f"{len(names)} stations "
            yield Text(f"{who}offline: {reason}", "yellow", no_wrap=True, overflow="ellipsis")

    def _head(self, house: House, total: tuple[int, int, float]) -> Text:
        charging, outlets, power_w = total
        where = house.supervision.pages if house.supervision else house.control_url
        parts = [
            house.plan.site.name,
            clock_time(house.clock.utc_s()),
            f"speed {house.clock.speed:g}",
            f"{charging} of {outlets} charging",
            f"{power_w / 1000:.1f} kW",
            where,
        ]
        return Text("  ".join(part for part in parts if part), "bold", no_wrap=True, overflow="ellipsis")

    def _table(self, outlets: Iterable[tuple[sig.StationView, sig.ConnectorView]]) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="underline")
        table.width = min(self.console.width, TABLE_WIDTH)
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
        offline = "" if _is_online(view) else " (offline)"
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
            words.append(gist(trace["action"], trace.get("payload")), "default")
            words.append(msgspec.json.encode(trace.get("payload", trace.get("error"))).decode(), "bright_black")
            yield words

    @property
    def _has_shapes(self) -> bool:
        return "utf" in (self.console.encoding or "").lower()


def _is_online(view: sig.StationView) -> bool:
    return view.link.state == "open" and view.link.boot == "Accepted"


def _sum(outlets: Iterable[sig.ConnectorView]) -> tuple[int, int, float]:
    charging, count, power_w = 0, 0, 0.0
    for outlet in outlets:
        charging, count, power_w = charging + (outlet.status == "Charging"), count + 1, power_w + outlet.power_w
    return charging, count, power_w


def gist(action: str, payload: Any) -> str:
    """What people look for in the two messages that pass most often; nothing for others, and for what is no OCPP."""
    try:
        if action == "StatusNotification":
            error = "" if payload["errorCode"] == "NoError" else f" {payload['errorCode']}"
            return f"#{payload['connectorId']} {payload['status']}{error} "
        if action == "MeterValues":
            samples = payload["meterValue"][-1]["sampledValue"]
            figures = (_figure(each) for each in samples if "phase" not in each)
            return " ".join([f"#{payload['connectorId']}", *filter(None, figures)]) + " "
    except (KeyError, IndexError, TypeError, ValueError):
        pass
    return ""


def _figure(sample: dict[str, Any]) -> str:
    unit = {"Power.Active.Import": "W", "Energy.Active.Import.Register": "Wh"}.get(
        sample.get("measurand", "Energy.Active.Import.Register")
    )
    if unit is None:
        return ""
    factor = 1.0 if str(sample.get("unit", unit)).startswith("k") else 0.001
    return f"{float(sample['value']) * factor:.{2 if unit == 'W' else 3}f} k{unit}"


def _utc_s(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
