"""Instants on the wire: RFC 3339, UTC, microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=64)
def format_instant(us: int) -> str:
    """Microseconds since 1970 as ``2026-11-25T09:30:00.000000Z``.

    Cached because all events of a batch share their instant.
    """
    instant = _EPOCH + us * _MICROSECOND
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def parse_instant(text: str) -> int | None:
    """Any RFC 3339 time with an offset, to microseconds; None if it is not one.

    Digits past the microsecond, a missing offset, and years before 1 or after
    9999 in UTC are refused.
    """
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None or "T" not in text.upper() or len(text) < 20:
            return None
        return (instant - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
