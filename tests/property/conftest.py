"""How long properties are looked for, unless it is the long run, `nox -s soak`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings


def pytest_configure(config: pytest.Config) -> None:
    """The same few examples each time."""
    if config.pluginmanager.hasplugin("tools.soak"):
        return
    settings.register_profile(
        "ci",
        max_examples=60,
        stateful_step_count=25,
        # How long an example takes says something of the machine only.
        deadline=None,
        derandomize=True,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("ci")
