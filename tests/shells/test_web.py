"""web.py on a real loopback server: what comes in is checked, what goes out is described, a page of another site gets
nowhere (bars 19, 23, 25 of the reliability plan)."""

import asyncio
import html
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
from tests.patience import PATIENCE_S
from tests.shells.serving import served

from chargepost.web import (
    API_CSP,
    FEED_EVENTS,
    Asked,
    Body,
    Feed,
    Files,
    Lost,
    Page,
    Problem,
    Reader,
    Route,
    Row,
    bearer,
    build,
)


class Wish(Body, frozen=True):
    current_a: int
    note: str = ""


class Told(Body, frozen=True):
    """Says of itself."""


class Span(Body, frozen=True):
    after: int = 0


class Seen(msgspec.Struct, frozen=True):
    name: str
    current_a: int


FEED: Feed[Seen] = Feed()


async def see(asked: Asked[None, Span]) -> list[Seen]:
    return [Seen(asked.path["name"], asked.query.after)]


async def wish(asked: Asked[Wish, None]) -> Seen:
    if asked.path["name"] == "nobody":
        raise Problem(404, "unknown", "Unknown", "There is no nobody.", "Did you mean somebody?")
    if asked.path["name"] == "bug":
        raise RuntimeError("C4nary in a traceback")
    return Seen(asked.path["name"], asked.body.current_a)


async def forget(asked: Asked[None, None]) -> None:
    return None


async def follow(asked: Asked[None, None]) -> Reader[Seen]:
    return FEED.subscribe()


async def page(asked: Asked[None, None]) -> str:
    return "<!doctype html><p>here"


ROWS: list[Row] = [
    Route(
        "GET", "/things/{name}", see, "list_things", "See <things>",
        query=Span, answer=list[Seen], answer_example=[Seen("a", 0)], params={"name": "a", "after": 3},
    ),
    Route("POST", "/things/{name}", wish, "wish", "Wish", body=Wish, answer=Seen, example=Wish(6)),
    Route("DELETE", "/things/{name}", forget, "forget", "Forget", params={"name": "a"}),
    Route("GET", "/events", follow, "follow", "Follow", events=(Seen, Lost)),
    Page("/", page),
    Files("/files", "chargepost.catalogue", "models/evlink-pro-ac"),
]  # fmt: skip


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with served(build("Things", ROWS)) as client:
        yield client


async def test_what_is_right_is_answered_typed(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/things/x?after=7")).json() == [{"name": "x", "current_a": 7}]
    assert (await client.post("/things/x", json={"current_a": 6})).json() == {"name": "x", "current_a": 6}
    assert (await client.delete("/things/x")).status_code == 204
    lines = await client.get("/things/x", headers={"accept": "application/x-ndjson"})
    assert lines.text == '{"name":"x","current_a":0}\n'


BAD: list[tuple[int, str, str, dict[str, Any]]] = [
    (422, "POST", "/things/x", {"json": {"current_a": "6"}}),
    (422, "POST", "/things/x", {"json": {"current_a": 6, "currant": 1}}),
    (422, "POST", "/things/x", {"json": [1]}),
    (422, "POST", "/things/x", {}),
    (422, "GET", "/things/x?after=soon", {}),
    (422, "GET", "/things/x?before=1", {}),
    (422, "GET", "/things/x?after=1&after=2", {}),
    (400, "POST", "/things/x", {"content": b"{", "headers": {"content-type": "application/json"}}),
    (400, "POST", "/things/x", {"content": b'{"note":"\xff"}', "headers": {"content-type": "application/json"}}),
    (422, "POST", "/things/x", {"content": b'{"a":' * 9999, "headers": {"content-type": "application/json"}}),
    (413, "POST", "/things/x", {"content": b" " * 70_000, "headers": {"content-type": "application/json"}}),
    (415, "POST", "/things/x", {"content": b"current_a=6", "headers": {"content-type": "text/plain"}}),
    (404, "POST", "/things/nobody", {"json": {"current_a": 6}}),
    (500, "POST", "/things/bug", {"json": {"current_a": 6}}),
    (404, "GET", "/nothing", {}),
    (405, "PUT", "/things/x", {}),
    (403, "POST", "/things/x", {"json": {"current_a": 6}, "headers": {"origin": "http://evil.example"}}),
    (403, "POST", "/things/x", {"json": {"current_a": 6}, "headers": {"origin": "null"}}),
    (403, "DELETE", "/things/x", {"headers": {"sec-fetch-site": "cross-site"}}),
    (403, "GET", "/things/x", {"headers": {"host": "rebound.example"}}),
]


@pytest.mark.parametrize(("status", "method", "path", "given"), BAD)
async def test_what_is_wrong_gets_a_problem_with_a_remedy(
    client: httpx2.AsyncClient, status: int, method: str, path: str, given: dict[str, Any]
) -> None:
    answer = await client.request(method, path, **given)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "remedy"}
    assert problem["status"] == status
    assert problem["remedy"]
    assert "C4nary" not in answer.text
    assert "Traceback" not in answer.text


async def test_405_names_every_method_of_the_path(client: httpx2.AsyncClient) -> None:
    allowed = (await client.put("/things/x")).headers["allow"]
    assert {word.strip() for word in allowed.split(",")} == {"GET", "HEAD", "POST", "DELETE"}


