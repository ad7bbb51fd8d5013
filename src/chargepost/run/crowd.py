"""What a terminal shows of a fleet: figures in place, or a line every few seconds, and a summary at the end."""

import asyncio
import contextlib
from collections.abc import Iterable

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chargepost.run.house import House
from chargepost.run.pulse import Look, Pulse
from chargepost.run.terminal import LOOKS, heading
from chargepost.run.words import clock_time

LIVE_S, LINE_S = 1.0, 5.0
"""Between two looks, in place and as lines: a look at ten thousand stations takes some hundredths of a second."""

BAR_WIDTH = 40
"""Characters: fits a terminal of 80 columns with word and number."""

TROUBLES_SHOWN = 5


class CrowdView:
    """Of a fleet: live in a terminal, else line by line; with `json` a look is one line of JSON."""

    def __init__(self, *, json: bool, live: bool, console: Console | None = None) -> None:
        self._json, self._live = json, live
        self.console = console or Console()
        self._last: Look | None = None
        self._shared: tuple[dict[str, object], list[str]] = {}, []
        """Of a fleet under fuses, as JSON and as lines."""

    async def show(self, house: House, stop: asyncio.Event) -> None:
        pulse = Pulse(house)
        if self._json:
            say_json(house.as_json())
        else:
            for each in heading(house):
                self.console.print(each, highlight=False, markup=False, soft_wrap=True)
        if self._live and not self._json:
            with Live(console=self.console, auto_refresh=False, vertical_overflow="crop") as live:
                while not stop.is_set():
                    live.update(self.render(house, pulse, pulse.look()), refresh=True)
                    await _wait(stop, LIVE_S)
        else:
            while not stop.is_set():
                look = pulse.look()
                say_json({"event": "figures", **msgspec.structs.asdict(look)}) if self._json else say(line(look))
                await _wait(stop, LINE_S)
        self._last = pulse.look(whole=True)
        if sites := house.sites:
            self._shared = sites.as_json(), sites.lines()

    def end(self, summary: str) -> None:
        """Of everything, from begin to end."""
        if self._last is None:
            return
        if self._json:
            say_json({"event": "stopped", "summary": summary, **msgspec.structs.asdict(self._last), **self._shared[0]})
        else:
            for each in (*summary_lines(self._last), *self._shared[1], summary):
                self.console.print(each, highlight=False, markup=False, soft_wrap=True)

    # --- in place ----------------------------------------------------------------------------------------------------

    def render(self, house: House, pulse: Pulse, look: Look) -> RenderableType:
        head = f"{clock_time(house.clock.utc_s())}  speed {house.clock.speed:g}  seed {look.seed}  {house.control_url}"
        return Group(
            Text(head, "bold", no_wrap=True, overflow="ellipsis"),
            self._bars(look),
            Text(line(look).partition("  ")[2], no_wrap=True, overflow="ellipsis"),
            *self._troubles(pulse, look),
        )

    def _bars(self, look: Look) -> Table:
        """Booted stations, and connectors by status."""
        shown = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
        for justify in ("left", "right", "left"):
            shown.add_column(justify=justify, no_wrap=True)
        shown.add_row("booted", f"{look.booted:,}", self._bar(look.booted, look.wanted, "green"))
        connectors = sum(look.connectors.values())
        for status in (*LOOKS, *(look.connectors.keys() - LOOKS.keys())):
            if count := look.connectors.get(status):
                colour = LOOKS.get(status, ("", "", "default"))[2]
                shown.add_row(Text(status, colour), f"{count:,}", self._bar(count, connectors, colour))
        return shown

    def _bar(self, part: int, whole: int, colour: str) -> Text:
        full = "█" if "utf" in (self.console.encoding or "").lower() else "#"
        return Text(full * max(round(BAR_WIDTH * part / max(whole, 1)), 1 if part else 0), colour)

    def _troubles(self, pulse: Pulse, look: Look) -> Iterable[Text]:
        if look.lost:
            yield Text(f"links lost: {_counts(look.lost)}", "yellow", no_wrap=True, overflow="ellipsis")
        most = sorted(pulse.troubles.items(), key=lambda row: -row[1].times)[:TROUBLES_SHOWN]
        for event, (times, station, text) in most:
            words = f"{times:,} {event}, last {station}: {text}"
            yield Text(words, "yellow", no_wrap=True, overflow="ellipsis")


def line(look: Look) -> str:
    """The fleet in one line."""
    parts = [
        f"{look.lasted_s:6.0f} s",
        f"{look.booted:,} of {look.wanted:,} booted",
        f"{look.connectors.get('Charging', 0):,} charging",
        f"{look.power_w / 1000:,.1f} kW",
        f"{look.messages_per_s:,.0f} messages/s",
        f"answers {_latencies(look)}" if look.p50_s is not None else "",
        f"{look.waiting_messages:,} waiting" if look.waiting_messages else "",
        f"{sum(look.lost.values()):,} links lost" if look.lost else "",
    ]
    return "  ".join(part for part in parts if part)


def summary_lines(look: Look) -> list[str]:
    """The end of a run."""
    rows = {
        "stations": f"{look.wanted:,}, {look.booted:,} booted at the end",
        "messages": f"{look.messages:,}, {look.messages_per_s:,.0f} a second",
        "transactions": f"{look.transactions_begun:,} begun, {look.transactions_ended:,} ended",
        "answers": _latencies(look) if look.p50_s is not None else "none",
        "links lost": _counts(look.lost),
        "errors": _counts(look.troubles),
        "seed": str(look.seed),
    }
    return [f"{word:<13} {value}" for word, value in rows.items()]


def _latencies(look: Look) -> str:
    shares = {"p50": look.p50_s, "p95": look.p95_s, "p99": look.p99_s}
    return ", ".join(f"{word} {1000 * value:.3g} ms" for word, value in shares.items() if value is not None)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "none"


async def _wait(stop: asyncio.Event, wait_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), wait_s)


def say(text: str) -> None:
    print(text, flush=True)


def say_json(what: object) -> None:
    say(msgspec.json.encode(what).decode())
