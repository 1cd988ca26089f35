"""Health, metrics, and the life of the application."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client.parser import text_string_to_metric_families

from healthpay_core import InMemoryEventStore, StoreFault, StoreQueries, new_id
from healthpay_http import Backend, HealthPayApp, HttpSettings
from healthpay_http.balances import BalanceTotals
from tests.http.client import Answer, Client, Lifespan, Service
from tests.http.stubs import (
    GatedCommands,
    StubCommands,
    over,
    unknowing,
    unknown,
    unreadable,
)

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


def with_checks(**checks: Callable[[], str | None]) -> Backend:
    store = InMemoryEventStore()
    commands = StubCommands(unknown)
    return Backend(commands=commands, queries=StoreQueries(store), checks=checks)


def test_api_before_and_after_the_resources() -> None:
    """H8: before the resources and after them the API is 503, the process is live."""

    async def story() -> list[list[int]]:
        @asynccontextmanager
        async def resources() -> AsyncIterator[Backend]:
            yield unknowing()

        app = HealthPayApp(resources)
        client = Client(app)

        async def look() -> list[int]:
            answers = [
                await client.get("/livez"),
                await client.get("/readyz"),
                await client.get("/health"),
                await client.get("/metrics"),
                await client.get(f"/v1/wallets/{new_id()}"),
                await client.post("/v1/transfers", b"not even JSON"),
            ]
            assert answers[-1].headers.get("retry-after", "1") == "1"
            return [answer.status for answer in answers]

        before = await look()
        async with app.running():
            during = await look()
            with pytest.raises(RuntimeError, match="running already"):
                async with app.running():
                    raise AssertionError("not reached")
        return [before, during, await look()]

    before, during, after = asyncio.run(story())
    assert before == after == [200, 503, 503, 200, 503, 503]
    assert during == [200, 200, 200, 200, 404, 400]


def test_lifespan_that_fails_says_why() -> None:
    """The server learns why the start, or the stop, went wrong."""

    async def story(entering: bool) -> tuple[str, str]:
        @asynccontextmanager
        async def resources() -> AsyncIterator[Backend]:
            if entering:
                raise OSError("no such file")
            yield unknowing()
            raise OSError("cannot close")

        lifespan = Lifespan(HealthPayApp(resources))
        said = await lifespan.start()
        if not entering:
            assert said["type"] == "lifespan.startup.complete"
            said = await lifespan.stop()
        return str(said["type"]), str(said["message"])

    started = asyncio.run(story(entering=True))
    assert started == ("lifespan.startup.failed", "OSError: no such file")
    stopped = asyncio.run(story(entering=False))
    assert stopped == ("lifespan.shutdown.failed", "OSError: cannot close")


@pytest.mark.parametrize("path", ["/readyz", "/health"])
def test_ready_shows_every_dependency(path: str) -> None:
    """H8: readiness looks at each dependency, and says which one is down."""

    def explode() -> str | None:
        raise OSError("password=hunter2")

    backend = with_checks(store=lambda: None, broker=lambda: "no leader", disk=explode)
    with Service(backend=backend).serving() as service:
        answer = service.get(path)
    assert answer.status == 503
    assert answer.json == {
        "status": "not ready",
        "checks": {
            "store": {"status": "up"},
            "broker": {"status": "down", "reason": "no leader"},
            "disk": {"status": "down", "reason": "the check raised OSError"},
        },
    }


def test_check_that_hangs() -> None:
    """H8: a check that does not answer in time counts as failed."""
    release = threading.Event()

    def hang() -> str | None:
        release.wait(10)
        return None

    settings = HttpSettings(check_timeout_s=0.02)
    backend = with_checks(store=hang)
    with Service(backend=backend, settings=settings).serving() as service:
        answer = service.get("/readyz")
        release.set()
    assert answer.status == 503
    assert answer.json["checks"]["store"]["reason"] == "no answer in 0.02 s"


def test_drain(service: Service) -> None:
    """After `drain` readiness is 503 first, and what still comes is answered."""
    wallet_id = service.open()
    assert service.get("/readyz").json["status"] == "ready"
    service.app.drain()
    answer = service.get("/readyz")
    assert (answer.status, answer.json["status"]) == (503, "draining")
    assert service.get("/livez").status == 200
    assert service.post(f"/v1/wallets/{wallet_id}/credit", DEPOSIT).status == 200


def test_ready_again_after_a_drain() -> None:
    """An application that is entered again wants traffic again."""

    async def story() -> list[int]:
        @asynccontextmanager
        async def resources() -> AsyncIterator[Backend]:
            yield unknowing()

        app = HealthPayApp(resources)
        client = Client(app)
        seen = []
        for _ in range(2):
            async with app.running():
                seen.append((await client.get("/readyz")).status)
                app.drain()
                seen.append((await client.get("/readyz")).status)
        return seen

    assert asyncio.run(story()) == [200, 503, 200, 503]


def test_end_waits_for_what_is_under_way() -> None:
    """At the end of `running` the commands under way are answered first."""
    gated = GatedCommands(StubCommands(unknown))
    closed: list[int] = []

    async def story() -> Answer:
        @asynccontextmanager
        async def resources() -> AsyncIterator[Backend]:
            yield over(gated)
            closed.append(len(gated.inner.submitted))

        app = HealthPayApp(resources)
        client = Client(app)
        async with app.running():
            path = f"/v1/wallets/{new_id()}/credit"
            task = asyncio.ensure_future(client.post(path, DEPOSIT))
            await asyncio.sleep(0.01)
            asyncio.get_running_loop().call_later(0.03, gated.gate.set)
        return await task

    assert asyncio.run(story()).status == 202
    assert closed == [1]


def test_end_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """A command that never ends holds the end up only for the configured time."""
    gated = GatedCommands(StubCommands(unknown))

    async def story() -> None:
        @asynccontextmanager
        async def resources() -> AsyncIterator[Backend]:
            yield over(gated)

        app = HealthPayApp(resources, settings=HttpSettings(drain_timeout_s=0.02))
        client = Client(app)
        async with app.running():
            path = f"/v1/wallets/{new_id()}/credit"
            task = asyncio.ensure_future(client.post(path, DEPOSIT))
            await asyncio.sleep(0.01)
        gated.gate.set()
        await task

    asyncio.run(story())
    assert "1 commands and 0 queries under way" in caplog.text


def test_admission_of_commands() -> None:
    """Beyond the bound of commands in flight: 503 with `Retry-After`, at once."""
    gated = GatedCommands(StubCommands(unknown))
    settings = HttpSettings(max_in_flight=3)
    with Service(backend=over(gated), settings=settings).serving() as service:

        async def flood() -> tuple[list[Answer], float]:
            path = f"/v1/wallets/{new_id()}/credit"
            tasks = [
                asyncio.ensure_future(service.client.post(path, DEPOSIT))
                for _ in range(5)
            ]
            await asyncio.sleep(0.01)
            scrape = (await service.client.get("/metrics")).body.decode()
            active = scrape.partition("\nhealthpay_active_commands ")[2].split()[0]
            gated.gate.set()
            answers = await asyncio.gather(*tasks)
            return answers, float(active)

        answers, active = service.runner.run(flood())
        assert service.post(f"/v1/wallets/{new_id()}/credit", DEPOSIT).status == 202
    assert sorted(answer.status for answer in answers) == [202, 202, 202, 503, 503]
    assert active == 3
    refused = [answer for answer in answers if answer.status == 503]
    assert {answer.code for answer in refused} == {"STORE_UNAVAILABLE"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}


def test_admission_of_queries(service: Service) -> None:
    """Queries have a bound of their own; commands pass while it is reached."""
    settings = HttpSettings(max_in_flight=1)
    with Service(settings=settings).serving() as bounded:
        path = f"/v1/wallets/{bounded.open()}"

        async def two() -> tuple[Answer, Answer]:
            get = bounded.client.get
            return await asyncio.gather(get(path), get(path))

        first, second = bounded.runner.run(two())
        assert bounded.get(path).status == 200
    assert (first.status, second.code) == (200, "STORE_UNAVAILABLE")
    assert service.get("/livez").status == 200


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
    wallet_id = service.open(100)
    debit = {"amount": 500, "currency": "EGP", "reason": "fee"}
    service.post(f"/v1/wallets/{wallet_id}/debit", debit)
    service.post(f"/v1/wallets/{wallet_id}/debit", b"{")
    service.get(f"/v1/wallets/{wallet_id}")
    service.get("/nothing")
    found = samples(service)
    assert found["healthpay_commands_total"] == 5
    assert found["healthpay_commands_success_total"] == 3
    assert found["healthpay_commands_failed_total/INSUFFICIENT_FUNDS"] == 1
    assert found["healthpay_commands_failed_total/VALIDATION_ERROR"] == 1
    assert found["healthpay_command_duration_seconds_count"] == 5
    assert found["healthpay_command_duration_seconds_bucket/+Inf"] == 5
    assert 0 < found["healthpay_command_duration_seconds_sum"] < 5
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
        assert totals.current() == {}
    assert totals.current() == {("EGP", "pending"): 0, ("EGP", "active"): 100}


def test_two_applications_count_apart(service: Service) -> None:
    """Metrics belong to their application, never to the process."""
    service.open()
    with Service().serving() as other:
        assert samples(other)["healthpay_commands_total"] == 0


def test_other_connections() -> None:
    """A WebSocket is closed, an unknown kind of connection is a mistake."""

    async def story() -> list[str]:
        sent: list[str] = []

        @asynccontextmanager
        async def resources() -> AsyncIterator[Backend]:
            yield unknowing()

        async def receive() -> dict[str, object]:
            return {"type": "websocket.connect"}

        async def send(message: object) -> None:
            sent.append(str(message))

        app = HealthPayApp(resources)
        await app({"type": "websocket"}, receive, send)
        with pytest.raises(NotImplementedError):
            await app({"type": "carrier pigeon"}, receive, send)
        return sent

    (said,) = asyncio.run(story())
    assert "websocket.close" in said
