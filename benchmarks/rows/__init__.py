"""The rows of the specification's table that are measured here, and row 13."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from benchmarks.measure import Figure, Scale
from benchmarks.rows import (
    durable,
    http,
    imports,
    kafka,
    loading,
    memory,
    open_loop,
    projecting,
    relay,
    restoring,
    simulator,
)

ROWS: Final[Mapping[int, Callable[[Scale], Iterable[Figure]]]] = {
    1: memory.run,
    2: durable.one_caller,
    3: durable.many_callers,
    4: http.run,
    5: open_loop.run,
    6: kafka.run,
    7: loading.replay,
    8: loading.for_a_command,
    9: projecting.run,
    10: restoring.run,
    11: imports.run,
    12: simulator.run,
    13: relay.run,
}
