"""The bugs that mutation testing must find are planted here by name, and found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutants.planted import PLANTED, Planted, plant, run_tests

FILES = sorted({bug.tests for bug in PLANTED})


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: f"{bug.name}-{bug.rule}")
def test_a_planted_bug_is_seen(bug: Planted, tmp_path: Path) -> None:
    """P11, T2, K3: the tests of the rule fail, and say which rule it was."""
    done = run_tests(plant(bug, tmp_path), bug.tests)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED {bug.tests}::" in done.stdout


@pytest.mark.parametrize("tests", FILES)
def test_the_same_copy_without_a_bug_passes(tests: str, tmp_path: Path) -> None:
    """What is seen above is the bug, not the copying."""
    done = run_tests(plant(None, tmp_path), tests)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bug_that_no_longer_fits_is_an_error(tmp_path: Path) -> None:
    """A source that has changed cannot make a planted bug pass unnoticed."""
    bug = PLANTED[0]
    gone = Planted(
        name=bug.name,
        rule=bug.rule,
        source=bug.source,
        right="this does not stand there",
        wrong="",
        tests=bug.tests,
    )
    with pytest.raises(LookupError):
        plant(gone, tmp_path)


def test_the_three_that_must_be_dead_are_among_them() -> None:
    """Over-refund, self-transfer, and windows counted net instead of gross."""
    planted = {(bug.rule, bug.name) for bug in PLANTED}
    assert {
        ("P11", "over-refund at once"),
        ("T2", "self-transfer"),
        ("K3", "limit windows counted net"),
    } <= planted
