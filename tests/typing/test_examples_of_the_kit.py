"""What the test kit shows its users says what to write, and keeps to the types."""

from __future__ import annotations

import re
import subprocess
import sys
from inspect import cleandoc, isfunction
from pathlib import Path
from typing import Final

import pytest

from healthpay_core.testing import contracts
from healthpay_core.testing.contracts import Contract
from healthpay_core.testing.machine import CommandPortMachine

CODE: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CONTRACTS: Final = sorted(
    {
        kind
        for kind in vars(contracts).values()
        if isinstance(kind, type)
        and issubclass(kind, Contract)
        and kind.__name__ in contracts.__all__
    },
    key=lambda kind: kind.__name__,
)
WITH_METHODS: Final = [kind for kind in CONTRACTS if kind is not Contract]
PAGE: Final = Path(__file__).parents[2] / "docs" / "concepts" / "test-kit.md"
OF_A_USER: Final = """
from pathlib import Path

import pytest

from healthpay_core import *
from healthpay_core.testing.contracts import *
from healthpay_core.testing.machine import CommandPortMachine

def my_digest(prev_hash: bytes, envelope: EventEnvelope) -> bytes:
    return prev_hash + envelope.event_id.encode()

class MyStore(InMemoryEventStore):
    def __init__(self, path: Path) -> None:
        super().__init__(digest=my_digest)

    def close(self) -> None:
        pass

class MyPort(LocalRuntime):
    def __init__(
        self, path: Path | ManualClock, policy: LimitPolicy = NO_LIMITS
    ) -> None:
        super().__init__(CommandHandler(InMemoryEventStore()))

class MySnapshots(InMemoryEventStore): ...
class MyClock(SystemClock): ...
class MyQueries(StoreQueries): ...
class MyObserver:
    def batch_handled(
        self, requests: object, outcomes: object
    ) -> None: ...
    def unexpected(self, error_id: str, error: BaseException) -> None: ...
"""


def _examples(kind: type) -> list[str]:
    return CODE.findall(cleandoc(kind.__doc__ or ""))


def _checked(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", *options, "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", WITH_METHODS, ids=lambda kind: kind.__name__)
def test_each_contract_says_what_to_write(kind: type[Contract]) -> None:
    """A1, V1: the docstring names each method that can be written, in an example."""
    written = {
        name
        for base in kind.__mro__
        if issubclass(base, Contract) and base is not Contract
        for name, value in vars(base).items()
        if isfunction(value) and not name.startswith(("_", "test_"))
    }
    assert {name for name in written if name.startswith("make_")}
    assert {name for name in written if name not in (kind.__doc__ or "")} == set()
    assert _examples(kind)


def test_what_docstrings_show_keeps_to_the_types(tmp_path: Path) -> None:
    """V1: each example of a contract and of the machine passes a strict check."""
    kinds: list[type] = [*CONTRACTS, CommandPortMachine]
    shown = [text for kind in kinds for text in _examples(kind)]
    assert len(shown) > len(CONTRACTS)
    (tmp_path / "of_a_user.py").write_text(OF_A_USER, encoding="utf-8")
    for number, text in enumerate(shown):
        program = f"from of_a_user import *\n\n{text}"
        (tmp_path / f"shown_{number}.py").write_text(program, encoding="utf-8")
    said = _checked(tmp_path, "--strict", "--implicit-reexport")
    assert "Success" in said, said


def test_what_the_page_shows_keeps_to_the_types(tmp_path: Path) -> None:
    """V1: the blocks of the page on the kit pass a check of their types."""
    blocks = CODE.findall(PAGE.read_text(encoding="utf-8"))
    (tmp_path / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    said = _checked(tmp_path)
    assert "Success" in said, said
