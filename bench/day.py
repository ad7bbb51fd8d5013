"""A day of 1,000 stations in virtual time: people, links, central system and laws, by `chargepost fleet --virtual`."""

import os
import subprocess
import sys
import threading
import time

import msgspec
from parts.figures import emit, is_quick
from parts.machine import PATIENCE_S

STATIONS = 10 if is_quick() else 1_000
SEED = 1


class Summary(msgspec.Struct):
    """What of the command's answer is of use here."""

    broken: msgspec.Raw = msgspec.Raw()
    """`null` when all laws hold."""
    frames: int = 0
    laws_checked: int = 0


def main() -> None:
    command = [sys.executable, "-m", "chargepost", "fleet", "--virtual", "--json"]
    start_s = time.monotonic()
    with subprocess.Popen(
        [*command, "--stations", str(STATIONS), "--seed", str(SEED)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        patience = threading.Timer(PATIENCE_S, process.kill)
        patience.start()
        assert process.stdout
        answer = process.stdout.read()
        _, _, used = os.wait4(process.pid, 0)
        patience.cancel()
    if not answer:
        sys.exit(f"the day did not end within {PATIENCE_S:g} s")
    summary = msgspec.json.decode(answer, type=Summary)
    took_s, cpu_s = time.monotonic() - start_s, used.ru_utime + used.ru_stime
    how = f"{STATIONS:,} stations, {took_s:.1f} s by the clock, {used.ru_maxrss / 1024:.0f} MB, "
    how += f"{summary.frames:,} frames, {summary.laws_checked:,} checks, laws hold: {bytes(summary.broken) == b'null'}"
    emit("a day of 1,000 stations in virtual time", cpu_s, "chargepost", how)


if __name__ == "__main__":
    main()
