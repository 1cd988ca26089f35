"""The third of the contract of `EventStore` that is about handles and lacks."""

from __future__ import annotations

from functools import partial

from healthpay_core.ports import (
    Append,
    Appended,
    AppendUnavailable,
    DuplicateCommand,
    EventStore,
    VersionConflict,
)
from healthpay_core.testing.appending_contract import RACERS
from healthpay_core.testing.appends import append_of, race, rejection, stream
from healthpay_core.testing.builders import command_id
from healthpay_core.testing.capabilities import Capability, needs
from healthpay_core.testing.store_room import (
    A,
    B,
    StoreRoom,
    commands,
    loose_links,
    positions,
    sequences,
)


class SharingContract(StoreRoom):
    """Several handles, one after the other or at once; and what is declared missing."""

    def test_own_appends_leave_the_epoch_alone(self, store: EventStore) -> None:
        """V2: the epoch says that somebody else has written, not that we have."""
        before = store.epoch()
        store.append(append_of("c0", (A, 0)))
        assert store.epoch() == before

    @needs(Capability.REOPEN)
    def test_a_reopened_store_has_everything(self, store: EventStore) -> None:
        """V1, A2: events, positions and chains outlive the process, and go on."""
        store.append(append_of("c0", (A, 0)))
        store.append(append_of("c1", (B, 0)))
        before = list(store.feed())
        reopened = self.reopen(store)
        assert list(reopened.feed()) == before
        assert positions(before) == [1, 2]
        assert reopened.append(append_of("late", (B, 0))) == VersionConflict(
            actual={B: 1}
        )
        assert reopened.append(append_of("c2", (A, 1))) == Appended(last_position=3)
        assert sequences(reopened, A) == [1, 2]
        assert loose_links(reopened.read(A)) == []
        self.close_store(reopened)

    @needs(Capability.REOPEN)
    def test_a_reopened_store_knows_every_command(self, store: EventStore) -> None:
        """I6, I7, I8: with events, outcome or both, a command is known for ever."""
        store.append(append_of("both", (A, 0)))
        store.append(_refusal("refused"))
        store.append(append_of("events", (B, 0), outcome=False))
        names = ("both", "refused", "events")
        ids = [command_id(name) for name in names]
        reopened = self.reopen(store)
        assert reopened.outcomes(ids) == {
            command_id(name): rejection(name) for name in ("both", "refused")
        }
        for name in names:
            again = reopened.append(append_of(name, (A, 1)))
            assert again == DuplicateCommand(command_ids=frozenset({command_id(name)}))
        self.close_store(reopened)

    @needs(Capability.SECOND_HANDLE)
    def test_appends_of_others_change_the_epoch(self, store: EventStore) -> None:
        """V2: the epoch changes each time that another handle has appended."""
        other = self.second(store)
        seen = [store.epoch()]
        for at in range(3):
            other.append(append_of(f"c{at}", (A, at)))
            assert store.epoch() not in seen
            seen.append(store.epoch())
        late = store.append(append_of("late", (A, 0)))
        assert late == VersionConflict(actual={A: 3})
        assert isinstance(store.append(append_of("own", (A, 3))), Appended)
        assert sequences(other, A) == [1, 2, 3, 4]
        self.close_store(other)

    @needs(Capability.SECOND_HANDLE)
    def test_a_command_is_stored_once_by_all_handles(self, store: EventStore) -> None:
        """I4, I8: what one handle has stored others answer, and do not store again."""
        other = self.second(store)
        store.append(append_of("c0", (A, 0)))
        store.append(_refusal("refused"))
        for name in ("c0", "refused"):
            key = command_id(name)
            assert other.outcomes((key,)) == {key: rejection(name)}
            assert other.append(append_of(name, (B, 0))) == DuplicateCommand(
                command_ids=frozenset({key})
            )
        assert store.versions((A, B)) == other.versions((A, B)) == {A: 1, B: 0}
        self.close_store(other)

    @needs(Capability.SECOND_HANDLE)
    def test_handles_continue_what_others_began(self, store: EventStore) -> None:
        """V1, V7, A2: streams, feed and chains are those of the store, not a handle."""
        other = self.second(store)
        for at, handle in enumerate((store, other, store, other)):
            stored = handle.append(append_of(f"c{at}", (A, at)))
            assert stored == Appended(last_position=at + 1)
        for handle in (store, other):
            assert sequences(handle, A) == positions(handle.feed()) == [1, 2, 3, 4]
            assert loose_links(handle.read(A)) == []
        self.close_store(other)

    @needs(Capability.SECOND_HANDLE)
    def test_one_of_several_racers_on_two_handles_wins(self, store: EventStore) -> None:
        """V1, V2: the version check holds across handles, and the feed has no gap."""
        other = self.second(store)
        for at in range(3):
            results = race(
                *(
                    partial(
                        (store, other)[number % 2].append,
                        append_of(f"round {at} racer {number}", (A, at)),
                    )
                    for number in range(RACERS)
                )
            )
            won = [result for result in results if isinstance(result, Appended)]
            assert len(won) == 1, results
        for handle in (store, other):
            assert sequences(handle, A) == positions(handle.feed()) == [1, 2, 3]
        self.close_store(other)

    def test_what_it_is_without_it_refuses(
        self, store: EventStore, capability: Capability
    ) -> None:
        """T4, V2, A2: what is declared missing is refused cleanly, and is missing."""
        match capability:
            case Capability.MULTI_STREAM:
                self._refuses_several_streams(store)
            case Capability.REOPEN:
                self._is_gone_when_closed(store)
            case Capability.SECOND_HANDLE:
                self._has_no_second(store)
            case Capability.HASH_CHAIN:
                store.append(append_of("c0", (A, 0)))
                links = [(r.prev_hash, r.hash) for r in store.read(A)]
                assert links == [(b"", b"")], _stale(capability)

    def _refuses_several_streams(self, store: EventStore) -> None:
        refused = store.append(append_of("c0", (A, 0), (B, 0)))
        assert not isinstance(refused, Appended), _stale(Capability.MULTI_STREAM)
        assert isinstance(refused, AppendUnavailable), refused
        assert refused.reason
        assert store.versions((A, B)) == {A: 0, B: 0}
        assert list(store.feed()) == []
        assert store.outcomes((command_id("c0"),)) == {}
        assert store.append(append_of("c0", (A, 0))) == Appended(last_position=1)
        assert commands(store.feed()) == [command_id("c0")]

    def _is_gone_when_closed(self, store: EventStore) -> None:
        store.append(append_of("c0", (A, 0)))
        if type(self).reopen is not StoreRoom.reopen:
            reopened = self.reopen(store)
            assert list(reopened.feed()) == [], _stale(Capability.REOPEN)
            self.close_store(reopened)
        again = self.make_store()
        assert list(again.feed()) == [], _stale(Capability.REOPEN)
        self.close_store(again)

    def _has_no_second(self, store: EventStore) -> None:
        before = store.epoch()
        if type(self).second is not StoreRoom.second:
            other = self.second(store)
            other.append(append_of("c0", (A, 0)))
            assert list(store.feed()) == [], _stale(Capability.SECOND_HANDLE)
            self.close_store(other)
        for at in range(3):
            name = stream(f"alone {at}")
            assert isinstance(store.append(append_of(f"a{at}", (name, 0))), Appended)
        assert store.epoch() == before


def _refusal(command: str) -> Append:
    return Append(expected={}, events=(), outcomes=(rejection(command),))


def _stale(capability: Capability) -> str:
    return f"it is declared to be without {capability}, and has it"
