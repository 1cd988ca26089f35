"""Health, admission, and the life of the application."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from healthpay_core import InMemoryEventStore, StoreQueries, new_id
from healthpay_http import Backend, HealthPayApp, HttpSettings
from tests.http.client import Answer, Client, Lifespan, Service
from tests.http.stubs import (
    GatedCommands,
    StubCommands,
    over,
    unknowing,
    unknown,
)

DEPOSIT = {"amount": 100, "currency": "EGP", "reason": "deposit"}


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
        release.wait(60)
        return None

    settings = HttpSettings(check_timeout_s=0.02)
    backend = with_checks(store=hang)
    with Service(backend=backend, settings=settings).serving() as service:
        answer = service.get("/readyz")
        release.set()
    assert answer.status == 503
    assert answer.json["checks"]["store"]["reason"] == "no answer in 0.02 s"


def test_a_check_that_hangs_is_asked_once() -> None:
    """H8: probes that come meanwhile wait for the same answer; queries go on."""
    release = threading.Event()
    asked: list[str] = []

    def hang() -> str | None:
        asked.append(threading.current_thread().name)
        release.wait(30)
        return "late"

    settings = HttpSettings(check_timeout_s=0.02)
    backend = replace(over(StubCommands(unknown)), checks={"store": hang})
    with Service(backend=backend, settings=settings).serving() as service:
        for _ in range(40):
            assert service.get("/readyz").status == 503
        assert asked == ["healthpay-check"]
        assert service.get(f"/v1/wallets/{new_id()}").status == 404
        release.set()
        reason = ""
        # A thread of a busy machine may need more than one probe's time to wake up.
        while reason != "late":
            reason = service.get("/readyz").json["checks"]["store"]["reason"]
            assert reason in ("late", "no answer in 0.02 s")


def test_slow_queries_do_not_look_like_a_broken_server() -> None:
    """H8: checks have threads of their own."""
    release = threading.Event()

    class Slow(StoreQueries):
        def wallet(self, *_: object, **__: object) -> None:
            release.wait(30)

    queries = Slow(InMemoryEventStore())
    backend = replace(with_checks(store=lambda: None), queries=queries)
    with Service(backend=backend).serving() as service:

        async def story() -> int:
            path = f"/v1/wallets/{new_id()}"
            slow = [asyncio.ensure_future(service.client.get(path)) for _ in range(64)]
            while service.app._serving.queries_in_flight < len(slow):
                await asyncio.sleep(0)
            ready = (await service.client.get("/readyz")).status
            release.set()
            await asyncio.gather(*slow)
            return ready

        assert service.runner.run(story()) == 200


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
