"""The tools of all stations of a process over HTTP: login, pages and JSON, drawn from the rows of `tabs`.

Each station is under `/stations/ID/` with accounts and sessions of its own. Pages of other sites are kept out by `web`
(Origin, Host), by SameSite=Strict and by a token in every form; a session ends at logout, when its password changes,
and when nobody uses it.
"""

import asyncio
import hmac
import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from chargepost import web
from chargepost.commissioning import access, pages, tabs, views
from chargepost.commissioning.access import Access, Session
from chargepost.commissioning.port import Port
from chargepost.commissioning.views import Action, Download, Field, Sent, SubTab, Told
from chargepost.commissioning.words import LANGUAGES, Words, _, choose, words
from chargepost.web import Asked, Body, Files, Page, Problem, Route

COOKIE, LANGUAGE_COOKIE = "chargepost_tool", "chargepost_language"
LANGUAGE_KEPT_S = 365 * 24 * 3600
CSRF_HEADER = "x-csrf"
POLL_HEADER = "x-poll"
"""On what a page asks for by itself: it does not keep a session alive."""
HASHES_AT_ONCE = 2
"""Password hashes in parallel: each takes a core for 65 ms and 16 MB."""
BODY_DEADLINE_S = 10.0
FIELDS_MAX = 500
"""Of one form: more than any sub-tab has."""
TOLDS_MAX = 5
"""Sentences that wait for the next page of a session; one that never loads it hears the last ones."""
LOCAL_PATH_MAX = 300
"""Characters of an address that the login leads back to."""


class Stations(Protocol):
    """The stations of a process."""

    def ids(self) -> Sequence[str]: ...
    def embedded(self, identity: str) -> "Embedded | None": ...


@dataclass
class Embedded:
    """The tool of one station."""

    port: Port
    access: Access
    tolds: dict[str, list[Told]] = field(default_factory=dict)
    """What the next page of a session says first, by its CSRF token; read once."""


class LoginIn(Body, frozen=True):
    user: str
    password: str


class TokenOut(msgspec.Struct, frozen=True):
    """Send it as `Authorization: Bearer <token>`."""

    token: str
    must_change: bool
    """The password has to be changed before anything else is answered."""


class PasswordIn(Body, frozen=True):
    old: str
    new: str


class FieldsQuery(Body, frozen=True):
    sub: str = ""
    """Of this sub-tab alone."""


class ValuesIn(Body, frozen=True):
    values: dict[str, str]
    reboot: bool = False


class FieldOut(msgspec.Struct, frozen=True):
    """One field as this account may see it."""

    name: str
    tab: str
    sub: str
    label: str
    value: str
    text: str
    unit: str
    factory: str
    range: str
    choices: dict[str, str]
    help: str
    warning: str
    writable: bool
    reboot: bool
    by: str
    """Who changed it last: an account, the supervision ..."""
    since: str
    """When, local to the station; empty: never."""


class StateOut(msgspec.Struct, frozen=True):
    """Enough for a page that waits for its station."""

    powered: bool
    state: str
    link: str
    build: str


class OutcomeOut(msgspec.Struct, frozen=True):
    """`changed` fields have their new value; with `refused` ones nothing was changed."""

    changed: list[str]
    refused: dict[str, str]
    reboot: bool


