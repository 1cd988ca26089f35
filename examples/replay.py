"""Play a month of a wallet programme through the embedded runtime and prove it.

`python -m examples.replay --commands 100000 --seed 1 --store sqlite:///replay.db`

The exit code is 0 when every proof holds, 1 when one fails, 2 when the arguments
or the file cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, assert_never

from tqdm import tqdm

from examples.data.generate import LEAST_COMMANDS, month
from examples.data.requests import TimedRequest
from examples.data.schedule import ENDS_AT, HOUR
from examples.proofs import Acknowledged, Progress, Proof, prove
from healthpay_core import (
    CommandHandler,
    CommandRequest,
    Committed,
    EventStore,
    InMemoryEventStore,
    LocalRuntime,
    ManualClock,
    Outcome,
    Rejected,
    SnapshotStore,
    StoreQueries,
    Sweeper,
    Unknown,
)
from healthpay_core.refusals import (
    CardLimitExceeded,
    InsufficientFunds,
    LimitExceeded,
    WalletNotActive,
)
from healthpay_sql import SqliteEventStore, StoreFileError
from healthpay_wire.envelopes import digest

CALLERS: Final = 64
MEMORY: Final = "memory:"
SQLITE: Final = "sqlite:///"


class Tally:
    """Counts what became of the commands."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.swept: Counter[str] = Counter()
        self.acknowledged: dict[str, int] = {}
        self.busy_s: float = 0.0

    @property
    def commands(self) -> int:
        """How many were answered."""
        return self.outcomes.total()

    def note(self, outcome: Outcome) -> None:
        """Count one answer."""
        match outcome:
            case Committed():
                replayed = outcome.replayed
                self.outcomes["committed again" if replayed else "committed"] += 1
                self.acknowledged[outcome.command_id] = len(outcome.events)
            case Rejected():
                replayed = outcome.replayed
                self.outcomes["refused again" if replayed else "refused"] += 1
                self.refusals[_reason(outcome)] += 1
            case Unknown():
                self.outcomes["unknown"] += 1
            case _:
                assert_never(outcome)

    def note_sweep(self, outcome: Outcome) -> None:
        """Count what a sweep ordered by itself."""
        if isinstance(outcome, Committed):
            self.swept[outcome.events[-1].event_type] += not outcome.replayed
            self.acknowledged[outcome.command_id] = len(outcome.events)


