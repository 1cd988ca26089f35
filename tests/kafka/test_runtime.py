"""The runtime on a real broker: as a port, as queries, over HTTP, with dead letters."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from random import Random

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from healthpay_core import (
    ANY_VERSION,
    Append,
    Code,
    Committed,
    Decided,
    InMemoryEventStore,
    Ok,
    Outcome,
    RecordedEvent,
    Rejected,
    StoreFault,
    StoreQueries,
    Unknown,
    new_id,
    wallet_stream,
)
from healthpay_core.testing import (
    Workbench,
    create,
    funded,
    request,
    wallet_id,
    withdrawal,
)
from healthpay_http import Backend, HealthPayApp
from healthpay_kafka import (
    FreshQueries,
    GatewaySettings,
    KafkaGateway,
    ReadModel,
    Topics,
    create_topics,
    producer_config,
    read_model,
)
from healthpay_kafka.cli import main
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.reading import PartitionReader
from healthpay_sql import SqliteEventStore
from healthpay_wire.cloudevents import decode_structured
from healthpay_wire.envelopes import digest
from tests.http.client import Client
from tests.kafka.running import Runtime, processing, runtime
from tests.kafka.test_torn import SHOP, WALLETS, Story
from tests.kafka.waiting import wait_until
from tools.broker import Broker


@pytest.fixture(scope="module")
def own_topics(broker: Broker) -> Topics:
    """The topics of this module."""
    topics = Topics(
        prefix=f"runtime-{new_id()[:8]}",
        partitions=3,
        reply_partitions=4,
        replication=1,
        min_insync=1,
    )
    assert isinstance(create_topics(broker.bootstrap_servers, topics), Ok)
    return topics


@pytest.fixture(scope="module")
def running(broker: Broker, own_topics: Topics) -> Iterator[Runtime]:
    """One runtime for all tests here; each has wallets of its own."""
    with runtime(broker.bootstrap_servers, own_topics) as started:
        yield started


def _code(outcome: Outcome) -> object:
    return outcome.error.code if isinstance(outcome, Rejected) else "committed"


def test_the_group_is_told_how_far_it_is(running: Runtime) -> None:
    """Spec kafka, Processor: whoever watches a group's lag sees what is done."""
    topics, wallet = running.topics, wallet_id("watched")
    running.do(*funded(wallet, 5))
    number = partition_of(wallet, topics.partitions)
    group = f"{topics.prefix}.processors"
    with closing(PartitionReader(running.servers)) as reader:
        *_, last = reader.to_end(topics.commands, number)
        offset = last.offset()
        assert offset is not None
        wait_until(
            lambda: reader.committed(group, topics.commands, number) == offset + 1,
            "the group's offset",
        )


def test_the_same_log_ends_as_in_one_process(running: Runtime) -> None:
    """R2: the same commands locally and through Kafka: same refusals, same balances."""
    story = Story(11)
    draw = Random(11)
    while len(story.sent) < 120:
        story.send(story._command())
    bench = Workbench()
    for asked in story.sent:
        again = draw.random() < 0.1
        for _ in range(1 + again):
            assert _code(running.send(asked)) == _code(bench.handle(asked)[0]), asked
    for wallet in (*WALLETS, SHOP):
        seen, expected = running.queries.wallet(wallet), bench.wallet(wallet)
        assert seen is not None
        assert (seen.status, seen.balance, seen.held) == (
            expected.status,
            expected.balance,
            expected.held,
        )


def test_whoever_was_answered_sees_it(running: Runtime) -> None:
    """H1, R5: right after the answer, a query shows at least that version."""
    mine = new_id()
    running.do(*funded(mine, 10))
    for left in range(9, -1, -1):
        running.do(withdrawal(mine, 1))
        seen = running.queries.wallet(mine)
        assert seen is not None
        assert seen.balance == left


def test_the_past_and_the_chain_are_those_of_the_processor(running: Runtime) -> None:
    """A2: the read model's own hash chain is the one that was published."""
    mine = new_id()
    running.do(*funded(mine, 10), withdrawal(mine, 4))
    then = running.queries.wallet(mine, version=3)
    assert then is not None
    assert then.balance == 10
    place = partition_of(mine, running.topics.partitions)
    published: list[RecordedEvent] = []
    with closing(PartitionReader(running.servers)) as reader:
        for message in reader.to_end(running.topics.events_wallet, place):
            decoded = decode_structured(message.value() or b"")
            assert isinstance(decoded, Ok)
            published.append(decoded.value.recorded)
    known = [(e.envelope, e.hash) for e in running.queries.wallet_events(mine)]
    stream = wallet_stream(mine)
    found = [(e.envelope, e.hash) for e in published if e.envelope.stream == stream]
    assert found == known
    assert len(known) == 4


