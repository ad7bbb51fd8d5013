"""A day of a site as a picture: power by station under the fuse line, each phase under its rating, who was shed, why.

SVG written here, from the record of a fleet; nothing is loaded from elsewhere. What is drawn is what the outlets drew.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from chargepost.drivers.building import building_a
from chargepost.energy.tree import Place
from chargepost.fleet.site import Record, Shed

WIDTH, LEFT, RIGHT = 1000, 70, 20
COLUMNS = 455
"""Points of time in a picture: two pixels each."""
POWER_H, PHASES_H, ROW_H, GAP, TOP = 220, 150, 14, 46, 48
NOMINAL_V = 230.0
COLOURS = ("#3d8bff", "#2a9d5c", "#e8a317", "#a05fd3", "#d6533a", "#3aa6a6", "#8a6d3b", "#7f8794")
"""Of stations, in turn: told apart by their order too, which is that of the rows below."""
PHASE_COLOURS = ("#8b5a2b", "#333333", "#8d99a6")
"""L1, L2, L3 as the cores of a cable are: brown, black, grey."""
BUILDING_COLOUR = "#d5d9de"
REASONS_SHOWN = 4
SHED_S = 10.0
"""Who waits less is not shed: it has just come, and its allowance is on the way."""


class Span(NamedTuple):
    """Something that lasted."""

    place: int
    begin_s: float
    end_s: float
    why: str = ""


def svg(record: Record, *, start_utc_s: float, end_s: float) -> str:
    """The picture. `start_utc_s`: the date at the beginning; `end_s`: how long the run was."""
    return "".join(_Picture(record, start_utc_s, end_s).parts())


def shed_spans(shed: Sequence[Shed], end_s: float) -> list[Span]:
    """When each connector wanted current and got none."""
    began: dict[int, tuple[float, str]] = {}
    spans = []
    for at_s, place, is_shed, author in shed:
        if place in began:
            begin_s, why = began.pop(place)
            spans.append(Span(place, begin_s, at_s, why))
        if is_shed:
            began[place] = at_s, author
    spans += [Span(place, begin_s, end_s, why) for place, (begin_s, why) in began.items()]
    return [span for span in spans if span.end_s - span.begin_s >= SHED_S]


def reason(author: str) -> str:
    """Why, without the figures of the moment."""
    return author.partition(",")[0].partition(":")[0] if author.startswith("fuse") else author


def reasons(spans: Sequence[Span]) -> list[tuple[str, float]]:
    """Seconds by reason, the longest first."""
    lasted: dict[str, float] = {}
    for span in spans:
        lasted[reason(span.why)] = lasted.get(reason(span.why), 0.0) + span.end_s - span.begin_s
    return sorted(lasted.items(), key=lambda each: -each[1])


def shed_hours(records: Sequence[Record], end_s: float) -> dict[str, float]:
    """For how long connectors wanted current and got none, by the reason."""
    spans = [span for record in records for span in shed_spans(record.shed, end_s)]
    return {why: round(seconds / 3600, 1) for why, seconds in reasons(spans)}


def in_hours(shed: Mapping[str, float]) -> str:
    return ", ".join(f"{hours:,.1f} h {why}" for why, hours in shed.items())


def busiest(records: Sequence[Record]) -> Record:
    """Of the site that was short the most."""
    return max(records, key=lambda record: len(record.shed))


class _Picture:
    def __init__(self, record: Record, start_utc_s: float, end_s: float) -> None:
        self.record, self.start_utc_s, self.end_s = record, start_utc_s, max(end_s, 1.0)
        self.places = record.tree.places
        self.stations = list(dict.fromkeys(place.station for place in self.places))
        self.main = record.tree.fuses[0]
        self.step_s = self.end_s / COLUMNS
        self.power, self.phases = self._columns()
        self.spans = shed_spans(record.shed, self.end_s)

    def _columns(self) -> tuple[list[list[float]], list[list[float]]]:
        """Mean power of each station, and the highest current of each phase under the main fuse, column by column."""
        place_w = [0.0] * len(self.places)
        place_a = [(0.0, 0.0, 0.0)] * len(self.places)
        under = [0 in {line // 3 for line in self.record.tree.path(n, 3)} for n in range(len(self.places))]
        index = {station: n for n, station in enumerate(self.stations)}
        power = [[0.0] * len(self.stations) for _ in range(COLUMNS)]
        phases = [[0.0] * 3 for _ in range(COLUMNS)]
        changes = iter(self.record.drawn)
        change = next(changes, None)
        for column in range(COLUMNS):
            now, end = column * self.step_s, (column + 1) * self.step_s
            while now < end:
                beside_a = self._building_a(now)
                drawn = [current for current, is_in in zip(place_a, under, strict=True) if is_in]
                sums = [beside_a + sum(current[phase] for current in drawn) for phase in range(3)]
                phases[column] = [max(pair) for pair in zip(phases[column], sums, strict=True)]
                until = min(change.at_s, end) if change else end
                for place, watts in enumerate(place_w):
                    power[column][index[self.places[place].station]] += watts * (until - now) / self.step_s
                now = until
                while change and change.at_s <= now and now < end:
                    place_w[change.place], place_a[change.place] = change.power_w, change.current_a
                    change = next(changes, None)
        return power, phases

    # --- parts -------------------------------------------------------------------------------------------------------

    def parts(self) -> Iterator[str]:
        rows_y = TOP + POWER_H + GAP + PHASES_H + GAP
        height = rows_y + ROW_H * len(self.places) + 30 + 18 * (min(len(reasons(self.spans)), REASONS_SHOWN) + 1)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
            ' font-family="system-ui, sans-serif" font-size="12" role="img">\n'
            f"<title>{escape(self.record.name)}: power by station, current by phase, who was shed</title>\n"
            '<defs><pattern id="shed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            '<rect width="6" height="6" fill="#f6d5cd"/><rect width="2" height="6" fill="#d6533a"/></pattern></defs>\n'
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
            + _text(LEFT, 20, f"{self.record.name}: power by station, kW", weight="bold")
        )
        yield from self._power(TOP)
        yield from self._currents(TOP + POWER_H + GAP)
        yield from self._rows(rows_y)
        yield from self._legend(rows_y + ROW_H * len(self.places) + 34)
        yield "</svg>\n"

    def _power(self, top: float) -> Iterator[str]:
        rating_kw = sum(self.main.rating_a) * NOMINAL_V / 1000
        peak_kw = max((sum(column) for column in self.power), default=0.0) / 1000
        scale = POWER_H / max(rating_kw * 1.08, peak_kw, 0.1)
        yield from self._axis(top, POWER_H, rating_kw * 1.08, "kW")
        nothing = [0.0] * COLUMNS
        below = [self._building_a(column * self.step_s) * 3 * NOMINAL_V / 1000 for column in range(COLUMNS)]
        if any(below):
            yield f'<path d="{_band(nothing, below, top + POWER_H, scale)}" fill="{BUILDING_COLOUR}"/>\n'
            yield _text(LEFT + 6, top + POWER_H - 6, "the building", fill="#555555")
        for number, station in enumerate(self.stations):
            above = [low + column[number] / 1000 for low, column in zip(below, self.power, strict=True)]
            if any(high > low for low, high in zip(below, above, strict=True)):
                band = _band(below, above, top + POWER_H, scale)
                yield (
                    f'<path d="{band}" fill="{_colour(number)}" fill-opacity="0.85">'
                    f"<title>{escape(station)}</title></path>\n"
                )
            below = above
        yield _rule(top + POWER_H - rating_kw * scale, f"fuse {self.main.name}: {rating_kw:.0f} kW")

    def _currents(self, top: float) -> Iterator[str]:
        most_a = max(self.main.rating_a)
        scale = PHASES_H / (most_a * 1.08)
        yield _text(LEFT, top - 12, "current of each phase, A, the highest of its two pixels", weight="bold")
        yield from self._axis(top, PHASES_H, most_a * 1.08, "A")
        for phase in range(3):
            points = [(column, row[phase]) for column, row in enumerate(self.phases)]
            line = " ".join(f"{_x(column):.0f},{top + PHASES_H - amps * scale:.1f}" for column, amps in points)
            yield (
                f'<polyline points="{line}" fill="none" stroke="{PHASE_COLOURS[phase]}" stroke-width="1.2">'
                f"<title>L{phase + 1}</title></polyline>\n"
            )
        for rating_a in sorted(set(self.main.rating_a)):
            yield _rule(top + PHASES_H - rating_a * scale, f"fuse {self.main.name}: {rating_a:g} A")
        for phase, colour in enumerate(PHASE_COLOURS):
            yield _text(WIDTH - RIGHT - 110 + 38 * phase, top - 12, f"L{phase + 1}", fill=colour, weight="bold")

    def _rows(self, top: float) -> Iterator[str]:
        yield _text(LEFT, top - 10, "charging, and shed (hatched)", weight="bold")
        for n, place in enumerate(self.places):
            y = top + ROW_H * n
            yield _text(LEFT - 6, y + 10, _short(place), anchor="end", size=10)
            yield f'<rect x="{LEFT}" y="{y + 1}" width="{WIDTH - LEFT - RIGHT}" height="{ROW_H - 3}" fill="#f1f3f5"/>\n'
            colour = _colour(self.stations.index(place.station))
            for begin_s, end_s in self._charging(n):
                yield self._bar(begin_s, end_s, y, colour, "")
        for span in self.spans:
            when = f"{self._clock(span.begin_s)} to {self._clock(span.end_s)}"
            why = f"{_short(self.places[span.place])} shed {when}: {span.why}"
            yield self._bar(span.begin_s, span.end_s, top + ROW_H * span.place, "url(#shed)", why)
        yield from self._hours(top + ROW_H * len(self.places), top)

    def _charging(self, place: int) -> Iterator[tuple[float, float]]:
        began: float | None = None
        for change in self.record.drawn:
            if change.place != place:
                continue
            draws = any(change.current_a)
            if draws and began is None:
                began = change.at_s
            elif not draws and began is not None:
                yield began, change.at_s
                began = None
        if began is not None:
            yield began, self.end_s

    def _legend(self, top: float) -> Iterator[str]:
        spans = self.spans
        lasted_s = sum(span.end_s - span.begin_s for span in spans)
        words = f"shed {len(spans)} times, {_lasted(lasted_s)} of connectors in all" if spans else "nobody was shed"
        yield _text(LEFT, top, words, weight="bold")
        for number, (why, seconds) in enumerate(reasons(spans)[:REASONS_SHOWN], 1):
            yield _text(LEFT, top + 18 * number, f"{_lasted(seconds)}: {why}")

    def _building_a(self, at_s: float) -> float:
        """On each phase, beside the stations."""
        return building_a(self.record.building_a, self.start_utc_s + at_s) if self.record.building_a else 0.0

    # --- small ones --------------------------------------------------------------------------------------------------

    def _axis(self, top: float, height: float, most: float, unit: str) -> Iterator[str]:
        step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if most / each <= 6)
        for tick in range(0, int(most) + 1, step):
            y = top + height - tick * height / most
            yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e3e6e9"/>\n'
            yield _text(LEFT - 6, y + 4, f"{tick} {unit}", anchor="end", size=10)
        yield from self._hours(top + height, top)

    def _hours(self, bottom: float, top: float) -> Iterator[str]:
        hours = self.end_s / 3600
        step = next(each for each in (1, 2, 3, 6, 12, 24, 168) if hours / each <= 13)
        for hour in range(0, int(hours) + 1, step):
            x = LEFT + (WIDTH - LEFT - RIGHT) * hour * 3600 / self.end_s
            yield f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="#e3e6e9"/>\n'
            yield _text(x, bottom + 14, self._clock(hour * 3600.0), anchor="middle", size=10)

    def _bar(self, begin_s: float, end_s: float, y: float, fill: str, title: str) -> str:
        scale = (WIDTH - LEFT - RIGHT) / self.end_s
        said = f"<title>{escape(title)}</title>" if title else ""
        return (
            f'<rect x="{LEFT + begin_s * scale:.1f}" y="{y + 1}" width="{max((end_s - begin_s) * scale, 0.5):.1f}" '
            f'height="{ROW_H - 3}" fill="{fill}">{said}</rect>\n'
        )

    def _clock(self, at_s: float) -> str:
        return datetime.fromtimestamp(self.start_utc_s + at_s, UTC).strftime("%H:%M")


def _x(column: float) -> float:
    return LEFT + column * (WIDTH - LEFT - RIGHT) / COLUMNS


def _band(low: Sequence[float], high: Sequence[float], bottom: float, scale: float) -> str:
    upper = [f"{_x(column):.0f} {bottom - value * scale:.1f}" for column, value in enumerate(high)]
    lower = [f"{_x(column):.0f} {bottom - value * scale:.1f}" for column, value in enumerate(low)]
    return f"M{'L'.join(upper)}L{'L'.join(reversed(lower))}Z"


def _rule(y: float, words: str) -> str:
    line = f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#c0392b" stroke-width="1.5" stroke-dasharray="6 3"/>\n'
    return line + _text(WIDTH - RIGHT - 4, y - 4, words, anchor="end", fill="#c0392b")


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", fill: str = "#333333", size: int = 12, weight: str = ""
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} fill="{fill}" font-size="{size}"{bold}>{escape(words)}</text>\n'


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _short(place: Place) -> str:
    return f"{place.station}/{place.connector}"


def _lasted(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
