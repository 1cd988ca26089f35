"""The half of the contract of `EventStore` that is about appending."""

from __future__ import annotations

from functools import partial
from typing import Final

from healthpay_core.ids import StreamId
from healthpay_core.ports import (
    ANY_VERSION,
    NO_STREAM,
    STREAM_EXISTS,
    Append,
    Appended,
    DuplicateCommand,
    EventStore,
    ExpectedVersion,
    VersionConflict,
)
from healthpay_core.testing.appends import (
    append_of,
    envelopes,
    in_time,
    on_day,
    race,
    rejection,
    stream,
)
from healthpay_core.testing.builders import command_id
from healthpay_core.testing.capabilities import Capability, needs
from healthpay_core.testing.store_room import (
    A,
    B,
    C,
    StoreRoom,
    commands,
    positions,
    sequences,
)

RACERS: Final = 8


class AppendingContract(StoreRoom):
    """Expected versions, atomic appends, commands that are stored once."""

    def test_exact_version_appends_and_numbers_without_gaps(
        self, store: EventStore
    ) -> None:
        """V1: an append at the exact version continues the stream 1..n."""
        for at in range(3):
            result = store.append(append_of(f"c{at}", (A, at)))
            assert result == Appended(last_position=at + 1)
        assert sequences(store, A) == [1, 2, 3]
        assert store.versions((A, B)) == {A: 3, B: 0}

    def test_wrong_exact_version_is_a_conflict_that_stores_nothing(
        self, store: EventStore
    ) -> None:
        """V1: another version than the expected one is told, and nothing is kept."""
        store.append(append_of("c0", (A, 0)))
        for wrong in (2, 5):
            refused = store.append(append_of("late", (A, wrong)))
            assert refused == VersionConflict(actual={A: 1})
        assert sequences(store, A) == [1]
        assert store.outcomes((command_id("late"),)) == {}
        assert store.append(append_of("late", (A, 1))) == Appended(last_position=2)

    def test_no_stream_is_for_new_streams_only(self, store: EventStore) -> None:
        """V1: NO_STREAM appends to a stream that has no events, and only then."""
        first = append_of("c0", (A, 0), expected={A: NO_STREAM})
        second = append_of("c1", (A, 0), expected={A: NO_STREAM})
        assert isinstance(store.append(first), Appended)
        assert store.append(second) == VersionConflict(actual={A: 1})
        assert sequences(store, A) == [1]

    def test_any_version_appends_at_the_end(self, store: EventStore) -> None:
        """V1: ANY_VERSION appends to new and old streams, numbered by the store."""
        for number in range(3):
            anywhere = append_of(f"c{number}", (A, 0), expected={A: ANY_VERSION})
            assert isinstance(store.append(anywhere), Appended)
        assert sequences(store, A) == [1, 2, 3]
        assert commands(store.read(A)) == [command_id(f"c{n}") for n in range(3)]
        two = append_of("c3", (A, 0), (A, 0), expected={A: ANY_VERSION})
        assert store.append(two) == Appended(last_position=5)
        assert sequences(store, A) == [1, 2, 3, 4, 5]

    def test_stream_exists_is_for_old_streams_only(self, store: EventStore) -> None:
        """V1: STREAM_EXISTS appends to a stream that has events, and only then."""
        early = append_of("early", (A, 0), expected={A: STREAM_EXISTS})
        assert store.append(early) == VersionConflict(actual={A: 0})
        store.append(append_of("c0", (A, 0)))
        late = append_of("late", (A, 0), expected={A: STREAM_EXISTS})
        assert isinstance(store.append(late), Appended)
        assert sequences(store, A) == [1, 2]

    @needs(Capability.MULTI_STREAM)
    def test_what_was_only_read_is_checked_too(self, store: EventStore) -> None:
        """V1: a stream that gets no event must be at its expected version as well."""
        store.append(append_of("c0", (B, 0)))
        wrong: tuple[tuple[StreamId, ExpectedVersion, int], ...] = (
            (B, 0, 1),
            (B, 2, 1),
            (C, 1, 0),
            (C, STREAM_EXISTS, 0),
        )
        for name, version, actual in wrong:
            expected: dict[StreamId, ExpectedVersion] = {A: 0, name: version}
            refused = store.append(append_of("c1", (A, 0), expected=expected))
            assert refused == VersionConflict(actual={name: actual})
        assert store.versions((A, B, C)) == {A: 0, B: 1, C: 0}
        right: dict[StreamId, ExpectedVersion] = {A: 0, B: 1, C: NO_STREAM}
        stored = store.append(append_of("c1", (A, 0), expected=right))
        assert stored == Appended(last_position=2)

    def test_one_of_several_racers_wins(self, store: EventStore) -> None:
        """V1: of racers that expect the same version one wins, the others lose all."""
        for at in range(5):
            names = [f"round {at} racer {n}" for n in range(RACERS)]
            results = race(
                *(partial(store.append, append_of(name, (A, at))) for name in names)
            )
            winners = [
                name
                for name, result in zip(names, results, strict=True)
                if isinstance(result, Appended)
            ]
            assert len(winners) == 1, results
            assert sequences(store, A) == list(range(1, at + 2))
            assert commands(store.read(A, at)) == [command_id(winners[0])]
            known = store.outcomes([command_id(name) for name in names])
            assert list(known) == [command_id(winners[0])]
        assert positions(store.feed()) == [1, 2, 3, 4, 5]

    def test_racers_with_any_version_all_get_in(self, store: EventStore) -> None:
        """V1: appends that expect nothing all succeed, and no number is used twice."""
        anywhere = {A: ANY_VERSION}
        results = race(
            *(
                partial(store.append, append_of(f"c{n}", (A, 0), expected=anywhere))
                for n in range(RACERS)
            )
        )
        assert all(isinstance(result, Appended) for result in results)
        assert sequences(store, A) == list(range(1, RACERS + 1))
        assert positions(store.feed()) == list(range(1, RACERS + 1))

    @needs(Capability.MULTI_STREAM)
    def test_several_streams_are_appended_together(self, store: EventStore) -> None:
        """T4: one append may touch several streams, some of them more than once."""
        places = ((C, 0), (A, 0), (B, 0), (C, 1))
        assert isinstance(store.append(append_of("c0", *places)), Appended)
        assert store.versions((A, B, C)) == {A: 1, B: 1, C: 2}
        assert [r.envelope.stream for r in store.feed()] == [C, A, B, C]

    @needs(Capability.MULTI_STREAM)
    def test_one_wrong_version_refuses_every_stream(self, store: EventStore) -> None:
        """T4: when one stream has moved on, nothing at all is stored."""
        store.append(append_of("c0", (B, 0)))
        cases: tuple[
            tuple[dict[StreamId, ExpectedVersion], dict[StreamId, int]], ...
        ] = (
            ({A: 0, B: 0}, {B: 1}),
            ({A: STREAM_EXISTS, B: 1}, {A: 0}),
            ({A: 3, B: ANY_VERSION}, {A: 0}),
            ({A: 7, B: 7}, {A: 0, B: 1}),
        )
        for expected, actual in cases:
            refused = store.append(append_of("c1", (A, 0), (B, 1), expected=expected))
            assert refused == VersionConflict(actual=actual)
        assert store.versions((A, B)) == {A: 0, B: 1}
        assert store.outcomes((command_id("c1"),)) == {}
        assert positions(store.feed()) == [1]

    @needs(Capability.MULTI_STREAM)
    def test_losers_of_a_race_leave_nothing_elsewhere(self, store: EventStore) -> None:
        """V1, T4: who loses a race for one stream writes to no other either."""
        names = [f"racer {number}" for number in range(RACERS)]
        results = race(
            *(
                partial(store.append, append_of(name, (stream(name), 0), (A, 0)))
                for name in names
            )
        )
        winners = [
            stream(name)
            for name, result in zip(names, results, strict=True)
            if isinstance(result, Appended)
        ]
        assert len(winners) == 1, results
        found = store.versions([A, *map(stream, names)])
        assert [name for name, version in found.items() if version] == [A, *winners]

    @needs(Capability.MULTI_STREAM)
    def test_no_reader_sees_half_of_an_append(self, store: EventStore) -> None:
        """T4: streams that are appended together are seen together."""
        rounds = 40

        def write() -> set[tuple[int, int]]:
            for at in range(rounds):
                store.append(append_of(f"c{at}", (A, at), (B, at)))
            return set()

        def look() -> set[tuple[int, int]]:
            seen: set[tuple[int, int]] = set()
            for _ in in_time():
                versions = store.versions((A, B))
                seen.add((versions[A], versions[B]))
                if (rounds, rounds) in seen:
                    break
            return seen

        _, seen = race(write, look)
        assert (rounds, rounds) in seen
        assert {pair for pair in seen if pair[0] != pair[1]} == set()

    def test_the_outcome_is_in_the_same_append(self, store: EventStore) -> None:
        """I7: the outcome is there when the events are, and not without them."""
        store.append(append_of("c0", (A, 0)))
        assert store.outcomes((command_id("c0"),)) == {
            command_id("c0"): rejection("c0")
        }
        store.append(append_of("c1", (A, 0)))
        assert store.outcomes((command_id("c1"), command_id("c2"))) == {}

    def test_an_outcome_may_stand_alone(self, store: EventStore) -> None:
        """I6: a refusal is kept though there is no event."""
        result = store.append(
            Append(expected={}, events=(), outcomes=(rejection("c"),))
        )
        assert isinstance(result, Appended)
        assert store.outcomes((command_id("c"),)) == {command_id("c"): rejection("c")}
        assert list(store.feed()) == []

    def test_a_command_is_stored_once(self, store: EventStore) -> None:
        """I8: what was stored under a command id is not stored again."""
        store.append(append_of("c0", (A, 0)))
        for place in ((A, 1), (B, 0)):
            again = store.append(append_of("c0", place))
            assert again == DuplicateCommand(command_ids=frozenset({command_id("c0")}))
        assert store.versions((A, B)) == {A: 1, B: 0}
        alone = Append(expected={}, events=(), outcomes=(rejection("c0"),))
        assert isinstance(store.append(alone), DuplicateCommand)

    def test_racers_with_one_command_store_it_once(self, store: EventStore) -> None:
        """I8, I9: of racers with one command id one stores, whatever its stream."""
        streams = [stream(f"racer {number}") for number in range(RACERS)]
        results = race(
            *(partial(store.append, append_of("same", (name, 0))) for name in streams)
        )
        won = [result for result in results if isinstance(result, Appended)]
        lost = [result for result in results if isinstance(result, DuplicateCommand)]
        assert (len(won), len(lost)) == (1, RACERS - 1), results
        assert sum(store.versions(streams).values()) == 1
        assert commands(store.feed()) == [command_id("same")]

    def test_a_command_without_outcome_is_stored_once(self, store: EventStore) -> None:
        """I8: the events alone are enough to know the command again."""
        store.append(append_of("c0", (A, 0), outcome=False))
        for outcome in (True, False):
            again = store.append(append_of("c0", (A, 1), outcome=outcome))
            assert again == DuplicateCommand(command_ids=frozenset({command_id("c0")}))
        assert store.versions((A,)) == {A: 1}
        assert store.outcomes((command_id("c0"),)) == {}

    def test_a_command_is_known_whatever_the_clock_said(
        self, store: EventStore
    ) -> None:
        """I4, I8: clocks are set, ahead and back; a command stays what it is."""
        days = (0, 60, -60, 29, 400, -400, 1)
        ids = [command_id(f"c{number}") for number in range(len(days))]
        for number, day in enumerate(days):
            assert store.outcomes(ids[number:]) == {}
            first = on_day(append_of(f"c{number}", (A, number)), day)
            assert isinstance(store.append(first), Appended)
            assert set(store.outcomes(ids)) == set(ids[: number + 1])
        for number, day in enumerate(reversed(days)):
            again = on_day(append_of(f"c{number}", (A, len(days))), day)
            named = frozenset({ids[number]})
            assert store.append(again) == DuplicateCommand(command_ids=named)
        assert store.versions((A,)) == {A: len(days)}

    @needs(Capability.MULTI_STREAM)
    def test_only_the_command_that_was_there_is_named(self, store: EventStore) -> None:
        """I8: a batch with one old command is refused whole, and the old one named."""
        store.append(append_of("old", (A, 0)))
        batch = Append(
            expected={A: 1, B: 0},
            events=[*envelopes("new", [(B, 0)]), *envelopes("old", [(A, 1)])],
            outcomes=(rejection("new"), rejection("old")),
        )
        assert store.append(batch) == DuplicateCommand(
            command_ids=frozenset({command_id("old")})
        )
        assert store.versions((B,)) == {B: 0}
