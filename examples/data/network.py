"""What becomes of an intent on its way: repeated, doubled, sent under a used key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from examples.data import figures as f
from examples.data.draws import Draws
from examples.data.intents import Intent
from examples.data.requests import TimedRequest, first_sending, misused
from examples.data.schedule import SECOND
from healthpay_core import derive_id


class Network:
    """Sends intents, not always once."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._draws = Draws(seed, "network")
        self._sent = 0

    def send(self, intent: Intent, at: int) -> Iterator[TimedRequest]:
        """The intent's sendings, the first of them at the instant `at`."""
        self._sent += 1
        command_id = derive_id(f"example/{self._seed}/command/{self._sent}")
        first = first_sending(intent, at, command_id)
        yield first
        if self._draws.chance(f.DOUBLE_CLICK_SHARE):
            yield replace(first, origin="double_click")
        later = at
        while self._draws.chance(f.RETRY_SHARE):
            later += self._delay()
            yield replace(first, at=later, origin="retry")
        if self._draws.chance(f.KEY_MISUSE_SHARE):
            bug = misused(first, later + self._delay())
            if bug is not None:
                yield bug

    def _delay(self) -> int:
        low, high = f.RETRY_DELAY_S
        return low * SECOND + self._draws.below((high - low) * SECOND)