async def play(
    runtime: LocalRuntime,
    clock: ManualClock,
    commands: Iterable[TimedRequest],
    *,
    callers: int = CALLERS,
    sweeper: Callable[[], object] | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Give all commands, `callers` of them at a time, while the clock follows.

    The clock stands still while a chunk is under way, and no chunk goes across
    midnight, so that each command counts in the windows of its own day.
    `sweeper` is called between chunks, about once an hour: late, as sweeps are.
    """
    tally = tally or Tally()
    swept_at = 0
    for chunk in chunks(commands, clock, callers):
        clock.instant = max(clock.instant, chunk[-1].at)
        started = time.perf_counter()
        outcomes = await asyncio.gather(*(runtime.submit(t.request) for t in chunk))
        tally.busy_s += time.perf_counter() - started
        for outcome in outcomes:
            tally.note(outcome)
        if sweeper is not None and clock.instant >= swept_at + HOUR:
            swept_at = clock.instant
            sweeper()
    return tally


def chunks(
    commands: Iterable[TimedRequest], clock: ManualClock, size: int
) -> Iterator[list[TimedRequest]]:
    """At most `size` commands of one business day each, in order.

    Two copies of one instant run beside each other, as double-clicks do; a later
    repetition waits for the answer, and so begins the next chunk.
    """
    chunk: list[TimedRequest] = []
    sent: dict[str, int] = {}
    day_ends = 0
    for timed in commands:
        again = sent.get(timed.request.command_id, timed.at) < timed.at
        if chunk and (len(chunk) == size or timed.at >= day_ends or again):
            yield chunk
            chunk, sent = [], {}
        if not chunk:
            day_ends = clock.business_day(timed.at).ends_at
        chunk.append(timed)
        sent[timed.request.command_id] = timed.at
    if chunk:
        yield chunk


@contextmanager
def opened(url: str) -> Iterator[InMemoryEventStore | SqliteEventStore]:
    """The store that a URL names: `memory:` or `sqlite:///path`.

    Raises:
        StoreFileError: The file cannot be used.
    """
    if url == MEMORY:
        yield InMemoryEventStore(digest=digest)
    else:
        with SqliteEventStore(url.removeprefix(SQLITE)) as store:
            yield store


def replay(
    store: EventStore,
    snapshots: SnapshotStore,
    *,
    seed: int,
    commands: int,
    callers: int = CALLERS,
) -> tuple[Tally, Acknowledged]:
    """Play a month into a store; also what the callers were told.

    The last sweep comes as the month is over, and so are some of the cards.
    """
    was_empty = not store.feed(0, 1)
    played = tqdm(
        month(seed, commands), total=commands, desc="playing", unit="cmd", disable=None
    )
    clock = ManualClock(0)
    handler = CommandHandler(store, clock=clock, snapshots=snapshots)
    runtime = LocalRuntime(handler)
    tally = Tally()

    def order(request: CommandRequest) -> Outcome:
        outcome = runtime.execute(request)
        tally.note_sweep(outcome)
        return outcome

    sweep = Sweeper(order, store, clock).sweep
    playing = play(runtime, clock, played, callers=callers, sweeper=sweep, tally=tally)
    asyncio.run(playing)
    clock.instant = max(clock.instant, ENDS_AT)
    sweep()
    runtime.close()
    complete = was_empty and not tally.outcomes["unknown"]
    return tally, Acknowledged(events=tally.acknowledged, complete=complete)


def main(arguments: list[str] | None = None) -> int:
    """Play, print, prove; see the module."""
    options = _options(arguments)
    try:
        with opened(options.store) as store:
            acknowledged = None if options.check else _played(store, options)
            proofs = prove(
                store,
                # By way of the snapshots, so that these are compared as well (A1).
                StoreQueries(store, store),
                acknowledged=acknowledged,
                progress=_progress(),
            )
    except StoreFileError as error:
        sys.stderr.write(f"replay: {error}\n")
        return 2
    return verdict(proofs)


def report(tally: Tally, took_s: float) -> Iterator[str]:
    """Throughput, outcomes, and refusals by code, as lines."""
    yield (
        f"{tally.commands:,} commands in {took_s:.1f} s: "
        f"{tally.commands / took_s:,.0f}/s with their generation, "
        f"{tally.commands / tally.busy_s:,.0f}/s in the runtime"
    )
    yield from _table("outcome", tally.outcomes)
    yield from _table("refusal", tally.refusals)
    yield from _table("swept", tally.swept)


def verdict(proofs: list[Proof]) -> int:
    """Print the proofs; 0 when all hold, else 1."""
    _say("", *map(str, proofs))
    failed = [
        f"{proof.claim} ({len(proof.faults):,} faults in {proof.checked:,} checked)"
        for proof in proofs
        if not proof.holds
    ]
    if failed:
        sys.stderr.write(f"replay: not proved: {'; '.join(failed)}\n")
    return 1 if failed else 0


def _played(
    store: InMemoryEventStore | SqliteEventStore, options: argparse.Namespace
) -> Acknowledged:
    started = time.perf_counter()
    tally, acknowledged = replay(
        store,
        store,
        seed=options.seed,
        commands=options.commands,
        callers=options.callers,
    )
    _say(*report(tally, time.perf_counter() - started))
    return acknowledged


def _reason(outcome: Rejected) -> str:
    """The code, and what tells its cases apart."""
    error = outcome.error
    detail: str | None = None
    match error:
        case LimitExceeded() | CardLimitExceeded():
            detail = error.limit_name
        case InsufficientFunds() | WalletNotActive():
            detail = error.party
        case _:
            pass
    return f"{error.code} ({detail})" if detail else str(error.code)


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    width = max((len(name) for name in counts), default=0) + 2
    yield f"\n{title:<{width}} {'count':>9}"
    for name, count in counts.most_common():
        yield f"{name:<{width}} {count:>9,}"


def _progress() -> Progress:
    return lambda streams: tqdm(streams, desc="proving", unit="stream", disable=None)


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.replay",
        description="Play a month of a wallet programme and prove what it left.",
    )
    add = parser.add_argument
    add("--commands", type=int, default=100_000, help=f"at least {LEAST_COMMANDS}")
    add("--seed", type=int, default=1, help="another seed is another month")
    add("--store", default=MEMORY, help="memory: or sqlite:///replay.db")
    add("--callers", type=int, default=CALLERS, help="commands under way at once")
    add("--check", action="store_true", help="play nothing, only prove")
    options = parser.parse_args(arguments)
    path = options.store.removeprefix(SQLITE)
    if options.commands < LEAST_COMMANDS:
        parser.error(f"--commands is at least {LEAST_COMMANDS}")
    if options.callers < 1:
        parser.error("--callers is at least 1")
    if options.store != MEMORY and path in ("", options.store):
        parser.error(f"--store is {MEMORY} or {SQLITE}<path>, not {options.store}")
    if options.check and not Path(path).is_file():
        parser.error("--check needs the file of a month that was played")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
