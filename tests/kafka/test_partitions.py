"""Partitions are those of Java's clients."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from healthpay_core.ids import derive_id
from healthpay_kafka import partition_of
from tools.broker.jars import kafka_jars, program

PROGRAM = Path(__file__).with_name("JavaPartitions.java")


@pytest.mark.parametrize(
    ("key", "of_twelve", "of_thirty_two"),
    [
        ("", 9, 25),
        ("a", 4, 28),
        ("21", 0, 12),
        ("foobar", 6, 30),
        ("a-little-bit-long-string", 8, 0),
        ("a-little-bit-longer-string", 11, 3),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 5, 13),
        ("abc", 3, 27),
        ("ec338932-ce9b-5e24-b08d-b414ddc08785", 1, 17),
        ("6b6f3a54-9a53-5f0e-8f0a-2d9a4c0b7e11", 10, 26),
        ("محفظة", 6, 10),
        ("é", 3, 7),
        ("💳", 0, 20),
    ],
)
def test_partitions_are_those_of_javas_own_vectors(
    key: str, of_twelve: int, of_thirty_two: int
) -> None:
    """B3: a key's partition is what Kafka's own partitioner once answered."""
    assert partition_of(key, 12) == of_twelve
    assert partition_of(key, 32) == of_thirty_two


@pytest.mark.parametrize("count", [1, 3, 12, 97])
def test_partitions_are_those_that_java_computes_now(count: int) -> None:
    """B3: Kafka's own code and ours agree on ids and on any other text."""
    letters = random.Random(count)
    keys = [derive_id(f"key {n}") for n in range(300)]
    for length in range(300):
        codes = (letters.randrange(0x20, 0x2FFF) for _ in range(length % 41))
        text = "".join(chr(code) for code in codes)
        keys.append(" ".join(text.split()))
    java = subprocess.run(
        [program("java", "to ask it"), "-cp", f"{kafka_jars()}/*", PROGRAM, str(count)],
        input="\n".join(keys) + "\n",
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert [partition_of(key, count) for key in keys] == [
        int(line) for line in java.stdout.split()
    ]


def test_no_partitions_are_no_topic() -> None:
    """B3: a count below one is a mistake."""
    with pytest.raises(ValueError, match="at least one"):
        partition_of("a", 0)
