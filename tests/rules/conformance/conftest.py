"""Each case by each product in virtual time, by the older releases in one go, and over a real socket."""

import pytest

from tests.rules.conformance.page import SOCKET, stages
from tests.rules.conformance.products import OLDER


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stages" in metafunc.fixturenames:
        every = stages()
        groups = {column: [stage] for column, stage in every.items() if column not in OLDER}
        groups["older releases"] = [every[column] for column in OLDER]
        slow = {SOCKET: pytest.mark.slow}
        rows = [pytest.param(each, id=name, marks=slow.get(name, ())) for name, each in groups.items()]
        metafunc.parametrize("stages", rows)
