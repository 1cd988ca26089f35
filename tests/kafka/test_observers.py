"""Those who are told what a processor does cannot harm it, on a real broker."""

from __future__ import annotations

from typing import Any

import pytest

from healthpay_core import Code, Command, Rejected, SuspendWallet, domain
from healthpay_core.testing import deposit, funded, wallet_id
from healthpay_kafka import Restored, Topics
from tests.kafka.running import runtime
from tools.broker import Broker


class _RaisingObserver:
    """One whose log is full, say."""

    def __init__(self) -> None:
        self.told = set[str]()

    def committed(self, partition: int, commands: int, took_s: float) -> None:
        self._raise("committed")

    def restored(self, partition: int, restored: Restored) -> None:
        self._raise("restored")

    def lost(self, partition: int, reason: str) -> None:
        self._raise("lost")

    def undone(self, partition: int, reason: str) -> None:
        self._raise("undone")

    def unexpected(self, error_id: str, error: BaseException) -> None:
        self._raise("unexpected")

    def _raise(self, what: str) -> None:
        self.told.add(what)
        raise OSError(what)


def test_an_observer_that_raises_harms_nobody(
    broker: Broker, made_topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E5, R5: whoever is told may fail; all are answered, nothing is given up."""
    real, wallet = domain.decide, wallet_id("a")

    def decide(command: Command, *more: Any) -> Any:
        if isinstance(command, SuspendWallet):
            raise ZeroDivisionError
        return real(command, *more)

    monkeypatch.setattr(domain, "decide", decide)
    observer = _RaisingObserver()
    servers = broker.bootstrap_servers
    with runtime(servers, made_topics, observer=observer) as running:
        running.do(*funded(wallet, 10))
        for _ in range(2):
            bad = SuspendWallet(wallet_id=wallet, reason_code="fraud")
            refused = running.send(bad)
            assert isinstance(refused, Rejected)
            assert refused.error.code is Code.INTERNAL_ERROR
            running.do(deposit(wallet, 1))
    assert observer.told == {"restored", "committed", "unexpected"}
