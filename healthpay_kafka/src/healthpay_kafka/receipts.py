"""What was decided for good, by command id: the last ones at hand, all by place.

A bounded number of entries is kept whole. Of every other one only its place in the
journal is known, and the entry is read from there when it is asked for: an id costs
100 to 200 bytes for as long as it is remembered (see `benchmarks`, row 10).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Final

_DAY_US: Final = 86_400_000_000


class EntryUnavailable(Exception):
    """An entry of the journal could not be read now: no fault of who asks for it."""


class Receipts:
    """The decided commands of one partition (I4, I8).

    Args:
        fetch: Reads an entry of the journal by its offset.
        recent: Entries kept whole, at least 1.
        days: For how many days of log time an id is remembered, at least as long
            as the commands topic keeps its records.
    """

    def __init__(
        self, fetch: Callable[[int], bytes], *, recent: int = 50_000, days: int = 31
    ) -> None:
        if recent < 1 or days < 1:
            raise ValueError("recent and days must be at least 1")
        self._fetch_entry = fetch
        self._most_recent = recent
        self._days = days
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        # One dictionary a day: what has become too old goes as a whole.
        self._places: deque[tuple[int, dict[bytes, int]]] = deque()

    def get(self, command_id: str) -> bytes | None:
        """The journal's entry of a command; None when it is not remembered.

        Raises:
            EntryUnavailable: It cannot be read.
        """
        entry = self._recent.get(command_id)
        if entry is not None:
            return entry
        key = _key(command_id)
        for _, places in reversed(self._places):
            offset = places.get(key)
            if offset is not None:
                return self.fetch(offset)
        return None

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
        """Keep entries at hand."""
        self._recent.update(entries)

    def place(self, command_id: str, offset: int, recorded_at: int) -> None:
        """Remember where in the journal an entry is.

        Args:
            command_id: The command.
            offset: Place in the journal.
            recorded_at: The log's time, microseconds.
        """
        day = recorded_at // _DAY_US
        if not self._places or self._places[-1][0] < day:
            self._places.append((day, {}))
            while self._places[0][0] <= day - self._days:
                self._places.popleft()
        self._places[-1][1][_key(command_id)] = offset

    def shrink(self) -> None:
        """Let go of entries beyond the number that is kept at hand."""
        while len(self._recent) > self._most_recent:
            self._recent.popitem(last=False)

    def __len__(self) -> int:
        return sum(len(places) for _, places in self._places)


def _key(command_id: str) -> bytes:
    try:
        return bytes.fromhex(command_id.replace("-", ""))
    except ValueError:
        # Not an id of ours; it is kept as it is.
        return command_id.encode()
