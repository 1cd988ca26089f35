"""A month of commands in the order of time, from a seed.

`python -m examples.data.generate --commands 100000 --seed 1 > month.jsonl`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import suppress
from heapq import heappop, heappush, merge
from itertools import islice
from typing import Final, Literal, TypeAlias

from examples.data import figures as f
from examples.data.draws import Draws
from examples.data.intents import Story
from examples.data.network import Network
from examples.data.population import Population
from examples.data.requests import TimedRequest, json_line
from examples.data.schedule import ENDS_AT, HOUR, Hour, hours, slots
from examples.data.stories import Stories

_Arrival: TypeAlias = tuple[
    int, Literal["everyday", "opening", "joining", "salary"], int
]
_COMMANDS_PER_OPENING: Final = 2.0
_COMMANDS_PER_JOINING: Final = 4.2
_COMMANDS_PER_DAY_STORY: Final = 1.35
LEAST_COMMANDS: Final = 1_000
_LAST_HOUR: Final = f.DAYS * 24 - 1


def month(seed: int = 1, commands: int = 100_000) -> Iterator[TimedRequest]:
    """Exactly `commands` commands of the month, in the order of time.

    The number of wallets grows with the number of commands; the memory that is
    needed does not, but for what is still to come of stories that have begun.
    The same arguments give the same commands, byte for byte.

    Raises:
        ValueError: Fewer than `LEAST_COMMANDS` are no month.
    """
    if commands < LEAST_COMMANDS:
        raise ValueError(f"a month has at least {LEAST_COMMANDS} commands")
    return islice(_Month(seed, commands).play(), commands)


class _Month:
    def __init__(self, seed: int, commands: int) -> None:
        self._commands = commands
        self._people = Population(seed, commands // f.COMMANDS_PER_WALLET)
        self._stories = Stories(seed, self._people)
        self._network = Network(seed)
        self._draws = Draws(seed, "schedule")
        self._coming: list[tuple[int, int, TimedRequest]] = []
        self._opened = 0
        self._merchants_to_come = self._stories.merchants
        self._planned = 0
        self._played = 0
        self._weight_left = sum(hour.weight for hour in hours())

    def play(self) -> Iterator[TimedRequest]:
        for hour in hours():
            for at, what, index in merge(*self._arrivals(hour)):
                yield from self._due(at)
                self._begin(at, what, index)
            yield from self._due(hour.starts_at + HOUR - 1)
            self._weight_left -= hour.weight

    def _arrivals(self, hour: Hour) -> Iterator[Iterator[_Arrival]]:
        if hour.number == 0:
            yield self._opening(hour)
        yield self._joining(hour)
        if hour.hour in f.PAY_HOURS and hour.day in dict(f.PAYDAYS):
            yield self._salaries(hour)
        yield self._everyday(hour)

    def _opening(self, hour: Hour) -> Iterator[_Arrival]:
        """The merchants' wallets are there from the first hour on."""
        instants = slots(hour, self._stories.merchants, self._draws)
        return ((at, "opening", i) for i, at in enumerate(instants))

    def _joining(self, hour: Hour) -> Iterator[_Arrival]:
        """The roster is loaded in the first night; others sign up by and by."""
        first, last = self._opened, self._opened_after(hour)
        instants = slots(hour, last - first, self._draws)
        return ((at, "joining", i) for i, at in enumerate(instants, first))

    def _salaries(self, hour: Hour) -> Iterator[_Arrival]:
        """A part of those whose payday it is, in the order of their numbers."""
        part = f.PAY_HOURS.index(hour.hour)
        first = self._opened * part // len(f.PAY_HOURS)
        last = self._opened * (part + 1) // len(f.PAY_HOURS)
        for index, at in enumerate(slots(hour, last - first, self._draws), first):
            if self._people.payday(index) == hour.day:
                yield at, "salary", index

    def _everyday(self, hour: Hour) -> Iterator[_Arrival]:
        """This hour's share of the commands that are left to the month."""
        left = self._commands - self._played - len(self._coming)
        if hour.number < _LAST_HOUR:
            left -= round(self._joining_left() + self._salaries_left(hour))
            share = hour.weight / self._weight_left / _COMMANDS_PER_DAY_STORY
            count = max(0, int(left * share + self._draws.unit()))
        else:
            count = left + len(self._coming)
        for at in slots(hour, count, self._draws):
            yield at, "everyday", 0

    def _begin(self, at: int, what: str, index: int) -> None:
        for intent in self._story(what, index):
            for sent in self._network.send(intent, at + intent.after):
                if sent.at < ENDS_AT:
                    self._planned += 1
                    heappush(self._coming, (sent.at, self._planned, sent))

    def _story(self, what: str, index: int) -> Story:
        if what == "opening":
            self._merchants_to_come -= 1
            return self._stories.opening(index)
        if what == "joining":
            self._opened = index + 1
            return self._stories.joining(index)
        if what == "salary":
            return self._stories.salary(index)
        return self._stories.everyday(self._opened)

    def _due(self, until: int) -> Iterator[TimedRequest]:
        coming = self._coming
        while coming and coming[0][0] <= until:
            self._played += 1
            yield heappop(coming)[2]

    def _opened_after(self, hour: Hour) -> int:
        roster = int(self._people.size * f.ROSTER_SHARE)
        if hour.number < f.ROSTER_HOURS:
            return roster * (hour.number + 1) // f.ROSTER_HOURS
        hours_after = hour.number - f.ROSTER_HOURS + 1
        others = self._people.size - roster
        return roster + others * hours_after // (_LAST_HOUR + 1 - f.ROSTER_HOURS)

    def _joining_left(self) -> float:
        members = (self._people.size - self._opened) * _COMMANDS_PER_JOINING
        return members + self._merchants_to_come * _COMMANDS_PER_OPENING

    def _salaries_left(self, hour: Hour) -> float:
        share = sum(share for day, share in f.PAYDAYS if day > hour.day)
        return share * f.EARNER_SHARE * self._people.size


def main(arguments: list[str] | None = None) -> int:
    """Write a month as JSON lines to the standard output."""
    parser = argparse.ArgumentParser(description="A month of commands as JSON lines.")
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    # Whoever reads the lines may stop, as `head` does.
    with suppress(BrokenPipeError):
        for sent in month(options.seed, options.commands):
            sys.stdout.buffer.write(json_line(sent))
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
