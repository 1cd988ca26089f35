"""The contract of a store catches each planted fault, by the test named here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.contract import faulty_stores as faulty
from tests.contract.shared_store import SharedContract, SharedStore


class TestSharedStore(SharedContract):
    """Without a fault the store that they are planted into keeps all of it."""


_RACES: Final = "test_one_of_several_racers_wins"
_OUTCOME: Final = "test_the_outcome_is_in_the_same_append"
_EXACT: Final = "test_wrong_exact_version_is_a_conflict_that_stores_nothing"
_NO_STREAM: Final = "test_no_stream_is_for_new_streams_only"
_EXISTS: Final = "test_stream_exists_is_for_old_streams_only"
_ANY: Final = "test_any_version_appends_at_the_end"
_TOGETHER: Final = "test_one_wrong_version_refuses_every_stream"
_FEED: Final = "test_the_feed_is_ordered_and_without_gaps"
_TEXT: Final = "test_every_text_comes_back_as_it_was"
_OUTCOMES: Final = "test_outcomes_come_back_as_they_were"
_CHAIN: Final = "test_each_hash_continues_the_one_before"
_REOPENED: Final = "test_a_reopened_store_has_everything"
_ONCE: Final = "test_a_command_is_stored_once"
_CASE: Final = "test_ids_that_differ_in_case_are_different"

FAULTS: Final[dict[str, tuple[type[SharedStore], tuple[str, ...]]]] = {
    "lost update": (faulty.LostUpdate, (_RACES,)),
    "late look for old commands": (
        faulty.LateDuplicate,
        ("test_racers_with_one_command_store_it_once",),
    ),
    "dropped outcome": (faulty.DroppedOutcome, (_OUTCOME, _OUTCOMES)),
    "dropped refusal": (
        faulty.DroppedRefusal,
        ("test_an_outcome_may_stand_alone", _OUTCOMES),
    ),
    "outcome of what was refused": (faulty.EarlyOutcome, (_OUTCOME, _EXACT)),
    "outcome of the wrong command": (faulty.AnothersOutcome, (_OUTCOMES,)),
    "reused position": (faulty.ReusedPosition, (_FEED,)),
    "wrong end of the feed": (
        faulty.WrongEnd,
        ("test_exact_version_appends_and_numbers_without_gaps",),
    ),
    "swallowed conflict": (
        faulty.SwallowedConflict,
        (_EXACT, _NO_STREAM, _EXISTS, _RACES),
    ),
    "conflict reported for the wrong stream": (faulty.WrongStream, (_TOGETHER,)),
    "conflict reported with the wrong version": (faulty.WrongVersion, (_EXACT,)),
    "NO_STREAM not enforced": (faulty.NoStreamIgnored, (_NO_STREAM,)),
    "STREAM_EXISTS not enforced": (faulty.StreamExistsIgnored, (_EXISTS,)),
    "ANY_VERSION refused": (
        faulty.AnyVersionRefused,
        (_ANY, "test_racers_with_any_version_all_get_in"),
    ),
    "ANY_VERSION not renumbered": (faulty.NotRenumbered, (_ANY,)),
    "what was only read is not checked": (
        faulty.ReadsUnchecked,
        ("test_what_was_only_read_is_checked_too",),
    ),
    "torn multi-stream append": (
        faulty.TornAppend,
        (
            _TOGETHER,
            "test_no_reader_sees_half_of_an_append",
            "test_losers_of_a_race_leave_nothing_elsewhere",
        ),
    ),
    "duplicate command accepted": (faulty.SwallowedDuplicate, (_ONCE,)),
    "duplicate without outcome accepted": (
        faulty.OutcomesAlone,
        ("test_a_command_without_outcome_is_stored_once",),
    ),
    "duplicate not named": (
        faulty.NamelessDuplicate,
        ("test_only_the_command_that_was_there_is_named", _ONCE),
    ),
    "whole batch called duplicate": (
        faulty.AccusedBatch,
        ("test_only_the_command_that_was_there_is_named",),
    ),
    "feed gap": (faulty.FeedGap, (_FEED,)),
    "feed reorder": (faulty.FeedReordered, (_FEED,)),
    "feed that fills gaps later": (
        faulty.FeedFillsGaps,
        ("test_nothing_appears_behind_a_reader_of_the_feed",),
    ),
    "off-by-one start of a page": (
        faulty.InclusivePages,
        ("test_a_stream_is_read_in_pages",),
    ),
    "off-by-one end of a page": (
        faulty.OneTooMany,
        ("test_the_feed_is_read_in_pages",),
    ),
    "facts that are not those of the events": (
        faulty.ShortFacts,
        ("test_facts_are_what_read_reads",),
    ),
    "case-folded streams": (faulty.CaseFolded, (_CASE,)),
    "case-folded commands": (faulty.CaseFoldedCommands, (_CASE,)),
    "text trimmed at NUL": (faulty.TrimmedText, (_TEXT,)),
    "text normalised": (faulty.NormalisedText, (_TEXT,)),
    "empty text is none": (faulty.EmptyIsNull, (_TEXT,)),
    "binary-unsafe fingerprint": (faulty.BinaryUnsafe, (_OUTCOMES,)),
    "padded fingerprint": (faulty.PaddedBinary, (_OUTCOMES,)),
    "lost member of an event": (
        faulty.LostMember,
        ("test_events_come_back_as_they_were",),
    ),
    "short look-up": (
        faulty.ShortLookUp,
        ("test_many_outcomes_and_versions_are_found_at_once",),
    ),
    "broken hash chain": (faulty.BrokenChain, (_CHAIN,)),
    "one hash chain for all streams": (faulty.OneChain, (_CHAIN,)),
    "short hash": (faulty.ShortHash, (_CHAIN,)),
    "epoch changed by own appends": (
        faulty.ChangingEpoch,
        ("test_own_appends_leave_the_epoch_alone",),
    ),
    "epoch never changes": (
        faulty.FixedEpoch,
        ("test_appends_of_others_change_the_epoch",),
    ),
    "stale handle": (
        faulty.StaleHandle,
        (
            "test_one_of_several_racers_on_two_handles_wins",
            "test_appends_of_others_change_the_epoch",
        ),
    ),
    "keys of other handles unknown": (
        faulty.KeysPerHandle,
        ("test_a_command_is_stored_once_by_all_handles",),
    ),
    "append acknowledged but lost on reopen": (faulty.LostAtReopen, (_REOPENED,)),
    "outcomes lost on reopen": (faulty.OutcomesLostAtReopen, (_REOPENED,)),
    "keys lost on reopen": (faulty.KeysLostAtReopen, (_REOPENED,)),
    "positions anew on reopen": (faulty.PositionsAnewAtReopen, (_REOPENED,)),
    "everything lost on reopen": (faulty.MemoryOnly, (_REOPENED,)),
}
CASES: Final = [
    pytest.param(kind, test, id=f"{name}: {test.removeprefix('test_')}")
    for name, (kind, tests) in FAULTS.items()
    for test in tests
]


@pytest.mark.parametrize(("kind", "test"), CASES)
def test_a_broken_store_is_caught(kind: type[SharedStore], test: str) -> None:
    """V1, V2, V7, I7, I8, T4, A2: each fault fails the test that is named for it."""
    broken: type[SharedStore] = kind

    class Broken(SharedContract):
        kind = broken

    contract = Broken()
    question: Callable[..., None] = getattr(contract, test)
    with pytest.raises(AssertionError):
        question(contract.make_store())


def test_every_fault_is_of_a_kind_of_its_own() -> None:
    """V1: no fault is planted twice, and none that was written is left out."""
    planted = [kind for kind, _ in FAULTS.values()]
    written = {
        kind
        for name, kind in vars(faulty).items()
        if isinstance(kind, type)
        and issubclass(kind, SharedStore)
        and kind is not SharedStore
        and not name.startswith("_")
    }
    assert len(set(planted)) == len(planted) == len(FAULTS)
    assert set(planted) == written
