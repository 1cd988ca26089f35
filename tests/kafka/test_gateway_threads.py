"""The two threads of a gateway: whatever happens, nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from healthpay_core import CommandRequest, Committed, Rejected, Unknown, derive_id
from healthpay_core.outcome import rejected
from healthpay_core.refusals import StoreUnavailable
from healthpay_core.testing import create, wallet_id
from healthpay_kafka import GatewaySettings, KafkaGateway, Topics, gateway
from tests.kafka.waiting import wait_until


class _Client:
    """A producer, and a consumer, that have nothing to say but what is planted."""

    fault: Exception | None = None

    def __init__(self, *_: object) -> None: ...

    def poll(self, _: float) -> None:
        time.sleep(0.005)
        if self.fault is not None:
            raise self.fault

    def produce(self, *_: object, **__: object) -> None: ...

    def flush(self, _: float) -> int:
        return 0

    def assign(self, _: object) -> None: ...

    def consume(self, *_: object) -> list[object]:
        return []

    def close(self) -> None: ...


class _Producer(_Client): ...


class _Consumer(_Client): ...


class _Waiting(dict[str, Any]):
    """Those that wait; another thread acts between a look at them and what follows."""

    def __init__(self, gate: KafkaGateway) -> None:
        self._gate = gate
        self.raced = False

    def get(self, key: str, default: Any = None) -> Any:
        found = super().get(key, default)
        giving_up = threading.current_thread().name == "healthpay-gateway"
        if found is not None and giving_up and not self.raced:
            self.raced = True
            answer = rejected(found.request, StoreUnavailable())
            told = (answer, found.deadline)
            other = threading.Thread(target=self._gate._answered, args=told)
            other.start()
            other.join(0.2)
        return found


@pytest.fixture
def timeout_s() -> float:
    """How long its callers wait."""
    return 0.2


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, timeout_s: float) -> Iterator[KafkaGateway]:
    """A gateway without a broker."""
    monkeypatch.setattr(gateway, "Producer", _Producer)
    monkeypatch.setattr(gateway, "Consumer", _Consumer)
    monkeypatch.setattr(gateway, "watermarks", lambda *_: (0, 0))
    monkeypatch.setattr(gateway, "_AGAIN_S", 0.01)
    settings = GatewaySettings(
        bootstrap_servers="nowhere:1", topics=Topics(), timeout_s=timeout_s
    )
    with KafkaGateway(settings) as opened:
        yield opened


def _ask(name: str) -> CommandRequest:
    return CommandRequest(command=create(wallet_id(name)), command_id=derive_id(name))


def test_an_answer_in_the_instant_of_the_timeout(
    gate: KafkaGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H8: the caller gets one of the two, and both threads live on."""
    monkeypatch.setattr(gateway, "_AGAIN_S", 1.0)
    waiting = _Waiting(gate)
    monkeypatch.setattr(gate, "_waiting", waiting)
    assert isinstance(gate.execute(_ask("a")), Unknown | Rejected)
    assert waiting.raced
    time.sleep(0.1)
    assert gate.fault() is None
    assert isinstance(gate.execute(_ask("b")), Unknown)
    assert gate.waiting == 0


@pytest.mark.parametrize("client", [_Producer, _Consumer])
def test_a_thread_that_meets_a_fault_goes_on(
    gate: KafkaGateway, client: type[_Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """H8: a bug in a client library is said, and callers are answered all the same."""
    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as faulty:
        faulty.setattr(client, "fault", RuntimeError("planted"))
        wait_until(lambda: "RuntimeError: planted" in (gate.fault() or ""), "the fault")
        amid = pool.submit(gate.execute, _ask("a"))
        if client is _Producer:
            # Its thread is the one that gives up: no sooner than it goes on.
            wait_until(lambda: gate.waiting == 1, "the caller")
            faulty.undo()
        assert isinstance(amid.result(), Unknown)
    assert isinstance(gate.execute(_ask("b")), Unknown)
    wait_until(lambda: gate.fault() is None, "the end of the fault")


@pytest.mark.parametrize("timeout_s", [600.0])
def test_nobody_is_kept_waiting_by_close(gate: KafkaGateway) -> None:
    """H8: who waits as it is closed is told that it is not known."""
    outcomes: list[object] = []
    asked = threading.Thread(target=lambda: outcomes.append(gate.execute(_ask("a"))))
    asked.start()
    wait_until(lambda: gate.waiting == 1, "the caller")
    gate.close()
    asked.join(5)
    assert [type(one) for one in outcomes] == [Unknown]
    assert isinstance(gate.execute(_ask("b")), Rejected)
    assert not isinstance(outcomes[0], Committed)
