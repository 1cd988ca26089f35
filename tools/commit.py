"""What the sources were when a figure was printed."""

from __future__ import annotations

import subprocess


def commit() -> str:
    """The commit that is checked out, and whether anything differs from it."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    more = " and changes that are not committed" if changed else ""
    return f"{_git('rev-parse', 'HEAD')}{more}"


def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", *words], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
