"""The picture of a site, where somebody wants it: at the end of a long run, of which nothing else may be lost by it."""

from pathlib import Path

from chargepost.run.aside import say


def keep(path: Path, picture: str) -> bool:
    """Write it, and say where it is, or why it is not there. False: it is not."""
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        say(f"--plot {path}: cannot be written: {error.strerror}: give another file, or make room")
        return False
    say(f"the picture is in {path}")
    return True
