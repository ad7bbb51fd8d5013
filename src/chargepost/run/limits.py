"""Open files of a process: each connection is one, and ten thousand of them are more than systems grant unasked."""

import resource

SPARE = 200
"""Files beside the connections: store, ports, pages that somebody looks at, what Python has open."""


class TooFewFiles(ValueError):
    """The system grants fewer open files than were asked for; the text says what to do."""


def raise_files() -> int:
    """Take as many open files as the system grants; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 30


def need(stations: int, *, served_here: bool) -> None:
    """Make room for the connections of so many stations. `served_here`: both ends of each are in this process.

    Raises TooFewFiles.
    """
    granted, needed = raise_files(), stations * (2 if served_here else 1) + SPARE
    if needed <= granted:
        return
    fit = max(granted - SPARE, 0) // (2 if served_here else 1)
    apart = ", or run the supervision in a process of its own (chargepost supervision)" if served_here else ""
    raise TooFewFiles(
        f"{stations:,} stations need {needed:,} open files, and this system grants {granted:,}: raise the hard limit "
        f"(ulimit -Hn), give --stations {fit}{apart}"
    )