class Tool:
    """The handlers. `now` is monotonic seconds, `draw(n)` gives n random bytes that nobody can guess."""

    def __init__(self, stations: Stations, now: Callable[[], float], build: str) -> None:
        self._stations, self._now, self._build = stations, now, build
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)

    # --- who asks ----------------------------------------------------------------------------------------------------

    def _embedded(self, request: Request) -> Embedded:
        embedded = self._stations.embedded(request.path_params["id"])
        if embedded is None:
            raise Problem(404, "unknown-station", "Unknown station", "There is no station of this name here.",
                          "See / for those there are.")  # fmt: skip
        return embedded

    def _session(self, request: Request, embedded: Embedded) -> Session | None:
        using = POLL_HEADER not in request.headers
        return embedded.access.session(_token(request), self._now(), using=using)

    async def guard(self, request: Request) -> None:
        """For the API: a session whose password is its owner's own; a browser's also sends the token of its page."""
        embedded = self._embedded(request)
        session = self._session(request, embedded)
        if session is None:
            raise Problem(401, "no-session", "Not logged in", "This asks for an account of the station.",
                          "Log in: POST .../api/login, and send the token as 'Authorization: Bearer <token>'.",
                          headers={"www-authenticate": 'Bearer realm="chargepost"'})  # fmt: skip
        if embedded.access.must_change(session.account) and not request.url.path.endswith("/api/password"):
            raise Problem(403, "first-password", "The password has to be changed", "It is the first one.",
                          "POST .../api/password with old and new.")  # fmt: skip
        if request.method not in ("GET", "HEAD") and COOKIE in request.cookies and _bearer(request) == "":
            _check_csrf(session, request.headers.get(CSRF_HEADER, ""))

    async def _log_in(self, embedded: Embedded, user: str, password: str) -> tuple[str, str]:
        """The account and a new token. Raises Problem when the password is wrong, or too many were."""
        account = user.strip().lower()
        known = account in access.ACCOUNTS
        right = await self._fits(embedded, account if known else access.USER, password, counts=known)
        if not (right and known):
            raise Problem(401, "wrong-password", _("Not logged in"), _("User name or password is wrong."),
                          _("Look for a typing error; the password knows capital letters."))  # fmt: skip
        return account, embedded.access.begin(account, self._now())

    async def _fits(self, embedded: Embedded, account: str, password: str, *, counts: bool = True) -> bool:
        """Whether it is the account's password. A wrong one is counted, and too many have to wait."""
        wait_s = embedded.access.must_wait_s(account, self._now()) if counts else 0.0
        if wait_s:
            raise Problem(429, "too-many-logins", _("Too many wrong passwords"), _("Somebody has been guessing."),
                          _("Try again in a while."), headers={"retry-after": f"{wait_s:.0f}"})  # fmt: skip
        stored = embedded.access.accounts.of(account).hashed
        if counts:  # before the answer is known: many at once are many tries
            embedded.access.tried(account, self._now(), right=False)
        async with self._hashing:
            right = await asyncio.to_thread(access.password_fits, password, stored)
        if right and counts:
            embedded.access.tried(account, self._now(), right=True)
        return right

    async def _set_password(self, embedded: Embedded, account: str, old: str, new: str, by: str) -> None:
        """Raises Problem. `old` is the password of whoever asks."""
        if not await self._fits(embedded, by, old):
            raise Problem(403, "wrong-password", _("Not changed"), _("The present password is wrong."),
                          _("Look for a typing error; the password knows capital letters."))  # fmt: skip
        weak = access.weakness(new, account)
        if weak or new == old:
            raise Problem(422, "weak-password", _("Not changed"),
                          weak or _("The new password is the old one."), _("Choose another one."))  # fmt: skip
        async with self._hashing:
            hashed = await asyncio.to_thread(access.password_hash, new, embedded.access.draw(access.SALT_BYTES))
        embedded.access.set_password(account, hashed, by=by)

    # --- pages -------------------------------------------------------------------------------------------------------

    def _page(
        self, request: Request, template: str, status: int = 200, /, headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Response:  # fmt: skip
        """A page for whoever asks."""
        embedded, language = self._embedded(request), _language(request)
        session, port = self._session(request, embedded), embedded.port
        logged_in = session is not None and not embedded.access.must_change(session.account)
        context: dict[str, Any] = {
            "title": "", "sub": None, "tolds": [], "scripts": True, "prefix": _prefix(request), "assets": "",
            "build": self._build, "csrf": session.csrf if session else "", "idle_s": round(access.IDLE_S),
            "account": session.account if session else "", "station": _station(port, told=logged_in),
            "tabs": list(tabs.seen_by(session.account, port)) if session and logged_in and port.powered else [],
            "script_words": _script_words(words(language)),
        }  # fmt: skip
        if session and template != "first.html":
            context["tolds"] = embedded.tolds.pop(session.csrf, [])
        html = pages.render(template, language, **(context | more))
        return Response(html, status, dict(headers or {}), "text/html")

    def _refused(self, request: Request, problem: Problem, **more: Any) -> Response:
        spoken, why = words(_language(request)), problem.details
        return self._page(
            request, "problem.html", why.status, problem.headers, title=spoken(why.title), detail=spoken(why.detail),
            remedy=spoken(why.remedy), **more,
        )  # fmt: skip

    def page(self, handler: Callable[[Asked[Any, Any], Embedded, Session], Any]) -> web.Handler:
        """A page for who is logged in, with a password of their own, while the station runs."""

        async def answered(asked: Asked[Any, Any]) -> str | Response:
            request = asked.request
            embedded = self._embedded(request)
            if in_language := _chosen(request):
                return in_language
            session = self._session(request, embedded)
            if session is None:
                return RedirectResponse(f"{_prefix(request)}/login?next={quote(_next(request), safe='/')}", 303)
            if embedded.access.must_change(session.account):
                return RedirectResponse(f"{_prefix(request)}/password?next={quote(_next(request), safe='/')}", 303)
            if not embedded.port.powered:
                return self._page(request, "starting.html", 503, {"retry-after": "5"}, back=_next(request))
            try:
                answer = handler(asked, embedded, session)
                answer = await answer if inspect.isawaitable(answer) else answer
            except Problem as problem:
                return self._refused(request, problem)
            assert isinstance(answer, str | Response)
            return answer

        return answered

    async def show_stations(self, asked: Asked[None, None]) -> Response:
        """Where only one station is, its tool; else a list."""
        ids, language = self._stations.ids(), _language(asked.request)
        if len(ids) == 1:
            return RedirectResponse(f"/stations/{quote(ids[0], safe='')}/", 303)
        html = pages.render(
            "stations.html", language, title="", sub=None, tolds=[], scripts=False, prefix="", assets="", csrf="",
            build=self._build, idle_s=0, account="", tabs=[], ids=ids, script_words=_script_words(words(language)),
            station={"name": "chargepost", "title": "", "release": "", "identity": "",
                     "state": views.State("", "available")},
        )  # fmt: skip
        return Response(html, 200, media_type="text/html")

    async def show_login(self, asked: Asked[None, None]) -> Response:
        request = asked.request
        self._embedded(request)
        following = local_path(request.query_params.get("next", ""), _prefix(request))
        return _chosen(request) or self._page(request, "login.html", next=following, user="")

    async def take_login(self, asked: Asked[None, None]) -> Response:
        request = asked.request
        embedded = self._embedded(request)
        form = _form(await _body(request, views.FORM_BYTES_MAX))
        following = local_path(form.get("next", ""), _prefix(request))
        user = form.get("user", "")[:50]
        try:
            _account, token = await self._log_in(embedded, user, form.get("password", ""))
        except Problem as problem:
            spoken, why = words(_language(request)), problem.details
            told = Told(f"{spoken(why.detail)} {spoken(why.remedy)}", bad=True)
            return self._page(request, "login.html", why.status, problem.headers, next=following, user=user,
                              tolds=[told])  # fmt: skip
        embedded.access.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(following, 303)
        answer.set_cookie(COOKIE, token, path=f"{_prefix(request)}/", httponly=True, samesite="strict",
                          secure=request.url.scheme == "https")  # fmt: skip
        return answer

    async def log_out(self, asked: Asked[None, None]) -> Response:
        request = asked.request
        embedded = self._embedded(request)
        session = self._session(request, embedded)
        if session:
            _check_csrf(session, _form(await _body(request, views.FORM_BYTES_MAX)).get("csrf", ""))
            embedded.access.end(_token(request))
        answer = RedirectResponse(f"{_prefix(request)}/login", 303)
        answer.delete_cookie(COOKIE, path=f"{_prefix(request)}/")
        return answer

    async def show_password(self, asked: Asked[None, None]) -> Response:
        request = asked.request
        embedded = self._embedded(request)
        session = self._session(request, embedded)
        following = local_path(request.query_params.get("next", ""), _prefix(request))
        if in_language := _chosen(request):
            return in_language
        if session is None:
            return RedirectResponse(f"{_prefix(request)}/login", 303)
        if not embedded.access.must_change(session.account):
            return RedirectResponse(following, 303)
        return self._page(request, "first.html", next=following)

    async def take_password(self, asked: Asked[None, None]) -> Response:
        """The first change; later ones are an action of the sub-tab Passwords."""
        request = asked.request
        embedded = self._embedded(request)
        session = self._session(request, embedded)
        if session is None:
            return RedirectResponse(f"{_prefix(request)}/login", 303)
        form = _form(await _body(request, views.FORM_BYTES_MAX))
        following = local_path(form.get("next", ""), _prefix(request))
        spoken = words(_language(request))
        try:
            _check_csrf(session, form.get("csrf", ""))
            if form.get("new", "") != form.get("again", ""):
                raise Problem(422, "not-alike", _("Not changed"), _("The two new passwords are not alike."),
                              _("Type the new password twice."))  # fmt: skip
            await self._set_password(embedded, session.account, form.get("old", ""), form.get("new", ""),
                                     session.account)  # fmt: skip
        except Problem as problem:
            why = problem.details
            told = Told(f"{spoken(why.detail)} {spoken(why.remedy)}", bad=True)
            return self._page(request, "first.html", why.status, problem.headers, next=following, tolds=[told])
        token = embedded.access.begin(session.account, self._now())
        answer = RedirectResponse(following, 303)
        answer.set_cookie(COOKIE, token, path=f"{_prefix(request)}/", httponly=True, samesite="strict",
                          secure=request.url.scheme == "https")  # fmt: skip
        return answer

    def home(self, asked: Asked[None, None], embedded: Embedded, session: Session) -> Response:
        first = next(tabs.seen_by(session.account, embedded.port), None)
        if first is None:
            raise Problem(404, "nothing", _("Nothing to show"), _("This product has nothing to set."), _("See About."))
        tab, subs = first
        return RedirectResponse(f"{_prefix(asked.request)}/{tab.name}/{subs[0].name}", 303)

    def place(self, asked: Asked[None, None], embedded: Embedded, session: Session) -> str:
        """The top line, fetched anew now and then."""
        return pages.render("place.html", _language(asked.request), station=_station(embedded.port))

    async def about(self, asked: Asked[None, None]) -> Response:
        return _chosen(asked.request) or self._page(asked.request, "about.html")

    async def help(self, asked: Asked[None, None]) -> Response:
        return _chosen(asked.request) or self._page(asked.request, "help.html")

    def show_sub(self, asked: Asked[None, None], embedded: Embedded, session: Session) -> Response:
        sub = self._sub(asked, embedded, session)
        return self._sub_page(asked.request, embedded, session, sub)

    def show_live(self, asked: Asked[None, None], embedded: Embedded, session: Session) -> str:
        """The part of a sub-tab that is fetched anew."""
        sub = self._sub(asked, embedded, session)
        if not sub.live:
            raise _nothing_here()
        return pages.render(sub.live, _language(asked.request), **self._context(asked.request, embedded, session, sub))

    def _sub(self, asked: Asked[Any, Any], embedded: Embedded, session: Session) -> SubTab:
        """Raises Problem where there is none, or none for this account: both look alike."""
        sub, port = tabs.SUB_TAB.get(asked.path["sub"]), embedded.port
        theirs = sub is not None and sub.tab == asked.path["tab"] and (sub.user or session.account == access.ADMIN)
        if sub and theirs and not sub.shown(port) and (gone := sub.gone(port)):
            raise Problem(404, "not-now", _("This page is not there now"), gone,
                          _("Whoever may change that finds it in Configuration, General settings."))  # fmt: skip
        if sub is None or sub.tab != asked.path["tab"] or not tabs.is_there(sub, session.account, embedded.port):
            raise _nothing_here()
        return sub

    def _context(self, request: Request, embedded: Embedded, session: Session, sub: SubTab) -> dict[str, Any]:
        spoken = words(_language(request))
        own = [
            views.shown(row, sub, session.account, embedded.port, spoken)
            for row in tabs.fields_of(sub, embedded.port)
            if views.right(row, sub, session.account, embedded.port) != "N"
        ]
        here = f"{_prefix(request)}/{sub.tab}/{sub.name}"
        return {
            "sub": sub, "fields": own, "refused": {}, "typed": {}, "here": here, "back": here,
            "prefix": _prefix(request), "csrf": session.csrf, "account": session.account, "port": embedded.port,
            "zone": views.zone(embedded.port),
            **sub.context(embedded.port, session.account, request.query_params),
            **sub.worded(embedded.port, session.account, request.query_params, spoken),
        }  # fmt: skip

    def _sub_page(
        self, request: Request, embedded: Embedded, session: Session, sub: SubTab, status: int = 200, **more: Any
    ) -> Response:
        context = self._context(request, embedded, session, sub) | more
        template = context.pop("template", sub.template)
        return self._page(request, template, status, title=words(_language(request))(sub.label), **context)

    async def save_sub(self, asked: Asked[None, None], embedded: Embedded, session: Session) -> Response:
        """The fields of a sub-tab from its form."""
        request, sub, port = asked.request, self._sub(asked, embedded, session), embedded.port
        spoken = words(_language(request))
        form = _form(await _body(request, views.FORM_BYTES_MAX))
        _check_csrf(session, form.pop("csrf", ""))
        reboot = form.pop("do", "save") == "save-and-reboot"
        seen = {name.removeprefix("was."): value for name, value in form.items() if name.startswith("was.")}
        given = {name: value.strip() for name, value in form.items() if not name.startswith("was.")}
        rows = [(row, sub) for row in tabs.fields_of(sub, port)]
        outcome = views.save(rows, tabs.RULES.get(sub.name, ()), session.account, port, given, spoken, seen)
        if outcome.refused:
            told = Told(spoken(_("Nothing was saved. See what stands in red below the fields.")), bad=True)
            return self._sub_page(request, embedded, session, sub, 422, refused=outcome.refused, typed=given,
                                  tolds=[told])  # fmt: skip
        if reboot:
            port.restart()
        elif not outcome.changed:
            self._tell(embedded, session, Told(spoken(_("There was nothing to save."))))
        else:
            text = spoken.count("Saved: one change.", "Saved: %(num)s changes.", len(outcome.changed))
            if outcome.reboot:
                text += " " + spoken(_("It works after a reboot."))
            self._tell(embedded, session, Told(text))
        return RedirectResponse(f"{_prefix(request)}/{sub.tab}/{sub.name}", 303)

    def _tell(self, embedded: Embedded, session: Session, told: Told) -> None:
        tolds = embedded.tolds
        tolds[session.csrf] = [*tolds.pop(session.csrf, []), told][-TOLDS_MAX:]
        while len(tolds) > access.SESSIONS_MAX:
            del tolds[next(iter(tolds))]

    async def act(self, asked: Asked[None, None], embedded: Embedded, session: Session) -> Response:
        """An action of a sub-tab. The body is a form, or a file with the token in a header."""
        request, sub = asked.request, self._sub(asked, embedded, session)
        row = _found(tabs.ACTIONS, sub, asked.path["action"], session, embedded.port)
        data = await _body(request, row.max_bytes)
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        every = _parsed(data) if is_form else {}
        form = {name: values[-1] for name, values in every.items()}
        _check_csrf(session, form.get("csrf", "") or request.headers.get(CSRF_HEADER, ""))
        spoken = words(_language(request))

        async def set_password(account: str, old: str, new: str) -> str:
            try:
                await self._set_password(embedded, account, old, new, session.account)
            except Problem as problem:
                return f"{spoken(problem.details.detail)} {spoken(problem.details.remedy)}"
            return ""

        def broken(keys: views.Values) -> Mapping[str, str]:
            return tabs.broken(embedded.port, keys, spoken)

        content = b"" if is_form else data
        given = row.does(embedded.port, Sent(session.account, form, every, content, spoken, set_password, broken))
        told = await given if inspect.isawaitable(given) else given
        if told.template:
            tolds = [told] if told.text else []
            return self._sub_page(request, embedded, session, sub, 422 if told.bad else 200, template=told.template,
                                  tolds=tolds, **told.context)  # fmt: skip
        if told.text:
            self._tell(embedded, session, told)
        return RedirectResponse(f"{_prefix(request)}/{sub.tab}/{sub.name}", 303)

    def download(self, asked: Asked[None, None], embedded: Embedded, session: Session) -> Response:
        sub = self._sub(asked, embedded, session)
        row = _found(tabs.DOWNLOADS, sub, asked.path["file"], session, embedded.port)
        name = quote(row.file_name(embedded.port), safe="")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        content = row.makes(embedded.port)
        if isinstance(content, bytes):
            return Response(content, 200, headers, row.media)
        return StreamingResponse(_with_pauses(content), 200, headers, row.media)

    # --- API ---------------------------------------------------------------------------------------------------------

    async def api_login(self, asked: Asked[LoginIn, None]) -> TokenOut:
        embedded = self._embedded(asked.request)
        account, token = await self._log_in(embedded, asked.body.user, asked.body.password)
        return TokenOut(token, embedded.access.must_change(account))

    async def api_password(self, asked: Asked[PasswordIn, None]) -> None:
        embedded = self._embedded(asked.request)
        session = self._asking(asked, embedded)
        await self._set_password(embedded, session.account, asked.body.old, asked.body.new, session.account)

    async def api_state(self, asked: Asked[None, None]) -> StateOut:
        port = self._embedded(asked.request).port
        link = port.view().link.state if port.powered else "off"
        return StateOut(port.powered, views.state(port).word, link, self._build)

    async def api_fields(self, asked: Asked[None, FieldsQuery]) -> list[FieldOut]:
        embedded = self._embedded(asked.request)
        session, port, spoken = self._asking(asked, embedded), embedded.port, words(_language(asked.request))
        _need_power(port)
        return [
            _field_out(views.shown(row, sub, session.account, port, spoken), sub, port)
            for row, sub in self._rows(session.account, port, asked.query.sub)
        ]

    async def api_change(self, asked: Asked[ValuesIn, None]) -> OutcomeOut:
        embedded = self._embedded(asked.request)
        session, port, spoken = self._asking(asked, embedded), embedded.port, words(_language(asked.request))
        _need_power(port)
        rows = self._rows(session.account, port)
        touched = {sub.name for row, sub in rows if row.name in asked.body.values}
        rules = [rule for sub in touched for rule in tabs.RULES.get(sub, ())]
        outcome = views.save(rows, rules, session.account, port, asked.body.values, spoken)
        if asked.body.reboot and not outcome.refused:
            port.restart()
        return OutcomeOut(outcome.changed, outcome.refused, outcome.reboot)

    def _rows(self, account: str, port: Port, sub: str = "") -> list[tuple[Field, SubTab]]:
        """All fields that the account may see."""
        return [
            (row, of)
            for row, of in tabs.every_field(port)
            if sub in ("", of.name) and views.right(row, of, account, port) != "N"
        ]

    def _asking(self, asked: Asked[Any, Any], embedded: Embedded) -> Session:
        session = self._session(asked.request, embedded)
        assert session, "the guard has let nobody else through"
        return session

    # --- the rows ----------------------------------------------------------------------------------------------------

    def rows(self) -> list[web.Row]:
        """All requests."""
        at, station = "/stations/{id}", {"id": "PROAC-1"}
        rows: list[web.Row] = [
            Page("/", self.show_stations, open=True),
            Page(f"{at}/", self.page(self.home), open=True),
            Page(f"{at}/login", self.show_login, open=True),
            Page(f"{at}/login", self.take_login, method="POST", open=True),
            Page(f"{at}/logout", self.log_out, method="POST", open=True),
            Page(f"{at}/password", self.show_password, open=True),
            Page(f"{at}/password", self.take_password, method="POST", open=True),
            Page(f"{at}/about", self.about, open=True),
            Page(f"{at}/help", self.help, open=True),
            Page(f"{at}/parts/place", self.page(self.place), open=True),
            Route(
                "POST", f"{at}/api/login", self.api_login, "login", "A token for the API of this station.",
                body=LoginIn, answer=TokenOut, open=True, tag="access", params=station,
                example=LoginIn("admin", "the password printed once"),
            ),
            Route(
                "POST", f"{at}/api/password", self.api_password, "changePassword",
                "The account's own password; every session of the account ends.",
                body=PasswordIn, tag="access", params=station, example=PasswordIn("old one", "N3w-one!"),
            ),
            Route(
                "GET", f"{at}/api/state", self.api_state, "showState", "Whether the station runs.",
                answer=StateOut, open=True, tag="station", params=station,
            ),
            Route(
                "GET", f"{at}/api/fields", self.api_fields, "listFields",
                "Every field the account may see, with its value, range, factory value, and who changed it last.",
                query=FieldsQuery, answer=list[FieldOut], tag="settings", params=station,
            ),
            Route(
                "PATCH", f"{at}/api/fields", self.api_change, "changeFields",
                "Set fields: all of them, or none when one is refused.",
                body=ValuesIn, answer=OutcomeOut, tag="settings", params=station,
                example=ValuesIn({"station-name": "Gate 3"}),
            ),
            Page(f"{at}/{{tab}}/{{sub}}", self.page(self.show_sub), open=True),
            Page(f"{at}/{{tab}}/{{sub}}", self.page(self.save_sub), method="POST", open=True),
            Page(f"{at}/{{tab}}/{{sub}}/live", self.page(self.show_live), open=True),
            Page(f"{at}/{{tab}}/{{sub}}/files/{{file}}", self.page(self.download), open=True),
            Page(f"{at}/{{tab}}/{{sub}}/do/{{action}}", self.page(self.act), method="POST", open=True),
            Files("/static", "chargepost.commissioning", "static"),
        ]  # fmt: skip
        if pages.VENDOR.is_dir():
            rows.append(Files("/vendor", "chargepost.commissioning", "vendor"))
        return rows


def application(
    stations: Stations, now: Callable[[], float], version: str, build: str, *,
    hosts: frozenset[str] | None = web.LOOPBACK,
) -> ASGIApp:  # fmt: skip
    """All tools as an ASGI application. `hosts` are the names it answers to (see `web.build`)."""
    tool = Tool(stations, now, build)
    return web.build(
        "chargepost commissioning tool",
        tool.rows(),
        version=version,
        guard=tool.guard,
        hosts=hosts,
        description="The commissioning tool of each station: what its pages show and set.",
    )


# --- parts -----------------------------------------------------------------------------------------------------------


def _station(port: Port, *, told: bool = True) -> dict[str, Any]:
    """`told`: with the error that stands, which is nothing for who is not logged in."""
    state = views.state(port)
    return {
        "identity": port.identity, "name": views.name(port), "title": port.model.title, "release": port.model.release,
        "state": state if told else state._replace(error="", more=0),
    }  # fmt: skip


def _field_out(shown: views.Shown, sub: SubTab, port: Port) -> FieldOut:
    since = pages.local_time(shown.at_utc_s, views.zone(port)) if shown.at_utc_s else ""
    return FieldOut(
        shown.name, sub.tab, sub.name, shown.label, shown.value, shown.text, shown.unit, shown.factory, shown.range,
        dict(shown.choices), shown.help, shown.warning, shown.writable, shown.reboot, shown.by, since,
    )  # fmt: skip


def _found(rows: Sequence[Any], sub: SubTab, name: str, session: Session, port: Port) -> Any:
    for row in rows:
        assert isinstance(row, Action | Download)
        if row.sub == sub.name and row.name == name and views.may(row, sub, session.account, port):
            return row
    raise _nothing_here()


def _nothing_here() -> Problem:
    return Problem(404, "no-such-page", _("Nothing is here"),
                   _("There is no such page, or not for this account."), _("Go to the first page."))  # fmt: skip


def _need_power(port: Port) -> None:
    if not port.powered:
        raise Problem(503, "starting", "The station is starting", "Its program is off.", "Ask again in a while.",
                      headers={"retry-after": "5"})  # fmt: skip


def _check_csrf(session: Session, given: str) -> None:
    if not hmac.compare_digest(session.csrf.encode(), given.encode("utf-8", "replace")):
        raise Problem(403, "no-csrf", _("Not sent from a page of this tool"),
                      _("The form is of another session, or was made elsewhere."),
                      _("Load the page again, then send it once more."))  # fmt: skip


def _prefix(request: Request) -> str:
    return f"/stations/{quote(request.path_params['id'], safe='')}"


def _own_path(request: Request) -> str:
    return quote(request.scope["path"], safe="/")


def _next(request: Request) -> str:
    """Where a login leads: this page, if it is one."""
    is_page = request.method == "GET" and not request.scope["path"].endswith(("/live", "/place"))
    return _own_path(request) if is_page else f"{_prefix(request)}/"


def local_path(text: str, prefix: str) -> str:
    """The path when it surely is a page of this station, else its first page."""
    plain = len(text) <= LOCAL_PATH_MAX and text.isascii() and text.isprintable() and not set(text) & set("\\?#")
    return text if plain and text.startswith(f"{prefix}/") and "//" not in text and ".." not in text else f"{prefix}/"


async def _with_pauses(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A long file must hold nobody up."""
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def _language(request: Request) -> str:
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return choose(tag.partition(";")[0] for tag in request.headers.get("accept-language", "").split(",")[:10])


def _chosen(request: Request) -> Response | None:
    """The same page in the language that was just chosen; None when none was."""
    language = request.query_params.get("language", "")
    if request.method != "GET" or language not in LANGUAGES:
        return None
    rest = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "language"])
    answer = RedirectResponse(_own_path(request) + (f"?{rest}" if rest else ""), 303)
    answer.set_cookie(LANGUAGE_COOKIE, language, max_age=LANGUAGE_KEPT_S, httponly=True, samesite="strict")
    return answer


def _bearer(request: Request) -> str:
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _token(request: Request) -> str:
    return _bearer(request) or request.cookies.get(COOKIE, "")


async def _body(request: Request, limit: int) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_DEADLINE_S + limit / 100_000):
            async for chunk in request.stream():
                data += chunk
                if len(data) > limit:
                    raise Problem(413, "too-large", _("Too large"), _("That is more than belongs here."),
                                  _("Send a smaller file."))  # fmt: skip
    except TimeoutError:
        raise Problem(408, "too-slow", _("Too slow"), _("It took too long to arrive."), _("Send it again.")) from None
    return bytes(data)


def _parsed(data: bytes) -> dict[str, list[str]]:
    """The fields of a form; nothing of one that is none."""
    try:
        return parse_qs(data.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except (ValueError, UnicodeDecodeError):
        raise Problem(400, "bad-form", _("Not a form"), _("What was sent cannot be read."),
                      _("Load the page again, then send it once more.")) from None  # fmt: skip


def _form(data: bytes) -> dict[str, str]:
    return {name: values[-1] for name, values in _parsed(data).items()}


def _script_words(spoken: Words) -> str:
    """What the script says, as JSON."""
    return msgspec.json.encode(
        {
            "unsaved1": spoken(_("1 unsaved change")),
            "ok": spoken(_("OK")),
            "cancel": spoken(_("Cancel")),
            "age": spoken(_("{n} s old")),
            "unsaved": spoken(_("{n} unsaved changes")),
            "elsewhere": spoken(_("Changed to {value} by {who}, {when}.")),
            "yours": spoken(_("Keep mine")),
            "theirs": spoken(_("Take theirs")),
            "leave": spoken(_("There are changes that are not saved.")),
            "sending": spoken(_("Sending ...")),
        }
    ).decode()
