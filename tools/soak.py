"""A pytest plugin with the long Hypothesis profile: `-p tools.soak`, `--examples N`."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import HealthCheck, settings

USUAL: Final = 1_000
"""Of each property: all of them end within half an hour on two cores."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know how long to look."""
    told = "How many examples Hypothesis looks at, of each property."
    parser.addoption("--examples", type=int, default=USUAL, help=told)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let every property take its time."""
    settings.register_profile(
        "soak",
        max_examples=config.getoption("--examples"),
        stateful_step_count=100,
        deadline=None,
        print_blob=True,
        # Long examples are what a soak is for.
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("soak")
