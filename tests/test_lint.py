"""The walls that tools keep: ruff and mypy, as `make lint` calls them."""

import os
import subprocess
from pathlib import Path

import pytest


@pytest.mark.slow
def test_ruff_and_mypy_have_nothing_to_say() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    lint = ["make", "--no-print-directory", "lint"]
    done = subprocess.run(
        lint, cwd=Path(__file__).parents[1], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
