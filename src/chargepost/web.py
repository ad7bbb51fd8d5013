"""Web routes as rows: method, path, what goes in, what comes out. From the same rows come the checks on what comes in
from outside, the answers, the OpenAPI description and its page.

A handler gets one `Asked` and returns a value of the row's `answer` type; it refuses by raising `Problem`. Every error
is a problem details object (RFC 9457) with a remedy; a traceback goes to the log, never to the peer.
"""

import asyncio
import hashlib
import hmac
import html
import inspect
import logging
import mimetypes
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from weakref import WeakSet

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("chargepost.web")

MAX_BODY_BYTES = 65_536
"""Larger than any OCPP payload a person types; small enough that a thousand at once are 64 MB."""

BODY_DEADLINE_S = 10.0
"""A body that drips slower than this holds a connection for nothing."""

FEED_EVENTS = 256
"""Events kept for one slow reader of a feed: some seconds of a busy station. Then the oldest are dropped, counted."""

FEED_READERS = 64
"""Readers of one feed at once; browsers open six a tab group, so this is many people."""

KEEP_ALIVE_S = 15.0
"""A comment is sent in a silent event stream this often, so that a dead reader is found and proxies keep it open."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names under which a loopback server may be asked; another name is a page that rebinds its DNS to us."""

_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
"""`{id}` or `{connector:int}` in a path."""

_PATH_TYPES = {"": "string", "int": "integer", "path": "string"}

SAFE_METHODS = frozenset({"GET", "HEAD"})

API_CSP = "default-src 'none'; frame-ancestors 'none'"
DOCS_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
PAGE_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS = (
    ("content-security-policy", API_CSP),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "private, no-cache"),
)
"""On every answer that does not say otherwise itself."""

B = TypeVar("B")
Q = TypeVar("Q")
T = TypeVar("T")


# --- what a handler sees and gives ----------------------------------------------------------------------------------


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


class Lost(msgspec.Struct, frozen=True):
    """So many events were dropped because they were read too slowly."""

    events: int


class Feed(Generic[T]):
    """One writer, many readers, none of whom can slow the writer down. Lives in one event loop."""

    def __init__(self) -> None:
        self._readers: WeakSet[Reader[T]] = WeakSet()
        """Weak: a reader that was dropped before it began to read needs no one to sign it off."""

    def publish(self, value: T) -> None:
        for reader in self._readers:
            reader.put(value)

    def subscribe(self) -> "Reader[T]":
        """What is published from now on. Raises Problem when too many read already."""
        if len(self._readers) >= FEED_READERS:
            raise Problem(
                503,
                "too-many-readers",
                "Too many readers",
                f"{FEED_READERS} readers follow this already.",
                "Close one of them, or poll instead.",
                headers={"retry-after": "10"},
            )
        reader = Reader[T](self._readers.discard)
        self._readers.add(reader)
        return reader

    def close(self) -> None:
        """The end, for every reader, after what still waits."""
        for reader in self._readers:
            reader.end()

    @property
    def readers(self) -> int:
        return len(self._readers)


class Reader(Generic[T]):
    """What one reader of a feed has still to read. `Lost` stands where events were dropped."""

    def __init__(self, leave: "Callable[[Reader[T]], None]") -> None:
        self._leave = leave
        self._waiting: deque[T] = deque(maxlen=FEED_EVENTS)
        self._lost = 0
        self._ended = False
        self._some = asyncio.Event()

    def put(self, value: T) -> None:
        self._lost += len(self._waiting) == FEED_EVENTS
        self._waiting.append(value)
        self._some.set()

    def end(self) -> None:
        self._ended = True
        self._some.set()

    def __aiter__(self) -> "Reader[T]":
        return self

    async def __anext__(self) -> T | Lost:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._some.clear()
            await self._some.wait()
        if self._lost:
            lost, self._lost = Lost(self._lost), 0
            return lost
        return self._waiting.popleft()

    async def aclose(self) -> None:
        self._leave(self)


_END: Any = object()


# --- guards ---------------------------------------------------------------------------------------------------------


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


# --- the application ------------------------------------------------------------------------------------------------


def build(
    title: str,
    rows: Sequence[Row],
    *,
    version: str = "0",
    guard: Guard | None = None,
    hosts: frozenset[str] | None = LOOPBACK,
    description: str = "",
) -> ASGIApp:
    """The rows as an ASGI application, with `/openapi.json`, `/docs` and `/docs.css` when there are API rows.

    `hosts` are the Host names answered to; None for any, which is right only behind a guard. Raises ValueError for rows
    that cannot be right: two alike, or a body that ignores unknown fields.
    """
    api = [row for row in rows if isinstance(row, Route)]
    every = [*rows, *_description_rows(title, version, description, api)] if api else list(rows)
    _check(every)
    by_path: dict[str, dict[str, Callable[[Request], Awaitable[Response]]]] = {}
    for row in every:
        if isinstance(row, Files):
            for path, answer in _file_answers(row):
                by_path[path] = {"GET": answer}
        else:
            by_path.setdefault(row.path, {})[row.method] = _endpoint(row, None if row.open else guard)
    routes = [StarletteRoute(path, _dispatch(methods), methods=list(methods)) for path, methods in by_path.items()]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error})
    app.router.redirect_slashes = False
    return _Shell(app, hosts)


