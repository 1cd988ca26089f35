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
    PaymentVoided,
    StoreQueries,
    new_id,
)
from healthpay_sql import SqliteEventStore

COMMANDS = 3_000
MET = {
    "AMOUNT_NOT_ELIGIBLE",
    "AUTHORIZATION_EXPIRED",
    "CAPTURE_EXCEEDS_AUTHORIZED",
    "CARD_EXPIRED",
    "CARD_NOT_ACTIVE",
    "CARD_NOT_RESUMABLE",
    "MERCHANT_CATEGORY_NOT_ALLOWED",
    "PAYEE_NOT_MERCHANT",
    "PAYMENT_ALREADY_CAPTURED",
    "PAYMENT_ALREADY_REFUNDED",
    "PAYMENT_ALREADY_VOIDED",
    "PAYMENT_NOT_AUTHORIZED",
    "PAYMENT_NOT_CAPTURED",
    "PAYMENT_NOT_VOIDABLE",
    "REFUND_EXCEEDS_CAPTURED",
    "WALLET_NOT_ACTIVE (payer)",
}
SWEPT = {"wallet.hold_released", "payment.voided", "medcard.expired"}
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
    """Throughput, outcomes, refusals, sweeps and nine proofs are printed; exit 0."""
    code = replay.main(["--store", "memory:", "--commands", str(COMMANDS)])
    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("3,000 commands in ")
    assert "INSUFFICIENT_FUNDS" in said
    assert "committed again" in said
    assert "payment.voided " in said
    assert "medcard.expired " in said
    assert said.count("proved  ") == 9


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
        if meta.command_id not in due:
            # A sweep ordered it.
            assert recorded.envelope.event_type in SWEPT
            continue
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


def test_every_rule_of_payments_and_cards_has_work_to_do() -> None:
    """A month meets each refusal of a payment and a card, first or repeated (P, D)."""
    store = InMemoryEventStore()
    tally, _ = replay.replay(store, store, seed=1, commands=20_000)
    assert {code for code in tally.refusals if code in MET} == MET
    assert any(code.startswith("CARD_LIMIT_EXCEEDED (") for code in tally.refusals)


def test_what_has_run_out_is_swept_and_late() -> None:
    """Expired authorisations and cards are ended by late sweeps (P7, P8, D5)."""
    store = InMemoryEventStore()
    tally, acknowledged = replay.replay(store, store, seed=1, commands=COMMANDS)
    voided = [
        r.envelope
        for r in store.feed(0, 1_000_000)
        if isinstance(r.envelope.data, PaymentVoided)
        and r.envelope.data.reason == "expired"
    ]
    assert len(voided) == tally.swept["payment.voided"] > 0
    assert tally.swept["medcard.expired"] > 0
    queries = StoreQueries(store)
    for envelope in voided:
        payment = queries.payment(envelope.aggregate_id)
        assert payment is not None
        assert payment.expires_at is not None
        assert payment.expires_at <= envelope.meta.occurred_at
        assert envelope.meta.command_id in acknowledged.events


def test_sweeps_come_between_chunks_about_once_an_hour() -> None:
    """The sweeper is called when an hour has passed, after the chunk that did."""
    commands: list[Command] = [ActivateWallet(wallet_id=new_id()) for _ in range(5)]
    minutes = (0, 20, 59, 70, 200)
    schedule = [
        _sent(NOON + minute * HOUR // 60, command)
        for minute, command in zip(minutes, commands, strict=True)
    ]
    clock = ManualClock(0)
    runtime = LocalRuntime(CommandHandler(InMemoryEventStore(), clock=clock))
    swept: list[int] = []

    def sweep() -> None:
        swept.append((clock.instant - NOON) * 60 // HOUR)

    asyncio.run(replay.play(runtime, clock, schedule, callers=1, sweeper=sweep))
    assert swept == [0, 70, 200]


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