def test_one_key_at_once_has_one_effect(
    running: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I5, I9: while a command waits it is in use; in the end there is one effect."""
    mine = new_id()
    running.do(*funded(mine, 100))
    order = replace(request(withdrawal(mine, 1)), fingerprint=b"x")

    # Nobody is answered before all have asked.
    all_have_asked, answered = threading.Event(), running.gateway._answered

    def late(outcome: Decided, deadline: int | None) -> None:
        assert all_have_asked.wait(60)
        answered(outcome, deadline)

    monkeypatch.setattr(running.gateway, "_answered", late)

    async def all_at_once() -> list[Outcome]:
        other = replace(order, fingerprint=b"y")
        asked = [order] * 20 + [other]
        tasks = [asyncio.create_task(running.gateway.submit(one)) for one in asked]
        await asyncio.sleep(0)
        all_have_asked.set()
        return await asyncio.wait_for(asyncio.gather(*tasks), 120)

    *same, other = asyncio.run(all_at_once())
    assert _code(other) == Code.IDEMPOTENCY_KEY_REUSED
    assert sum(isinstance(o, Committed) for o in same) == 1
    rest = {_code(o) for o in same if not isinstance(o, Committed)}
    assert rest == {Code.IDEMPOTENCY_KEY_IN_USE}
    again = running.send(order)
    assert isinstance(again, Committed)
    assert again.replayed
    seen = running.queries.wallet(mine)
    assert seen is not None
    assert seen.balance == 99


def test_no_answer_in_time_is_unknown_and_found_later(
    broker: Broker, made_topics: Topics
) -> None:
    """I4, R5: nobody decides, nobody knows; decided later, the same key is answered."""
    servers = broker.bootstrap_servers
    settings = GatewaySettings(
        bootstrap_servers=servers, topics=made_topics, timeout_s=2.0, capacity=2
    )
    order = request(create(wallet_id("late")))
    with KafkaGateway(settings) as gateway:
        assert isinstance(gateway.execute(order), Unknown)

        async def three() -> list[Outcome]:
            asked = [request(create(new_id())) for _ in range(3)]
            return await asyncio.gather(*map(gateway.submit, asked))

        outcomes = asyncio.run(three())
        assert [type(o) for o in outcomes] == [Unknown, Unknown, Rejected]
        assert _code(outcomes[2]) == Code.STORE_UNAVAILABLE
        with processing(servers, made_topics):
            outcome: Outcome = Unknown(command_id="", correlation_id="")
            until = time.monotonic() + 60
            while isinstance(outcome, Unknown) and time.monotonic() < until:
                outcome = gateway.execute(order)
            assert isinstance(outcome, Committed)
    assert _code(gateway.execute(order)) == Code.STORE_UNAVAILABLE


def test_a_read_model_on_disk_goes_on(running: Runtime, tmp_path: object) -> None:
    """R3: into the same file, from where it ends: nothing is lost or doubled."""
    mine, read = new_id(), list[int]()
    running.do(*funded(mine, 10))
    path = f"{tmp_path}/read.db"
    for left in (9, 8):
        running.do(withdrawal(mine, 1))
        with (
            SqliteEventStore(path) as store,
            ReadModel(running.servers, running.topics, store) as model,
        ):
            assert model.wait_until_caught_up(60)
            assert model.fault() is None
            assert model.wait_for(wallet_stream(mine), 13 - left, 30)
            queries = StoreQueries(store)
            seen = queries.wallet(mine)
            assert seen is not None
            assert (seen.balance, seen.version) == (left, 13 - left)
            feed = [r for r in store.feed(0, 10_000) if mine in r.envelope.stream]
            assert len(feed) == 13 - left
            read.append(model.entries)
    # Only what had been decided since, and what says nothing.
    assert read[1] < read[0] / 2


def test_a_read_model_with_a_hole_is_read_anew(
    running: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R3: where what seemed to be known was not, all of it is read again."""
    mine = new_id()
    running.do(*funded(mine, 10))
    whole, torn = InMemoryEventStore(digest=digest), InMemoryEventStore(digest=digest)
    with ReadModel(running.servers, running.topics, whole) as model:
        assert model.wait_for(wallet_stream(mine), 3, 30)
    kept = [r.envelope for r in whole.feed(0, 10_000) if mine not in r.envelope.stream]
    done = whole.outcomes(sorted({envelope.meta.command_id for envelope in kept}))
    torn.append(
        Append(
            expected={envelope.stream: ANY_VERSION for envelope in kept},
            events=kept,
            outcomes=list(done.values()),
        )
    )
    # As if all were known.
    monkeypatch.setattr(
        read_model, "first_unknown", lambda reader, *at: reader.watermarks(*at[:2])[1]
    )
    with ReadModel(running.servers, running.topics, torn) as model:
        assert model.wait_until_caught_up(30)
        assert torn.versions([wallet_stream(mine)]) == {wallet_stream(mine): 0}
        running.do(withdrawal(mine, 1))
        assert model.wait_for(wallet_stream(mine), 4, 30)
        assert model.fault() is None


def test_a_fault_does_not_make_a_read_model_begin_again(
    running: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H1: one that began empty goes on where it was, as one with a past does."""
    mine, cut = new_id(), threading.Event()
    running.do(*funded(mine, 30), *[withdrawal(mine, 1)] * 25)

    class Cut(Consumer):
        """A consumer that fails once, when it is told to."""

        def consume(self, most: int = 1, timeout: float = -1) -> list[Message]:
            if cut.is_set():
                cut.clear()
                raise KafkaException(KafkaError(KafkaError._FAIL, "planted"))
            return super().consume(most, timeout)

    monkeypatch.setattr(read_model, "Consumer", Cut)
    store = InMemoryEventStore(digest=digest)
    with ReadModel(running.servers, running.topics, store) as model:
        assert model.wait_until_caught_up(60)
        read = model.entries
        cut.set()
        wait_until(lambda: not cut.is_set(), "it has met the fault")
        running.do(withdrawal(mine, 1))
        ends = {wallet_stream(mine): 29}
        wait_until(lambda: store.versions(list(ends)) == ends, "it follows again")
        wait_until(lambda: model.fault() is None, "it says so")
        assert model.entries - read < read / 2


def test_a_query_that_would_show_less_fails() -> None:
    """H1: a read model that does not follow shows nothing older than the answer."""
    store = InMemoryEventStore()
    model = ReadModel("127.0.0.1:1", Topics(), store)
    queries = FreshQueries(model, store, wait_s=0.05, remembered=1)
    bench = Workbench()
    for wallet in (wallet_id("x"), wallet_id("y")):
        order = request(create(wallet))
        queries.batch_handled((order,), bench.handle(order))
    assert queries.wallet(wallet_id("x")) is None
    with pytest.raises(StoreFault, match="has not caught up"):
        queries.wallet(wallet_id("y"))


def test_a_gateway_without_a_broker_says_so() -> None:
    """H8: no broker, no gateway."""
    topics = Topics()
    with pytest.raises(ValueError, match="reply_partition"):
        KafkaGateway(
            GatewaySettings(
                bootstrap_servers="127.0.0.1:1", topics=topics, reply_partition=32
            )
        )


def test_every_command_of_the_contract_works_over_http(running: Runtime) -> None:
    """H1, T5, P1-P17, D1: transfers, payments, cards and a closing, over HTTP."""
    asyncio.run(_over_http(running))


async def _over_http(running: Runtime) -> None:
    payer, shop, card, paid, heir = (new_id() for _ in range(5))

    @asynccontextmanager
    async def resources() -> AsyncIterator[Backend]:
        checks = {"broker": running.gateway.fault, "readModel": running.model.fault}
        yield Backend(running.gateway, running.queries, checks)

    app = HealthPayApp(resources)
    client = Client(app)
    keys = iter(range(100))

    async def post(path: str, status: int, **body: object) -> dict[str, object]:
        answer = await client.send(
            "POST",
            path,
            body=orjson.dumps(body),
            headers={
                "idempotency-key": f"{payer}-{next(keys)}",
                "content-type": "application/json",
            },
        )
        assert answer.status == status, (path, answer.body)
        found: dict[str, object] = answer.json
        return found

    async with app.running():
        for wallet, kind in (
            (payer, "personal"),
            (shop, "merchant"),
            (heir, "personal"),
        ):
            await post(
                "/v1/wallets",
                201,
                walletId=wallet,
                ownerId="o",
                walletType=kind,
                currency="EGP",
                kycLevel="full",
            )
            await post(f"/v1/wallets/{wallet}/activate", 200)
        money = {"amount": 10_000, "currency": "EGP"}
        await post(f"/v1/wallets/{payer}/credit", 200, **money, reason="deposit")
        await post(
            "/v1/medcards",
            201,
            cardId=card,
            walletId=payer,
            cardToken="t",
            last4="4242",
            expMonth=12,
            expYear=2030,
            form="virtual",
        )
        await post(f"/v1/medcards/{card}/activate", 200)
        await post(
            "/v1/payments",
            201,
            paymentId=paid,
            payerWalletId=payer,
            merchantWalletId=shop,
            amount=4_000,
            currency="EGP",
            method="medcard",
            cardId=card,
            merchantCategory="pharmacies",
        )
        await post(f"/v1/payments/{paid}/authorize", 200)
        await post(f"/v1/payments/{paid}/authorize", 409)
        await post(f"/v1/payments/{paid}/capture", 200, amount=3_000)
        await post(f"/v1/payments/{paid}/refund", 200, amount=1_000)
        await post(f"/v1/payments/{paid}/refund", 422, amount=2_001)
        await post(
            "/v1/transfers",
            201,
            sourceWalletId=payer,
            destinationWalletId=heir,
            amount=500,
            currency="EGP",
        )
        refused = await post(
            "/v1/transfers",
            422,
            sourceWalletId=payer,
            destinationWalletId=heir,
            amount=500_000,
            currency="EGP",
        )
        assert refused["code"] == "INSUFFICIENT_FUNDS"
        await post(f"/v1/medcards/{card}/suspend", 200, reasonCode="lost")
        await post(f"/v1/medcards/{card}/cancel", 200, reason="lost")
        await post(f"/v1/wallets/{payer}/kyc-level", 200, kycLevel="enhanced")
        closed = await post(f"/v1/wallets/{payer}/close", 200, sweepTo=heir)
        assert closed["wallet"]["status"] == "closed"  # type: ignore[index]
        for wallet, balance in ((payer, 0), (shop, 2_000), (heir, 8_000)):
            answer = await client.send("GET", f"/v1/wallets/{wallet}")
            assert answer.json["wallet"]["balance"] == balance
        answer = await client.send("GET", f"/v1/payments/{paid}")
        assert answer.json["payment"]["status"] == "partially_refunded"
        assert (await client.send("GET", "/readyz")).status == 200


def test_dead_letters_are_listed_and_sent_again(
    running: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    """R5: what was set aside is seen with its reason, and can be sent again."""
    producer = Producer(producer_config(running.servers))
    producer.produce(running.topics.commands, b"poison", "key", partition=1)
    producer.flush()
    running.do(create(new_id()))
    options = _options(running)
    until = time.monotonic() + 30
    listed = ""
    while "is not an order" not in listed and time.monotonic() < until:
        assert main(["deadletters", "list", *options]) == 0
        listed = capsys.readouterr().out
    assert listed.startswith("1/0\t6 bytes\tis not an order")
    assert main(["deadletters", "replay", "--quiet", *options]) == 0
    assert capsys.readouterr().out == "sent 1 dead letters again\n"
    assert main(["deadletters", "replay", "--after", "9", "--quiet", *options]) == 0
    assert capsys.readouterr().out == "sent 0 dead letters again\n"


def test_a_processor_refuses_another_partition_count(
    running: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    """R1: with another number of partitions a wallet would be elsewhere."""
    options = _options(replace(running, topics=replace(running.topics, partitions=4)))
    assert main(["processor", "--instance-id", "other", *options]) == 1
    assert "partitions" in capsys.readouterr().err


def _options(running: Runtime) -> list[str]:
    topics = running.topics
    numbers = {
        "--bootstrap-servers": running.servers,
        "--prefix": topics.prefix,
        "--partitions": topics.partitions,
        "--reply-partitions": topics.reply_partitions,
        "--replication": 1,
        "--min-insync": 1,
    }
    return [str(part) for pair in numbers.items() for part in pair]
