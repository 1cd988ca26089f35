"""What no tracked file may hold: addresses of registries, paths of one machine.

`python -m tools.tree` names each place and fails when there is one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LOCK_FILES = frozenset(
    {"uv.lock", "poetry.lock", "pylock.toml", "package-lock.json", "Pipfile.lock"}
)
FORBIDDEN = (
    ("a path of one machine", re.compile(r"(?<![\w.:])/(?:work|farm|root|home/\w+)/")),
    ("a path of one machine", re.compile(r"(?<!\w)/Users/\w+")),
    (
        "a package registry's host",
        re.compile(
            r"\bpy(?:pi)\.org|\bpython(?:hosted)\.org|\bnpm(?:js)\.org|artif(?:actory)"
        ),
    ),
)
PINNED = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==\S+( ; .+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def main() -> int:
    """Print every fault of the tracked tree; 1 when there is one."""
    faults = [fault for path in tracked() for fault in faults_of(path)]
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    return 1 if faults else 0


def tracked() -> list[Path]:
    """The files that a clone would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], check=True, capture_output=True, text=True
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def faults_of(path: Path) -> Iterator[str]:
    """The faults of one file, each as `path:line: what`."""
    if path.name in LOCK_FILES:
        yield f"{path}: a lock file, which records addresses"
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in FORBIDDEN:
            if pattern.search(line):
                yield f"{path}:{number}: {what}"
    if path.parent.name == "requirements" and path.suffix == ".txt":
        yield from (f"{path}: {fault}" for fault in requirement_faults(text))


def requirement_faults(text: str) -> Iterator[str]:
    """What keeps a requirements file from being pins with hashes and no more."""
    for entry in text.replace("\\\n", " ").splitlines():
        requirement, *hashes = re.split(r"\s+(?=--hash=)", entry.strip())
        if not requirement or requirement.startswith("#"):
            continue
        if not PINNED.fullmatch(requirement):
            yield f"not a plain pin: {requirement}"
        elif not hashes or not all(HASH.fullmatch(item.strip()) for item in hashes):
            yield f"no sha256 hash: {requirement}"


if __name__ == "__main__":
    raise SystemExit(main())
