"""How often Python looks for circles of garbage, where many stations live in one process."""

import gc

COLLECT_AFTER = (20_000, 20, 100)
"""Objects made before Python looks for circles of garbage among them, then among older ones. A station leaves next to
none, and its own objects are many: the usual 700, made for small programs, looks through them all the time."""


def collect_seldom() -> None:
    gc.set_threshold(*COLLECT_AFTER)
