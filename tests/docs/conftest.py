"""A terminal in an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.session import Terminal


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a page's commands and code run."""
    place = tmp_path / "reader"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    """A terminal without curl, as a bare machine has it."""
    with closing(Terminal(folder, has_curl=False)) as opened:
        yield opened
