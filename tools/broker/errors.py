"""What can be wrong with a broker for tests."""

from __future__ import annotations


class BrokerError(Exception):
    """No broker: the text says why, with the end of its log where there is one.

    A run that needs a broker fails with it; it is never skipped.
    """
