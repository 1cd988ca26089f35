"""A processor as a process of its own, which can be told when to die."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import orjson
from confluent_kafka import KafkaError, KafkaException

from healthpay_core import NO_LIMITS, CommandRequest, SystemClock
from healthpay_kafka import partition
from healthpay_kafka.deciding import Decider, Decision
from healthpay_kafka.holdings import Holdings
from healthpay_kafka.processor import Processor
from healthpay_kafka.records import Record
from healthpay_kafka.restoring import Restored
from healthpay_kafka.topics import Topics
from healthpay_kafka.transaction import Aborted, PartitionProducer
from healthpay_kafka.worker import ProcessorSettings

AFTER_A_FAULT = ("abort", "renew")
"""Steps that are taken only when something has gone wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the program is told.

    Attributes:
        reports: Where it writes what it does, a JSON object a line.
        die_at: The step before which it kills itself; never, when empty.
        die_after: That step is the so manieth of its name.
        only_stop: It stops where it stands (SIGSTOP), instead of dying.
        tear: The first transaction from the so manieth on that writes an entry of
            the journal, and elsewhere, is torn: a prefix of what it writes to each
            place is committed, something but not all, then it dies. 0 for never.
        keeps_entry: Whether an entry is in the part that is committed; drawn, when
            not said.
        live_on: It does not die then, but is told that nothing was written.
        abort_every: Each so manieth transaction meets a fault. 0 for never.
        abort_at: Before which of its steps.
        raises: What cannot be decided: the id of a caller's command, and the class
            of the command, or of the step of its process, that raises.
        raises_once: Each of these raises only when it is first decided.
        again_after_s: When a process takes too long; 0 for the usual time.
    """

    servers: str
    topics: Topics
    instance: str
    reports: Path
    die_at: str = ""
    die_after: int = 1
    only_stop: bool = False
    tear: int = 0
    keeps_entry: bool | None = None
    live_on: bool = False
    abort_every: int = 0
    abort_at: str = "flush"
    raises: frozenset[tuple[str, str]] = frozenset()
    raises_once: bool = False
    again_after_s: int = 0
    seed: int = 0
    max_batch: int = 200
    checkpoint_every: int = 2_000
    state_dir: Path | None = None


def main(script: Script) -> None:
    """Run until SIGTERM, or until the script says so."""
    program = _Program(script)
    if script.tear:
        program.plan_a_tear()
    if script.again_after_s:
        after_us = script.again_after_s * 1_000_000
        setattr(partition, "_AGAIN_AFTER_US", after_us)  # noqa: B010 (a constant)
    processor = Processor(
        ProcessorSettings(
            bootstrap_servers=script.servers,
            topics=script.topics,
            instance_id=script.instance,
            max_batch=script.max_batch,
            checkpoint_every=script.checkpoint_every,
            state_dir=script.state_dir,
        ),
        _FaultyDecider(script.raises, once=script.raises_once),
        observer=program,
        probe=program.probe,
    )
    signal.signal(signal.SIGTERM, lambda *_: processor.stop())
    program.report("runs")
    try:
        processor.run()
    except Exception as error:
        program.report("ended", reason=f"{type(error).__name__}: {error}")
        raise SystemExit(3) from error
    program.report("ended", reason="")


class _FaultyDecider(Decider):
    """Raises for chosen commands, as a bug in a decision does."""

    def __init__(self, raises: frozenset[tuple[str, str]], *, once: bool) -> None:
        super().__init__(SystemClock(), NO_LIMITS)
        self._raises = set(raises)
        self._once = once

    def decide(self, request: CommandRequest, holdings: Holdings, now: int) -> Decision:
        """Decide; a step is known by the command that its process began with."""
        root = request.causation_id or request.command_id
        name = type(request.command).__name__
        if (root, name) in self._raises:
            if self._once:
                self._raises.remove((root, name))
            raise ZeroDivisionError(f"{root} {name}")
        return super().decide(request, holdings, now)


class _Program:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._file = os.open(script.reports, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._lock = threading.Lock()
        self._counts: defaultdict[str, int] = defaultdict(int)

    def report(self, what: str, **more: object) -> None:
        """One line, whole, whatever happens next."""
        line = {"what": what, "at": time.monotonic(), **more}
        os.write(self._file, orjson.dumps(line) + b"\n")

    def probe(self, step: str) -> None:
        """Die, or meet a fault, where the script says so."""
        with self._lock:
            self._counts[step] += 1
            count = self._counts[step]
        script = self._script
        if step == script.die_at and count == script.die_after:
            self.report("dies", step=step)
            fatal = signal.SIGSTOP if script.only_stop else signal.SIGKILL
            os.kill(os.getpid(), fatal)
        faulty = script.abort_every or (1 if script.die_at in AFTER_A_FAULT else 0)
        if step == script.abort_at and faulty and count % faulty == 0:
            raise KafkaException(
                KafkaError(KafkaError._TIMED_OUT, "planted", txn_requires_abort=True)
            )

    def plan_a_tear(self) -> None:
        """Have the broker commit a part of a transaction, as a late marker can."""
        script, draw = self._script, Random(self._script.seed)
        real, has_torn = PartitionProducer.write, threading.Event()

        def write(
            producer: PartitionProducer, records: Sequence[Record]
        ) -> dict[str, int]:
            with self._lock:
                self._counts["write"] += 1
                is_due = self._counts["write"] >= script.tear
                is_torn = is_due and _is_fit(records) and not has_torn.is_set()
                if is_torn:
                    has_torn.set()
            if not is_torn:
                return real(producer, records)
            kept = _torn(records, draw, script.keeps_entry)
            real(producer, kept)
            self.report("dies", step="torn", kept=len(kept), of=len(records))
            if script.live_on:
                raise Aborted("planted")
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        setattr(PartitionProducer, "write", write)  # noqa: B010 (a fault is planted)

    def committed(self, partition: int, commands: int, took_s: float) -> None:
        self.report("committed", partition=partition, n=commands, took_s=took_s)

    def restored(self, partition: int, restored: Restored) -> None:
        self.report(
            "restored",
            partition=partition,
            entries=restored.entries,
            snapshots=restored.snapshots,
            took_s=restored.took_s,
            was_parked=restored.was_parked,
            removed=restored.removed,
        )

    def lost(self, partition: int, reason: str) -> None:
        self.report("lost", partition=partition, reason=reason)

    def undone(self, partition: int, reason: str) -> None:
        self.report("undone", partition=partition, reason=reason)

    def unexpected(self, error_id: str, error: BaseException) -> None:
        reason = f"{type(error).__name__}: {error}"
        self.report("unexpected", error_id=error_id, reason=reason)


def _is_fit(records: Sequence[Record]) -> bool:
    """Whether any part of it can be lost, with an entry of the journal or without."""
    return {record.journals is None for record in records} == {True, False}


def _torn(
    records: Sequence[Record], draw: Random, keeps_entry: bool | None
) -> list[Record]:
    """A prefix of what goes to each place: something, not all, and as it was told."""
    places: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        places[record.topic, record.partition].append(record)
    while True:
        kept = [
            record
            for written in places.values()
            for record in written[: draw.randint(0, len(written))]
        ]
        has_entry = any(record.journals for record in kept)
        if 0 < len(kept) < len(records) and keeps_entry in (None, has_entry):
            return kept
