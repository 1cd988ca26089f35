"""Hooks of schemathesis: what it draws becomes something that is there.

Drawn blindly no id names a wallet, no two currencies agree, no amount is covered, and
all keys are the same: the domain would never be reached. Each hook is a function of
what was drawn alone, so that a run repeats itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from zlib import crc32

import orjson
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.schemas import APIOperation

from healthpay_core import derive_id, is_id
from tests.simulation.ledger import Intent, intent

Drawn: TypeAlias = Case[APIOperation[Any, Any, Any, Any]]

WALLETS: Final = tuple(derive_id(f"edge/wallet/{n}") for n in range(4))
MERCHANTS: Final = tuple(derive_id(f"edge/merchant/{n}") for n in range(2))
CARDS: Final = tuple(derive_id(f"edge/card/{n}") for n in range(3))
PAYMENTS: Final = tuple(derive_id(f"edge/payment/{n}") for n in range(6))
POOLS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "walletId": WALLETS,
        "sourceWalletId": WALLETS,
        "destinationWalletId": (*WALLETS, *MERCHANTS),
        "payerWalletId": WALLETS,
        "merchantWalletId": MERCHANTS,
        "sweepTo": WALLETS,
        "cardId": CARDS,
        "paymentId": PAYMENTS,
    }
)
FUNDS: Final = 1_000_000
MOST_CATEGORIES: Final = 50
CALLS: Final = "EDGE_CALLS"
"""The variable that names the file in which each call is noted."""


def opening() -> Iterator[Intent]:
    """The commands that make what the pools name: wallets, cards, payments."""
    for wallet in (*WALLETS, *MERCHANTS):
        kind = "merchant" if wallet in MERCHANTS else "personal"
        yield intent(
            "/v1/wallets",
            walletId=wallet,
            ownerId="o",
            walletType=kind,
            currency="EGP",
            kycLevel="full",
        )
        at = f"/v1/wallets/{wallet}"
        yield intent(f"{at}/activate")
        yield intent(f"{at}/credit", amount=FUNDS, currency="EGP", reason="deposit")
    for card, wallet in zip(CARDS, WALLETS, strict=False):
        yield intent(
            "/v1/medcards",
            cardId=card,
            walletId=wallet,
            cardToken="t",
            last4="4242",
            expMonth=12,
            expYear=2099,
            form="virtual",
        )
        yield intent(f"/v1/medcards/{card}/activate")
    for number, payment in enumerate(PAYMENTS):
        yield intent(
            "/v1/payments",
            paymentId=payment,
            payerWalletId=WALLETS[0],
            merchantWalletId=MERCHANTS[0],
            amount=500,
            currency="EGP",
            method="wallet",
        )
        if number > 1:
            yield intent(f"/v1/payments/{payment}/authorize")
        if number > 3:
            yield intent(f"/v1/payments/{payment}/capture")


schemathesis.openapi.format("etag", st.integers(1, 9).map('"{}"'.format))


@schemathesis.hook
def before_load_schema(_: HookContext, document: dict[str, Any]) -> None:
    """There are tags, although schemathesis 4.32 thinks no header can be quoted.

    In its phase `coverage` each request to an operation that takes one had a wrong
    one for lack of a right one, and nothing else that was wrong with it mattered.
    """
    document["components"]["parameters"]["IfMatch"]["schema"]["format"] = "etag"


@schemathesis.hook
def map_path_parameters(
    _: HookContext, drawn: dict[str, object] | None
) -> dict[str, object] | None:
    """Most ids in paths are of the pools."""
    return drawn and {name: _there(name, value) for name, value in drawn.items()}


@schemathesis.hook
def map_body(_: HookContext, drawn: object) -> object:
    """Most members name what is there, and whole numbers are written as such.

    JSON Schema calls 12550.0 an integer; amounts are refused in that spelling (M1).
    """
    body = _whole(drawn)
    if not isinstance(body, dict):
        return body
    body = {n: _one_fault(v) if n == "controls" else v for n, v in body.items()}
    kept = {"paymentId"} | ({"walletId"} if "ownerId" in body else set())
    kept |= {"cardId"} if "cardToken" in body else set()
    return {n: v if n in kept else _there(n, v) for n, v in body.items()}


@schemathesis.hook
def before_call(_: HookContext, case: Drawn, __: dict[str, object]) -> None:
    """Another intent has another key; few requests insist on a version.

    The hooks above do not see what the phase `coverage` makes: here they do.
    """
    if case.meta is not None and case.meta.phase.name.value == "coverage":
        case.path_parameters = map_path_parameters(_, case.path_parameters) or {}
        case.body = map_body(_, case.body)
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!#-~][!-~]{0,200}", key):
        meant = crc32(f"{case.formatted_path} {case.body!r}".encode())
        case.headers["Idempotency-Key"] = f"{key}-{meant}"
    tag = case.headers.get("If-Match")
    if (
        isinstance(tag, str)
        and re.fullmatch('"[1-9][0-9]{0,15}"', tag)
        and _mostly(tag)
    ):
        del case.headers["If-Match"]


def _there(name: str, drawn: object) -> object:
    if name == "amount" and type(drawn) is int and _mostly(drawn):
        # What is invalid stays so.
        if not 0 < drawn < 2**53:
            return drawn
        return drawn % 1_000 + 1
    if not isinstance(drawn, str) or not _mostly(drawn):
        return drawn
    if name == "currency" and re.fullmatch("[A-Z]{3}", drawn):
        return "EGP"
    pool = POOLS.get(name, ()) if is_id(drawn) else ()
    return pool[crc32(drawn.encode()) // 8 % len(pool)] if pool else drawn


def _one_fault(controls: object) -> object:
    """Of two lists of categories only the wrong one; one too long has but texts."""
    if not isinstance(controls, dict):
        return controls
    lists = {n: v for n, v in controls.items() if isinstance(v, list)}
    right = [name for name, items in lists.items() if _are_categories(items)]
    changed: dict[str, object] = {
        name: [str(place) for place in range(len(items))]
        for name, items in lists.items()
        if len(items) > MOST_CATEGORIES
    }
    if len(lists) == 2 and len(right) == 1:
        changed[right[0]] = None
    return {**controls, **changed}


def _are_categories(items: list[object]) -> bool:
    are_texts = all(isinstance(item, str) and 0 < len(item) < 65 for item in items)
    return are_texts and 0 < len(items) <= MOST_CATEGORIES


def _mostly(drawn: object) -> bool:
    return crc32(str(drawn).encode()) % 8 != 0


def _whole(drawn: object) -> object:
    if isinstance(drawn, float) and drawn.is_integer():
        return int(drawn)
    if isinstance(drawn, dict):
        return {name: _whole(value) for name, value in drawn.items()}
    return [_whole(item) for item in drawn] if isinstance(drawn, list) else drawn


@schemathesis.hook
def after_call(_: HookContext, case: Drawn, response: Response) -> None:
    """Write down what was sent and answered, where the test wants to know."""
    if CALLS not in os.environ:
        return
    sent = response.request
    content = response.headers.get("content-type", [""])[0]
    code = response.json()["code"] if content == "application/problem+json" else ""
    body = sent.body or b""
    assert isinstance(body, str | bytes)
    line = orjson.dumps(
        {
            "operation": case.operation.label,
            "method": sent.method,
            "url": sent.url,
            "headers": {name.lower(): _text(v) for name, v in sent.headers.items()},
            "body": _text(body),
            "answer": f"{response.status_code} {code}".rstrip(),
        }
    )
    with Path(os.environ[CALLS]).open("ab") as file:
        file.write(line + b"\n")


def _text(sent: str | bytes) -> str:
    return sent if isinstance(sent, str) else sent.decode("utf-8", "replace")
