"""The table of where decided commands are: kept, lost, and let go of."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from healthpay_kafka.places import Places
from healthpay_kafka.receipts import EntryUnavailable, Receipts

DAY_US = 86_400_000_000
ONE, TWO, THREE, FOUR = (bytes([n]) * 16 for n in (1, 2, 3, 4))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a table is kept."""
    return tmp_path / "journal.0.ids"


def test_what_was_added_is_found_in_one_question(file: Path) -> None:
    """I4: each known id with its place, the others not at all."""
    with closing(Places(file)) as places:
        assert places.end == 0
        places.add({ONE: 4, TWO: 9}, 0, 10)
        assert places.find([ONE, TWO, THREE]) == {ONE: 4, TWO: 9}
        assert (places.end, len(places)) == (10, 2)


def test_it_outlives_a_processor(file: Path) -> None:
    """I4: a table that is of the same journal is gone on with."""
    with closing(Places.of_journal(file, "id", 0)) as places:
        places.add({ONE: 4}, 0, 5)
    with closing(Places.of_journal(file, "id", 5)) as places:
        assert places.find([ONE]) == {ONE: 4}
        assert places.end == 5


@pytest.mark.parametrize(
    ("journal", "end"), [("another", 5), ("id", 4)], ids=["another", "shorter"]
)
def test_one_of_another_journal_is_begun_anew(
    file: Path, journal: str, end: int
) -> None:
    """I4: a topic that was made again has other places, or fewer."""
    with closing(Places.of_journal(file, "id", 0)) as places:
        places.add({ONE: 4}, 0, 5)
    with closing(Places.of_journal(file, journal, end)) as places:
        assert (places.end, len(places)) == (0, 0)
        places.add({TWO: 1}, 0, 2)
    with closing(Places.of_journal(file, journal, 2)) as places:
        assert places.find([ONE, TWO]) == {TWO: 1}


@pytest.mark.parametrize("content", [b"not a database" * 100, b"", None])
def test_one_that_cannot_be_read_is_begun_anew(
    file: Path, content: bytes | None
) -> None:
    """I4: garbage, an empty file, a database of somebody else: none is a fault."""
    if content is None:
        with closing(sqlite3.connect(file)) as other:
            other.execute("CREATE TABLE theirs (x)")
    else:
        file.write_bytes(content)
    with closing(Places.of_journal(file, "id", 9)) as places:
        places.add({ONE: 4}, 0, 5)
        assert places.find([ONE]) == {ONE: 4}


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A table that can be kept nowhere is an error, not forgotten."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        Places.of_journal(tmp_path / "gone" / "x.ids", "id", 0)


def test_an_id_is_remembered_for_as_long_as_was_said(file: Path) -> None:
    """I8: for its days at least, for twice as long at most."""
    with closing(Places(file, days=31)) as places:
        places.add({ONE: 1}, 30 * DAY_US, 2)
        places.add({TWO: 2}, 31 * DAY_US, 3)
        assert places.find([ONE, TWO]) == {ONE: 1, TWO: 2}
        places.add({THREE: 3}, 61 * DAY_US, 4)
        assert places.find([ONE]) == {ONE: 1}
        places.add({FOUR: 4}, 62 * DAY_US, 5)
        assert places.find([ONE, TWO, THREE]) == {TWO: 2, THREE: 3}
        # No clock goes back by a month; whatever does, takes nothing away.
        places.add({ONE: 1}, 0, 5)
        places.add({}, 0, 6)
        known = {ONE: 1, TWO: 2, THREE: 3, FOUR: 4}
        assert places.find([ONE, TWO, THREE, FOUR]) == known
    with pytest.raises(ValueError, match="at least 1"):
        Places(days=0)


def test_an_add_that_fails_adds_nothing(file: Path) -> None:
    """I4: ids and the end of what they cover are written together."""
    with closing(Places(file)) as places:
        places.add({ONE: 1}, 0, 2)
        with pytest.raises(sqlite3.Error):
            places.add({TWO: 2, THREE: None}, 0, 9)  # type: ignore[dict-item]
        assert places.find([ONE, TWO]) == {ONE: 1}
        assert places.end == 2


def _text(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def test_receipts_are_found_wherever_they_are() -> None:
    """I4: at hand, not yet in the table, in the table; asked for in time or late."""
    entries = {4: b"four", 5: b"five"}
    with closing(Places()) as places:
        receipts = Receipts(entries.__getitem__, places, recent=1)
        receipts.look_up([_text(4)])
        assert receipts.get(_text(4)) is None
        receipts.place({_text(4): 4}, 0, 5)
        assert receipts.get(_text(4)) == b"four"
        assert len(places) == 0
        receipts.settle(5)
        # It was looked up when it was not there.
        assert receipts.get(_text(4)) == b"four"
        assert (len(places), places.end) == (1, 5)
        receipts.look_up([_text(4), _text(5)])
        assert receipts.get(_text(4)) == b"four"
        assert receipts.get(_text(5)) is None
        receipts.keep({_text(5): b"five", _text(6): b"six"})
        assert receipts.get(_text(5)) is None
        assert receipts.get(_text(6)) == b"six"
        receipts.place({"no id of ours": 9}, 0, 10)
        with pytest.raises(EntryUnavailable, match="at 9"):
            receipts.get("no id of ours")
    with pytest.raises(ValueError, match="at least 1"):
        Receipts(entries.__getitem__, recent=0)


def test_receipts_write_to_the_table_by_themselves() -> None:
    """I4: what is not in it yet is bounded, however many there are."""
    with closing(Places()) as places:
        receipts = Receipts(lambda _: b"", places)
        for number in range(5_000):
            receipts.place({_text(number): number}, 0, number + 1)
        assert len(places) == places.end == 4_096
        receipts.settle(5_000)
        assert len(places) == places.end == 5_000
