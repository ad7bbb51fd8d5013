"""The rows as OpenAPI 3.1 for programs, and as a page for people that loads nothing from elsewhere."""

import html
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from chargepost.web.rows import API_CSP, PARAMETER, ProblemDetails, Route

_PATH_TYPES = {"": "string", "int": "integer", "path": "string"}

DOCS_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"

LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}

DOCS_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid #8888; padding: .5rem 0 1rem; }
h2 code { font-size: 1.1rem; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8888; border-radius: .25rem; }
"""


@dataclass(frozen=True)
class Description:
    """One address of the description, with what stands there."""

    path: str
    media: str
    csp: str
    data: bytes


def descriptions(title: str, version: str, text: str, rows: Sequence[Route], *, guarded: bool) -> list[Description]:
    """What is served beside the rows to describe them; `guarded`: rows that are not open ask for a token."""
    document = msgspec.json.encode(openapi(title, version, text, rows))
    page = _docs_page(title, text, rows, guarded).encode()
    return [
        Description("/openapi.json", "application/json", API_CSP, document),
        Description("/docs", "text/html; charset=utf-8", DOCS_CSP, page),
        Description("/docs.css", "text/css; charset=utf-8", API_CSP, DOCS_STYLE.encode()),
    ]


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
        for name, kind in PARAMETER.findall(row.path)
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
    return PARAMETER.sub(r"{\1}", path)


def _needed(body: Any) -> bool:
    """Whether a body must be sent: an empty one stands for an object without fields."""
    try:
        msgspec.json.decode(b"{}", type=body)
    except msgspec.ValidationError:
        return True
    return False


def _example(value: Any) -> dict[str, Any]:
    return {} if value is None else {"example": msgspec.to_builtins(value)}


def page(title: str, *content: str) -> str:
    """A whole page, as small as it can be; what is given is HTML."""
    e = html.escape
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{e(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/docs.css"></head><body><h1>{e(title)}</h1>{"".join(content)}</body></html>'
    )


def problem_page(details: ProblemDetails) -> str:
    """A refusal for people: what happened, what to do, and the way back."""
    e = html.escape
    way = '<p><a href="/">To the start</a></p>'
    return page(details.title, f"<p>{e(details.detail)}</p><p>{e(details.remedy)}</p>", way)


def _docs_page(title: str, description: str, rows: Sequence[Route], guarded: bool) -> str:
    """The page for people: every request with a line that can be typed and the answer it gives."""
    e = html.escape
    articles = "\n".join(
        f'<article id="{e(row.operation)}"><h2><code>{e(row.method)} {e(_plain(row.path))}</code></h2>'
        f"<p>{e(row.summary)}</p>{_body_words(row)}"
        f"<pre><code>{e(_curl(row, guarded))}</code></pre>{_answer_block(row)}</article>"
        for row in rows
    )
    token = " and $TOKEN your token" if guarded else ""
    return page(
        title,
        f"<p>{e(description)}</p>"
        '<p>Described for programs in <a href="/openapi.json">OpenAPI 3.1</a>. A refusal is a problem details object '
        f"with its remedy. In the lines below $BASE is the address of this server{token}.</p>\n{articles}\n",
    )


def _body_words(row: Route) -> str:
    """What the type of the body says about itself, when it is one of ours."""
    ours = isinstance(row.body, type) and issubclass(row.body, msgspec.Struct) and row.body.__doc__
    return f"<p>{html.escape(inspect.cleandoc(ours))}</p>" if ours else ""


def _curl(row: Route, guarded: bool) -> str:
    """The example as it is typed. $BASE is the address of this page's server, $TOKEN what its guard asks for."""
    values = dict(row.params)
    path = PARAMETER.sub(lambda m: quote(str(values.pop(m[1], m[1])), safe=""), row.path)
    query = "&".join(f"{name}={quote(str(value))}" for name, value in values.items())
    parts = ["curl", *(["-N"] if row.events else []), *([f"-X {row.method}"] if row.method != "GET" else [])]
    if guarded and not row.open:
        parts.append('-H "Authorization: Bearer $TOKEN"')
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
