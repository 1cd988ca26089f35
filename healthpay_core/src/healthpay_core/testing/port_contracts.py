"""The contracts of snapshots, clocks and command ports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

import pytest

from healthpay_core.catalogue import Code
from healthpay_core.clock import Clock
from healthpay_core.domain import State
from healthpay_core.ids import StreamId, new_id, wallet_stream
from healthpay_core.outcome import Committed, Outcome, Rejected
from healthpay_core.ports import CommandPort, Snapshot, SnapshotStore
from healthpay_core.testing.appends import race
from healthpay_core.testing.builders import (
    NOW,
    after,
    create,
    funded,
    hold,
    instant,
    opened,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.given_when_then import given
from healthpay_core.views import WalletView
from healthpay_core.wallet.commands import CloseWallet, SuspendWallet

_A, _B = wallet_id("a"), wallet_id("b")


def _states() -> Mapping[StreamId, State]:
    """States of every kind, of streams of their own."""
    suspended, closed, pending = map(wallet_id, ("suspended", "closed", "pending"))
    facts = after(
        *funded(_A, 100),
        hold(_A, "hold-1", 30),
        *opened(_B),
        transfer(_A, _B, 5, name="t"),
        *funded(suspended, 7),
        SuspendWallet(wallet_id=suspended, reason_code="fraud"),
        *opened(closed),
        CloseWallet(wallet_id=closed),
        create(pending),
    )
    return MappingProxyType(given(*facts).states())


class SnapshotStoreContract:
    """What every snapshot store must do: keep states, lose them at worst."""

    def make_snapshots(self) -> SnapshotStore:
        """A fresh, empty store."""
        raise NotImplementedError

    def close_snapshots(self, snapshots: SnapshotStore) -> None:
        """Let go of what `make_snapshots` has opened."""

    def reopen_snapshots(self, snapshots: SnapshotStore) -> SnapshotStore:
        """The store closed and opened again; the same if that is not a thing."""
        return snapshots

    @pytest.fixture
    def snapshots(self) -> Iterator[SnapshotStore]:
        """The store of one test."""
        snapshots = self.make_snapshots()
        yield snapshots
        self.close_snapshots(snapshots)

    def test_a_state_comes_back_as_it_was(self, snapshots: SnapshotStore) -> None:
        """A1: the state of a snapshot is the state that was saved, of every kind."""
        saved = [
            Snapshot(stream=stream, version=number, state=state)
            for number, (stream, state) in enumerate(_states().items(), 1)
        ]
        snapshots.save_snapshots(saved)
        assert [snapshots.load_snapshot(s.stream) for s in saved] == saved

    def test_no_snapshot_is_none(self, snapshots: SnapshotStore) -> None:
        """A1: a stream without a snapshot has None."""
        snapshots.save_snapshots(())
        assert snapshots.load_snapshot(wallet_stream(_A)) is None

    def test_the_newest_snapshot_is_loaded(self, snapshots: SnapshotStore) -> None:
        """A1: a later snapshot takes the place of an earlier one."""
        stream = wallet_stream(_A)
        state = _states()[stream]
        for version in (1, 100, 200):
            snapshots.save_snapshots(
                (Snapshot(stream=stream, version=version, state=state),)
            )
        loaded = snapshots.load_snapshot(stream)
        assert loaded == Snapshot(stream=stream, version=200, state=state)

    def test_reopened_it_has_the_snapshot_or_none(
        self, snapshots: SnapshotStore
    ) -> None:
        """A1: after a restart a snapshot is whole or gone, never another."""
        stream = wallet_stream(_A)
        saved = Snapshot(stream=stream, version=4, state=_states()[stream])
        snapshots.save_snapshots((saved,))
        reopened = self.reopen_snapshots(snapshots)
        assert reopened.load_snapshot(stream) in (saved, None)
        if reopened is not snapshots:
            self.close_snapshots(reopened)


_FIRST_NOON: Final = instant("2025-01-01T10:00:00+00:00")
_ONE_DAY: Final = 24 * 3600 * 1_000_000


class ClockContract:
    """What every clock must do: instants that pass, and a calendar without holes."""

    def make_clock(self) -> Clock:
        """The clock."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock of one test."""
        return self.make_clock()

    def test_now_is_in_whole_microseconds(self, clock: Clock) -> None:
        """K8: time is an int of microseconds, of this century."""
        now = clock.now()
        assert type(now) is int
        assert instant("2000-01-01T00:00:00+00:00") < now
        assert now < instant("2100-01-01T00:00:00+00:00")

    def test_a_business_day_holds_its_instants(self, clock: Clock) -> None:
        """K8: the day of an instant begins at or before it and ends after it."""
        for hour in range(0, 24 * 400, 5):
            moment = _FIRST_NOON + hour * 3600 * 1_000_000
            day = clock.business_day(moment)
            assert day.starts_at <= moment < day.ends_at <= day.month_ends_at

    def test_business_days_follow_each_other_without_a_hole(self, clock: Clock) -> None:
        """K8: where one day ends the next begins, also when clocks change."""
        day = clock.business_day(_FIRST_NOON)
        for _ in range(800):
            following = clock.business_day(day.ends_at)
            assert following.starts_at == day.ends_at
            assert clock.business_day(day.ends_at - 1) == day
            one_later = date.fromisoformat(day.date) + timedelta(days=1)
            assert following.date == one_later.isoformat()
            assert abs(day.ends_at - day.starts_at - _ONE_DAY) <= _ONE_DAY // 24
            day = following

    def test_a_month_ends_where_the_next_begins(self, clock: Clock) -> None:
        """K8: the end of the month is the start of the first day of the next."""
        day = clock.business_day(_FIRST_NOON)
        for _ in range(30):
            following = clock.business_day(day.month_ends_at)
            assert following.starts_at == day.month_ends_at
            assert following.date.endswith("-01")
            assert following.date[:7] > day.date[:7]
            day = following


