"""What stops the load of a damaged stream (rule C5)."""

from __future__ import annotations


class StreamCorrupted(Exception):
    """A stored fact cannot follow the facts before it.

    Args:
        reason: What does not add up.
        stream: The stream, where it is known.
        sequence: The event in it, where it is known.
    """

    def __init__(self, reason: str, stream: str = "", sequence: int = 0) -> None:
        super().__init__(reason, stream, sequence)
        self.reason = reason
        self.stream = stream
        self.sequence = sequence

    def __str__(self) -> str:
        where = f" at event {self.sequence} of {self.stream}" if self.stream else ""
        return f"{self.reason}{where}"