def _check(rows: Sequence[Row]) -> None:
    seen: set[object] = set()
    for row in rows:
        if isinstance(row, Files):
            continue
        names: list[object] = [(row.method, row.path)]
        if isinstance(row, Route):
            names.append(row.operation)
            _check_strict(row)
        for name in names:
            if name in seen:
                raise ValueError(f"two rows for {name}")
            seen.add(name)


def _check_strict(row: Route) -> None:
    for taken in (row.body, row.query):
        is_struct = isinstance(taken, type) and issubclass(taken, msgspec.Struct)
        if is_struct and not taken.__struct_config__.forbid_unknown_fields:
            raise ValueError(f"{row.operation}: {taken.__name__} would ignore unknown fields")


def _dispatch(
    methods: Mapping[str, Callable[[Request], Awaitable[Response]]],
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await methods[method](request)

    return endpoint


def _endpoint(row: Route | Page, guard: Guard | None) -> Callable[[Request], Awaitable[Response]]:
    answer = _page_answer if isinstance(row, Page) else _route_answer

    async def endpoint(request: Request) -> Response:
        try:
            if guard is not None:
                await guard(request)
            return await answer(row, request)  # type: ignore[arg-type]  # the row chose its function above
        except Problem as problem:
            return problem.response()
        except (HTTPException, ClientDisconnect, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("%s %s failed", row.method, row.path)
            return Problem(
                500,
                "internal",
                "A fault of ours",
                "The request was understood, but working on it failed.",
                "Look for the same instant in the log of chargepost, and report what stands there.",
            ).response()

    return endpoint


async def _page_answer(row: Page, request: Request) -> Response:
    given = await row.handler(Asked(None, None, request.path_params, request))
    if isinstance(given, Response):
        given.headers.setdefault("content-security-policy", row.csp)
        return given
    return _tagged(request, given.encode(), "text/html; charset=utf-8", {"content-security-policy": row.csp})


async def _route_answer(row: Route, request: Request) -> Response:
    query = _query(row, request) if row.query is not None else None
    body = await _body(row, request) if row.body is not None else None
    given = await row.handler(Asked(body, query, request.path_params, request))
    if isinstance(given, Response):
        return given
    if row.events and request.method == "HEAD":
        await _close(given)
        return Response(media_type="text/event-stream")
    if row.events:
        stream = _event_stream(given)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})
    if row.answer is None:
        return Response(status_code=204)
    if row.answer is str:
        data, media = given.encode(), row.media
    elif isinstance(given, list | tuple) and "application/x-ndjson" in request.headers.get("accept", ""):
        data, media = b"".join(msgspec.json.encode(item) + b"\n" for item in given), "application/x-ndjson"
    else:
        data, media = msgspec.json.encode(given), row.media
    if row.method == "GET" and row.status == 200:
        return _tagged(request, data, media, {"vary": "Accept"})
    return Response(data, row.status, media_type=media)


