"""The contract of a store catches each planted fault, by the test named here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tests.contract import faulty_appends as appends
from tests.contract import faulty_chains as chains
from tests.contract import faulty_handles as handles
from tests.contract import faulty_reads as reads
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
_HASH: Final = "test_each_hash_is_that_of_its_event"
_REOPENED: Final = "test_a_reopened_store_has_everything"
_KNOWN: Final = "test_a_reopened_store_knows_every_command"
_EPOCH: Final = "test_appends_of_others_change_the_epoch"
_BY_ALL: Final = "test_a_command_is_stored_once_by_all_handles"
_MANY: Final = "test_many_events_are_read_at_once"
_TWO_RACE: Final = "test_one_of_several_racers_on_two_handles_wins"
_GO_ON: Final = "test_handles_continue_what_others_began"
_ONCE: Final = "test_a_command_is_stored_once"
_CASE: Final = "test_ids_that_differ_in_case_are_different"

FAULTS: Final[dict[str, tuple[type[SharedStore], tuple[str, ...]]]] = {
    "lost update": (appends.LostUpdate, (_RACES,)),
    "late look for old commands": (
        appends.LateDuplicate,
        ("test_racers_with_one_command_store_it_once",),
    ),
    "dropped outcome": (appends.DroppedOutcome, (_OUTCOME, _OUTCOMES)),
    "dropped refusal": (
        appends.DroppedRefusal,
        ("test_an_outcome_may_stand_alone", _OUTCOMES),
    ),
    "outcome of another time": (
        appends.ForgetsWhatIsOld,
        ("test_a_command_is_known_whatever_the_clock_said",),
    ),
    "outcome of what was refused": (appends.EarlyOutcome, (_OUTCOME, _EXACT)),
    "outcome of the wrong command": (appends.AnothersOutcome, (_OUTCOMES,)),
    "reused position": (appends.ReusedPosition, (_FEED,)),
    "wrong end of the feed": (
        appends.WrongEnd,
        ("test_exact_version_appends_and_numbers_without_gaps",),
    ),
    "swallowed conflict": (
        appends.SwallowedConflict,
        (_EXACT, _NO_STREAM, _EXISTS, _RACES),
    ),
    "conflict reported for the wrong stream": (appends.WrongStream, (_TOGETHER,)),
    "conflict reported with the wrong version": (appends.WrongVersion, (_EXACT,)),
    "NO_STREAM not enforced": (appends.NoStreamIgnored, (_NO_STREAM,)),
    "STREAM_EXISTS not enforced": (appends.StreamExistsIgnored, (_EXISTS,)),
    "ANY_VERSION refused": (
        appends.AnyVersionRefused,
        (_ANY, "test_racers_with_any_version_all_get_in"),
    ),
    "ANY_VERSION not renumbered": (appends.NotRenumbered, (_ANY,)),
    "what was only read is not checked": (
        appends.ReadsUnchecked,
        ("test_what_was_only_read_is_checked_too",),
    ),
    "torn multi-stream append": (
        appends.TornAppend,
        (
            _TOGETHER,
            "test_no_reader_sees_half_of_an_append",
            "test_losers_of_a_race_leave_nothing_elsewhere",
        ),
    ),
    "duplicate command accepted": (appends.SwallowedDuplicate, (_ONCE,)),
    "duplicate without outcome accepted": (
        appends.OutcomesAlone,
        ("test_a_command_without_outcome_is_stored_once",),
    ),
    "duplicate not named": (
        appends.NamelessDuplicate,
        ("test_only_the_command_that_was_there_is_named", _ONCE),
    ),
    "whole batch called duplicate": (
        appends.AccusedBatch,
        ("test_only_the_command_that_was_there_is_named",),
    ),
    "feed gap": (reads.FeedGap, (_FEED,)),
    "feed reorder": (reads.FeedReordered, (_FEED,)),
    "feed that fills gaps later": (
        reads.FeedFillsGaps,
        ("test_nothing_appears_behind_a_reader_of_the_feed",),
    ),
    "off-by-one start of a page": (
        reads.InclusivePages,
        ("test_a_stream_is_read_in_pages",),
    ),
    "off-by-one end of a page": (
        reads.OneTooMany,
        ("test_the_feed_is_read_in_pages",),
    ),
    "facts that are not those of the events": (
        reads.ShortFacts,
        ("test_facts_are_what_read_reads",),
    ),
    "streams cut at a thousand": (reads.CutRead, (_MANY,)),
    "facts cut at a thousand": (reads.CutFacts, (_MANY,)),
    "feed cut at a thousand": (reads.CutFeed, (_MANY,)),
    "case-folded streams": (reads.CaseFolded, (_CASE,)),
    "case-folded commands": (reads.CaseFoldedCommands, (_CASE,)),
    "text trimmed at NUL": (reads.TrimmedText, (_TEXT,)),
    "text normalised": (reads.NormalisedText, (_TEXT,)),
    "empty text is none": (reads.EmptyIsNull, (_TEXT,)),
    "binary-unsafe fingerprint": (reads.BinaryUnsafe, (_OUTCOMES,)),
    "padded fingerprint": (reads.PaddedBinary, (_OUTCOMES,)),
    "lost member of an event": (
        reads.LostMember,
        ("test_events_come_back_as_they_were",),
    ),
    "short look-up": (
        reads.ShortLookUp,
        ("test_many_outcomes_and_versions_are_found_at_once",),
    ),
    "broken hash chain": (chains.BrokenChain, (_CHAIN,)),
    "one hash chain for all streams": (chains.OneChain, (_CHAIN,)),
    "short hash": (chains.ShortHash, (_CHAIN,)),
    "one hash before all events of an append": (chains.ForgetsItsOwnLinks, (_CHAIN,)),
    "random hash": (chains.RandomHash, (_HASH,)),
    "hash of the id alone": (chains.HashOfTheId, (_HASH,)),
    "chain that begins with something": (chains.NoGenesis, (_CHAIN,)),
    "chain anew on reopen": (chains.ChainAnewAtReopen, (_REOPENED,)),
    "one hash chain for each handle": (chains.ChainPerHandle, (_GO_ON,)),
    "epoch changed by own appends": (
        handles.ChangingEpoch,
        ("test_own_appends_leave_the_epoch_alone",),
    ),
    "epoch never changes": (handles.FixedEpoch, (_EPOCH,)),
    "epoch changes once": (handles.FlagEpoch, (_EPOCH,)),
    "epoch comes back": (handles.TwoEpochs, (_EPOCH,)),
    "stale handle": (handles.StaleHandle, (_TWO_RACE, _EPOCH, _GO_ON)),
    "keys of other handles unknown": (handles.KeysPerHandle, (_BY_ALL,)),
    "outcomes of other handles unknown": (handles.OutcomesPerHandle, (_BY_ALL,)),
    "refusals of other handles unknown": (handles.RefusalsPerHandle, (_BY_ALL,)),
    "append acknowledged but lost on reopen": (handles.LostAtReopen, (_REOPENED,)),
    "outcomes lost on reopen": (handles.OutcomesLostAtReopen, (_KNOWN,)),
    "refusals lost on reopen": (handles.RefusalsLostAtReopen, (_KNOWN,)),
    "keys lost on reopen": (handles.KeysLostAtReopen, (_KNOWN,)),
    "keys without outcome lost on reopen": (handles.EventKeysLostAtReopen, (_KNOWN,)),
    "positions anew on reopen": (handles.PositionsAnewAtReopen, (_REOPENED,)),
    "everything lost on reopen": (handles.MemoryOnly, (_REOPENED,)),
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
        for theme in (appends, chains, handles, reads)
        for name, kind in vars(theme).items()
        if isinstance(kind, type)
        and issubclass(kind, SharedStore)
        and kind is not SharedStore
        and not name.startswith("_")
    }
    assert len(set(planted)) == len(planted) == len(FAULTS)
    assert set(planted) == written
