"""A fleet's day in virtual time, as a terminal shows it: how far it is, and at the end what became of it."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from chargepost.fleet.faults import FrameFault
from chargepost.fleet.report import Progress as Step
from chargepost.fleet.report import Summary, run_fleet, summary_lines
from chargepost.fleet.scenario import Scenario
from chargepost.run.aside import say
from chargepost.run.drawing import keep
from chargepost.run.garbage import collect_seldom

DONE, FAILED, NOT_RIGHT = 0, 1, 3

TOLD_EVERY_S = 10.0
"""Of the machine: how often a run that nobody watches in a terminal says how far it is."""


def run_virtual(
    plan: Scenario, *, path: Path | None, until_frame: int | None, as_json: bool,
    faults: Sequence[FrameFault] = (), faults_path: Path | None = None, plot: Path | None = None,
) -> int:  # fmt: skip
    """The exit code: 3 when a law was broken, 1 when there is no picture. `plot`: where that of a site goes."""
    collect_seldom()
    talk, pictures = Console(stderr=True), list[str]()
    run = partial(
        run_fleet, plan, scenario_path=path, until_frame=until_frame, faults=faults, faults_path=faults_path,
        plot=pictures.append if plot else None,
    )  # fmt: skip
    if talk.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
        with Progress(*columns, TimeRemainingColumn(), console=talk, transient=True) as bar:
            summary = run(progress=_shown_on(bar, plan))
    else:
        summary = run(progress=_told(plan))
    is_drawn = all(keep(plot, picture) for picture in pictures) if plot else True
    print(msgspec.json.encode(summary).decode() if as_json else "\n".join(summary_lines(summary)))
    return _exit_code(summary) or (DONE if is_drawn else FAILED)


def _exit_code(summary: Summary) -> int:
    return NOT_RIGHT if summary.broken else DONE


def _hours(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours:02}:{minutes:02}"


def _told(plan: Scenario) -> Callable[[Step], None]:
    """A line now and then."""
    began = said = time.monotonic()

    def tell(step: Step) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= TOLD_EVERY_S:
            said = now
            factor = step.now_s / (now - began)
            say(f"{_hours(step.now_s)} of {_hours(plan.duration_s)}, x{factor:,.0f}, {step.laws_checked:,} checks")

    return tell


def _shown_on(bar: Progress, plan: Scenario) -> Callable[[Step], None]:
    task = bar.add_task(f"{plan.stations:,} stations, seed {plan.seed}", total=plan.duration_s, told="")
    began = time.monotonic()

    def show(step: Step) -> None:
        factor = step.now_s / max(time.monotonic() - began, 1e-3)
        told = f"{_hours(step.now_s)}  x{factor:,.0f}  {step.laws_checked:,} checks"
        bar.update(task, completed=step.now_s, told=told)

    return show
