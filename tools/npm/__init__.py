"""Packages of JavaScript for tests: installed once by npm, kept in the user's cache."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from tools.broker.jars import cache_folder
from tools.fetching import fetched

PACKAGES: Final = Path(__file__).with_name("package.json")
_OPTIONS: Final = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
_INSTALL_TIMEOUT_S: Final = 120.0


class NpmError(Exception):
    """The packages are not there and cannot be had; a run that needs them fails."""


def node_modules() -> Path:
    """The folder of the packages that `package.json` names; filled if need be.

    Its versions are exact, and npm checks what it gets against the registry's
    digests. No package's own scripts are run.

    Raises:
        NpmError: npm is missing, or cannot install them.
    """
    version = sha256(PACKAGES.read_bytes()).hexdigest()[:12]
    wanted = cache_folder() / f"npm-{version}"
    if not wanted.is_dir():
        wanted.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wanted.parent) as aside:
            filled = Path(aside) / "filled"
            filled.mkdir()
            _install(filled)
            # Another run may have been faster; its packages are the same.
            with suppress(OSError):
                filled.rename(wanted)
    return wanted / "node_modules"


def node(script: Path, *arguments: str, timeout_s: float = 60.0) -> str:
    """What a script prints that may `require` those packages.

    Raises:
        NpmError: Node.js is missing, or the script fails; has what it said.
    """
    done = subprocess.run(
        [_program("node"), str(script), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={"NODE_PATH": str(node_modules()), "NO_COLOR": "1"},
        timeout=timeout_s,
    )
    if done.returncode:
        raise NpmError(f"{script.name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _install(folder: Path) -> None:
    shutil.copy(PACKAGES, folder)
    command = [_program("npm"), "install", *_OPTIONS]
    done = fetched(command, folder=folder, timeout_s=_INSTALL_TIMEOUT_S)
    if done.returncode:
        raise NpmError(f"npm cannot install them:\n{done.stderr[-4000:]}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NpmError(f"{name} is needed, and is not on the PATH; install Node.js")
    return found
