"""A relay in a process of its own, that tells how long each event took."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from healthpay_kafka import FileCheckpoint, Relay, Topics
from healthpay_sql import SqliteEventStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was acknowledged at once.

    Attributes:
        at: When, in seconds since 1970.
        durations_s: Of each event, from recording to acknowledgement.
    """

    at: float
    durations_s: Sequence[float]


class Relaying:
    """The process, and what it has told so far."""

    def __init__(self, told: Path) -> None:
        self._told = told

    def pages(self) -> list[Page]:
        """Every page so far, in order."""
        text = self._told.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [Page(**json.loads(line)) for line in whole]

    def wait(self, events: int) -> list[Page]:
        """The pages, when so many events have been published in all."""
        while True:
            pages = self.pages()
            if sum(len(page.durations_s) for page in pages) >= events:
                return pages
            time.sleep(0.02)


@contextmanager
def relaying(store: Path, servers: str, topics: Topics) -> Iterator[Relaying]:
    """Publish what a store holds until the end of the block."""
    told = store.with_suffix(".told")
    told.touch()
    arguments = (store, servers, topics.prefix, topics.partitions, told)
    command = [sys.executable, "-m", "benchmarks.relaying"]
    process = subprocess.Popen([*command, *map(str, arguments)])
    try:
        yield Relaying(told)
    finally:
        process.terminate()
        process.wait()


class _Telling:
    def __init__(self, told: Path) -> None:
        self._file = told.open("w", encoding="utf-8", buffering=1)

    def published(self, durations_s: Sequence[float]) -> None:
        page = {"at": time.time(), "durations_s": durations_s}
        self._file.write(json.dumps(page) + "\n")


def main(arguments: list[str]) -> None:
    """Follow a store until SIGTERM."""
    path, servers, prefix, partitions, told = arguments
    topics = Topics(
        prefix=prefix, partitions=int(partitions), replication=1, min_insync=1
    )
    with SqliteEventStore(Path(path)) as store:
        relay = Relay(
            store,
            servers,
            topics=topics,
            checkpoint=FileCheckpoint(Path(f"{path}.relay")),
            observer=_Telling(Path(told)),
        )
        signal.signal(signal.SIGTERM, lambda *_: relay.stop())
        relay.run()


if __name__ == "__main__":
    main(sys.argv[1:])
