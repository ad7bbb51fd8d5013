"""What a row says, what its handler sees, and how it refuses."""

import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY_BYTES = 65_536
"""Larger than any OCPP payload a person types; small enough that a thousand at once are 64 MB."""

PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
"""`{id}` or `{connector:int}` in a path."""

API_CSP = "default-src 'none'; frame-ancestors 'none'"

PAGE_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

B = TypeVar("B")
Q = TypeVar("Q")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what may be sent to us: a field we do not know is refused, not ignored."""


class ProblemDetails(msgspec.Struct, frozen=True):
    """Why a request was refused (RFC 9457), and what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str


class Problem(Exception):
    """A refusal with its remedy. `kind` is a short stable name, made a URN on the wire."""

    def __init__(
        self, status: int, kind: str, title: str, detail: str, remedy: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.details = ProblemDetails(f"urn:chargepost:problem:{kind}", title, status, detail, remedy)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        data = msgspec.json.encode(self.details)
        return Response(data, self.details.status, self.headers, "application/problem+json")


@dataclass(frozen=True, slots=True)
class Asked(Generic[B, Q]):
    """One request that passed every check of its row."""

    body: B
    """The row's `body` type; None when it has none."""
    query: Q
    """The row's `query` type; None when it has none."""
    path: Mapping[str, Any]
    """Parameters of the path; an int where the path says `{name:int}`."""
    request: Request


Guard = Callable[[Request], Awaitable[None]]
"""Raises `Problem` for a request that may not pass. Rows that are `open` do not ask it."""

Handler = Callable[[Asked[Any, Any]], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """One request of an API.

    `answer` is a msgspec type, sent as JSON (a list also line by line to who accepts application/x-ndjson); `str` with
    a `media` of its own is sent as it is; None is 204. With `events` the handler returns an async iterator of these
    types, sent as server-sent events under the name of their type.
    """

    method: str
    path: str
    handler: Handler
    operation: str
    """The operationId: clients are generated from it, so it never changes."""
    summary: str
    _: KW_ONLY
    body: Any = None
    query: Any = None
    answer: Any = None
    events: tuple[type, ...] = ()
    status: int = 200
    media: str = "application/json"
    example: Any = None
    """A body that works, after the examples of the rows before it."""
    answer_example: Any = None
    params: Mapping[str, Any] = dataclass_field(default_factory=dict)
    """Examples of the path and query parameters."""
    open: bool = False
    """True: answered without asking the guard (probes, descriptions)."""
    tag: str = ""
    max_body_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True)
class Page:
    """One page for people. The handler returns HTML text, or a Response (a redirect after a form).

    A page that takes a form reads it with `asked.request`; the Origin check has passed by then.
    """

    path: str
    handler: Handler
    _: KW_ONLY
    method: str = "GET"
    open: bool = False
    csp: str = PAGE_CSP


@dataclass(frozen=True)
class Files:
    """Files of a package folder, read once at the start and served under `prefix` with an ETag."""

    prefix: str
    package: str
    folder: str


Row = Route | Page | Files


def bearer(token: str) -> Guard:
    """A guard that asks for `Authorization: Bearer <token>`, compared in constant time."""
    expected = token.encode()

    async def guard(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), expected):
            raise Problem(
                401,
                "no-token",
                "Not allowed",
                "The token is missing or wrong.",
                "Send the header 'Authorization: Bearer <token>' with the token printed at the start.",
                headers={"www-authenticate": 'Bearer realm="chargepost"'},
            )

    return guard


def nearest(word: str, known: Iterable[str]) -> str:
    """The remedy for a name that is not known: the nearest one, or those there are."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]}?"
    shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
    return f"Known: {shown}." if names else "There are none yet."
