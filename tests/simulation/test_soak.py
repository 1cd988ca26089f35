"""The command that plays stories on all cores: what it prints, when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from healthpay_core.testing.simulation import Coverage
from healthpay_core.testing.simulation.command import main
from tools import soaking

PLANTED = "tests.simulation.planted_storages:"


def _run(*arguments: str) -> int:
    return main(["--minutes", "0.02", "--cores", "2", *arguments])


def test_a_run_without_a_violation_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """E1: it prints what it ran on, what was reached, how fast, and writes the same."""
    report, seen = tmp_path / "report.txt", list[Coverage]()
    options = ["--minutes", "0.02", "--cores", "2", "--report", str(report)]
    code = main(
        [*options, "--least", "0", "--seed", "7"],
        progress=lambda _, coverage: seen.append(coverage),
        about=["commit: abc"],
    )
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert printed == report.read_text("utf-8")
    assert seen[-1].steps == 300 * seen[-1].stories > 0
    for line in ("commit: abc", "machine: ", "python: ", "versions: healthpay-core"):
        assert line in printed
    for line in (
        "from seed 7 on, on 2 cores",
        "steps a second of CPU",
        "violations: 0",
    ):
        assert line in printed
    for title in ("codes", "fault points", "happenings", "movements", "cells"):
        assert f"{title}" in printed


def test_too_little_of_anything_is_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """E1: what was not reached often enough is named, and the run has failed."""
    assert _run("--least", "1000000") == 1
    printed = capsys.readouterr().out
    assert "reached fewer than 1,000,000 times: " in printed
    assert "\n  codes: CARD_LIMIT_EXCEEDED: " in printed
    assert "violations: 0" in printed


def test_a_violation_is_told_with_the_command_that_plays_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """V1: seed, short story and command are printed; the command finds it again."""
    storage = ("--storage", PLANTED + "GapStorage")
    assert _run("--least", "0", "--storage-every", "1", *storage) == 1
    printed = capsys.readouterr().out
    head, _, again = printed.rpartition("play it again: ")
    command = again.splitlines()[0].split()
    assert "versions gap-free" in head
    assert command[:4] == [
        "python",
        "-m",
        "healthpay_core.testing.simulation",
        "--replay",
    ]
    assert command[-2:] == list(storage)
    assert main(command[3:]) == 1
    assert capsys.readouterr().out.rstrip() in printed


def test_a_seed_that_breaks_no_rule_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A1: played again on a whole store, nothing is found."""
    assert main(["--replay", "3"]) == 0
    assert capsys.readouterr().out == "seed 3 breaks no rule\n"


def test_a_process_that_is_lost_is_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """E1: a core that has gone has not found nothing."""
    deadly = ("--storage", PLANTED + "DeadlyStorage", "--storage-every", "1")
    assert _run("--least", "0", *deadly) == 1
    assert "a process ended with code 3" in capsys.readouterr().out


def test_a_wrong_storage_is_a_mistake_that_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """E1: a name that names nothing is refused before anything runs."""
    with pytest.raises(SystemExit):
        _run("--storage", "tests.simulation.planted_storages:Nothing")
    assert "--storage" in capsys.readouterr().err


def test_the_session_names_its_commit_and_plays_on_sqlite_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """I7: `nox -s soak` says which commit it ran, and which stories were on disk."""
    arguments = ("--minutes", "0.02", "--least", "0", "--storage-every", "2")
    assert soaking.run(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("commit: ")
    assert "1 of 2 on tests.simulation.sqlite_storage:SqliteStorage" in printed
