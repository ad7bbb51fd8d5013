"""Virtual time: one heap of what is to happen, in the order of (time, number). Nothing else moves the clock."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from random import Random

Story = Iterator[float]
"""What somebody does, one step after another; each yield is a wait in seconds."""


class Stopped(Exception):
    """The frame that was asked for has passed, and all that followed from it."""


class Timeline:
    """Seconds since the beginning, and what is still to come. Two things at one instant keep their order."""

    __slots__ = ("_count", "_heap", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._count = 0

    def at(self, when: float, what: Callable[..., None], *args: object) -> None:
        """Call `what(*args)` at this instant, which is not past."""
        self._count += 1
        heappush(self._heap, (when, self._count, what, args))

    def after(self, wait_s: float, what: Callable[..., None], *args: object) -> None:
        self.at(self.now + wait_s, what, *args)

    def follow(self, story: Story) -> None:
        """Let a story go on now, and again after each of its waits."""
        wait_s = next(story, None)
        if wait_s is not None:
            self.at(self.now + wait_s, self.follow, story)

    def run(self, until: float) -> None:
        """Let everything happen that happens up to and at `until`."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, what, args = heappop(heap)
            what(*args)
        self.now = until


def dice(seed: int, purpose: str) -> Random:
    """Dice of their own for each purpose, all from the one seed; the same whatever PYTHONHASHSEED is."""
    return Random(f"{seed} {purpose}")  # noqa: S311 - the same day again is the point
