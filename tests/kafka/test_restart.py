"""The broker restarts; everything that runs on it goes on."""

from __future__ import annotations

import time

import pytest

from healthpay_core import Committed, Ok
from healthpay_core.ids import wallet_stream
from healthpay_core.testing import deposit, funded, request, wallet_id
from healthpay_kafka import Topics, create_topics
from tests.kafka.running import runtime
from tests.kafka.waiting import wait_until
from tools.broker import Broker
from tools.broker.broker import GIVEN

A = wallet_id("a")


def test_all_goes_on_after_a_restart_of_the_broker(
    topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5, H8: processor, gateway and read model find the broker again by themselves."""
    monkeypatch.delenv(GIVEN, raising=False)
    with Broker() as broker:
        servers = broker.bootstrap_servers
        assert isinstance(create_topics(servers, topics), Ok)
        # A broker that ends while a static member joins may fence it for good when
        # it is back: such a processor ends, and is started again.
        with runtime(servers, topics, restarts=True) as running:
            running.do(*funded(A, 10))
            broker.nodes[0].kill()
            time.sleep(0.5)
            broker.nodes[0].start()
            broker.wait_until_ready()
            asked = request(deposit(A, 1))
            until = time.monotonic() + 120
            while not isinstance(outcome := running.send(asked), Committed):
                assert time.monotonic() < until, outcome
            # It may be the last one that finds the broker.
            wait_until(lambda: running.model.fault() is None, "the read model follows")
            assert running.model.wait_for(wallet_stream(A), 4, 60)
            view = running.queries.wallet(A)
            assert view is not None
            assert view.balance == 11
