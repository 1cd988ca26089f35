"""Sending dead letters again, once what was wrong is mended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, Message, Producer
from tqdm import tqdm

from healthpay_kafka.deadletters import (
    ERROR_ID,
    FROM_OFFSET,
    FROM_PARTITION,
    REASON,
)
from healthpay_kafka.partitions import partition_of
from healthpay_kafka.reading import PartitionReader
from healthpay_kafka.records import headers_in
from healthpay_kafka.settings import ClientConfig, producer_config
from healthpay_kafka.topics import Topics

_OURS: Final = frozenset({REASON, FROM_PARTITION, FROM_OFFSET, ERROR_ID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A dead letter.

    Attributes:
        partition: Of the dead letters, and of the commands where it came from.
        offset: Its place among the dead letters.
        reason: Why it is there.
        message: The record.
    """

    partition: int
    offset: int
    reason: str
    message: Message


def dead_letters(
    bootstrap_servers: str, topics: Topics, client: ClientConfig | None = None
) -> Iterator[Letter]:
    """Every dead letter, partition by partition, oldest first.

    Raises:
        KafkaException: The broker does not answer.
        EndNotReached: A partition cannot be read to its end.
    """
    with closing(PartitionReader(bootstrap_servers, client)) as reader:
        for number in range(topics.partitions):
            for message in reader.to_end(topics.deadletter, number):
                yield Letter(
                    partition=number,
                    offset=message.offset() or 0,
                    reason=_reason(message),
                    message=message,
                )


def send_again(
    bootstrap_servers: str,
    topics: Topics,
    *,
    client: ClientConfig | None = None,
    after: int = -1,
    is_quiet: bool = False,
) -> int:
    """Put dead letters back into the log of commands, with a progress bar.

    A command that has been decided meanwhile is only answered again (I4), so that
    to send a letter twice does no harm. The letters stay where they are.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Names and counts.
        client: Further settings, such as credentials.
        after: Only letters with offsets above this one.
        is_quiet: No progress bar.

    Returns:
        How many were sent, and are in the log.

    Raises:
        KafkaException: The broker does not answer.
        ConnectionError: Some could not be delivered.
    """
    producer = Producer(producer_config(bootstrap_servers, client))
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    letters = [
        letter
        for letter in dead_letters(bootstrap_servers, topics, client)
        if letter.offset > after and letter.message.key() is not None
    ]
    progress = tqdm(letters, unit=" letters", file=sys.stderr, disable=is_quiet)
    for letter in progress:
        message = letter.message
        key = message.key()
        text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
        headers = [(n, v) for n, v in headers_in(message) if n not in _OURS]
        producer.produce(
            topics.commands,
            value=message.value(),
            key=key,
            partition=partition_of(text, topics.partitions),
            headers=list(headers),
            on_delivery=delivered,
        )
        producer.poll(0)
    producer.flush()
    if failed:
        raise ConnectionError(f"{len(failed)} letters were not delivered: {failed[0]}")
    return len(letters)


def _reason(message: Message) -> str:
    return dict(headers_in(message)).get(REASON, b"").decode("utf-8", "replace")
