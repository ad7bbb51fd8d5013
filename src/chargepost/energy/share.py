"""Limits and demands -> allowances: one pure function, in whole steps of current.

Who goes first takes part first: with at least its least, or not at all. What is left then rises for all of one
priority alike, until each has enough or a phase of a fuse above it is full. Somebody of a lower priority changes
nothing for those above. A sum of whole steps is exact, so no limit is passed by a rounding.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace
from itertools import groupby

import msgspec

ENOUGH = -1
"""Instead of a line: it has all it asked for."""


class Taker(msgspec.Struct, frozen=True, gc=False):
    """A charge that wants current, in steps per phase."""

    lines: tuple[int, ...]
    """Every phase of every fuse that it loads."""
    most: int
    least: int
    """Less is nothing."""
    entry: int
    """It begins only where there is room for so much: `least`, or more for one that was just shed."""
    priority: int = 0
    """A higher one goes before, whatever it leaves."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """What one taker gets."""

    steps: int
    line: int
    """What holds it there; ENOUGH when nothing does."""


def share(limits: Sequence[int], takers: Sequence[Taker]) -> list[Part]:
    """A part for each taker. `limits`: room of each line, in steps; takers: who goes first before the others.

    The takers must be in the order of falling priority. n takers cost n log n.
    """
    room = list(limits)
    parts = [0] * len(takers)
    held = [ENOUGH] * len(takers)
    for _, ranks in groupby(range(len(takers)), key=lambda rank: takers[rank].priority):
        admitted = _admit(room, takers, list(ranks), parts, held)
        _raise_alike(room, takers, admitted, parts, held)
        _deal_rest(room, takers, admitted, parts)
    return [Part(steps, line) for steps, line in zip(parts, held, strict=True)]


def _admit(
    room: list[int], takers: Sequence[Taker], ranks: Sequence[int], parts: list[int], held: list[int]
) -> list[int]:
    """Who takes part, each with its least."""
    admitted = []
    for rank in ranks:
        taker = takers[rank]
        if taker.most < taker.least:
            continue
        entry, least = taker.entry, taker.least
        for line in taker.lines:
            if room[line] < entry:
                held[rank] = line
                break
        else:
            for line in taker.lines:
                room[line] -= least
            parts[rank] = least
            admitted.append(rank)
    return admitted


def _raise_alike(
    room: list[int], takers: Sequence[Taker], admitted: Sequence[int], parts: list[int], held: list[int]
) -> None:
    """All rise above their least by the same, as long as they can: water in vessels that are joined.

    A line is full at the level room // users. That level only rises when a user stops below it, so a line that was
    looked at too early is just looked at again.
    """
    users: dict[int, list[int]] = {}
    for rank in admitted:
        for line in takers[rank].lines:
            users.setdefault(line, []).append(rank)
    rising = {line: len(ranks) for line, ranks in users.items()}
    full = [(room[line] // count, line) for line, count in rising.items()]
    heapify(full)
    done: set[int] = set()

    def stop(rank: int, level: int) -> None:
        done.add(rank)
        parts[rank] += level
        for line in takers[rank].lines:
            room[line] -= level
            rising[line] -= 1

    waiting = sorted(admitted, key=lambda rank: takers[rank].least - takers[rank].most)
    while waiting:
        rank = waiting[-1]
        if rank in done:
            waiting.pop()
            continue
        level, line = full[0]
        if not rising[line]:
            heappop(full)
        elif room[line] // rising[line] > level:
            heapreplace(full, (room[line] // rising[line], line))
        elif takers[rank].most - takers[rank].least <= level:
            stop(rank, takers[rank].most - takers[rank].least)
        else:
            for user in users[line]:
                if user not in done:
                    held[user] = line
                    stop(user, level)


def _deal_rest(room: list[int], takers: Sequence[Taker], admitted: Sequence[int], parts: list[int]) -> None:
    """The steps that were too few for all of a line, one each, for who goes first."""
    hungry = admitted
    while hungry:
        again = []
        for rank in hungry:
            taker = takers[rank]
            if parts[rank] < taker.most and all(room[line] > 0 for line in taker.lines):
                parts[rank] += 1
                for line in taker.lines:
                    room[line] -= 1
                again.append(rank)
        hungry = again


def give(
    limits: Sequence[int], takers: Sequence[Taker], owed: Sequence[int], held: Sequence[int], wanted: Sequence[int]
) -> list[int]:
    """Take before give: what may be granted now on the way to `wanted`.

    `owed` is what each may still draw, by what it was granted before and cannot have lost yet; it counts until it is
    over. `held` is as much of it as was counted without a break: the rest may have been given to others meanwhile.
    Whoever is to have less than it holds is told at once; whoever is to have more gets what is free by then, in the
    order of the takers. The sum of the larger of owed and granted passes no limit that owed alone did not pass, and
    where owed does, nobody is granted more than it holds.
    """
    room = list(limits)
    for taker, steps in zip(takers, owed, strict=True):
        for line in taker.lines:
            room[line] -= steps
    granted = []
    for taker, most, had, want in zip(takers, owed, held, wanted, strict=True):
        grant = want
        if want > had:
            free = max(min((room[line] for line in taker.lines), default=0) + most - had, 0)
            grant = min(want, had + free)
            if grant < taker.least:
                grant = 0
            for line in taker.lines:
                room[line] -= max(grant - most, 0)
        granted.append(grant)
    return granted
