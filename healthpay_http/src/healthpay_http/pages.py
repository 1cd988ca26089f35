"""Pages for people: the interactive documentation and the kinds of problems."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files

import orjson

from healthpay_core import CATALOGUE, Code
from healthpay_http.asgi import Header, Receive
from healthpay_http.call import Call
from healthpay_http.openapi import document
from healthpay_http.refusals import RouteNotFound
from healthpay_http.replies import Reply, json_reply, refusal
from healthpay_http.routes import Route
from healthpay_http.statuses import STATUSES, slug


class OpenApiEndpoint:
    """The OpenAPI document; its server is wherever the app is mounted."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._document = document(routes)

    async def __call__(self, call: Call, _: Receive) -> Reply:
        servers = [{"url": call.prefix or "/"}]
        return json_reply(200, orjson.dumps({**self._document, "servers": servers}))


class DocsEndpoint:
    """One self-contained page: it loads nothing but /openapi.json."""

    def __init__(self) -> None:
        package = files("healthpay_http")
        script = package.joinpath("docs.js").read_text("utf-8")
        style = package.joinpath("docs.css").read_text("utf-8")
        page = package.joinpath("docs.html").read_text("utf-8")
        page = page.replace("/*style*/", style).replace("/*script*/", script)
        self._body = page.encode()
        self._headers = _page_headers(script, style)

    async def __call__(self, _: Call, __: Receive) -> Reply:
        return Reply(200, list(self._headers), self._body)


class ProblemEndpoint:
    """A kind of problem, explained: where `type` of a problem document leads."""

    def __init__(self) -> None:
        self._codes = {slug(code): code for code in CATALOGUE}
        self._headers = _page_headers("", _STYLE)

    async def __call__(self, call: Call, _: Receive) -> Reply:
        code = self._codes.get(call.path_id)
        if code is None:
            return refusal(call, RouteNotFound())
        return Reply(200, list(self._headers), _problem_page(code).encode())


_STYLE = "body{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}"


def _problem_page(code: Code) -> str:
    entry = CATALOGUE[code]
    again = "later, unchanged" if entry.retryable else "only after a change"
    kept = (
        "It is the stored answer to its Idempotency-Key; a new attempt needs a new key."
        if entry.pinned
        else "It is not stored; the same Idempotency-Key may be used again."
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(entry.title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(entry.title)}</h1>"
        f"<p><code>{code.value}</code> · HTTP {STATUSES[code]}</p>"
        f"<p>{escape(entry.meaning)}</p>"
        f"<p>The same request may succeed {again}. {kept}</p>"
        "</body></html>"
    )


def _page_headers(script: str, style: str) -> list[Header]:
    policy = (
        f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)};"
        " connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]


def _source(text: str) -> str:
    if not text:
        return "'none'"
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
