"""The two commands of the README."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.docs.session import ROOT
from tools.readme import sh_block

SET_UP = (
    "python3 -m venv .venv && .venv/bin/pip install -q -r requirements/nox.txt"
    " && .venv/bin/nox"
)


@pytest.mark.parametrize(
    ("number", "command"), [(1, SET_UP + " -s serve"), (2, SET_UP)]
)
def test_the_commands_are_one_line_each(number: int, command: str) -> None:
    """The first block runs the server, the second the tests, from nothing."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert sh_block(readme, number) == command + "\n"


def test_there_are_no_other_sh_blocks() -> None:
    """A third block would be one that nobody executes."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    with pytest.raises(LookupError):
        sh_block(readme, 3)


def test_ci_runs_the_second_command() -> None:
    """What CI extracts and runs is the README's test command, nothing else."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "command=$(python3 -m tools.readme 2)\n" in script
    assert script.endswith('bash -euo pipefail -c "$command"\n')
    extracted = subprocess.run(
        [sys.executable, "-m", "tools.readme", "2"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert extracted.stdout == SET_UP + "\n"
