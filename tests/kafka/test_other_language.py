"""A consumer in another language, with another library, reads our topics: KafkaJS."""

from __future__ import annotations

import json
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from healthpay_kafka import Topics, transactional_config
from healthpay_wire.cloudevents import cloud_type, encode_structured
from tests.kafka.projection.histories import TRACE, History
from tests.kafka.projection.stage import Publisher
from tools.broker import Broker
from tools.npm import node

READER = Path(__file__).with_name("kafkajs_reader.js")


def test_kafkajs_reads_keys_types_order_and_trace(
    broker: Broker, made_topics: Topics
) -> None:
    """Its partitioner agrees with ours; streams are whole, in order (B1, B2, B3)."""
    events = History(31).go_on(60)
    Publisher(broker.bootstrap_servers, made_topics).send(events)
    read = _read(broker, made_topics, len(events))
    sent = {event.envelope.event_id: event for event in events}
    assert len(read) == len(sent)
    for record in read:
        value, headers = record["value"], record["headers"]
        event = sent[value["id"]]
        envelope, kind = event.envelope, event.envelope.type
        assert value == json.loads(encode_structured(event))
        assert record["key"] == value["subject"] == envelope.aggregate_id
        assert record["chosen"] == record["partition"]
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["ce_id"] == envelope.event_id
        assert headers["ce_type"] == cloud_type(kind.name, kind.version)
        assert headers["traceparent"] == value["traceparent"] == TRACE
    assert len({record["partition"] for record in read}) > 1
    for key, records in groupby(sorted(read, key=itemgetter("key")), itemgetter("key")):
        versions = [int(record["value"]["sequence"]) for record in records]
        assert versions == list(range(1, len(versions) + 1)), key


def test_kafkajs_does_not_see_what_was_aborted(
    broker: Broker, made_topics: Topics
) -> None:
    """It reads committed records only, which is its default (R5)."""
    history = History(32)
    first, second = history.go_on(5), history.go_on(5)
    servers = broker.bootstrap_servers
    producer = Producer(transactional_config(servers, f"{made_topics.prefix}-aborts"))
    producer.init_transactions(30)
    producer.begin_transaction()
    for event in first:
        producer.produce(made_topics.events_wallet, encode_structured(event), "none")
    producer.flush(30)
    producer.abort_transaction(30)
    Publisher(servers, made_topics).send(second)
    read = _read(broker, made_topics, len(second))
    assert {record["value"]["id"] for record in read} == {
        event.envelope.event_id for event in second
    }


def _read(broker: Broker, topics: Topics, count: int) -> list[dict[str, Any]]:
    servers, topic = broker.bootstrap_servers, topics.events_wallet
    printed = node(READER, servers, topic, str(count), timeout_s=90)
    return [json.loads(line) for line in printed.splitlines()]