async def test_our_own_pages_may_change_things(client: httpx2.AsyncClient) -> None:
    headers = {"origin": str(client.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    assert (await client.post("/things/x", json={"current_a": 6}, headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/things/x", "/docs", "/openapi.json", "/nothing", "/"])
async def test_every_answer_carries_the_security_headers(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


async def test_docs_load_only_from_here_and_escape(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "See &lt;things&gt;" in answer.text
    assert "<script" not in answer.text
    assert "http" not in answer.text.replace("http://127.0.0.1", "")
    assert (await client.get("/docs.css")).headers["content-type"].startswith("text/css")
    assert (await client.get("/nothing")).headers["content-security-policy"] == API_CSP


async def test_docs_tell_of_our_own_types_and_of_the_token_where_one_is_needed(client: httpx2.AsyncClient) -> None:
    rows: list[Row] = [
        Route("POST", "/any", wish, "any", "Any", body=dict[str, Any], example={}),
        Route("POST", "/ours", wish, "ours", "Ours", body=Told, example=Told()),
        Route("GET", "/probe", see, "probe", "Probe", open=True),
    ]
    header = html.escape('-H "Authorization: Bearer $TOKEN"')
    for guard, count in ((bearer("s3cret"), 2), (None, 0)):
        async with served(build("Things", rows, guard=guard)) as asked:
            text = (await asked.get("/docs")).text
            assert "dict(" not in text
            assert "<p>Says of itself.</p>" in text
            assert text.count(header) == count
            assert ("$TOKEN your token" in text) == bool(count)


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("status", "path", "words"),
    [
        (404, "/no<b>pe", "See /docs"),
        (405, "/files", ""),
        (422, "/things/x?before=1", "See /docs"),
        (500, "/broken", "log"),
    ],
)
async def test_a_browser_gets_a_problem_as_a_page_and_a_program_as_json(status: int, path: str, words: str) -> None:
    async def broken(asked: Asked[None, None]) -> None:
        raise RuntimeError

    rows = [*ROWS, Route("GET", "/broken", broken, "broken", "x"), Route("POST", "/files", forget, "files", "x")]
    async with served(build("Things", rows)) as client:
        shown = await client.get(path, headers=BROWSER)
        assert (shown.status_code, shown.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert shown.headers["cache-control"] == "no-store"
        assert words in shown.text
        assert "<b>" not in shown.text
        assert "/docs.css" in shown.text
        told = await client.get(path)
        assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")


async def test_pages_are_not_kept_by_the_browser(client: httpx2.AsyncClient) -> None:
    first = await client.get("/")
    assert first.headers["cache-control"] == "no-store"
    again = await client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "no-store")
    assert (await client.get("/things/x")).headers["cache-control"] == "private, no-cache"


async def test_the_start_of_an_api_leads_to_its_docs_unless_a_page_stands_there(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/")).text.endswith("here")
    async with served(build("Things", ROWS[:1], guard=bearer("s3cret"))) as bare:
        answer = await bare.get("/")
        assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_what_is_known_already_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    first = await client.get("/things/x")
    again = await client.get("/things/x", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_files_of_a_package_are_served_and_no_others(client: httpx2.AsyncClient) -> None:
    first = await client.get("/files/2.0.1.toml")
    assert first.status_code == 200
    assert b"Pro AC" in first.content
    known = {"if-none-match": first.headers["etag"]}
    assert (await client.get("/files/2.0.1.toml", headers=known)).status_code == 304
    for other in ("/files/", "/files/../load.py", "/files/%2e%2e/load.py", "/files/..%2fload.py", "/files/x.toml"):
        assert (await client.get(other)).status_code == 404, other


async def test_19_without_the_token_nothing_but_open_rows(client: httpx2.AsyncClient) -> None:
    async with served(build("Things", ROWS, guard=bearer("s3cret"), hosts=None)) as guarded:
        for row in ROWS:
            if isinstance(row, Route):
                for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic s3cret"}):
                    answer = await guarded.request(row.method, row.path.format(name="x"), headers=headers)
                    assert answer.status_code == 401, row.path
                    assert answer.headers["www-authenticate"].startswith("Bearer")
        right = {"authorization": "Bearer s3cret"}
        assert (await guarded.get("/things/x", headers=right)).status_code == 200
        assert (await guarded.get("/docs")).status_code == 200


async def test_openapi_is_3_1_with_stable_names_and_examples(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    operations = {o["operationId"]: o for path in document["paths"].values() for o in path.values()}
    assert set(operations) == {"list_things", "wish", "forget", "follow"}
    content = operations["wish"]["requestBody"]["content"]["application/json"]
    assert content == {"schema": {"$ref": "#/components/schemas/Wish"}, "example": {"current_a": 6, "note": ""}}
    assert document["components"]["schemas"]["Wish"]["additionalProperties"] is False
    names = [(p["name"], p["in"], p["required"]) for p in operations["list_things"]["parameters"]]
    assert names == [("name", "path", True), ("after", "query", False)]


async def test_events_arrive_as_they_are_published(client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": connected"
        FEED.publish(Seen("a", 6))
        assert [await anext(lines) for _ in range(3)] == ["", "event: Seen", 'data: {"name":"a","current_a":6}']
    async with asyncio.timeout(PATIENCE_S):
        while FEED.readers:  # noqa: ASYNC110  the server notices in its own time
            await asyncio.sleep(0)


async def test_a_slow_reader_of_a_feed_loses_the_oldest_and_is_told() -> None:
    feed: Feed[int] = Feed()
    reader = feed.subscribe()
    for number in range(FEED_EVENTS + 3):
        feed.publish(number)
    feed.close()
    read = [value async for value in reader]
    assert read == [Lost(3), *range(3, FEED_EVENTS + 3)]


def test_rows_that_cannot_be_right_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="two rows"):
        build("x", [ROWS[0], ROWS[0]])
    with pytest.raises(ValueError, match="would ignore unknown fields"):
        build("x", [Route("POST", "/x", wish, "x", "x", body=Seen)])
