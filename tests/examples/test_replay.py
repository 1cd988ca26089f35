"""The replay: it follows the schedule, repeats change nothing, and it exits well."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from examples import replay
from examples.data.generate import month
from examples.data.requests import TimedRequest
from examples.data.schedule import HOUR
from healthpay_core import (
    ActivateWallet,
    Command,
    CommandHandler,
    CommandRequest,
    CreateWallet,
    CreditWallet,
    DebitWallet,
    InMemoryEventStore,
    LocalRuntime,
    ManualClock,
    new_id,
)
from healthpay_sql import SqliteEventStore

COMMANDS = 3_000
NOON = 1_701_424_800_000_000  # 2023-12-01T12:00 in Cairo


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "month.db"
    assert replay.main([*_arguments(path), "--commands", str(COMMANDS)]) == 0
    return path


def _arguments(path: Path) -> list[str]:
    return ["--store", f"sqlite:///{path}", "--seed", "5"]


def _sent(at: int, command: Command, command_id: str | None = None) -> TimedRequest:
    request = CommandRequest(command=command, command_id=command_id or new_id())
    return TimedRequest(at=at, kind="pharmacy", origin="first", request=request)


def test_a_month_is_played_and_proved(capsys: pytest.CaptureFixture[str]) -> None:
    """Throughput, outcomes, refusals and six proofs are printed; the exit code is 0."""
    code = replay.main(["--store", "memory:", "--commands", str(COMMANDS)])
    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("3,000 commands in ")
    assert "INSUFFICIENT_FUNDS" in said
    assert "committed again" in said
    assert said.count("proved  ") == 6


def test_playing_it_again_changes_nothing(
    played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same month again is nothing but replays: not one more event (I4, I7)."""
    with SqliteEventStore(played) as store:
        before = len(store.feed(0, 1_000_000))
    assert replay.main([*_arguments(played), "--commands", str(COMMANDS)]) == 0
    with SqliteEventStore(played) as store:
        assert len(store.feed(0, 1_000_000)) == before
    outcomes = capsys.readouterr().out.split("refusal")[0].splitlines()
    assert not any(line.startswith("committed  ") for line in outcomes)


def test_a_played_file_can_be_checked_alone(played: Path) -> None:
    """`--check` proves what a file holds without playing."""
    assert replay.main([*_arguments(played), "--check"]) == 0


def test_events_happen_on_the_day_of_their_command() -> None:
    """Each event is recorded on its command's business day, not before it (K8)."""
    store = InMemoryEventStore()
    replay.replay(store, store, seed=2, commands=COMMANDS)
    clock = ManualClock(0)
    due: dict[str, int] = {}
    for timed in month(2, COMMANDS):
        due.setdefault(timed.request.command_id, timed.at)
    last = 0
    for recorded in store.feed(0, 1_000_000):
        meta = recorded.envelope.meta
        at = due[meta.command_id]
        assert last <= meta.occurred_at >= at
        assert clock.business_day(meta.occurred_at) == clock.business_day(at)
        last = meta.occurred_at


def test_limits_are_those_of_each_day() -> None:
    """What a day's limit refuses goes through after midnight (K2, K3, K8)."""
    wallet = new_id()
    create = CreateWallet(
        wallet_id=wallet,
        owner_id=new_id(),
        wallet_type="personal",
        currency="EGP",
        kyc_level="basic",
    )
    credit = CreditWallet(
        wallet_id=wallet, amount=9_000_000, currency="EGP", reason="deposit"
    )
    debit = DebitWallet(
        wallet_id=wallet, amount=3_000_000, currency="EGP", reason="withdrawal"
    )
    schedule = [
        _sent(NOON, create),
        _sent(NOON, ActivateWallet(wallet_id=wallet)),
        _sent(NOON, credit),
        _sent(NOON + 1, debit),
        _sent(NOON + 2, debit),
        # 43 seconds to midnight, and the first instant after it.
        _sent(NOON + 12 * HOUR - 43_000_000, debit),
        _sent(NOON + 12 * HOUR, debit),
    ]
    clock = ManualClock(0)
    runtime = LocalRuntime(CommandHandler(InMemoryEventStore(), clock=clock))
    tally = asyncio.run(replay.play(runtime, clock, schedule))
    assert tally.outcomes == Counter({"committed": 5, "refused": 2})
    assert tally.refusals == Counter({"LIMIT_EXCEEDED (daily)": 2})


def test_copies_of_one_instant_race_and_retries_wait() -> None:
    """Double-clicks share a chunk; a later repetition begins another one (I4, I5)."""
    command, key = ActivateWallet(wallet_id=new_id()), new_id()
    schedule = [_sent(NOON, command, key), _sent(NOON, command, key)]
    schedule += [_sent(NOON + 1, command), _sent(NOON + 2, command, key)]
    sizes = [len(c) for c in replay.chunks(schedule, ManualClock(0), 64)]
    assert sizes == [3, 1]
    assert [len(c) for c in replay.chunks(schedule, ManualClock(0), 2)] == [2, 2]


def test_double_clicks_meet_a_command_under_way() -> None:
    """Of two copies in one instant one is decided, the other is told so (I5)."""
    store = InMemoryEventStore()
    tally, _ = replay.replay(store, store, seed=1, commands=COMMANDS)
    copies = sum(t.origin == "double_click" for t in month(1, COMMANDS))
    assert 0 < tally.refusals["IDEMPOTENCY_KEY_IN_USE"] <= copies


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--commands", "10"], "--commands is at least 1000"),
        (["--callers", "0"], "--callers is at least 1"),
        (["--store", "postgres://x"], "--store is memory: or sqlite:///<path>"),
        (["--store", "sqlite:///"], "--store is memory: or sqlite:///<path>"),
        (["--check"], "--check needs the file"),
    ],
)
def test_wrong_arguments_are_explained(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2 and the text says what would be right."""
    with pytest.raises(SystemExit) as stopped:
        replay.main(arguments)
    assert stopped.value.code == 2
    assert text in capsys.readouterr().err


def test_a_foreign_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no store is left alone; the exit code is 2."""
    path = tmp_path / "notes.db"
    path.write_text("not a store " * 1_000)
    assert replay.main(_arguments(path)) == 2
    assert capsys.readouterr().err.startswith("replay: ")
    assert path.read_text() == "not a store " * 1_000
