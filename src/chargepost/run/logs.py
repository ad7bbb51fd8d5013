"""Log lines on stderr: for people, or as JSON."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from chargepost.redact import redact_text


class _Stderr(logging.StreamHandler[TextIO]):
    """Looks stderr up each time: the live view puts its own in place."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None: ...


_utc_s: Callable[[], float] = time.time


def tell_time(utc_s: Callable[[], float]) -> Callable[[], float]:
    """Lines carry this time from now on: the world's, so that they fit the events beside them. Gives back the last."""
    global _utc_s
    last, _utc_s = _utc_s, utc_s
    return last


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(_utc_s()).astimezone().strftime("%H:%M:%S")
        return self._with_trace(record, f"{at} {record.levelname.lower():<7} {redact_text(record.getMessage())}")

    def _with_trace(self, record: logging.LogRecord, line: str) -> str:
        if record.exc_info and logging.getLogger("chargepost").isEnabledFor(logging.DEBUG):
            line += "\n" + redact_text(self.formatException(record.exc_info))
        return line


class _Json(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(_utc_s(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {name: getattr(record, name, None) for name in ("event", "station", "connector")}
        return json.dumps(
            {"time": at, "level": record.levelname.lower(), "message": self._with_trace(record, record.getMessage())}
            | {name: value for name, value in fields.items() if value is not None}
        )


def set_up(level: str, as_json: bool) -> None:
    """Ours at this level; of libraries only what is wrong."""
    handler = _Stderr()
    handler.setFormatter(_Json() if as_json else _Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("chargepost").setLevel(level.upper())
