"""The half of the contract of `EventStore` that is about reading."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import cycle, product
from typing import Final

from healthpay_core.ids import (
    StreamId,
    medcard_stream,
    payment_stream,
    transfer_stream,
)
from healthpay_core.ports import NO_STREAM, Append, Appended, EventStore
from healthpay_core.testing import samples
from healthpay_core.testing.appends import (
    append_of,
    created,
    envelopes,
    in_time,
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
from healthpay_core.testing.capabilities import Capability, needs
from healthpay_core.testing.store_room import (
    A,
    B,
    C,
    StoreRoom,
    loose_links,
    positions,
    sequences,
)

FINGERPRINTS: Final = (bytes(range(256)), b"", b"\x00", b"x\x00y", b"\xff\xfe", b"'")
"""Digests that have been cut, trimmed or decoded by stores."""


class ReadingContract(StoreRoom):
    """Pages, the feed, and that everything comes back as it was."""

    def test_a_stream_is_read_in_pages(self, store: EventStore) -> None:
        """Reading starts after a sequence and ends at a limit; 0 reads nothing."""
        for at in range(7):
            for name in (A, B):
                store.append(append_of(f"{name} {at}", (name, at)))
        everything = list(store.read(A))
        assert [r.envelope.sequence for r in everything] == [1, 2, 3, 4, 5, 6, 7]
        for after, limit in product(range(9), (0, 1, 2, 3, 7, 100)):
            page = list(store.read(A, after, limit))
            assert page == everything[after : after + limit], (after, limit)
            assert list(store.read(A, after)) == everything[after:]
        assert list(store.read(C)) == []

    def test_the_feed_is_read_in_pages(self, store: EventStore) -> None:
        """V7: the feed starts after a position and ends at a limit."""
        for at in range(6):
            name = (A, B, C)[at % 3]
            store.append(append_of(f"c{at}", (name, at // 3)))
        everything = list(store.feed())
        assert positions(everything) == [1, 2, 3, 4, 5, 6]
        for after, limit in product(range(8), (0, 1, 2, 5, 6, 100)):
            page = list(store.feed(after, limit))
            assert page == everything[after : after + limit], (after, limit)

    def test_facts_are_what_read_reads(self, store: EventStore) -> None:
        """The short form for folding says the same as the long one."""
        for at in range(5):
            store.append(append_of(f"c{at}", (A, at)))
        assert len(store.facts(A)) == 5
        for after, limit in product(range(7), (None, 0, 1, 2, 9)):
            assert list(store.facts(A, after, limit)) == [
                (r.envelope.sequence, r.envelope.data)
                for r in store.read(A, after, limit)
            ]

    def test_the_feed_is_ordered_and_without_gaps(self, store: EventStore) -> None:
        """V7: the feed holds every event once, in the order of the appends."""
        for at in range(4):
            for name in (A, B):
                store.append(append_of(f"{name} {at}", (name, at)))
        everything = store.feed()
        assert positions(everything) == list(range(1, 9))
        assert [r.envelope.stream for r in everything] == [A, B] * 4
        for name in (A, B):
            own = [r for r in everything if r.envelope.stream == name]
            assert own == list(store.read(name))

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
            seen: list[int] = [0]
            for _ in in_time():
                seen += positions(store.feed(seen[-1], 7))
                if seen[-1] >= writers * rounds:
                    break
            return seen[1:]

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

    def test_ids_that_differ_in_case_are_different(self, store: EventStore) -> None:
        """I3: streams and commands are told apart to the letter."""
        low, high = stream("case"), StreamId(stream("case").upper())
        store.append(append_of("low", (low, 0)))
        written = envelopes("high", [(high, 0)])[0]
        shouted = replace(
            written, meta=replace(written.meta, command_id=command_id("low").upper())
        )
        stored = store.append(Append(expected={high: NO_STREAM}, events=(shouted,)))
        assert stored == Appended(last_position=2)
        assert [r.envelope for r in store.read(high)] == [shouted]
        assert store.versions((low, high)) == {low: 1, high: 1}
        assert store.outcomes((command_id("low").upper(),)) == {}

    @needs(Capability.HASH_CHAIN)
    def test_each_hash_continues_the_one_before(self, store: EventStore) -> None:
        """A2: within a stream the links follow each other, also within an append."""
        self._three_appends_each(store)
        everything = [r.hash for r in store.feed()]
        assert all(everything), "no hashes: declare to be without HASH_CHAIN"
        assert {len(one) for one in everything} == {32}
        assert len(set(everything)) == len(everything) == 8
        for name in (A, B):
            events = store.read(name)
            assert events[0].prev_hash in (b"", bytes(32))
            assert loose_links(events) == []

    @needs(Capability.HASH_CHAIN)
    def test_each_hash_is_that_of_its_event(self, store: EventStore) -> None:
        """A2: a hash is the digest of the event and of the hash before, no other."""
        self._three_appends_each(store)
        for name in (A, B):
            events = store.read(name)
            assert len(events) == 4
            for one in events:
                assert one.hash == self.digest(one.prev_hash, one.envelope)

    def _three_appends_each(self, store: EventStore) -> None:
        for at in range(2):
            for name in (A, B):
                store.append(append_of(f"{name} {at}", (name, at)))
        for name in (A, B):
            store.append(append_of(f"{name} 2", (name, 2), (name, 3)))

    def test_outcomes_come_back_as_they_were(self, store: EventStore) -> None:
        """I4: whatever was answered can be answered again, to the letter."""
        records = [
            record(name, outcome, fingerprint)
            for (name, outcome), fingerprint in zip(
                samples.outcomes().items(), cycle(FINGERPRINTS), strict=False
            )
        ]
        store.append(Append(expected={}, events=(), outcomes=records))
        found = store.outcomes([r.meta.command_id for r in records])
        assert found == {r.meta.command_id: r for r in records}

    def test_many_outcomes_and_versions_are_found_at_once(
        self, store: EventStore
    ) -> None:
        """Look-ups have no small bound on how much they are asked."""
        names = [f"many {n}" for n in range(1_200)]
        everything = Append(
            expected={A: 0},
            events=envelopes("c", [(A, at) for at in range(len(names))]),
            outcomes=[rejection(name) for name in names],
        )
        assert store.append(everything) == Appended(last_position=len(names))
        ids = [command_id(name) for name in names]
        assert set(store.outcomes([*ids, command_id("no such")])) == set(ids)
        absent = dict.fromkeys(map(stream, names), 0)
        assert store.versions([*absent, A]) == {**absent, A: len(names)}
        assert (store.outcomes(()), store.versions(())) == ({}, {})

    def test_many_events_are_read_at_once(self, store: EventStore) -> None:
        """Without a limit a stream is read whole; with one, so many are read."""
        many = 1_200
        places = [(A, at) for at in range(many)]
        stored = store.append(Append(expected={A: 0}, events=envelopes("c", places)))
        assert stored == Appended(last_position=many)
        assert sequences(store, A) == list(range(1, many + 1))
        assert [at for at, _ in store.facts(A)] == list(range(1, many + 1))
        assert positions(store.feed(0, many)) == list(range(1, many + 1))
