"""The simulator with a progress bar, the commit in its report, and SQLite stories.

`python -m tools.soaking [--minutes N] [--seed N] [--cores N] [--report FILE]`; the
other options are those of `python -m healthpay_core.testing.simulation`.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence

from tqdm import tqdm

from healthpay_core.testing.simulation import Coverage
from healthpay_core.testing.simulation.command import main, minutes_of
from tools.commit import commit

STORAGE = "tests.simulation.sqlite_storage:SqliteStorage"


def run(arguments: Sequence[str]) -> int:
    """Play; 0 when nothing was found and everything was reached."""
    if "--storage" not in arguments:
        arguments = ["--storage", STORAGE, *arguments]
    seconds = minutes_of(arguments) * 60
    # What is said of the tree is of the moment before.
    about = list(_about())
    layout = "{percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left{postfix}"
    with tqdm(total=seconds, bar_format=layout, file=sys.stderr) as bar:

        def progress(since: float, coverage: Coverage) -> None:
            bar.set_postfix(
                stories=f"{coverage.stories:,}",
                steps=f"{coverage.steps:,}",
                refresh=False,
            )
            bar.update(min(since, seconds) - bar.n)

        return main(arguments, progress=progress, about=about)


def _about() -> Iterator[str]:
    yield f"commit: {commit()}"
    yield f"sqlite: {sqlite3.sqlite_version}"
    yield f"load before: {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