def _tagged(request: Request, data: bytes, media: str, headers: Mapping[str, str]) -> Response:
    """An answer with its ETag; 304 without a body for who has it already."""
    tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = {**headers, "etag": tag}
    known = {text.strip().removeprefix("W/") for text in request.headers.get("if-none-match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=media)


def _query(row: Route, request: Request) -> Any:
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) < len(pairs):
        raise _invalid("A query parameter is given twice.", "Give each once.")
    try:
        return msgspec.convert(given, row.query, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(f"Query: {error}.", "See /docs for the parameters of this request.") from None


async def _body(row: Route, request: Request) -> Any:
    """The body, typed and within bounds. An empty one is an empty object."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = await _read_body(request, row.max_body_bytes)
    if data and media != "application/json" and not media.endswith("+json"):
        raise Problem(
            415,
            "not-json",
            "Not JSON",
            f"The content type is {media or 'missing'}.",
            "Send JSON with the header 'Content-Type: application/json'.",
        )
    try:
        return msgspec.json.decode(data or b"{}", type=row.body)
    except msgspec.ValidationError as error:
        raise _invalid(f"Body: {error}.", "See /docs for the body of this request.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad-json", "Not JSON", f"The body cannot be read: {error}.", "Send valid JSON.") from None


async def _read_body(request: Request, limit: int) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for chunk in request.stream():
                data += chunk
                if len(data) > limit:
                    raise Problem(
                        413, "too-large", "Too large", f"The body exceeds {limit} bytes.", "Send less in one request."
                    )
    except TimeoutError:
        raise Problem(
            408, "too-slow", "Too slow", f"The body took more than {BODY_DEADLINE_S:g} s.", "Send it again, faster."
        ) from None
    return bytes(data)


def _invalid(detail: str, remedy: str) -> Problem:
    return Problem(422, "invalid", "Not valid", detail.replace("`", "'"), remedy)


async def _event_stream(events: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """Server-sent events; a comment now and then in silence. Ends with the iterator, or when the reader leaves."""
    pending: asyncio.Future[Any] | None = None
    try:
        yield b": connected\n\n"
        while True:
            pending = pending or asyncio.ensure_future(anext(events, _END))
            done, _ = await asyncio.wait({pending}, timeout=KEEP_ALIVE_S)
            if not done:
                yield b": still here\n\n"
                continue
            value, pending = pending.result(), None
            if value is _END:
                return
            yield b"event: %b\ndata: %b\n\n" % (type(value).__name__.encode(), msgspec.json.encode(value))
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        await _close(events)


async def _close(events: AsyncIterator[Any]) -> None:
    if hasattr(events, "aclose"):
        await events.aclose()


def _file_answers(row: Files) -> Iterable[tuple[str, Callable[[Request], Awaitable[Response]]]]:
    """One answer for each file; a name that is none of them is no path here, so there is nothing to escape from."""
    for entry in files(row.package).joinpath(row.folder).iterdir():
        if entry.is_file() and not entry.name.startswith("."):
            yield f"{row.prefix}/{entry.name}", _bytes_answer(entry.read_bytes(), entry.name)


def _bytes_answer(data: bytes, name: str) -> Callable[[Request], Awaitable[Response]]:
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"

    async def answer(request: Request) -> Response:
        return _tagged(request, data, media, {})

    return answer


async def _http_error(request: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: an unknown path, a method the path has not."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        detail, remedy = f"{request.method} does nothing here.", f"Use {allowed}." if allowed else "See /docs."
    else:
        detail, remedy = f"Nothing is at {request.url.path}.", "See /docs for what there is."
    return Problem(error.status_code, "no-such-route", error.detail, detail, remedy, headers=error.headers).response()


class _Shell:
    """Around everything: the Host and Origin checks, and the security headers."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((n.encode(), v.encode()) for n, v in SECURITY_HEADERS if n.encode() not in present),
                ]
            await send(message)

        problem = self._foreign(Request(scope))
        app: ASGIApp = problem.response() if problem else self.app
        await app(scope, receive, send_with_headers)

    def _foreign(self, request: Request) -> Problem | None:
        """A page of another site that asks through our user's browser (DNS rebinding, cross-site requests)."""
        host = request.headers.get("host", "")
        if self.hosts is not None and _hostname(host) not in self.hosts:
            return Problem(
                403,
                "foreign-host",
                "Unknown host name",
                "This address is served under its own name only.",
                f"Ask with one of: {', '.join(sorted(self.hosts))}.",
            )
        if request.method in SAFE_METHODS:
            return None
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        if (origin is not None and origin.partition("://")[2].lower() != host.lower()) or (
            site not in ("same-origin", "none")
        ):
            return Problem(
                403,
                "foreign-origin",
                "Asked by another site",
                "Another site's page may not change anything here.",
                "Do it from this server's own pages, or from a program.",
            )
        return None


def _hostname(host: str) -> str:
    """The name in a Host header: without port and brackets."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].lower()


# --- the description ------------------------------------------------------------------------------------------------


def openapi(title: str, version: str, description: str, rows: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the rows."""
    types: list[Any] = [ProblemDetails]
    for row in rows:
        types += [kind for kind in (row.body, row.query, row.answer, *row.events) if kind not in (None, str)]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        path = _plain(row.path)
        paths.setdefault(path, {})[row.method.lower()] = _operation(row, schema_of, components)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description, "license": LICENSE},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
    return document


LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def _operation(row: Route, schema_of: Mapping[Any, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": row.operation,
        "summary": row.summary,
        "parameters": _parameters(row, schema_of, components),
        "responses": {
            str(204 if row.answer is None and not row.events else row.status): _success(row, schema_of),
            "default": {
                "description": "Refused, with the reason and the remedy.",
                "content": {"application/problem+json": {"schema": schema_of[ProblemDetails]}},
            },
        },
    }
    if row.tag:
        operation["tags"] = [row.tag]
    if not row.open:
        operation["security"] = [{"token": []}, {}]
    if row.body is not None:
        content = {"schema": schema_of[row.body]} | _example(row.example)
        operation["requestBody"] = {"required": _needed(row.body), "content": {"application/json": content}}
    return operation


def _success(row: Route, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    if row.events:
        schema: Any = {"oneOf": [schema_of[kind] for kind in row.events]}
        media = "text/event-stream"
    elif row.answer is None:
        return {"description": "Done."}
    else:
        schema, media = ({"type": "string"} if row.answer is str else schema_of[row.answer]), row.media
    content = {media.partition(";")[0]: {"schema": schema} | _example(row.answer_example)}
    if isinstance(row.answer_example, list | tuple):
        content["application/x-ndjson"] = {"schema": {"type": "string"}}
    return {"description": row.summary, "content": content}


def _parameters(row: Route, schema_of: Mapping[Any, Any], components: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": _PATH_TYPES[kind]}}
        for name, kind in _PARAMETER.findall(row.path)
    ]
    if row.query is not None:
        shape = components[schema_of[row.query]["$ref"].rpartition("/")[2]]
        parameters += [
            {"name": name, "in": "query", "required": name in shape.get("required", ()), "schema": schema}
            for name, schema in shape["properties"].items()
        ]
    return [
        parameter | ({"example": row.params[parameter["name"]]} if parameter["name"] in row.params else {})
        for parameter in parameters
    ]


def _plain(path: str) -> str:
    """The path without the types of its parameters."""
    return _PARAMETER.sub(r"{\1}", path)


def _needed(body: Any) -> bool:
    """Whether a body must be sent: an empty one stands for an object without fields."""
    try:
        msgspec.json.decode(b"{}", type=body)
    except msgspec.ValidationError:
        return True
    return False


def _example(value: Any) -> dict[str, Any]:
    return {} if value is None else {"example": msgspec.to_builtins(value)}


def _description_rows(title: str, version: str, description: str, rows: Sequence[Route]) -> list[Row]:
    document = msgspec.json.encode(openapi(title, version, description, rows))
    page = _docs_page(title, description, rows).encode()

    async def give_document(asked: Asked[None, None]) -> Response:
        return _tagged(asked.request, document, "application/json", {})

    async def give_page(asked: Asked[None, None]) -> Response:
        return _tagged(asked.request, page, "text/html; charset=utf-8", {})

    async def give_style(asked: Asked[None, None]) -> Response:
        return _tagged(asked.request, DOCS_STYLE.encode(), "text/css; charset=utf-8", {})

    return [
        Page("/openapi.json", give_document, open=True, csp=API_CSP),
        Page("/docs", give_page, open=True, csp=DOCS_CSP),
        Page("/docs.css", give_style, open=True, csp=API_CSP),
    ]


DOCS_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid #8888; padding: .5rem 0 1rem; }
h2 code { font-size: 1.1rem; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8888; border-radius: .25rem; }
"""


def _docs_page(title: str, description: str, rows: Sequence[Route]) -> str:
    """The page for people: every request with a line that can be typed and the answer it gives."""
    e = html.escape
    articles = "\n".join(
        f'<article id="{e(row.operation)}"><h2><code>{e(row.method)} {e(_plain(row.path))}</code></h2>'
        f"<p>{e(row.summary)}</p>{_body_words(row)}<pre><code>{e(_curl(row))}</code></pre>{_answer_block(row)}</article>"
        for row in rows
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{e(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/docs.css"></head><body><h1>{e(title)}</h1><p>{e(description)}</p>'
        '<p>Described for programs in <a href="/openapi.json">OpenAPI 3.1</a>. A refusal is a problem details object '
        f"with its remedy. In the lines below $BASE is the address of this server.</p>\n{articles}\n</body></html>"
    )


def _body_words(row: Route) -> str:
    """What the type of the body says about itself."""
    return f"<p>{html.escape(inspect.cleandoc(row.body.__doc__))}</p>" if getattr(row.body, "__doc__", None) else ""


def _curl(row: Route) -> str:
    """The example as it is typed. $BASE is the address of this page's server."""
    values = dict(row.params)
    path = _PARAMETER.sub(lambda m: quote(str(values.pop(m[1], m[1])), safe=""), row.path)
    query = "&".join(f"{name}={quote(str(value))}" for name, value in values.items())
    parts = ["curl", *(["-N"] if row.events else []), *([f"-X {row.method}"] if row.method != "GET" else [])]
    if row.example is not None:
        body = msgspec.json.encode(row.example).decode().replace("'", r"'\''")
        parts += ["-H 'Content-Type: application/json'", f"-d '{body}'"]
    return " ".join([*parts, f'"$BASE{path}{"?" + query if query else ""}"'])


def _answer_block(row: Route) -> str:
    if row.answer_example is None:
        return ""
    if isinstance(row.answer_example, str):
        text = row.answer_example
    else:
        text = msgspec.json.format(msgspec.json.encode(row.answer_example), indent=2).decode()
    return f"<pre><code>{html.escape(text)}</code></pre>"
