"""What a CloudEvent of ours is: its names, and what a reader gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from healthpay_core import RecordedEvent

STRUCTURED: Final = "application/cloudevents+json"
"""The content type of a whole event in one value."""
JSON: Final = "application/json"
"""The content type of `data`."""
ANY_CLOUDEVENT: Final = "application/cloudevents"
"""What the content type of structured mode begins with, in any format (B1)."""
CONTENT_TYPE: Final = "content-type"
"""The header that tells the mode."""
SOURCE: Final = "/healthpay/"
"""What every `source` begins with; the kind of aggregate comes after it."""

Header: TypeAlias = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """An event as a reader of the bus gets it.

    Attributes:
        recorded: The event; its position is what the reader was told.
        command_offset: Place of its command in the log of commands of its
            partition (R3, R4); None where no such log is, as with the relay.
    """

    recorded: RecordedEvent
    command_offset: int | None = None


def cloud_type(name: str, version: int) -> str:
    """The CloudEvents `type` of an event: ``healthpay.wallet.credited.v2``."""
    return f"healthpay.{name}.v{version}"


def source_of(aggregate_type: str) -> str:
    """The CloudEvents `source` of the events of a kind of aggregate."""
    return SOURCE + aggregate_type
