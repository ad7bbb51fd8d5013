"""The rows as an ASGI application: what is checked before a handler, and how its answer goes out."""

import asyncio
import hashlib
import logging
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chargepost.web.describe import DOCS_CSP, descriptions, problem_page
from chargepost.web.rows import API_CSP, Asked, Files, Guard, Page, Problem, Route, Row

log = logging.getLogger("chargepost.web")

Endpoint = Callable[[Request], Awaitable[Response]]

BODY_DEADLINE_S = 10.0
"""A body that drips slower than this holds a connection for nothing."""

KEEP_ALIVE_S = 15.0
"""A comment is sent in a silent event stream this often, so that a dead reader is found and proxies keep it open."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names under which a loopback server may be asked; another name is a page that rebinds its DNS to us."""

SAFE_METHODS = frozenset({"GET", "HEAD"})

SECURITY_HEADERS = (
    ("content-security-policy", API_CSP),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),  # with "no-referrer" a browser posts our own forms as Origin: null
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "private, no-cache"),
)
"""On every answer that does not say otherwise itself."""

NOT_KEPT = {"cache-control": "no-store"}
"""On pages: after a logout the browser's Back must not show what only the operator may see."""

_END: Any = object()


def build(
    title: str,
    rows: Sequence[Row],
    *,
    version: str = "0",
    guard: Guard | None = None,
    hosts: frozenset[str] | None = LOOPBACK,
    description: str = "",
) -> ASGIApp:
    """The rows as an ASGI application, with `/openapi.json`, `/docs` and `/docs.css` when there are API rows; `/`
    leads to the docs unless a row says what stands there.

    `hosts` are the Host names answered to; None for any, which is right only behind a guard. Raises ValueError for rows
    that cannot be right: two alike, or a body that ignores unknown fields.
    """
    _check(rows)
    api = [row for row in rows if isinstance(row, Route)]
    by_path: dict[str, dict[str, Endpoint]] = {}
    for row in rows:
        if isinstance(row, Files):
            by_path |= {path: {"GET": answer} for path, answer in _file_answers(row)}
        else:
            by_path.setdefault(row.path, {})[row.method] = _endpoint(row, None if row.open else guard)
    for each in descriptions(title, version, description, api, guarded=guard is not None) if api else ():
        by_path[each.path] = {"GET": _bytes_answer(each.data, each.media, {"content-security-policy": each.csp})}
    if api:
        by_path.setdefault("/", {"GET": _to_docs})
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
    methods: Mapping[str, Endpoint],
) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await methods[method](request)

    return endpoint


def _endpoint(row: Route | Page, guard: Guard | None) -> Endpoint:
    answer = _page_answer if isinstance(row, Page) else _route_answer

    async def endpoint(request: Request) -> Response:
        try:
            if guard is not None:
                await guard(request)
            return await answer(row, request)  # type: ignore[arg-type]  # the row chose its function above
        except Problem as problem:
            return _refused(request, problem)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it, and whoever leaves half way is no fault of ours
        except (HTTPException, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("%s %s failed", row.method, row.path)
            fault = Problem(
                500,
                "internal",
                "A fault of ours",
                "The request was understood, but working on it failed.",
                "Look for the same instant in the log of chargepost, and report what stands there.",
            )
            return _refused(request, fault)

    return endpoint


async def _to_docs(request: Request) -> Response:
    return RedirectResponse("/docs", 307)


def _refused(request: Request, problem: Problem) -> Response:
    """The problem in the language of who asks: a small page for a browser that opens an address, else JSON."""
    if request.method not in SAFE_METHODS or "text/html" not in request.headers.get("accept", ""):
        return problem.response()
    headers = {**problem.headers, "content-security-policy": DOCS_CSP, "vary": "Accept", **NOT_KEPT}
    return Response(problem_page(problem.details), problem.details.status, headers, "text/html")


async def _page_answer(row: Page, request: Request) -> Response:
    given = await row.handler(Asked(None, None, request.path_params, request))
    headers = {"content-security-policy": row.csp, **NOT_KEPT}
    if isinstance(given, Response):
        for name, value in headers.items():
            given.headers.setdefault(name, value)
        return given
    return _tagged(request, given.encode(), "text/html; charset=utf-8", headers)


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


def _file_answers(row: Files) -> Iterable[tuple[str, Endpoint]]:
    """One answer for each file; a name that is none of them is no path here, so there is nothing to escape from."""
    for entry in files(row.package).joinpath(row.folder).iterdir():
        if entry.is_file() and not entry.name.startswith("."):
            media = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
            yield f"{row.prefix}/{entry.name}", _bytes_answer(entry.read_bytes(), media, {})


def _bytes_answer(data: bytes, media: str, headers: Mapping[str, str]) -> Endpoint:
    async def answer(request: Request) -> Response:
        return _tagged(request, data, media, headers)

    return answer


async def _http_error(request: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: an unknown path, a method the path has not."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        detail, remedy = f"{request.method} does nothing here.", f"Use {allowed}." if allowed else "See /docs."
    else:
        detail, remedy = f"Nothing is at {request.url.path}.", "See /docs for what there is."
    problem = Problem(error.status_code, "no-such-route", error.detail, detail, remedy, headers=error.headers)
    return _refused(request, problem)


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

        request = Request(scope)
        problem = self._foreign(request)
        app: ASGIApp = _refused(request, problem) if problem else self.app
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
