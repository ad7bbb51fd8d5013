"""What it costs to load every product file there is: read, laid over what they extend, checked; each time anew."""

import statistics
import subprocess
import sys

from parts.figures import COLUMNS, emit, is_quick

ROUNDS = 1 if is_quick() else 7

LOAD_ALL = """
import time
from chargepost import catalogue
from chargepost.catalogue.load import releases
start = time.process_time()
names = [f"{line}@{release}" for line, known in releases().items() for release in known]
for name in names:
    catalogue.load(name)
print(time.process_time() - start, len(names))
"""


def main() -> None:
    took_ms, files = [], ""
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", LOAD_ALL], check=True, capture_output=True, text=True)
        took_s, files = done.stdout.split()
        took_ms.append(float(took_s) * 1000)
    emit("every product file loaded", statistics.median(took_ms), COLUMNS[0], f"{files} files, all in a fresh process")


if __name__ == "__main__":
    main()
