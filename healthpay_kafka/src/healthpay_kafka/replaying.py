"""Sending dead letters again, once what was wrong is mended."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
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

REPLAYABLE_DAYS: Final = 28
"""Below the 31 days for which it is known that a command was decided."""
_DAY_S: Final = 86_400
_FULL_S: Final = 0.1
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What became of dead letters.

    Attributes:
        sent: How many were put back into the log of commands.
        too_old: Older than `REPLAYABLE_DAYS`: left out.
        unplaceable: They have no key, which says where to; or their originals were
            too large to be kept: left out.
    """

    sent: int
    too_old: int
    unplaceable: int


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
) -> Replay:
    """Put dead letters back into the log of commands, with a progress bar.

    A command that has been decided meanwhile is only answered again (I4), so that
    to send a letter twice does no harm. That is known for a month, so older letters
    than `REPLAYABLE_DAYS` are left out: they may have been sent, and decided, and
    forgotten. The letters stay where they are.

    Args:
        bootstrap_servers: ``host:port``, or several with commas between.
        topics: Names and counts.
        client: Further settings, such as credentials.
        after: Only letters with offsets above this one.
        is_quiet: No progress bar.

    Returns:
        What was sent, and is in the log, and what was left out.

    Raises:
        KafkaException: The broker does not answer.
        ConnectionError: Some could not be delivered.
    """
    producer = Producer(producer_config(bootstrap_servers, client))
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    since = time.time() - REPLAYABLE_DAYS * _DAY_S
    letters, too_old, unplaceable = [], 0, 0
    for letter in dead_letters(bootstrap_servers, topics, client):
        if letter.offset <= after:
            continue
        if letter.message.key() is None:
            unplaceable += 1
        elif letter.message.timestamp()[1] / 1000 < since:
            too_old += 1
        else:
            letters.append(letter)
    progress = tqdm(letters, unit=" letters", file=sys.stderr, disable=is_quiet)
    for letter in progress:
        message = letter.message
        key = message.key()
        text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
        headers = [(n, v) for n, v in headers_in(message) if n not in _OURS]
        while True:
            with suppress(BufferError):
                producer.produce(
                    topics.commands,
                    value=message.value(),
                    key=key,
                    partition=partition_of(text, topics.partitions),
                    headers=list(headers),
                    on_delivery=delivered,
                )
                break
            producer.poll(_FULL_S)
        producer.poll(0)
    producer.flush()
    if failed:
        raise ConnectionError(f"{len(failed)} letters were not delivered: {failed[0]}")
    return Replay(sent=len(letters), too_old=too_old, unplaceable=unplaceable)


def _reason(message: Message) -> str:
    return dict(headers_in(message)).get(REASON, b"").decode("utf-8", "replace")
