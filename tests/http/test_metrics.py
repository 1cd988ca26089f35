"""The eight metrics: what they count, and what they never tell apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from healthpay_core import (
    RecordedEvent,
    StoreFault,
    StoreQueries,
    StreamCorrupted,
    new_id,
)
from healthpay_http import Backend, Publications
from healthpay_http.balances import BalanceTotals
from tests.http.client import Service
from tests.http.stubs import unknowing, unreadable

DEPOSIT = {"amount": 100, "currency": "EGP", "reason": "deposit"}
NAMES = {
    "healthpay_commands",
    "healthpay_commands_success",
    "healthpay_commands_failed",
    "healthpay_command_duration_seconds",
    "healthpay_events_published",
    "healthpay_event_publish_duration_seconds",
    "healthpay_active_commands",
    "healthpay_wallet_balance",
}


def samples(service: Service) -> dict[str, float]:
    """Every sample of a scrape by its name and labels."""
    text = service.get("/metrics").body.decode()
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_unknown_outcome() -> None:
    """What the store cannot say is 202 with the place to ask, neither yes nor no."""
    with Service(backend=unknowing()).serving() as service:
        headers = {"x-correlation-id": "c"}
        path = f"/v1/wallets/{new_id()}/credit"
        answer = service.post(path, DEPOSIT, headers=headers)
        command_id = answer.json["commandId"]
        found = samples(service)
    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/commands/{command_id}"
    assert answer.json == {
        "commandId": command_id,
        "correlationId": "c",
        "outcome": "unknown",
    }
    assert found["healthpay_commands_total"] == 1
    assert found["healthpay_commands_success_total"] == 0
    assert not any("failed" in name for name in found)


def test_metric_names(service: Service) -> None:
    """The eight names of the contract, and nothing else."""
    answer = service.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.body.decode()))
    assert {family.name for family in families} == NAMES
    published = next(f for f in families if f.name == "healthpay_events_published")
    assert "stays 0" in published.documentation


def test_commands_are_counted(service: Service) -> None:
    """Totals, successes, failures by code and durations follow the requests."""
    began = perf_counter()
    wallet_id = service.open(100)
    debit = {"amount": 500, "currency": "EGP", "reason": "fee"}
    service.post(f"/v1/wallets/{wallet_id}/debit", debit)
    service.post(f"/v1/wallets/{wallet_id}/debit", b"{")
    service.get(f"/v1/wallets/{wallet_id}")
    service.get("/nothing")
    took_s = perf_counter() - began
    found = samples(service)
    assert found["healthpay_commands_total"] == 5
    assert found["healthpay_commands_success_total"] == 3
    assert found["healthpay_commands_failed_total/INSUFFICIENT_FUNDS"] == 1
    assert found["healthpay_commands_failed_total/VALIDATION_ERROR"] == 1
    assert found["healthpay_command_duration_seconds_count"] == 5
    assert found["healthpay_command_duration_seconds_bucket/+Inf"] == 5
    assert 0 < found["healthpay_command_duration_seconds_sum"] < took_s
    assert found["healthpay_active_commands"] == 0
    assert found["healthpay_event_publish_duration_seconds_count"] == 0


def test_durations_fall_into_their_buckets(service: Service) -> None:
    """A bucket counts what took at most its bound, as Prometheus defines `le`."""
    for duration_ns in (2_500_000, 2_500_001, 9_000_000_000):
        service.app._metrics.finished(status=200, code=None, duration_ns=duration_ns)
    found = samples(service)
    name = "healthpay_command_duration_seconds_bucket/"
    assert [found[name + le] for le in ("0.001", "0.0025", "0.005")] == [0, 1, 2]
    assert [found[name + le] for le in ("5.0", "+Inf")] == [2, 3]


def test_wallet_balance_follows_the_feed(service: Service) -> None:
    """Balances are totals per currency and status, brought up to date per scrape."""
    first = service.open(100)
    service.open(50, currency="USD")
    assert samples(service)["healthpay_wallet_balance/EGP/active"] == 100
    second = service.open(30)
    service.post(f"/v1/wallets/{first}/suspend", {"reasonCode": "fraud"})
    found = samples(service)
    assert found["healthpay_wallet_balance/EGP/active"] == 30
    assert found["healthpay_wallet_balance/EGP/suspended"] == 100
    assert found["healthpay_wallet_balance/USD/active"] == 50
    service.post(f"/v1/wallets/{second}/close", {})
    body = {"amount": 30, "currency": "EGP", "reason": "fee"}
    service.post(f"/v1/wallets/{second}/debit", body)
    service.post(f"/v1/wallets/{second}/close", {})
    found = samples(service)
    assert found["healthpay_wallet_balance/EGP/active"] == 0
    assert found["healthpay_wallet_balance/EGP/closed"] == 0
    assert not any(first in name for name in found)


def test_metrics_without_a_readable_store() -> None:
    """A store that cannot be read takes the balances away, not the metrics."""
    with Service(backend=unreadable(StoreFault("disk"))).serving() as service:
        found = samples(service)
    assert found["healthpay_commands_total"] == 0
    assert not any("wallet_balance" in name for name in found)


def test_a_second_look_does_not_follow_meanwhile(service: Service) -> None:
    """While one scrape follows the feed, another one is answered with what is known."""
    service.open(100)
    totals = BalanceTotals(StoreQueries(service.store))
    with totals._following:
        assert totals.current() is None
    assert totals.current() == {("EGP", "pending"): 0, ("EGP", "active"): 100}


def test_a_second_look_sees_no_half_of_a_transfer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Totals are those of some instant, also while another scrape follows the feed."""
    source, destination = service.open(100), service.open(1)
    queries = StoreQueries(service.store)
    totals, feed = BalanceTotals(queries), queries.feed
    before = totals.current()
    body = {
        "sourceWalletId": source,
        "destinationWalletId": destination,
        "amount": 60,
        "currency": "EGP",
    }
    assert service.post("/v1/transfers", body).status == 201
    seen: list[object] = []

    def one_by_one(after: int = 0, limit: int = 1) -> Sequence[RecordedEvent]:
        seen.append(totals.current())
        return feed(after, 1)

    monkeypatch.setattr(queries, "feed", one_by_one)
    assert totals.current() == before
    assert len(seen) == 5
    assert seen == [before] * 5


