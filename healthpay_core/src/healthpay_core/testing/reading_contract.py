"""The half of the contract of `EventStore` that is about reading."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from healthpay_core.ids import medcard_stream, payment_stream, transfer_stream
from healthpay_core.ports import (
    Append,
    Appended,
    DuplicateCommand,
    EventStore,
    VersionConflict,
)
from healthpay_core.testing import samples
from healthpay_core.testing.appends import (
    append_of,
    created,
    envelopes,
    meta,
    race,
    record,
    rejection,
    stream,
)
from healthpay_core.testing.builders import (
    card_id,
    command_id,
    payment_id,
    transfer_id,
)
from healthpay_core.testing.store_room import A, B, C, StoreRoom, positions, sequences


class ReadingContract(StoreRoom):
    """Pages, the feed, and that everything comes back as it was."""

    def test_a_stream_is_read_in_pages(self, store: EventStore) -> None:
        """Reading starts after a sequence and ends at a limit."""
        for at in range(7):
            store.append(append_of(f"c{at}", (A, at), (B, at)))
        assert sequences(store, A) == [1, 2, 3, 4, 5, 6, 7]
        assert [r.envelope.sequence for r in store.read(A, 2, 3)] == [3, 4, 5]
        assert [r.envelope.sequence for r in store.read(A, 5, 100)] == [6, 7]
        assert list(store.read(A, 7)) == []
        assert list(store.read(C)) == []

    def test_facts_are_what_read_reads(self, store: EventStore) -> None:
        """The short form for folding says the same as the long one."""
        for at in range(5):
            store.append(append_of(f"c{at}", (A, at)))
        for after, limit in ((0, None), (2, None), (1, 2), (5, 9)):
            assert list(store.facts(A, after, limit)) == [
                (r.envelope.sequence, r.envelope.data)
                for r in store.read(A, after, limit)
            ]

    def test_the_feed_is_ordered_and_without_gaps(self, store: EventStore) -> None:
        """V7: the feed holds every event once, in the order of the appends."""
        for at in range(4):
            store.append(append_of(f"c{at}", (A, at), (B, at)))
        everything = store.feed()
        assert positions(everything) == list(range(1, 9))
        assert [r.envelope.stream for r in everything] == [A, B] * 4
        assert positions(store.feed(3, 2)) == [4, 5]
        assert list(store.feed(8)) == []
        assert list(everything[:1]) == list(store.read(A, 0, 1))

    def test_nothing_appears_behind_a_reader_of_the_feed(
        self, store: EventStore
    ) -> None:
        """V7: who follows the feed while others write misses nothing."""
        writers, rounds = 3, 12

        def write(name: str) -> list[int]:
            for at in range(rounds):
                store.append(append_of(f"{name} {at}", (stream(name), at)))
            return []

        def follow() -> list[int]:
            seen: list[int] = []
            while len(seen) < writers * rounds:
                seen += positions(store.feed(seen[-1] if seen else 0, 7))
            return seen

        results = race(
            follow, *(partial(write, f"writer {number}") for number in range(writers))
        )
        assert results[0] == list(range(1, writers * rounds + 1))

    def test_events_come_back_as_they_were(self, store: EventStore) -> None:
        """A1: every event, with its optional members or without, is read as written."""
        for name, events in (
            (A, samples.EVENTS),
            (transfer_stream(transfer_id("sample")), samples.TRANSFER_EVENTS),
            (payment_stream(payment_id("sample")), samples.PAYMENT_EVENTS),
            (medcard_stream(card_id("sample")), samples.MEDCARD_EVENTS),
        ):
            places = [(name, at) for at in range(len(events))]
            written = envelopes(f"all of {name}", places, *events)
            store.append(Append(expected={name: 0}, events=written))
            assert [r.envelope for r in store.read(name)] == written

    def test_every_text_comes_back_as_it_was(self, store: EventStore) -> None:
        """H7: texts are kept to the code point, whatever is in them."""
        for number, text in enumerate(samples.ODD_TEXTS):
            name = stream(f"odd {number}")
            plain = envelopes(f"odd {number}", [(name, 0)], created(owner_id=text))[0]
            odd = replace(
                plain,
                meta=replace(
                    meta(f"odd {number}", actor_id=text),
                    tenant_id=text,
                    traceparent=text,
                ),
            )
            store.append(Append(expected={name: 0}, events=(odd,)))
            assert [r.envelope for r in store.read(name)] == [odd]

    def test_each_hash_continues_the_one_before(self, store: EventStore) -> None:
        """A2: within a stream the links of the chain follow each other."""
        for at in range(3):
            store.append(append_of(f"c{at}", (A, at), (B, at)))
        for name in (A, B):
            events = store.read(name)
            hashes = [r.hash for r in events]
            assert [r.prev_hash for r in events][1:] == hashes[:-1]
            assert len(set(hashes)) == (3 if hashes[0] else 1)

    def test_own_appends_leave_the_epoch_alone(self, store: EventStore) -> None:
        """V2: the epoch says that somebody else has written, not that we have."""
        before = store.epoch()
        store.append(append_of("c0", (A, 0)))
        assert store.epoch() == before

    def test_appends_of_others_change_the_epoch(self, store: EventStore) -> None:
        """V2: the epoch changes when another handle has appended."""
        other = self.second(store)
        if other is not store:
            before = store.epoch()
            other.append(append_of("c0", (A, 0)))
            assert store.epoch() != before
            assert store.append(append_of("c1", (A, 0))) == VersionConflict(
                actual={A: 1}
            )
            assert isinstance(store.append(append_of("c2", (A, 1))), Appended)
            assert sequences(other, A) == [1, 2]
            self.close_store(other)

    def test_a_reopened_store_has_everything(self, store: EventStore) -> None:
        """V1: events, outcomes and positions outlive the process, and go on."""
        store.append(append_of("c0", (A, 0), (B, 0)))
        before = list(store.feed())
        reopened = self.reopen(store)
        assert list(reopened.feed()) == before
        assert reopened.outcomes((command_id("c0"),)) == {
            command_id("c0"): rejection("c0")
        }
        assert reopened.append(append_of("c0", (A, 1))) == DuplicateCommand(
            command_ids=frozenset({command_id("c0")})
        )
        assert reopened.append(append_of("c1", (A, 1))) == Appended(last_position=3)
        assert sequences(reopened, A) == [1, 2]
        if reopened is not store:
            self.close_store(reopened)

    def test_outcomes_come_back_as_they_were(self, store: EventStore) -> None:
        """I4: whatever was answered can be answered again, to the letter."""
        records = [
            record(name, outcome, bytes(range(32)))
            for name, outcome in samples.outcomes().items()
        ]
        store.append(Append(expected={}, events=(), outcomes=records))
        found = store.outcomes([r.meta.command_id for r in records])
        assert found == {r.meta.command_id: r for r in records}

    def test_many_outcomes_and_versions_are_found_at_once(
        self, store: EventStore
    ) -> None:
        """Look-ups have no small bound on how much they are asked."""
        names = [f"many {n}" for n in range(1_200)]
        streams = [stream(name) for name in names]
        everything = Append(
            expected=dict.fromkeys(streams, 0),
            events=envelopes("c", [(name, 0) for name in streams]),
            outcomes=[rejection(name) for name in names],
        )
        assert isinstance(store.append(everything), Appended)
        ids = [command_id(name) for name in names]
        assert set(store.outcomes([*ids, command_id("no such")])) == set(ids)
        versions = store.versions([*streams, A])
        assert versions == {A: 0} | dict.fromkeys(streams, 1)
