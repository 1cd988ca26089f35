"""The gateway: a `CommandPort` whose commands are decided by processors elsewhere."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Final, Self

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from healthpay_core import CommandRequest, Decided, Err, Observer, Outcome
from healthpay_core.fingerprints import fingerprint_of
from healthpay_core.outcome import rejected, unknown
from healthpay_core.refusals import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    NotDone,
    StoreUnavailable,
    ValidationFailed,
)
from healthpay_kafka.orders import (
    DEADLINE,
    LARGEST_ASK,
    Ask,
    Reply,
    aggregate_of,
    encode_order,
    headers_of,
)
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.reading import watermarks
from healthpay_kafka.records import headers_in
from healthpay_kafka.replies import decode_reply
from healthpay_kafka.settings import ClientConfig, gateway_config, reader_config
from healthpay_kafka.topics import Topics

_READY_S: Final = 40.0
_POLL_S: Final = 0.1
_AT_ONCE: Final = 1_000
_AGAIN_S: Final = 1.0
_REPLIES: Final = "healthpay-replies"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What a gateway is told.

    Attributes:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Names and counts.
        reply_partition: Where its answers come, 0 to the topic's count less one.
            Two gateways with the same one both work, and read each other's answers.
        name: For the headers of its records.
        client: Further settings of Kafka's clients, such as credentials.
        timeout_s: How long a caller waits; then the outcome is `Unknown`.
        capacity: Commands that may wait for their answers.
    """

    bootstrap_servers: str
    topics: Topics
    reply_partition: int = 0
    name: str = "gateway"
    client: ClientConfig = field(default_factory=dict)
    timeout_s: float = 5.0
    capacity: int = 10_000


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    since: float
    deadline: int
    answer: Future[Outcome]
    request: CommandRequest


