"""Instants on the wire: RFC 3339, UTC, microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-5][0-9])",
    re.IGNORECASE,
)


@lru_cache(maxsize=64)
def format_instant(us: int) -> str:
    """Microseconds since 1970 as ``2026-11-25T09:30:00.000000Z``.

    Cached because all events of a batch share their instant.
    """
    instant = _EPOCH + us * _MICROSECOND
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def parse_instant(text: str) -> int | None:
    """Any RFC 3339 time with an offset, to microseconds; None if it is not one.

    Digits past the microsecond, a missing offset, leap seconds, and years before 1
    or after 9999 are refused.
    """
    # `fromisoformat` also reads week dates, dates without hyphens, commas, offsets
    # with seconds, and cuts what is past the microsecond.
    if _RFC_3339.fullmatch(text) is None:
        return None
    try:
        return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MICROSECOND
    except ValueError:
        return None
