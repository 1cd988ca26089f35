"""A processor in a thread, a gateway, a read model: the runtime on a real broker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaException

from healthpay_core import (
    NO_LIMITS,
    Command,
    CommandRequest,
    Committed,
    EventStore,
    InMemoryEventStore,
    Outcome,
    SystemClock,
)
from healthpay_core.testing import request
from healthpay_kafka import (
    Decider,
    FreshQueries,
    GatewaySettings,
    KafkaGateway,
    Processor,
    ProcessorObserver,
    ProcessorSettings,
    ReadModel,
    Topics,
)
from healthpay_wire.envelopes import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What a test talks to."""

    servers: str
    topics: Topics
    gateway: KafkaGateway
    model: ReadModel
    queries: FreshQueries
    store: EventStore

    def do(self, *commands: Command | CommandRequest) -> Committed:
        """Have each decided and expect success; the last outcome."""
        outcomes = [self.send(command) for command in commands]
        for outcome in outcomes:
            assert isinstance(outcome, Committed), outcome
        last = outcomes[-1]
        assert isinstance(last, Committed)
        return last

    def send(self, command: Command | CommandRequest) -> Outcome:
        """Have it decided."""
        asked = command if isinstance(command, CommandRequest) else request(command)
        return self.gateway.execute(asked)


@contextmanager
def processing(
    servers: str,
    topics: Topics,
    *,
    restarts: bool = False,
    observer: ProcessorObserver | None = None,
) -> Iterator[None]:
    """A processor, until the end of the block.

    With `restarts` one that ends with a Kafka error is started again, as whoever
    supervises processes does.
    """
    settings = ProcessorSettings(
        bootstrap_servers=servers,
        topics=topics,
        instance_id="processor",
        group_id=f"{topics.prefix}.processors",
    )
    stopping = threading.Event()
    failure: list[BaseException] = []
    running: list[Processor] = []

    def run() -> None:
        while not stopping.is_set():
            decider = Decider(SystemClock(), NO_LIMITS)
            running.append(Processor(settings, decider, observer=observer))
            try:
                running[-1].run()
            except KafkaException as error:
                if not restarts:
                    failure.append(error)
                    return
            except BaseException as error:
                failure.append(error)
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not running:
            thread.join(0.01)
        assert running[0].serving.wait(60)
        yield
    finally:
        stopping.set()
        running[-1].stop()
        thread.join(60)
        assert not failure, failure


@contextmanager
def runtime(
    servers: str,
    topics: Topics,
    *,
    restarts: bool = False,
    observer: ProcessorObserver | None = None,
) -> Iterator[Runtime]:
    """Everything, caught up, until the end of the block."""
    with ExitStack() as stack:
        stack.enter_context(
            processing(servers, topics, restarts=restarts, observer=observer)
        )
        store = InMemoryEventStore(digest=digest)
        model = stack.enter_context(ReadModel(servers, topics, store))
        queries = FreshQueries(model, store, store, wait_s=60.0)
        settings = GatewaySettings(
            bootstrap_servers=servers, topics=topics, timeout_s=30.0
        )
        gateway = KafkaGateway(settings, observers=(queries,))
        stack.enter_context(gateway)
        assert model.wait_until_caught_up(60)
        yield Runtime(
            servers=servers,
            topics=topics,
            gateway=gateway,
            model=model,
            queries=queries,
            store=store,
        )
