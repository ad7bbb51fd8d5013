"""picows with its memory tuned as `run/websocket.py` does, for the floor: the leanest connection there is."""

import logging
from typing import Any, cast

from picows import WSTransport


class Silent(logging.LoggerAdapter[logging.Logger]):
    """An adapter, since picows makes a logger for each connection out of a plain one."""

    def forget_headers(self, transport: WSTransport) -> None:
        """Several KB of no more use once the connection is open."""
        for head in (transport.request, transport.response):
            head.headers = cast(Any, None)


_logger = logging.getLogger("bench.wires")
_logger.setLevel(logging.CRITICAL)
SILENT = Silent(_logger, {})

TUNED: dict[str, Any] = {
    "logger_name": SILENT,
    "enable_auto_pong": False,
    "read_buffer_init_size": 2048,
    "use_aiofastnet": False,
}
