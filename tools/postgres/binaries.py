"""Where PostgreSQL's server programs are; installs them where it may."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

OLDEST: Final = 14
PLACES: Final = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")
NEEDED: Final = ("initdb", "postgres")
# A mirror may fail once, and another program may be installing something.
PATIENT: Final = ("-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120")
BARE: Final = ("--no-install-recommends",)


class PostgresMissing(Exception):
    """There are no server programs, and they cannot be installed; says why."""


def binaries() -> Path:
    """The folder that holds `initdb` and `postgres`, version 14 or later.

    Where there is none, on Debian and as root, they are installed from the
    distribution's own packages.

    Raises:
        PostgresMissing: There are none and they cannot be installed.
    """
    return _found() or _installed()


def _found() -> Path | None:
    folders = [f for place in PLACES for f in Path(place).glob("*/bin")]
    folders += [Path(f) for f in os.environ.get("PATH", "").split(os.pathsep) if f]
    complete = [f for f in folders if all((f / name).is_file() for name in NEEDED)]
    aged = [(version, f) for f in complete if (version := _version(f)) >= OLDEST]
    return max(aged)[1] if aged else None


def _version(folder: Path) -> int:
    said = subprocess.run(
        [folder / "postgres", "--version"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    number = re.search(r"PostgreSQL\) (\d+)", said)
    return int(number[1]) if number else 0


def _installed() -> Path:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise PostgresMissing(
            f"PostgreSQL {OLDEST} or later is needed: install its server, or set"
            " HEALTHPAY_TEST_POSTGRES to the URL of a database that tests may use"
        )
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq", *PATIENT],
        ["apt-get", "install", "-y", "-qq", *PATIENT, *BARE, "postgresql"],
    ):
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment
        )
        if done.returncode != 0:
            raise PostgresMissing(f"{' '.join(command)} failed:\n{done.stderr}")
    found = _found()
    if found is None:
        raise PostgresMissing(f"the packages hold no PostgreSQL {OLDEST} or later")
    return found