def test_two_applications_count_apart(service: Service) -> None:
    """Metrics belong to their application, never to the process."""
    service.open()
    with Service().serving() as other:
        assert samples(other)["healthpay_commands_total"] == 0


def _published(lag: Callable[[], float]) -> tuple[Publications, Backend]:
    publications = Publications()
    publications.follow(lag)
    return publications, replace(unknowing(), publications=publications)


def test_publications_are_what_the_bus_acknowledged() -> None:
    """H8: events published, their durations and the relay's lag are the relay's own."""
    publications, backend = _published(lambda: 2.5)
    with Service(backend=backend).serving() as service:
        publications.published([0.002, 0.0025])
        publications.published([7.0])
        found = samples(service)
        text = service.get("/metrics").body.decode()
    assert found["healthpay_events_published_total"] == 3
    name = "healthpay_event_publish_duration_seconds"
    assert found[f"{name}_count"] == 3
    assert found[f"{name}_sum"] == 7.0045
    bounds = ("0.001", "0.0025", "5.0", "+Inf")
    assert [found[f"{name}_bucket/{le}"] for le in bounds] == [0, 2, 2, 3]
    assert found["healthpay_relay_lag_seconds"] == 2.5
    assert "stays 0" not in text


@pytest.mark.parametrize("fault", [StoreFault("disk"), StreamCorrupted("odd")])
def test_an_unknown_lag_is_not_shown(fault: Exception) -> None:
    """H8: while the store cannot be read the lag is absent, never a guess."""

    def lag() -> float:
        raise fault

    with Service(backend=_published(lag)[1]).serving() as service:
        assert "healthpay_relay_lag_seconds" not in samples(service)
    silent = replace(unknowing(), publications=Publications())
    with Service(backend=silent).serving() as service:
        assert "healthpay_relay_lag_seconds" not in samples(service)
