"""Ids that read as names: the same name has the same id in every run."""

from __future__ import annotations

from collections import Counter

from healthpay_core.ids import derive_id


class Names:
    """Gives ids for names, and remembers which was whose."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._keys = 0
        self._prefix = f"{seed & 0xFFFFFFFF:08x}-0000-5000-8000-"

    def new(self, kind: str) -> str:
        """The id of the next of a kind, such as ``wallet 3``."""
        self._counts[kind] += 1
        return self.id(f"{kind} {self._counts[kind]}")

    def id(self, name: str) -> str:
        """The id of a name."""
        found = self._ids.get(name)
        if found is None:
            found = self._ids[name] = derive_id(f"{self._seed}/{name}")
            self._names[found] = name
        return found

    def key(self) -> str:
        """The id of the next command; a key in the story."""
        self._keys += 1
        # Put together, not hashed: there is one of it for every step.
        return self._key(self._keys)

    def is_key(self, found: str) -> bool:
        """Whether an id is a key of a client's, not that of a saga's step."""
        return found.startswith(self._prefix)

    def named(self, text: str) -> str:
        """A text with names in place of ids."""
        for found, name in self._names.items():
            text = text.replace(found, name)
        for number in range(1, self._keys + 1):
            text = text.replace(self._key(number), f"key {number}")
        return text

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number:012x}"
