"""One library and one server of forks for all tests of crashes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.launching import Worker
from tests.crash.shim import build


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled library."""
    return build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one; other users may look into it."""
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir=parent))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def worker(library: Path, room: Path) -> Iterator[Worker]:
    """A server of forks for one test."""
    with Worker(library, room) as started:
        yield started
