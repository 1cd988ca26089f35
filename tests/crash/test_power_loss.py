"""The power fails after any call: what was not synced is lost, what was said is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from healthpay_sql import SqliteEventStore, StoreFileError
from tests.crash.disk import Change, Disk, changes, lay_out, power_cuts
from tests.crash.launching import Worker
from tests.crash.scenario import STEPS, audit, go_on
from tests.crash.shim import Action, Call, Fault, Kind

pytestmark = pytest.mark.crash

SEED = 20_261_126
CONTINUED = 7
"""Each so manieth image is not only audited but worked on to the end."""


@dataclass
class Report:
    """What the power cuts have shown."""

    images: int = 0
    cuts: Counter[str] = field(default_factory=Counter)
    in_doubt: Counter[bool] = field(default_factory=Counter)


def recorded(worker: Worker, *jobs: dict[str, object]) -> list[Change]:
    """The changes that these jobs, one after the other on one file, make."""
    path = worker.new_path()
    worker.log.write_bytes(b"")
    worker.control.record(True)
    for job in jobs:
        worker.do(path, **job)
    worker.control.record(False)
    return list(changes(worker.log))


def cut_everywhere(
    log: Sequence[Change], room: Path, *, seed: int, every_way: bool
) -> Report:
    """Fail the power after each call, open what is left, and audit it.

    Raises:
        AssertionError: What was acknowledged is lost, or what is there is wrong.
    """
    disk, report, random, acknowledged = Disk(), Report(), Random(seed), 0
    for number, change in enumerate(log):
        if change.call == Call.ANSWERED:
            acknowledged = max(acknowledged, change.offset + 1)
        else:
            disk.apply(change)
        cuts = power_cuts(disk, random)
        # The cruellest each time, the others in turn.
        chosen = cuts if every_way else (cuts[0], cuts[1 + number % (len(cuts) - 1)])
        for name, image in chosen:
            lay_out(image(), room / "cut", random)
            where = f"call {number} ({change.label}), of the rest: {name}"
            _audit(room / "cut", acknowledged, report, where)
            report.cuts[name] += 1
    return report


def _audit(path: Path, acknowledged: int, report: Report, where: str) -> None:
    report.images += 1
    try:
        with SqliteEventStore(path) as store:
            found = audit(store, acknowledged, min(acknowledged + 1, len(STEPS)))
            if report.images % CONTINUED == 0:
                go_on(store, store)
    except (AssertionError, StoreFileError) as error:
        raise AssertionError(f"{where}: {error}") from error
    report.in_doubt[found > acknowledged] += 1


def test_what_was_acknowledged_survives_a_power_cut_after_any_call(
    worker: Worker, room: Path, is_soak: bool, tell: Callable[[str], None]
) -> None:
    """I7, A2, T4: the file opens, every answered step is there, none in parts.

    From the making of the file on, over checkpoints, to the closing of the store.
    """
    log = recorded(worker, {})
    images = 0
    for seed in range(10 if is_soak else 1):
        report = cut_everywhere(log, room, seed=SEED + seed, every_way=is_soak)
        images += report.images
        assert min(report.cuts.values()) > len(log) // 10, report
        assert report.in_doubt[True] > 10, "no cut hit what was not yet answered"
    calls = sum(change.call != Call.ANSWERED for change in log)
    tell(f"power cuts: {images} images of what may be left after {calls} calls, 0 lost")
    synced = {change.label for change in log}
    assert {"SYNC WAL", "SYNC DB", "SYNC FOLDER", "WRITE DB"} <= synced, synced


def test_what_is_answered_after_a_kill_survives_a_power_cut_too(
    worker: Worker, room: Path, is_soak: bool
) -> None:
    """I4, I7: a replay promises as much as the first answer.

    The process dies when a commit is written and not yet synced; the next one
    finds it and says "committed". Then the power fails.
    """
    for first in range(1, 15) if is_soak else (1, 4, 9):
        replayed_then_cut(worker, room, first)


def replayed_then_cut(worker: Worker, room: Path, first: int, plant: str = "") -> None:
    """Killed at a sync of the log, opened again, asked again, and no power.

    Raises:
        AssertionError: What was answered the second time is lost.
    """
    fault = Fault(
        action=Action.KILL_BEFORE, calls=Call.SYNC, files=Kind.WAL, first=first
    )
    again = {"end": min(first + 2, len(STEPS)), "plant": plant}
    log = recorded(worker, {"fault": fault, "plant": plant}, again)
    cut_everywhere(log, room, seed=first, every_way=False)