class KafkaGateway:
    """Sends commands to their partitions, and waits for the answers.

    Open it before the first command: its reply partition is read from its end by
    then, so that no answer is missed. An answer is sent in the transaction that
    stores what was decided, so whoever is answered was stored (R5).

    Args:
        settings: What it is told.
        observers: Told of each answer, in the thread that reads them; what they
            raise is swallowed.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        observers: Sequence[Observer] = (),
    ) -> None:
        if not 0 <= settings.reply_partition < settings.topics.reply_partitions:
            raise ValueError("reply_partition is not one of the topic's")
        self._settings = settings
        self._observers = tuple(observers)
        self._waiting: dict[str, _Waiting] = {}
        self._entering = threading.Lock()
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._faults: dict[str, str] = {}
        self._producer = Producer(
            gateway_config(
                settings.bootstrap_servers, settings.timeout_s, settings.client
            )
        )
        self._threads = [
            threading.Thread(
                target=self._go_on, args=(what, work), name=what, daemon=True
            )
            for what, work in (
                (_REPLIES, self._read_on),
                ("healthpay-gateway", self._look_after),
            )
        ]

    def __enter__(self) -> Self:
        """As `open`."""
        self.open()
        return self

    def open(self) -> None:
        """Begin to listen.

        Raises:
            ConnectionError: The broker does not answer.
        """
        for thread in self._threads:
            thread.start()
        if not self._ready.wait(_READY_S) or self.fault() is not None:
            fault = self.fault()
            self.close()
            raise ConnectionError(fault or "no answer in time")

    def __exit__(self, *_: object) -> None:
        """As `close`."""
        self.close()

    @property
    def waiting(self) -> int:
        """Commands whose answers are awaited."""
        return len(self._waiting)

    def fault(self) -> str | None:
        """Why it cannot be used now; None while all is well."""
        return next(iter(list(self._faults.values())), None)

    async def submit(self, request: CommandRequest) -> Outcome:
        """Have a command decided; returns when its outcome is durable or unknown.

        Besides the command's own refusals, answers `IdempotencyKeyInUse` while the
        same command waits here (I5), `IdempotencyKeyReused` when it is another
        request (I3), `StoreUnavailable` when too many wait or nothing can be sent,
        and `Unknown` when no answer comes in time: ask again with the same id.
        """
        answer = self._send(request)
        if not isinstance(answer, Future):
            return rejected(request, answer)
        # A caller that goes away does not cancel its command.
        return await asyncio.shield(asyncio.wrap_future(answer))

    def execute(self, request: CommandRequest) -> Outcome:
        """As `submit`, in the calling thread."""
        answer = self._send(request)
        if not isinstance(answer, Future):
            return rejected(request, answer)
        return answer.result()

    def close(self) -> None:
        """Take no more commands; who still waits is told that it is not known."""
        with self._entering:
            self._stopping.set()
        self._producer.flush(self._settings.timeout_s)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for waiting in list(self._waiting.values()):
            self._give_up(waiting)

    def _send(self, request: CommandRequest) -> Future[Outcome] | NotDone:
        entered = self._enter(request)
        if isinstance(entered, NotDone):
            return entered
        settings, topics = self._settings, self._settings.topics
        reply = Reply(partition=settings.reply_partition, deadline=entered.deadline)
        ask = Ask(request=request, reply=reply)
        key, value = aggregate_of(request), encode_order(ask)
        if len(value) > LARGEST_ASK:
            self._leave(entered)
            return ValidationFailed.at("", f"is larger than {LARGEST_ASK} bytes")
        try:
            self._producer.produce(
                topics.commands,
                value=value,
                key=key,
                partition=partition_of(key, topics.partitions),
                headers=list(headers_of(ask, settings.name)),
                on_delivery=self._delivered(entered),
            )
        except (BufferError, KafkaException):
            # Nothing has left this process.
            self._leave(entered)
            return StoreUnavailable()
        return entered.answer

    def _enter(self, request: CommandRequest) -> _Waiting | NotDone:
        settings = self._settings
        with self._entering:
            known = self._waiting.get(request.command_id)
            if known is not None:
                if fingerprint_of(known.request) != fingerprint_of(request):
                    return IdempotencyKeyReused(command_id=request.command_id)
                return IdempotencyKeyInUse(command_id=request.command_id)
            full = len(self._waiting) >= settings.capacity
            if full or self._stopping.is_set() or not self._ready.is_set():
                return StoreUnavailable()
            waiting = _Waiting(
                since=time.monotonic(),
                deadline=time.time_ns() // 1000 + int(settings.timeout_s * 1_000_000),
                answer=Future(),
                request=request,
            )
            self._waiting[request.command_id] = waiting
            return waiting

    def _leave(self, waiting: _Waiting) -> bool:
        """Take it from those that wait; whether nobody else has."""
        with self._entering:
            command_id = waiting.request.command_id
            is_there = self._waiting.get(command_id) is waiting
            if is_there:
                del self._waiting[command_id]
            return is_there

    def _delivered(
        self, waiting: _Waiting
    ) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                # It may be in the log all the same.
                self._give_up(waiting)

        return delivered

    def _give_up(self, waiting: _Waiting) -> None:
        if self._leave(waiting):
            _settle(waiting.answer, unknown(waiting.request))

    def _go_on(self, what: str, work: Callable[[], None]) -> None:
        """Until it is closed, whatever happens: nobody may wait for ever."""
        while not self._stopping.is_set():
            try:
                work()
            except Exception as error:
                # Its thread has nobody above: `fault` says it.
                self._faults[what] = f"{what}: {type(error).__name__}: {error}"
                self._ready.set()
                self._stopping.wait(_AGAIN_S)
            else:
                self._faults.pop(what, None)

    def _look_after(self) -> None:
        """Delivery reports, and callers that have waited long enough."""
        self._producer.poll(_POLL_S)
        before = time.monotonic() - self._settings.timeout_s
        for waiting in list(self._waiting.values()):
            if waiting.since > before:
                break
            self._give_up(waiting)

    def _read_on(self) -> None:
        """Answers, from the end of their partition on."""
        settings = self._settings
        config = reader_config(settings.bootstrap_servers, settings.client)
        # An answer to nobody is of no use: what is gone is passed over.
        config |= {"auto.offset.reset": "latest", "fetch.wait.max.ms": 100}
        topic, partition = settings.topics.replies, settings.reply_partition
        with closing(Consumer(config)) as consumer:
            _, end = watermarks(consumer, topic, partition)
            consumer.assign([TopicPartition(topic, partition, end)])
            self._faults.pop(_REPLIES, None)
            self._ready.set()
            while not self._stopping.is_set():
                self._take(consumer)

    def _take(self, consumer: Consumer) -> None:
        first = consumer.poll(_POLL_S)
        if first is None:
            return
        for message in (first, *consumer.consume(_AT_ONCE, 0)):
            if message.error() is None:
                reply = decode_reply(message.value())
                if not isinstance(reply, Err):
                    self._answered(reply.value, _asked_until(message))

    def _answered(self, outcome: Decided, deadline: int | None) -> None:
        waiting = self._waiting.get(outcome.command_id)
        # Else it is the late answer to who asked before, maybe something else (I3).
        is_its = waiting is not None and waiting.deadline == deadline
        if waiting is None or not is_its or not self._leave(waiting):
            return
        for observer in self._observers:
            with suppress(Exception):
                observer.batch_handled((waiting.request,), (outcome,))
        _settle(waiting.answer, outcome)


def _asked_until(message: Message) -> int | None:
    """Which of the asks under one id an answer is to: each has its own deadline."""
    with suppress(ValueError):
        return int(dict(headers_in(message)).get(DEADLINE, b""))
    return None


def _settle(answer: Future[Outcome], outcome: Outcome) -> None:
    # Nobody else settles it; a future that was cancelled has nobody to be told.
    with suppress(InvalidStateError):
        answer.set_result(outcome)
