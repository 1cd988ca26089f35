"""The publisher: what is under way at once, and what it makes of refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pytest
from confluent_kafka import KafkaError, Message

from healthpay_kafka.publisher import Publisher, PublishError
from healthpay_kafka.records import Record

Delivered = Callable[[KafkaError | None, Message], None]
WAVES: list[list[tuple[str, int, bytes]]] = []


class FakeProducer:
    """Takes records, and acknowledges at each flush all that it has."""

    refuses: bytes | None = None
    is_away = False

    def __init__(self, config: Mapping[str, object]) -> None:
        assert config["enable.gapless.guarantee"] is True
        assert config["message.timeout.ms"] == 0
        self._queued: list[tuple[Message, Delivered]] = []

    def produce(
        self,
        topic: str,
        value: bytes,
        key: str,
        partition: int,
        *,
        on_delivery: Delivered,
        headers: object,
    ) -> None:
        message = Message(topic=topic, partition=partition, value=value)
        self._queued.append((message, on_delivery))

    def flush(self, timeout: float) -> int:
        if self.is_away:
            return len(self._queued)
        queued, self._queued = self._queued, []
        WAVES.append(
            [(m.topic() or "", m.partition() or 0, m.value() or b"") for m, _ in queued]
        )
        for message, delivered in queued:
            refused = message.value() == self.refuses
            delivered(KafkaError(10) if refused else None, message)
        return 0


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """A publisher whose producer is a fake."""
    WAVES.clear()
    monkeypatch.setattr("healthpay_kafka.publisher.Producer", FakeProducer)
    return Publisher("nowhere:1")


def _page(*places: tuple[str, int, bytes]) -> Sequence[tuple[Record, int]]:
    return [
        (Record(topic=topic, partition=partition, key="k", value=value), 0)
        for topic, partition, value in places
    ]


def _publish(publisher: Publisher, *places: tuple[str, int, bytes]) -> None:
    durations = publisher.publish(_page(*places), is_stopping=lambda: False)
    assert durations is not None
    assert len(durations) == len(places)


def test_the_first_record_of_a_partition_goes_alone(publisher: Publisher) -> None:
    """V7: before its first acknowledgement a partition has one record under way."""
    page = [("a", 0, b"1"), ("a", 1, b"2"), ("a", 0, b"3"), ("b", 0, b"4")]
    _publish(publisher, *page, ("a", 0, b"5"))
    assert [[page[0], page[1], page[3]], [page[2], ("a", 0, b"5")]] == WAVES
    WAVES.clear()
    _publish(publisher, *page)
    assert [page] == WAVES, "what is known is not held up"


def test_a_partition_that_was_silent_for_long_is_new_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V7: a broker forgets a producer that it has not heard of for a day."""
    _publish(publisher, ("a", 0, b"1"))
    WAVES.clear()
    monkeypatch.setattr("healthpay_kafka.publisher._KNOWN_S", -1.0)
    _publish(publisher, ("a", 0, b"2"), ("a", 0, b"3"))
    counts = [Counter(place[:2] for place in wave)["a", 0] for wave in WAVES]
    assert counts == [1, 1]


def test_what_comes_after_a_refused_first_record_is_not_sent(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V7: nothing of a partition overtakes a record that it does not have."""
    monkeypatch.setattr(FakeProducer, "refuses", b"1")
    page = _page(("a", 0, b"1"), ("a", 0, b"2"))
    with pytest.raises(PublishError, match="refuses an event"):
        publisher.publish(page, is_stopping=lambda: False)
    assert WAVES == [[("a", 0, b"1")]]


def test_it_waits_until_it_is_stopped(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H8: while the broker is away it asks again whether to stop."""
    monkeypatch.setattr(FakeProducer, "is_away", True)
    answers = iter([False, False, True])
    page = _page(("a", 0, b"1"))
    assert publisher.publish(page, is_stopping=lambda: next(answers)) is None
    assert next(answers, None) is None
