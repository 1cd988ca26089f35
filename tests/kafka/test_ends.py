"""The ends of the topics: what a relay believes, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Producer

from healthpay_core.ids import derive_id
from healthpay_kafka import Mark, Topics, producer_config, transactional_config
from healthpay_kafka.ends import read_ends, relay_writer
from tools.broker import Broker

ONE, TWO = derive_id("one"), derive_id("two")


def _headers(writer: str, event_id: str = ONE) -> list[tuple[str, str | bytes | None]]:
    return [("ce_id", event_id.encode()), ("hp-writer", writer.encode())]


def _write(
    producer: Producer,
    topic: str,
    partition: int,
    headers: Sequence[list[tuple[str, str | bytes | None]]],
) -> None:
    for some in headers:
        producer.produce(topic, b"{}", partition=partition, headers=some)


def test_topics_that_are_empty_have_no_ends(
    broker: Broker, made_topics: Topics
) -> None:
    """V7: where nothing has been published, everything is to be."""
    assert read_ends(broker.bootstrap_servers, made_topics) == {}


def test_the_last_record_of_each_partition_tells(
    broker: Broker, made_topics: Topics
) -> None:
    """V7: the position that a relay wrote last is the end, even if it is a repeat."""
    producer = Producer(producer_config(broker.bootstrap_servers))
    wallets, cards = made_topics.events_wallet, made_topics.events_medcard
    marks = [
        _headers(relay_writer(n), event_id) for n, event_id in ((9, TWO), (7, ONE))
    ]
    _write(producer, wallets, 0, marks)
    _write(producer, cards, 2, marks[:1])
    assert producer.flush(10) == 0
    assert read_ends(broker.bootstrap_servers, made_topics) == {
        (wallets, 0): Mark(position=7, event_id=ONE),
        (cards, 2): Mark(position=9, event_id=TWO),
    }


def test_what_no_relay_wrote_tells_nothing(broker: Broker, made_topics: Topics) -> None:
    """V7: the positions of another writer mean nothing, and are not guessed."""
    producer = Producer(producer_config(broker.bootstrap_servers))
    name = made_topics.events_wallet
    _write(producer, name, 0, [_headers(relay_writer(3)), _headers("processor-1/7")])
    _write(producer, name, 1, [_headers("relay/0x7")])
    _write(producer, name, 2, [_headers(relay_writer(3))[1:]])
    _write(producer, made_topics.events_payment, 0, [[]])
    assert producer.flush(10) == 0
    assert read_ends(broker.bootstrap_servers, made_topics) == {}


def test_the_marker_of_a_transaction_tells_nothing(
    broker: Broker, made_topics: Topics
) -> None:
    """V7: a partition whose last entry is no record is read from the start."""
    servers = broker.bootstrap_servers
    producer = Producer(transactional_config(servers, made_topics.prefix))
    producer.init_transactions(30)
    producer.begin_transaction()
    _write(producer, made_topics.events_wallet, 1, [_headers(relay_writer(3))])
    producer.commit_transaction(30)
    assert read_ends(servers, made_topics) == {}
