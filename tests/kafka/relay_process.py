"""A relay in a process of its own, for tests that kill it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from healthpay_kafka import FileCheckpoint, Relay, Topics
from healthpay_sql import SqliteEventStore

_FOLLOWS = b"follows\n"


def start(
    store: Path, bootstrap_servers: str, topics: Topics, checkpoint: Path
) -> subprocess.Popen[bytes]:
    """Start a relay; it runs until it is killed."""
    arguments = (store, bootstrap_servers, topics.prefix, topics.partitions, checkpoint)
    command = [sys.executable, "-m", "tests.kafka.relay_process"]
    return subprocess.Popen([*command, *map(str, arguments)], stdout=subprocess.PIPE)


def wait_until_following(process: subprocess.Popen[bytes]) -> None:
    """Return when it publishes whatever is stored from now on; to be asked once."""
    assert process.stdout is not None
    assert process.stdout.readline() == _FOLLOWS, "it does not follow"


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it at once."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def main(arguments: list[str]) -> None:
    """Follow a store until the process is ended."""
    path, bootstrap_servers, prefix, partitions, checkpoint = arguments
    topics = Topics(
        prefix=prefix,
        partitions=int(partitions),
        reply_partitions=4,
        replication=1,
        min_insync=1,
    )
    with SqliteEventStore(Path(path)) as store:
        kept = FileCheckpoint(Path(checkpoint))
        with Relay(store, bootstrap_servers, topics=topics, checkpoint=kept) as relay:
            if relay.wait_until_following(120):
                sys.stdout.buffer.write(_FOLLOWS)
                sys.stdout.flush()
            relay.join()


if __name__ == "__main__":
    main(sys.argv[1:])
