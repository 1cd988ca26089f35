"""What a view keeps aside, as its projection remembers it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from healthpay_core import StreamId
from healthpay_kafka.projection.gate import Place, place
from healthpay_kafka.projection.view import Parked


class Aside:
    """The parked records of one view, by their place."""

    def __init__(self) -> None:
        self._by_place: dict[Place, Parked] = {}

    def __len__(self) -> int:
        return len(self._by_place)

    def __iter__(self) -> Iterator[Parked]:
        return iter(tuple(self._by_place.values()))

    def read(self, parked: Iterable[Parked]) -> None:
        """Forget all and remember these."""
        self._by_place = {place(p.record): p for p in parked}

    def exchange(self, gone: Iterable[Parked], come: Iterable[Parked]) -> None:
        """Drop some, then add some; what is both stays."""
        for parked in gone:
            self._by_place.pop(place(parked.record), None)
        for parked in come:
            self._by_place[place(parked.record)] = parked

    def streams(self) -> frozenset[StreamId | None]:
        """Whose records are parked."""
        return frozenset(parked.stream for parked in self._by_place.values())

    def holds(self, parked: Parked) -> bool:
        """Whether this record, or any of its stream, is still parked."""
        if parked.stream is None:
            return place(parked.record) in self._by_place
        return parked.stream in self.streams()

    def freed_by(self, versions: Mapping[StreamId, int]) -> Sequence[Parked]:
        """All records of the streams of which a parked one is next, or was."""
        freed = {
            p.stream
            for p in self._by_place.values()
            if p.stream is not None
            and p.version is not None
            and p.version <= versions.get(p.stream, -1) + 1
        }
        return [p for p in self._by_place.values() if p.stream in freed]
