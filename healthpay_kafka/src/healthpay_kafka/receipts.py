"""What was decided for good, by command id: the last ones at hand, all by place.

A bounded number of entries is kept whole. Of every other one only its place in the
journal is known, in a table on disk, and the entry is read from the journal when it is
asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from healthpay_kafka.places import Places

_AT_ONCE: Final = 4_096


class EntryUnavailable(Exception):
    """An entry of the journal could not be read now: no fault of who asks for it."""


class Receipts:
    """The decided commands of one partition (I4, I8).

    Args:
        fetch: Reads an entry of the journal by its offset.
        places: Where all of them are; an empty table when left out.
        recent: Entries kept whole, at least 1.
    """

    def __init__(
        self,
        fetch: Callable[[int], bytes],
        places: Places | None = None,
        *,
        recent: int = 50_000,
    ) -> None:
        if recent < 1:
            raise ValueError("recent must be at least 1")
        self.places: Places = Places() if places is None else places
        self._fetch_entry = fetch
        self._most_recent = recent
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        # Not in the table yet.
        self._fresh: dict[bytes, int] = {}
        self._fresh_at = 0
        self._asked: set[bytes] = set()
        self._found: dict[bytes, int] = {}

    def look_up(self, command_ids: Iterable[str]) -> None:
        """Find at once all those that are going to be asked for."""
        keys = {_key(each) for each in command_ids if each not in self._recent}
        self._asked = keys - self._fresh.keys()
        self._found = self.places.find(self._asked) if self._asked else {}

    def get(self, command_id: str) -> bytes | None:
        """The journal's entry of a command; None when it is not remembered.

        Raises:
            EntryUnavailable: It cannot be read.
        """
        entry = self._recent.get(command_id)
        if entry is not None:
            return entry
        key = _key(command_id)
        offset = self._fresh.get(key)
        if offset is None:
            known = self._found if key in self._asked else self.places.find((key,))
            offset = known.get(key)
        return None if offset is None else self.fetch(offset)

    def fetch(self, offset: int) -> bytes:
        """The entry at an offset of the journal.

        Raises:
            EntryUnavailable: It cannot be read.
        """
        try:
            return self._fetch_entry(offset)
        except Exception as error:
            raise EntryUnavailable(f"at {offset}") from error

    def keep(self, entries: Mapping[str, bytes]) -> None:
        """Keep entries at hand, and let go of those beyond the number that is kept."""
        self._recent.update(entries)
        while len(self._recent) > self._most_recent:
            self._recent.popitem(last=False)

    def place(self, places: Mapping[str, int], recorded_at: int, end: int) -> None:
        """Remember where in the journal entries are.

        Args:
            places: By command id.
            recorded_at: The log's time, microseconds.
            end: The end of the journal behind them.
        """
        self._fresh.update({_key(each): place for each, place in places.items()})
        self._fresh_at = recorded_at
        if len(self._fresh) >= _AT_ONCE:
            self.settle(end)

    def settle(self, end: int) -> None:
        """Write to the table what it lacks.

        Args:
            end: The end of the journal behind all that was placed.
        """
        self.places.add(self._fresh, self._fresh_at, end)
        self._fresh.clear()
        self._asked, self._found = set(), {}


def _key(command_id: str) -> bytes:
    try:
        return bytes.fromhex(command_id.replace("-", ""))
    except ValueError:
        # Not an id of ours; it is kept as it is.
        return command_id.encode()
