"""Live news for many readers, none of whom can slow the writer down."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakSet

import msgspec

from chargepost.web.rows import Problem

FEED_EVENTS = 256
"""Events kept for one slow reader of a feed: some seconds of a busy station. Then the oldest are dropped, counted."""

FEED_READERS = 64
"""Readers of one feed at once; browsers open six a tab group, so this is many people."""

T = TypeVar("T")


class Lost(msgspec.Struct, frozen=True):
    """So many events were dropped because they were read too slowly."""

    events: int


class Feed(Generic[T]):
    """One writer, many readers, none of whom can slow the writer down. Lives in one event loop."""

    def __init__(self) -> None:
        self._readers: WeakSet[Reader[T]] = WeakSet()
        """Weak: a reader that was dropped before it began to read needs no one to sign it off."""

    def publish(self, value: T) -> None:
        for reader in self._readers:
            reader.put(value)

    def subscribe(self) -> "Reader[T]":
        """What is published from now on. Raises Problem when too many read already."""
        if len(self._readers) >= FEED_READERS:
            raise Problem(
                503,
                "too-many-readers",
                "Too many readers",
                f"{FEED_READERS} readers follow this already.",
                "Close one of them, or poll instead.",
                headers={"retry-after": "10"},
            )
        reader = Reader[T](self._readers.discard)
        self._readers.add(reader)
        return reader

    def close(self) -> None:
        """The end, for every reader, after what still waits."""
        for reader in self._readers:
            reader.end()

    @property
    def readers(self) -> int:
        return len(self._readers)


class Reader(Generic[T]):
    """What one reader of a feed has still to read. `Lost` stands where events were dropped."""

    def __init__(self, leave: "Callable[[Reader[T]], None]") -> None:
        self._leave = leave
        self._waiting: deque[T] = deque(maxlen=FEED_EVENTS)
        self._lost = 0
        self._ended = False
        self._some = asyncio.Event()

    def put(self, value: T) -> None:
        self._lost += len(self._waiting) == FEED_EVENTS
        self._waiting.append(value)
        self._some.set()

    def end(self) -> None:
        self._ended = True
        self._some.set()

    def __aiter__(self) -> "Reader[T]":
        return self

    async def __anext__(self) -> T | Lost:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._some.clear()
            await self._some.wait()
        if self._lost:
            lost, self._lost = Lost(self._lost), 0
            return lost
        return self._waiting.popleft()

    async def aclose(self) -> None:
        self._leave(self)
