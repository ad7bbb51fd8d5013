"""Web routes as rows: method, path, what goes in, what comes out. From the same rows come the checks on what comes in
from outside, the answers, the OpenAPI description and its page.

A handler gets one `Asked` and returns a value of the row's `answer` type; it refuses by raising `Problem`. Every error
is a problem details object (RFC 9457) with a remedy; a traceback goes to the log, never to the peer.
"""

from chargepost.web.application import LOOPBACK, build
from chargepost.web.feed import FEED_EVENTS, FEED_READERS, Feed, Lost, Reader
from chargepost.web.rows import (
    API_CSP,
    Asked,
    Body,
    Files,
    Guard,
    Handler,
    Page,
    Problem,
    ProblemDetails,
    Route,
    Row,
    bearer,
    nearest,
)

__all__ = [
    "API_CSP",
    "FEED_EVENTS",
    "FEED_READERS",
    "LOOPBACK",
    "Asked",
    "Body",
    "Feed",
    "Files",
    "Guard",
    "Handler",
    "Lost",
    "Page",
    "Problem",
    "ProblemDetails",
    "Reader",
    "Route",
    "Row",
    "bearer",
    "build",
    "nearest",
]
