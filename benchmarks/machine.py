"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sysconfig
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_PACKAGES: Final = (
    "healthpay-core",
    "healthpay-wire",
    "healthpay-sql",
    "healthpay-http",
    "attrs",
    "cattrs",
    "httptools",
    "orjson",
    "uvicorn",
    "uvloop",
)


def describe() -> dict[str, object]:
    """Machine, Python build, versions, and what one write to disk costs."""
    flags = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "python_build": " ".join(
            (*platform.python_build(), platform.python_compiler())
        ),
        "python_optimised": "--enable-optimizations" in flags,
        "python_lto": "--with-lto" in flags,
        "sqlite": sqlite3.sqlite_version,
        "fdatasync_us": _sync_us(),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if "model name" in line)
    return next(names, platform.machine())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _sync_us() -> float:
    """The median of appending 4 KiB and having it on disk, in microseconds."""
    sync = getattr(os, "fdatasync", os.fsync)
    costs: list[float] = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(50):
            os.write(file.fileno(), bytes(4096))
            began = time.perf_counter()
            sync(file.fileno())
            costs.append(time.perf_counter() - began)
    return round(statistics.median(costs) * 1e6, 1)
