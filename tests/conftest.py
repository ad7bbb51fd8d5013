"""What holds for every test."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _levels_are_of_one_test() -> Iterator[None]:
    """A command that runs within a test sets the level of the log; the tests after it do not inherit it."""
    yield
    logging.getLogger("chargepost").setLevel(logging.NOTSET)
