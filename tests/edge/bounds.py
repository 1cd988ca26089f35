"""Which bounds of the document were crossed by a request that is right otherwise.

Whether a bound is held to shows only where nothing else is wrong: a request with two
faults is refused for either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from jsonschema import Draft202012Validator

Json: TypeAlias = Any
"""What a JSON document is in a test, which looks into it without ceremony."""
Place: TypeAlias = tuple[str, ...]
"""Where in a request: ``query``, its name; ``body``, the names on the way; ``*`` is
any item."""

KEYWORDS: Final = frozenset(
    ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
)
_WRONG: Final = object()


@dataclass(frozen=True, slots=True)
class Bound:
    """One keyword of one place of an operation's requests."""

    operation: str
    place: Place
    keyword: str

    def __str__(self) -> str:
        return f"{self.operation}: {'.'.join(self.place)}: {self.keyword}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as it was sent, and what came back.

    Attributes:
        operation: Method and template of the path.
        url: Whole.
        headers: Names in lower case.
        answer: Status and code, as a text.
    """

    operation: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    answer: str


class Document:
    """An OpenAPI document, as far as requests go."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._operations = {
            f"{method.upper()} {path}": operation
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        }
        # Made once: to make one is slower than to use it.
        self._validators: dict[str, Draft202012Validator] = {}

    def bounds(self) -> set[Bound]:
        """All of them; those of texts in paths are patterns, and not asked for."""
        return {
            Bound(operation, place, keyword)
            for operation in self._operations
            for start, schema in self._schemas(operation)
            for place, keyword in self._within(schema, start)
        }

    def crossed(self, calls: Iterable[Call]) -> dict[Bound, set[str]]:
        """What was answered to requests in which this bound alone was crossed."""
        found: defaultdict[Bound, set[str]] = defaultdict(set)
        for call in calls:
            faults = list(self._faults(call))
            if len(faults) == 1 and faults[0].keyword in KEYWORDS:
                found[faults[0]].add(call.answer)
        return dict(found)

    def _faults(self, call: Call) -> Iterator[Bound]:
        if not call.operation.startswith(call.method + " "):
            yield Bound(call.operation, ("method",), "const")
            return
        sent = _sent(call)
        for place, schema in self._schemas(call.operation):
            value = sent.get(place)
            if value is None and place != ("body",):
                continue
            if value is _WRONG:
                yield Bound(call.operation, place, "type")
                continue
            if schema.get("type") == "integer":
                value = _whole(value)
            for error in self._validator(schema).iter_errors(value):
                inner = ("*" if isinstance(n, int) else n for n in error.absolute_path)
                yield Bound(call.operation, (*place, *inner), str(error.validator))

    def _schemas(self, operation: str) -> Iterator[tuple[Place, Json]]:
        described = self._operations[operation]
        for given in described["parameters"]:
            parameter = self._resolved(given)
            where, name = parameter["in"], parameter["name"]
            name = name.lower() if where == "header" else name
            yield (where, name), parameter["schema"]
        if "requestBody" in described:
            yield (
                ("body",),
                described["requestBody"]["content"]["application/json"]["schema"],
            )

    def _within(self, schema: Json, place: Place) -> Iterator[tuple[Place, str]]:
        schema = self._resolved(schema)
        for keyword in KEYWORDS & schema.keys():
            yield place, keyword
        for name, inner in schema.get("properties", {}).items():
            yield from self._within(inner, (*place, name))
        if "items" in schema:
            yield from self._within(schema["items"], (*place, "*"))

    def _resolved(self, schema: Json) -> Json:
        while "$ref" in schema:
            found = self._document
            for name in schema["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            schema = found
        return schema

    def _validator(self, schema: Json) -> Draft202012Validator:
        key = orjson.dumps(schema).decode()
        if key not in self._validators:
            components = self._document["components"]
            self._validators[key] = Draft202012Validator(
                {**schema, "components": components},
                format_checker=Draft202012Validator.FORMAT_CHECKER,
            )
        return self._validators[key]


def _sent(call: Call) -> dict[Place, Json]:
    """What is in the request, by place."""
    url = urlsplit(call.url)
    found: dict[Place, Json] = {("header", n): v for n, v in call.headers.items()}
    found |= {("query", n): v for n, v in parse_qsl(url.query)}
    template = call.operation.partition(" ")[2].split("/")
    for name, value in zip(template, url.path.split("/"), strict=False):
        if name.startswith("{"):
            found["path", name[1:-1]] = unquote(value)
    is_json = call.headers.get("content-type") == "application/json"
    found[("body",)] = _parsed(call.body) if is_json else _WRONG
    return found


def _parsed(body: str) -> Json:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _WRONG


def _whole(value: Json) -> Json:
    return int(value) if str(value).removeprefix("-").isdigit() else value


def read(lines: Sequence[bytes]) -> Iterator[Call]:
    """The calls that the hook wrote, one a line."""
    for line in lines:
        yield Call(**orjson.loads(line))
