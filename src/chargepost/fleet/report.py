"""A fleet's day from beginning to end, and what became of it. Nothing is printed here."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from chargepost.fleet.faults import FrameFault
from chargepost.fleet.laws import LAWS, LawBroken
from chargepost.fleet.plot import busiest, in_hours, shed_hours, svg
from chargepost.fleet.scenario import DEFAULT, Scenario, check
from chargepost.fleet.timeline import Stopped
from chargepost.fleet.world import World, clock

Verdict = Literal["laws hold", "law broken", "stopped"]


class Progress(msgspec.Struct, frozen=True):
    """How far a run has come; whoever has a clock works out the speed."""

    now_s: float
    duration_s: float
    stations: int
    frames: int
    laws_checked: int
    transactions: int


class Broken(msgspec.Struct, frozen=True):
    """The law that did not hold, and what is needed to look at it."""

    law: str
    says: str
    text: str
    station: str
    at_s: float
    frame: int
    frames: tuple[str, ...]
    """The last ones of that station, in words."""


class Summary(msgspec.Struct, frozen=True):
    """The end of a run."""

    verdict: Verdict
    stations: int
    virtual_s: float
    frames: int
    visits: int
    transactions: int
    billed_wh: int
    metered_wh: int
    laws_checked: int
    work: dict[str, int]
    """How often each law was put to the test."""
    slowest_call_s: float
    slowest_action: str
    errors: dict[str, int]
    """By kind, the most frequent first: what was noted, lost, refused."""
    trouble: dict[str, int]
    """What was done to them."""
    shed: dict[str, float]
    """In sites of fuses: hours for which a connector wanted current and got none, by the reason."""
    seed: int
    digest: str
    replay: str
    """The line that shows the same run up to the same frame."""
    broken: Broken | None = None


def run_fleet(
    plan: Scenario,
    *,
    scenario_path: Path | None = None,
    faults: Sequence[FrameFault] = (),
    faults_path: Path | None = None,
    until_frame: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    step_s: float = 600.0,
    plot: Callable[[str], None] | None = None,
) -> Summary:
    """Run a day. `progress` is told each `step_s` of virtual time; the paths are named in the replay line.

    `plot` is given the picture of the site that was short the most, as SVG.
    """
    check(plan, "scenario")
    world = World(plan, until_frame=until_frame, faults=faults)
    verdict: Verdict = "laws hold"
    broken: Broken | None = None
    try:
        while world.timeline.now < plan.duration_s:
            world.run(min(world.timeline.now + step_s, plan.duration_s))
            if progress:
                progress(_progress(world))
        world.finish()
    except Stopped:
        verdict = "stopped"
    except LawBroken as error:
        verdict, broken = "law broken", _broken(world, error)
    if plot and world.sites:
        plot(
            svg(busiest([site.record for site in world.sites]), start_utc_s=plan.start_utc_s, end_s=world.timeline.now)
        )
    return _summary(world, verdict, broken, _replay(world, scenario_path, faults_path))


def _progress(world: World) -> Progress:
    return Progress(
        world.timeline.now, world.plan.duration_s, len(world.posts), world.frames, world.laws.checked,
        len(world.ledger.starts),
    )  # fmt: skip


def _broken(world: World, error: LawBroken) -> Broken:
    frames = tuple(world.last_frames(error.station))
    return Broken(
        error.law, LAWS[error.law], error.text, error.station, world.timeline.now, max(world.frames, 1), frames
    )


def _summary(world: World, verdict: Verdict, broken: Broken | None, replay: str) -> Summary:
    transactions, billed_wh, metered_wh = world.laws.totals()
    return Summary(
        verdict=verdict,
        stations=len(world.posts),
        virtual_s=world.timeline.now,
        frames=world.frames,
        visits=world.people.visits,
        transactions=transactions,
        billed_wh=billed_wh,
        metered_wh=metered_wh,
        laws_checked=world.laws.checked,
        work=world.laws.work,
        slowest_call_s=round(world.slowest[0], 3),
        slowest_action=world.slowest[1],
        errors=dict(sorted(world.errors.items(), key=lambda each: (-each[1], each[0]))),
        shed=shed_hours([site.record for site in world.sites], world.timeline.now),
        trouble=dict(sorted(_troubles(world).items())),
        seed=world.plan.seed,
        digest=world.digest(),
        replay=replay,
        broken=broken,
    )


def _troubles(world: World) -> Counter[str]:
    """What was done to stations, links and leaders."""
    counts = Counter(world.trouble.counts)
    for site in world.sites:
        counts.update({kind: count for kind, count in site.trouble.items() if count})
    return counts


def _replay(world: World, path: Path | None, faults_path: Path | None) -> str:
    """As short as it can be: what the default scenario says need not be said."""
    scenario = f" {path}" if path and path != DEFAULT else ""
    models = list(world.plan.models)
    model = f" --model {models[0]}" if len(models) == 1 else ""
    faults = f" --faults {faults_path}" if faults_path else ""
    options = f"--stations {len(world.posts)}{model} --seed {world.plan.seed} --until {world.frames}"
    return f"chargepost fleet{scenario} --virtual{faults} {options}"


def summary_lines(summary: Summary) -> list[str]:
    """Ten lines for the end of a run; a broken law adds what is needed to look at it."""
    s = summary
    lost_wh = s.metered_wh - s.billed_wh
    energy = f"{s.billed_wh / 1000:,.3f} kWh billed" + (
        " = metered" if not lost_wh else f", {s.metered_wh / 1000:,.3f} kWh metered ({lost_wh} Wh lost to power cuts)"
    )
    lines = [
        f"verdict       {s.verdict} ({s.laws_checked:,} checks)",
        f"stations      {s.stations:,} for {clock(s.virtual_s)[:-4]}",
        f"messages      {s.frames:,} frames",
        f"transactions  {s.transactions:,} of {s.visits:,} visits",
        f"energy        {energy}",
        f"slowest call  {s.slowest_call_s:.3f} s {s.slowest_action}",
        f"errors        {_counts(s.errors)}",
        f"trouble       {_counts(s.trouble)}",
        *([f"shed          {in_hours(s.shed)}"] if s.shed else []),
        f"seed          {s.seed}   digest {s.digest[:16]}",
        f"replay with   {s.replay}",
    ]
    if s.broken:
        b = s.broken
        lines += [
            f"BROKEN        {b.law}: {b.says}",
            f"              seed {s.seed}, {clock(b.at_s)}, {b.station}, frame {b.frame}: {b.text}",
            *(f"              {frame}" for frame in b.frames),
        ]
    return lines


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "none"
