"""Events as records: where they go, and what travels beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from healthpay_core import InMemoryEventStore, Ok, OriginalForm, RecordedEvent
from healthpay_core.testing import Workbench
from healthpay_core.testing.builders import funded, opened, transfer, wallet_id
from healthpay_kafka import Topics, event_record, partition_of
from healthpay_kafka.event_records import Mode
from healthpay_wire.cloudevents import decode
from healthpay_wire.envelopes import digest

TOPICS = Topics(partitions=5)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def events() -> Sequence[RecordedEvent]:
    """A few events of two kinds of aggregates."""
    bench = Workbench(InMemoryEventStore(digest=digest))
    one, other = wallet_id("one"), wallet_id("other")
    bench.do(*funded(one, 100), *opened(other), transfer(one, other, 5))
    return bench.feed()


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_record_gives_back_its_event(
    mode: Mode, events: Sequence[RecordedEvent]
) -> None:
    """B1, B3: in either mode; the key is the aggregate, and alters nothing."""
    for event in events:
        record = event_record(event, TOPICS, writer="me", mode=mode)
        aggregate_id = event.envelope.aggregate_id
        assert record.topic == TOPICS.events_of(event.envelope.type.aggregate_type)
        assert record.key == aggregate_id
        assert record.partition == partition_of(aggregate_id, 5)
        decoded = decode(record.headers, record.value, position=event.position)
        assert isinstance(decoded, Ok)
        assert decoded.value.recorded == event


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_a_record_is_never_a_tombstone(
    mode: Mode, events: Sequence[RecordedEvent]
) -> None:
    """B4: an empty value would delete the key on a compacted topic."""
    for event in events:
        assert event_record(event, TOPICS, writer="me", mode=mode).value


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_headers_hold_what_is_needed_without_parsing(
    mode: Mode, events: Sequence[RecordedEvent]
) -> None:
    """B1, H5: id, type, writer, and the trace where there is one."""
    event = events[0]
    meta = replace(event.envelope.meta, traceparent=TRACE)
    traced = replace(event, envelope=replace(event.envelope, meta=meta))
    headers = dict(event_record(traced, TOPICS, writer="me", mode=mode).headers)
    wanted = {
        "ce_id": event.envelope.event_id.encode(),
        "ce_type": b"healthpay.wallet.created.v1",
        "traceparent": TRACE.encode(),
        "hp-writer": b"me",
    }
    assert wanted.items() <= headers.items()
    if mode == "structured":
        assert headers.keys() == {"content-type", *wanted}
    assert "traceparent" not in dict(event_record(event, TOPICS, writer="me").headers)


def test_an_old_version_is_published_as_it_was_stored(
    events: Sequence[RecordedEvent],
) -> None:
    """A4: the type in the header is that of the stored bytes, not today's."""
    credited = next(e for e in events if e.envelope.event_type == "wallet.credited")
    data = b'{"amount":100,"balanceAfter":100,"currency":"EGP","heldAfter":0}'
    old = replace(credited, original=OriginalForm(event_version=1, data=data))
    record = event_record(old, TOPICS, writer="me")
    assert dict(record.headers)["ce_type"] == b"healthpay.wallet.credited.v1"
    assert record.value is not None
    assert data in record.value
