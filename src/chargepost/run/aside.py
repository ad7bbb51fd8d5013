"""What a command says to people beside its output."""

import sys


def say(text: str) -> None:
    print(f"chargepost: {text}", file=sys.stderr)
