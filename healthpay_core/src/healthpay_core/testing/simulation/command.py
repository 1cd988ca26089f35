"""The command line of the simulator."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import distributions
from math import ceil
from pathlib import Path
from typing import Final

from healthpay_core.testing.simulation.coverage import Coverage
from healthpay_core.testing.simulation.soak import Finding, Progress, Soak, play, soak

_DEFAULT_MINUTES: Final = 30.0
_LEAST_OF_THE_DEFAULT: Final = 100


def main(
    arguments: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
    about: Iterable[str] = (),
) -> int:
    """Play stories as told on the command line, and print what came of it.

    Args:
        arguments: Instead of those of the process.
        progress: Told each second how far it is.
        about: Lines for the head of the report.

    Returns:
        0 when nothing was found and everything was reached, else 1.
    """
    options = _options(arguments)
    order = Soak(
        seconds=options.minutes * 60,
        first_seed=options.seed,
        cores=options.cores,
        storage=options.storage,
        storage_every=options.storage_every,
    )
    if options.replay is not None:
        return _replay(order, options.replay)
    least = options.least
    if least is None:
        least = ceil(options.minutes / _DEFAULT_MINUTES * _LEAST_OF_THE_DEFAULT)
    result = soak(order) if progress is None else soak(order, progress)
    head = (*about, *_machine(), *_asked(order))
    text = "\n".join((*head, "", *result.lines(order.cores, least)))
    sys.stdout.write(f"{text}\n")
    if options.report is not None:
        options.report.write_text(f"{text}\n", encoding="utf-8")
    return 1 if result.findings or result.coverage.missing(least) else 0


def minutes_of(arguments: Sequence[str]) -> float:
    """How long a run with these arguments is going to be."""
    minutes = _options(arguments).minutes
    assert isinstance(minutes, float)
    return minutes


def _replay(order: Soak, seed: int) -> int:
    # The storage that is named is the one of this story, whatever its number.
    every = Soak(seconds=0, storage=order.storage, storage_every=1)
    finding: Finding | None = play(every, seed, Coverage())
    text = f"seed {seed} breaks no rule" if finding is None else finding.text
    sys.stdout.write(f"{text}\n")
    return 0 if finding is None else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m healthpay_core.testing.simulation",
        description="Play stories until the time is over or a rule is broken.",
    )
    add = parser.add_argument
    add("--minutes", type=float, default=_DEFAULT_MINUTES, help="for how long")
    add("--seed", type=int, default=0, help="the first seed")
    add("--cores", type=int, default=os.cpu_count() or 1, help="processes")
    add("--least", type=int, help="how often everything must be reached")
    add("--storage", default="", help="module:name of a storage of yours")
    add("--storage-every", type=int, default=100, help="one story of so many on it")
    add("--report", type=Path, help="write what is printed to this file too")
    add("--replay", type=int, metavar="SEED", help="play the story of one seed")
    options = parser.parse_args(arguments)
    try:
        Soak(seconds=0, storage=options.storage).simulation(0)
    except (ImportError, AttributeError, ValueError) as error:
        parser.error(f"--storage {options.storage}: {error}")
    return options


def _machine() -> Iterator[str]:
    yield (
        f"machine: {_cpu()}, {os.cpu_count()} cores,"
        f" {platform.system()} {platform.release()}"
    )
    yield f"python: {platform.python_version()}, {platform.python_compiler()}"
    ours = {
        found.name: found.version
        for found in distributions()
        if found.name.startswith("healthpay")
    }
    yield f"versions: {', '.join(f'{k} {v}' for k, v in sorted(ours.items()))}"


def _asked(order: Soak) -> Iterator[str]:
    where = "in memory"
    if order.storage:
        where = f"1 of {order.storage_every} on {order.storage}, the rest in memory"
    yield f"stories: from seed {order.first_seed} on, on {order.cores} cores, {where}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if "model name" in line)
    return next(names, platform.machine())
