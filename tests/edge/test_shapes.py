"""Requests that two readers could read in two ways move no money in secret."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from tests.edge.shapes import AMOUNT, EITHER, REFUSED, TAKEN, Shape
from tests.edge.talking import Heard, balance, credit_path, is_live, opened, told
from tests.simulation.ledger import FUNDS

Server = tuple[str, str]
Faults = dict[str, str]
Judge = Callable[[str, Heard, int, int], str | None]
"""From a name, what was heard, and the effects of both commands to what is wrong."""


def test_ambiguous_requests_are_refused(server: Server) -> None:
    """H7, I4: neither command has an effect, however the bytes are cut."""
    name, url = server

    def judge(shape: str, heard: Heard, outer: int, inner: int) -> str | None:
        # Granian itself says 500 to a chunk that is none; the application has
        # been told that the client is gone, and has done nothing.
        broken_chunk = name == "granian" and shape.startswith("a chunk")
        refused = (400, 404, 405, 413, 414, 431, *((500,) if broken_chunk else ()))
        if outer or inner:
            return f"took effect: {outer} and {inner}"
        if any(status not in refused for status in heard.statuses):
            return f"answered {heard.statuses}"
        return None if heard.statuses or heard.is_closed else "not answered"

    assert asyncio.run(_faults(url, REFUSED, judge)) == {}


def test_odd_but_clear_requests_are_taken(server: Server) -> None:
    """I4, H2: each command that is clearly there has its effect, once."""
    _, url = server

    def judge(shape: str, heard: Heard, outer: int, inner: int) -> str | None:
        _, wanted_outer, wanted_inner = TAKEN[shape]
        if (outer, inner) == (wanted_outer * AMOUNT, wanted_inner * AMOUNT):
            return None
        return f"took effect: {outer} and {inner}, answered {heard.statuses}"

    shapes = {name: shape for name, (shape, _, _) in TAKEN.items()}
    assert asyncio.run(_faults(url, shapes, judge)) == {}


def test_whatever_else_comes_is_as_it_was_acknowledged(server: Server) -> None:
    """I4, H7: where servers may differ, nothing is done in secret, and no 500."""
    name, url = server

    def judge(shape: str, heard: Heard, outer: int, inner: int) -> str | None:
        del outer, inner  # Whether they were acknowledged is asked of every shape.
        allowed = 500 if name == "granian" and shape.startswith("a chunk") else 499
        return str(heard.statuses) if max(heard.statuses, default=0) > allowed else None

    assert asyncio.run(_faults(url, EITHER, judge)) == {}


async def _faults(url: str, shapes: Mapping[str, Shape], judge: Judge) -> Faults:
    """Try every shape, in one piece and in two; the faults by name."""
    tries = [(name, is_cut) for name in shapes for is_cut in (False, True)]
    wallets = iter(await opened(url, 2 * len(tries)))
    faults = await asyncio.gather(
        *(
            _fault(
                url, name, shapes[name], (next(wallets), next(wallets)), is_cut, judge
            )
            for name, is_cut in tries
        )
    )
    assert await is_live(url)
    found = zip(tries, faults, strict=True)
    return {f"{name}, cut: {is_cut}": fault for (name, is_cut), fault in found if fault}


async def _fault(
    url: str,
    name: str,
    shape: Shape,
    wallets: tuple[str, str],
    is_cut: bool,
    judge: Judge,
) -> str | None:
    sent = shape(*map(credit_path, wallets))
    end = sent.find(b"\r\n\r\n") + 4
    heard = await told(url, *((sent[:end], sent[end:]) if is_cut else (sent,)))
    effects = [await balance(url, wallet) - FUNDS for wallet in wallets]
    acknowledged = heard.acknowledged
    if Counter(dict(zip(wallets, effects, strict=True))) != acknowledged:
        return f"effects {effects}, acknowledged {acknowledged}, {heard.statuses}"
    return judge(name, heard, effects[0], effects[1])