class CommandPortContract:
    """What every command port must do, for threads and for asyncio."""

    def make_port(self) -> CommandPort:
        """A port over an empty store; limits as of `NO_LIMITS`."""
        raise NotImplementedError

    def close_port(self, port: CommandPort) -> None:
        """Let go of what `make_port` has opened."""

    @pytest.fixture
    def port(self) -> Iterator[CommandPort]:
        """The port of one test."""
        port = self.make_port()
        yield port
        self.close_port(port)

    def test_a_command_is_committed(self, port: CommandPort) -> None:
        """V5: the answer names the events and the resource as it is after them."""
        outcome = port.execute(request(create(_A)))
        assert isinstance(outcome, Committed)
        assert isinstance(outcome.resource, WalletView)
        assert (outcome.resource.status, outcome.resource.version) == ("pending", 1)
        assert [ref.sequence for ref in outcome.events] == [1]
        assert not outcome.replayed

    def test_asyncio_gets_the_same_answers(self, port: CommandPort) -> None:
        """V5: a coroutine is answered as a thread is."""

        async def main() -> list[Outcome]:
            return [await port.submit(request(c)) for c in funded(_A, 10)]

        outcomes = asyncio.run(main())
        assert _balance(outcomes[-1]) == 10

    def test_a_refusal_is_an_answer(self, port: CommandPort) -> None:
        """E3: a refused command changes nothing, and says why by its code."""
        _fund(port, _A, 10)
        assert _code(port.execute(request(withdrawal(_A, 11)))) == (
            Code.INSUFFICIENT_FUNDS
        )
        assert _balance(port.execute(request(withdrawal(_A, 10)))) == 0

    def test_the_same_request_is_answered_again(self, port: CommandPort) -> None:
        """I4: the same id and fingerprint get the first answer, and nothing happens."""
        _fund(port, _A, 10)
        order = request(withdrawal(_A, 4), fingerprint=b"x")
        first = port.execute(order)
        assert isinstance(first, Committed)
        assert port.execute(order) == replace(first, replayed=True)
        assert _balance(port.execute(request(withdrawal(_A, 1)))) == 5

    def test_a_pinned_refusal_is_answered_again(self, port: CommandPort) -> None:
        """I6: a decided refusal stays, also when it would succeed by now."""
        order = request(withdrawal(_A, 4))
        for command in opened(_A):
            port.execute(request(command))
        first = port.execute(order)
        assert isinstance(first, Rejected)
        port.execute(request(funded(_A, 10)[2]))
        assert port.execute(order) == replace(first, replayed=True)

    def test_an_unpinned_refusal_is_decided_anew(self, port: CommandPort) -> None:
        """I6: what was not there yet may be there for the same request later."""
        order = request(withdrawal(_A, 4))
        assert _code(port.execute(order)) == Code.WALLET_NOT_FOUND
        _fund(port, _A, 10)
        assert _balance(port.execute(order)) == 6

    def test_another_request_under_the_same_id_is_refused(
        self, port: CommandPort
    ) -> None:
        """I3: the same id with another fingerprint is no replay."""
        _fund(port, _A, 10)
        order = request(withdrawal(_A, 4), fingerprint=b"x")
        port.execute(order)
        other = replace(order, fingerprint=b"y")
        assert _code(port.execute(other)) == Code.IDEMPOTENCY_KEY_REUSED

    def test_the_expected_version_is_checked(self, port: CommandPort) -> None:
        """V3: a command for another version than the current one is refused."""
        _fund(port, _A, 10)
        order = request(withdrawal(_A, 4), expected_version=2)
        assert _code(port.execute(order)) == Code.VERSION_MISMATCH
        assert _balance(port.execute(replace(order, expected_version=3))) == 6

    def test_a_transfer_moves_money_whole(self, port: CommandPort) -> None:
        """T4: both wallets have moved when a transfer is answered."""
        _fund(port, _A, 10)
        _fund(port, _B, 1)
        order = transfer(_A, _B, 4, name="t")
        outcome = port.execute(request(order))
        assert isinstance(outcome, Committed)
        assert [ref.aggregate_id for ref in outcome.events] == [
            transfer_id("t"),
            _A,
            _B,
            transfer_id("t"),
        ]
        assert _balance(port.execute(request(withdrawal(_B, 5)))) == 0
        assert _balance(port.execute(request(withdrawal(_A, 6)))) == 0

    def test_exactly_the_covered_debits_succeed(self, port: CommandPort) -> None:
        """C8: of 40 threads that debit a balance good for 10, 10 succeed."""
        _fund(port, _A, 10)
        outcomes = race(
            *(partial(port.execute, request(withdrawal(_A, 1))) for _ in range(40))
        )
        codes = [_code(o) for o in outcomes if not isinstance(o, Committed)]
        assert codes == [Code.INSUFFICIENT_FUNDS] * 30

    def test_many_with_one_key_have_one_effect(self, port: CommandPort) -> None:
        """I9: 50 callers with one key: one effect, the others replayed or in use."""
        _fund(port, _A, 100)
        order = request(withdrawal(_A, 1), fingerprint=b"x")
        outcomes = race(*(partial(port.execute, order) for _ in range(50)))
        first = [o for o in outcomes if isinstance(o, Committed) and not o.replayed]
        assert len(first) == 1
        others = {_code(o) for o in outcomes if not isinstance(o, Committed)}
        assert others <= {Code.IDEMPOTENCY_KEY_IN_USE}
        assert _balance(port.execute(request(withdrawal(_A, 1)))) == 98

    def test_coroutines_with_one_key_have_one_effect(self, port: CommandPort) -> None:
        """I9: the same for coroutines of one event loop."""
        _fund(port, _A, 100)
        order = request(withdrawal(_A, 1), fingerprint=b"x")

        async def main() -> list[Outcome]:
            return await asyncio.gather(*(port.submit(order) for _ in range(50)))

        outcomes = asyncio.run(main())
        first = [o for o in outcomes if isinstance(o, Committed) and not o.replayed]
        assert len(first) == 1
        assert _balance(port.execute(request(withdrawal(_A, 1)))) == 98

    def test_transfers_to_and_fro_keep_the_sum(self, port: CommandPort) -> None:
        """C6: transfers in both directions at once neither make nor lose money."""
        _fund(port, _A, 50)
        _fund(port, _B, 50)
        pairs = [(_A, _B), (_B, _A)] * 10
        race(*(partial(port.execute, request(transfer(*pair, 7))) for pair in pairs))
        left = [_probe(port, wallet) for wallet in (_A, _B)]
        assert sum(left) == 100


def _fund(port: CommandPort, wallet: str, amount: int) -> None:
    for command in funded(wallet, amount):
        outcome = port.execute(request(command))
        assert isinstance(outcome, Committed), outcome


def _probe(port: CommandPort, wallet: str) -> int:
    """The balance, as a refused debit tells it."""
    too_much = withdrawal(wallet, NOW)
    outcome = port.execute(request(too_much, new_id()))
    assert isinstance(outcome, Rejected), outcome
    available = dict(outcome.error.details())["available_amount"]
    assert isinstance(available, int)
    return available


def _balance(outcome: Outcome) -> int:
    assert isinstance(outcome, Committed), outcome
    assert isinstance(outcome.resource, WalletView)
    return outcome.resource.balance


def _code(outcome: Outcome) -> Code:
    assert isinstance(outcome, Rejected), outcome
    return outcome.error.code
