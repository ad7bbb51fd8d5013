"""How long a test waits, of the machine's time, for what it takes as sure to happen."""

from tests.soak import times

PATIENCE_S = float(times(60, 600))
"""Nothing takes so long, on a machine with four times as much to do as it can and in a long form with a hundred
stations neither, unless it never happens. No test is slower for it, but one that fails."""
PATIENCE_MS = PATIENCE_S * 1000
