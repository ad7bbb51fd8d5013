"""Modules that say BOTH_LOOPS run each test on the standard event loop and on uvloop."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))  # for tests.shells.wires, whichever file is run alone

STANDARD = {"asyncio": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    both = getattr(item.getparent(pytest.Module).obj, "BOTH_LOOPS", False)  # type: ignore[union-attr]
    return {**STANDARD, "uvloop": uvloop.new_event_loop} if both else STANDARD
