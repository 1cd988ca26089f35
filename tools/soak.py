"""A pytest plugin with the long Hypothesis profile: `-p tools.soak`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "soak",
    max_examples=5_000,
    stateful_step_count=100,
    deadline=None,
    print_blob=True,
    # Long examples are what a soak is for.
    suppress_health_check=[HealthCheck.too_slow],
)
