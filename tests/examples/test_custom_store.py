"""The store in a log file keeps the contract, and outlives crashes at any byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from examples.custom_store import LogFileStore
from healthpay_core import (
    AppendUnavailable,
    AppendUnknown,
    CommandHandler,
    CommandRequest,
    Committed,
    EventEnvelope,
    EventStore,
    StoreFault,
    StreamCorrupted,
    new_id,
)
from healthpay_core.testing.appends import append_of, rejection, stream
from healthpay_core.testing.builders import command_id, create
from healthpay_core.testing.contracts import EventStoreContract
from healthpay_wire.envelopes import digest
from healthpay_wire.verify import verify_chain

A, B = stream("a"), stream("b")


class TestLogFileStore(EventStoreContract):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "events.log"

    def make_store(self) -> EventStore:
        return LogFileStore(self.path)

    def close_store(self, store: EventStore) -> None:
        assert isinstance(store, LogFileStore)
        store.close()

    def reopen(self, store: EventStore) -> EventStore:
        self.close_store(store)
        return self.make_store()

    def second(self, store: EventStore) -> EventStore:
        return self.make_store()

    def digest(self, prev_hash: bytes, envelope: EventEnvelope) -> bytes:
        return digest(prev_hash, envelope)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of two appends."""
    path = tmp_path / "events.log"
    with closing(LogFileStore(path)) as store:
        store.append(append_of("c0", (A, 0), (B, 0)))
        store.append(append_of("c1", (A, 1)))
    return path


def test_a_line_torn_at_any_byte_is_ignored(path: Path) -> None:
    """V1, T4, I7: a crash within a write leaves the appends before it, whole."""
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    step = max(1, (len(whole) - first) // 60)
    for size in (*range(first, len(whole), step), len(whole) - 1):
        path.write_bytes(whole[:size])
        with closing(LogFileStore(path)) as store:
            assert store.versions((A, B)) == {A: 1, B: 1}
            assert store.outcomes((command_id("c0"), command_id("c1"))) == {
                command_id("c0"): rejection("c0")
            }
            store.append(append_of("c2", (A, 1)))
        with closing(LogFileStore(path)) as store:
            assert store.versions((A, B)) == {A: 2, B: 1}
            assert verify_chain(store.read(A)) is None


def test_a_damaged_line_is_never_taken_for_a_torn_one(path: Path) -> None:
    """A2: a line that is wrong is no line; before others it is damage, and kept."""
    whole = path.read_bytes()
    last, first = len(whole) - 20, 20
    path.write_bytes(whole[:last] + b"?" + whole[last + 1 :])
    with closing(LogFileStore(path)) as store:
        assert store.versions((A, B)) == {A: 1, B: 1}
    path.write_bytes(whole[:first] + b"?" + whole[first + 1 :])
    with closing(LogFileStore(path)) as store, pytest.raises(StreamCorrupted):
        store.append(append_of("c2", (A, 0)))
    assert len(path.read_bytes()) == len(whole)


def test_what_cannot_be_written_is_unknown_until_it_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4, I7: an error of the disk is never "failed"; asked again, the file says."""
    with closing(LogFileStore(path)) as store:

        def full(_: int) -> None:
            raise OSError(28, "no space left")

        assert store.versions((A,)) == {A: 2}
        monkeypatch.setattr(os, "fsync", full)
        result = store.append(append_of("c2", (A, 2)))
        assert isinstance(result, AppendUnknown)
        with pytest.raises(StoreFault):
            store.versions((A,))
        monkeypatch.undo()
        assert store.versions((A,)) == {A: 3}


def test_a_closed_store_says_so(path: Path) -> None:
    """E4: from a closed store nothing is read, and nothing is stored in it."""
    store = LogFileStore(path)
    store.close()
    with pytest.raises(StoreFault, match="closed"):
        store.feed()
    assert isinstance(store.append(append_of("c2", (A, 2))), AppendUnavailable)


WRITER = """
import sys
from pathlib import Path
from examples.custom_store import LogFileStore
from healthpay_core.testing.appends import append_of, stream
store = LogFileStore(Path(sys.argv[1]))
for number in range(100_000):
    store.append(append_of(f"{number}", (stream("w"), number)))
    print(number, flush=True)
"""


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    """I7, V1: after SIGKILL each append that was acknowledged is there, in order."""
    path = tmp_path / "events.log"
    command = [sys.executable, "-c", WRITER, str(path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        first = [int(writer.stdout.readline()) for _ in range(25)]
        writer.send_signal(signal.SIGKILL)
        acknowledged = [*first, *map(int, writer.stdout.readlines())][-1]
    with closing(LogFileStore(path)) as store:
        events = store.read(stream("w"))
        assert len(events) in (acknowledged + 1, acknowledged + 2)
        assert verify_chain(events) is None


def test_the_domain_runs_on_it(path: Path) -> None:
    """V5, I4: the handler decides on it as on any other store, also after a restart."""
    order = CommandRequest(command=create(new_id()))
    with closing(LogFileStore(path)) as store:
        first = CommandHandler(store).handle(order)
    assert isinstance(first, Committed)
    with closing(LogFileStore(path)) as store:
        assert CommandHandler(store).handle(order) == replace(first, replayed=True)
        assert len(store.feed()) == 4
