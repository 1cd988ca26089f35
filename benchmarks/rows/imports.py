"""Row 11: what `import healthpay_core` costs a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.measure import Figure, Goal, Scale, Side, interleave, middle


def run(scale: Scale) -> Iterator[Figure]:
    """The median of fifteen starts with the import, less the median without."""
    starts = scale.size(15, 3)
    bare, with_import = interleave(
        starts, lambda: _start("pass"), lambda: _start("import healthpay_core")
    )
    floor = middle(bare)
    yield Figure(
        row=11,
        name="import healthpay_core",
        unit="ms",
        values=[value - floor for value in with_import],
        goal=Goal(sign="<=", value=60),
        sides=[
            Side(name="with the import", unit="ms", values=with_import),
            Side(name="bare interpreter", unit="ms", values=bare),
        ],
    )


def _start(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", program], check=True)
    return (time.perf_counter() - began) * 1e3
