"""The server when its disk is full or fails, or its file is locked (H8, E4)."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from healthpay_sql import SqliteEventStore
from healthpay_sql.opening import BUSY_TIMEOUT_S
from tests.crash.shim import Action, Call, Control, Fault, Kind
from tests.simulation.driving import Answer, Connection, ServerProcess
from tests.simulation.ledger import Intent, Ledger
from tests.simulation.load import send_all

pytestmark = pytest.mark.crash

LONGEST_WAIT_S = 5.0
ASKED_AGAIN = 30
FULL = Fault(action=Action.FAIL, error=errno.ENOSPC, calls=Call.SPACE)
BROKEN = Fault(action=Action.FAIL, error=errno.EIO, calls=Call.WRITE | Call.SYNC)
ONE_SYNC = Fault(
    action=Action.FAIL, error=errno.EIO, calls=Call.SYNC, files=Kind.WAL, last=1
)


class Shop:
    """A server on a disk that obeys, its clients' books, and a connection."""

    def __init__(self, server: ServerProcess, control: Control) -> None:
        self.control = control
        self.ledger = Ledger()
        self._server = server

    async def do(self, story: Callable[[], Awaitable[None]]) -> None:
        """Make wallets with money in them, then what the story says."""
        await send_all(self._server.url, self.ledger, self.ledger.opening(2))
        self.line = await Connection.open(self._server.url)
        await story()
        self.line.close()

    async def send(self, sent: Intent) -> Answer:
        """Send a command once; what was decided is noted."""
        self.ledger.sends(sent)
        answer = await self.line.post(sent.path, sent.key, sent.body)
        if answer.status != 202:
            self.ledger.hears(sent, answer)
        return answer

    def deposit(self) -> Intent:
        return self.ledger._credit(self.ledger.wallets[0], 12_550)

    async def sees_it_is_down(self, reason: str) -> None:
        """Not ready, for that reason; alive, and still able to read."""
        for path in ("/readyz", "/health"):
            answer = await self._health(path)
            store = orjson.loads(answer.body)["checks"]["store"]
            assert (answer.status, store["status"]) == (503, "down"), answer
            assert reason in store["reason"]
            assert "healthpay.db" not in store["reason"], "a path is not for everybody"
        wallet = f"/v1/wallets/{self.ledger.wallets[0]}"
        for path in ("/livez", "/metrics", wallet):
            assert (await self.line.get(path)).status == 200, path

    async def sees_it_is_up(self) -> None:
        """Ready again, without a restart and without a command that tries it."""
        for path in ("/readyz", "/health"):
            assert (await self._health(path)).status == 200

    async def _health(self, path: str) -> Answer:
        """What the checks say; on a slow machine one may take longer than it may."""
        for _ in range(ASKED_AGAIN):
            answer = await self.line.get(path)
            if b"no answer in " not in answer.body:
                return answer
        raise AssertionError(f"{path} is never answered in time")


@contextmanager
def running(tmp_path: Path, library: Path) -> Iterator[Shop]:
    """A server whose store lies on a disk that obeys; its books are checked last."""
    file, control = tmp_path / "healthpay.db", Control.fresh(tmp_path)
    shim = control.environment(library, file, tmp_path / "log")
    with ServerProcess(file, **shim) as server:
        assert control.is_loaded
        shop = Shop(server, control)
        yield shop
        control.disarm()
        assert server.stop() == 0
    with SqliteEventStore(file) as store:
        shop.ledger.check(store)


def is_refused_for_now(answer: Answer) -> None:
    """503, and when to come again."""
    assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    assert orjson.loads(answer.body)["retryable"] is True


def test_a_full_disk_is_503_until_there_is_space(tmp_path: Path, library: Path) -> None:
    """H8, E4, I4: said by commands and health; reads go on; then all is done once."""

    async def story() -> None:
        shop.control.arm(FULL)
        sent = [shop.deposit() for _ in range(3)]
        for one in sent:
            is_refused_for_now(await shop.send(one))
        await shop.sees_it_is_down("the disk is full; make space")
        shop.control.disarm()
        await shop.sees_it_is_up()
        for one in sent:
            answer = await shop.send(one)
            assert answer.is_committed
            assert not answer.is_replay

    with running(tmp_path, library) as shop:
        asyncio.run(shop.do(story))


def test_a_disk_that_fails_is_202_or_503_and_never_a_lie(
    tmp_path: Path, library: Path
) -> None:
    """I4, H8: unknown stays unknown; whoever asks again is told what is true."""

    async def story() -> None:
        first, second = shop.deposit(), shop.deposit()
        shop.control.arm(ONE_SYNC)
        answer = await shop.send(first)
        assert answer.status == 202
        asked = await shop.line.get(answer.headers["location"])
        assert asked.status == 404, "it would have to be on the disk"
        await shop.sees_it_is_up()
        shop.control.arm(BROKEN)
        # Of the first nobody can say it; the second has never been tried.
        assert (await shop.send(second)).status in (202, 503)
        await shop.sees_it_is_down("the disk reports an error")
        shop.control.disarm()
        await shop.sees_it_is_up()
        for sent in (first, second):
            assert (await shop.send(sent)).is_committed

    with running(tmp_path, library) as shop:
        asyncio.run(shop.do(story))


def test_a_locked_file_is_503_soon_and_holds_nobody_up(
    tmp_path: Path, library: Path
) -> None:
    """E4, H8: the first waits, the next ones do not; after the lock all is well."""

    async def timed(shop: Shop, sent: Intent) -> float:
        before = time.monotonic()
        is_refused_for_now(await shop.send(sent))
        return time.monotonic() - before

    async def story() -> None:
        await shop.sees_it_is_up()
        sent = [shop.deposit() for _ in range(6)]
        other.execute("BEGIN IMMEDIATE")
        waits = [await timed(shop, one) for one in sent]
        assert BUSY_TIMEOUT_S <= LONGEST_WAIT_S
        # A busy machine may hold up some of them, not each.
        assert min(waits[1:]) < BUSY_TIMEOUT_S, waits
        await shop.sees_it_is_down("is locked by another program")
        other.execute("ROLLBACK")
        await shop.sees_it_is_up()
        for one in sent:
            assert (await shop.send(one)).is_committed

    with running(tmp_path, library) as shop:
        file = tmp_path / "healthpay.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            asyncio.run(shop.do(story))


def test_a_server_does_not_start_where_it_cannot_write(
    tmp_path: Path, library: Path
) -> None:
    """E5: on a full disk it names the file, the reason and what to do."""
    file, control = tmp_path / "healthpay.db", Control.fresh(tmp_path)
    shim = control.environment(library, file, tmp_path / "log")
    no_writes = replace(FULL, calls=Call.WRITE)
    for fault, reason in (
        (FULL, "cannot be opened; .* the space on the disk"),
        (no_writes, "cannot grow: the disk is full; make space"),
    ):
        control.arm(fault)
        text = rf"HEALTHPAY_STORE: .*healthpay\.db: {reason}"
        with pytest.raises(AssertionError, match=text):
            ServerProcess(file, **shim)
        control.disarm()
        SqliteEventStore(file).close()
