"""An ASGI client in this process, small enough to be trusted at a glance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

import orjson

from healthpay_core import (
    NO_LIMITS,
    CommandHandler,
    InMemoryEventStore,
    LimitPolicy,
    LocalRuntime,
    StoreQueries,
    new_id,
)
from healthpay_http import Backend, HealthPayApp, HttpSettings
from healthpay_http.asgi import Message, Receive, Scope, Send
from healthpay_wire.envelopes import digest

Json: TypeAlias = Any
"""What a JSON document is in a test, which looks into it without ceremony."""
Asgi: TypeAlias = Callable[[Scope, Receive, Send], Any]
Headers: TypeAlias = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document."""
        kind = self.headers["content-type"]
        assert kind == "application/problem+json", self.body
        return str(self.json["code"])


@dataclass
class Client:
    """Speaks ASGI to an application, as a server would."""

    app: Asgi
    prefix: str = ""
    seen: list[tuple[str, str, Answer]] = field(default_factory=list)

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Headers | None = None,
        receive: Receive | None = None,
    ) -> Answer:
        """One request; `receive` replaces the body."""
        given = {"host": "test", **(headers or {})}
        if body:
            given.setdefault("content-length", str(len(body)))
        path, _, query = path.partition("?")
        full = self.prefix + path
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": full,
            "raw_path": quote(full).encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                (n.lower().encode(), v if isinstance(v, bytes) else v.encode())
                for n, v in given.items()
            ],
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
            "state": {},
        }
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive or one_message(body), collect)
        answer = _answer(sent)
        self.seen.append((method, path, answer))
        return answer

    async def post(
        self,
        path: str,
        body: Json = None,
        *,
        key: str | None = None,
        headers: Headers | None = None,
    ) -> Answer:
        """A command with a key of its own unless one is given."""
        return await self.send(
            "POST",
            path,
            body=body if isinstance(body, bytes) else orjson.dumps(body or {}),
            headers={
                "content-type": "application/json",
                "idempotency-key": new_id() if key is None else key,
                **(headers or {}),
            },
        )

    async def get(self, path: str, headers: Headers | None = None) -> Answer:
        """A query."""
        return await self.send("GET", path, headers=headers)


def one_message(body: bytes) -> Receive:
    """The whole body at once, then the client stays connected."""
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": body, "more_body": False}]
    )

    async def receive() -> Message:
        for message in messages:
            return message
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    return receive


def _answer(sent: list[Message]) -> Answer:
    start, *rest = sent
    pairs: Json = start["headers"]
    status: Json = start["status"]
    chunks: Json = [message.get("body", b"") for message in rest]
    names = [name.decode() for name, _ in pairs]
    assert len(names) == len(set(names)), names
    assert all(name == name.lower() for name in names), names
    headers = {name.decode(): value.decode("latin-1") for name, value in pairs}
    return Answer(status=status, headers=headers, body=b"".join(chunks))


class Service:
    """An application over a store in memory, driven from synchronous tests."""

    def __init__(
        self,
        *,
        settings: HttpSettings | None = None,
        policy: LimitPolicy = NO_LIMITS,
        backend: Backend | None = None,
        host: Callable[[HealthPayApp], Asgi] | None = None,
        prefix: str = "",
    ) -> None:
        self.store = InMemoryEventStore(digest=digest)
        self.handler = CommandHandler(self.store, policy=policy)
        self.runtime = LocalRuntime(self.handler)
        self.backend = backend or Backend(
            commands=self.runtime,
            queries=StoreQueries(self.store),
            checks={"store": lambda: None},
        )
        self.app = HealthPayApp(self._resources, settings=settings)
        self.asgi: Asgi = host(self.app) if host else self.app
        self.client = Client(self.asgi, prefix)
        self.runner = asyncio.Runner()

    @asynccontextmanager
    async def _resources(self) -> AsyncIterator[Backend]:
        yield self.backend

    @contextmanager
    def serving(self) -> Iterator[Service]:
        """Serve within the block, through the lifespan protocol."""
        with self.runner:
            lifespan = Lifespan(self.asgi)
            started = self.runner.run(lifespan.start())
            assert started["type"] == "lifespan.startup.complete", started
            yield self
            left = self.app._serving
            assert (left.commands_in_flight, left.queries_in_flight) == (0, 0)
            ended = self.runner.run(lifespan.stop())
            assert ended["type"] == "lifespan.shutdown.complete", ended

    def post(
        self,
        path: str,
        body: Json = None,
        *,
        key: str | None = None,
        headers: Headers | None = None,
    ) -> Answer:
        """A command, from a test that waits."""
        return self.runner.run(self.client.post(path, body, key=key, headers=headers))

    def get(self, path: str, headers: Headers | None = None) -> Answer:
        """A query, from a test that waits."""
        return self.runner.run(self.client.get(path, headers))

    def send(
        self, method: str, path: str, *, body: bytes = b"", headers: Headers | None
    ) -> Answer:
        """Any request, from a test that waits."""
        request = self.client.send(method, path, body=body, headers=headers)
        return self.runner.run(request)

    def create(self, **members: Json) -> str:
        """A pending wallet; its id."""
        body = {
            "ownerId": "owner-1",
            "walletType": "personal",
            "currency": "EGP",
            "kycLevel": "full",
            **members,
        }
        answer = self.post("/v1/wallets", body)
        assert answer.status == 201, answer.body
        return str(answer.json["wallet"]["walletId"])

    def open(self, balance: int = 0, **members: Json) -> str:
        """An active wallet with so much in it; its id."""
        wallet_id = self.create(**members)
        assert self.post(f"/v1/wallets/{wallet_id}/activate").status == 200
        if balance:
            currency = members.get("currency", "EGP")
            deposit = {"amount": balance, "currency": currency, "reason": "deposit"}
            answer = self.post(f"/v1/wallets/{wallet_id}/credit", deposit)
            assert answer.status == 200, answer.body
        return wallet_id

    def events(self) -> int:
        """How many events there are in the whole store."""
        return len(self.store.feed(0, 1_000_000))


class Lifespan:
    """The server's side of the lifespan protocol."""

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Message:
        """Send startup; what the application says."""
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        work = self._app(scope, self._to_app.get, self._from_app.put)
        self._task = asyncio.ensure_future(work)
        await self._to_app.put({"type": "lifespan.startup"})
        return await self._from_app.get()

    async def stop(self) -> Message:
        """Send shutdown; what the application says."""
        assert self._task is not None
        await self._to_app.put({"type": "lifespan.shutdown"})
        said = await self._from_app.get()
        await self._task
        return said
