"""Every bound of a number, a text and a list in the document is held to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import orjson
import pytest

from tests.edge.bounds import Bound, Call, Document, read
from tests.edge.reaching import opening
from tests.edge.running import schemathesis
from tests.edge.servers import SERVERS
from tests.simulation.ledger import Ledger
from tests.simulation.load import send_all

LIMIT_S = 500
INVALID = "400 VALIDATION_ERROR"
AMOUNTS = {"minimum": "422 INVALID_AMOUNT", "maximum": "422 AMOUNT_OVERFLOW"}
"""Amounts that move are refused with codes of their own (M5, M6)."""


@pytest.mark.timeout(LIMIT_S + 100)
def test_what_is_out_of_bounds_is_refused_as_such(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """H6, E7, M5, M6: each bound alone is crossed by one, and that is what is said.

    In the mode for invalid requests alone the ids in paths are wrong as well, and
    schemathesis takes any refusal for the right one. Here all else is right.
    """
    calls = tmp_path / "calls"
    only = ("--mode", "all", "--phases", "coverage", "--generation-deterministic")
    with SERVERS["uvicorn"](tmp_path / "healthpay.db") as server:
        asyncio.run(send_all(server.url, Ledger(), opening()))
        with urlopen(f"{server.url}/openapi.json") as answer:
            document = Document(orjson.loads(answer.read()))
        schemathesis(server.url, tmp_path, *only, limit_s=LIMIT_S, calls=calls)
        assert server.stop() == 0
    bounds = document.bounds()
    crossed = document.crossed(read(calls.read_bytes().splitlines()))
    assert {str(bound) for bound in bounds - crossed.keys()} == set()
    told_wrongly = {
        str(bound): answers
        for bound, answers in crossed.items()
        if answers != {_expected(bound)}
    }
    assert told_wrongly == {}
    tell(f"bounds: {len(bounds)} of the document, each crossed alone and refused")


def _expected(bound: Bound) -> str:
    return AMOUNTS[bound.keyword] if bound.place == ("body", "amount") else INVALID


DOCUMENT = Document(
    {
        "paths": {
            "/things/{id}": {
                "post": {
                    "parameters": [
                        {
                            "name": "id",
                            "in": "path",
                            "schema": {"type": "string", "format": "uuid"},
                        },
                        {
                            "name": "limit",
                            "in": "query",
                            "schema": {"type": "integer", "maximum": 10},
                        },
                    ],
                    "requestBody": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/B"}}
                        }
                    },
                }
            }
        },
        "components": {
            "B": {
                "properties": {
                    "names": {
                        "maxItems": 2,
                        "items": {"type": "string", "maxLength": 3},
                    }
                }
            }
        },
    }
)
THING = "16fd2706-8baf-433b-82eb-8c7fada847da"


def _call(path: str, body: object) -> Call:
    return Call(
        operation="POST /things/{id}",
        method="POST",
        url=f"http://h/things/{path}",
        headers={"content-type": "application/json"},
        body=orjson.dumps(body).decode(),
        answer="200",
    )


def test_bounds_are_found_wherever_they_are() -> None:
    """H6: of parameters, of members, of items."""
    assert {str(bound) for bound in DOCUMENT.bounds()} == {
        "POST /things/{id}: query.limit: maximum",
        "POST /things/{id}: body.names: maxItems",
        "POST /things/{id}: body.names.*: maxLength",
    }


def test_a_bound_is_crossed_by_a_request_that_is_right_otherwise() -> None:
    """H6: what is wrong twice says nothing of either; what is right says nothing."""
    crossing = {
        "query.limit: maximum": _call(f"{THING}?limit=11", {}),
        "body.names: maxItems": _call(f"{THING}?limit=10", {"names": ["a"] * 3}),
        "body.names.*: maxLength": _call(THING, {"names": ["abcd"]}),
    }
    for bound, call in crossing.items():
        (found,) = DOCUMENT.crossed([call]).items()
        assert (str(found[0]).partition(": ")[2], found[1]) == (bound, {"200"})
    others = [
        _call(THING, {"names": ["abc", ""]}),
        _call("0?limit=11", {}),
        _call(f"{THING}?limit=11", {"names": ["abcd"]}),
        _call(f"{THING}?limit=11", {"names": 3 * ["a"]}),
        _call(f"{THING}?limit=ten", {}),
    ]
    assert DOCUMENT.crossed(others) == {}
