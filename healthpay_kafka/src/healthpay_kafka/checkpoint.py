"""How far a feed has been published, kept where a restart finds it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Protocol

_ID: Final = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Everything up to and including this event has been acknowledged.

    Attributes:
        position: Its place in the store's feed, at least 1.
        event_id: Its id, by which a store is known again.
        partitions: The position of the last event in each partition, by
            ``<topic>/<partition>``, as far as is known.
    """

    position: int
    event_id: str
    partitions: Mapping[str, int] = field(default_factory=dict, compare=False)


class Checkpoint(Protocol):
    """Where a relay's mark is kept; it may be old, and it may be lost."""

    def load(self) -> Mark | None:
        """The mark that was saved last; None when there is none."""
        ...

    def save(self, mark: Mark) -> None:
        """Keep it durably.

        Raises:
            OSError: It cannot be kept; the one before is still there.
        """
        ...


class FileCheckpoint:
    """A `Checkpoint` in a file of its own.

    A crash leaves the old mark or the new one, never half of one. What cannot be
    read counts as lost: the relay then finds out from the topics themselves what
    has been published.

    Args:
        path: The file; its folder must be there.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    def load(self) -> Mark | None:
        try:
            members = json.loads(self.path.read_text(encoding="utf-8"))
            position, event_id = members["position"], members["event_id"]
            ends = dict(members.get("partitions", {}))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if type(event_id) is not str or _ID.fullmatch(event_id) is None:
            return None
        if any(
            type(each) is not int or each < 1 for each in (position, *ends.values())
        ):
            return None
        return Mark(position=position, event_id=event_id, partitions=ends)

    def save(self, mark: Mark) -> None:
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            with aside.open("w", encoding="utf-8") as file:
                json.dump(asdict(mark), file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        _sync_folder(self.path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in it durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
