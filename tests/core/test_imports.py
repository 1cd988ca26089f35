"""The core needs nothing but Python, and importing it does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import healthpay_core

ROOT = Path(healthpay_core.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
MAY_IMPORT = {
    "pytest_plugin.py": {"pytest"},
    "testing/strategies.py": {"hypothesis"},
    # For type checkers only: they bring it.
    "testing/workbench.py": {"typing_extensions"},
    "testing/payment_strategies.py": {"hypothesis"},
    "testing/capabilities.py": {"pytest"},
    "testing/command_strategies.py": {"hypothesis"},
    "testing/histories.py": {"hypothesis"},
    "testing/machine.py": {"hypothesis"},
    "testing/clock_contract.py": {"pytest"},
    "testing/observer_contract.py": {"pytest"},
    "testing/port_room.py": {"pytest"},
    "testing/query_contract.py": {"pytest"},
    "testing/snapshot_contract.py": {"pytest"},
    "testing/store_room.py": {"pytest"},
}
"""What the test kit and its plugin may need besides the standard library, by file."""


def _imported(source: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: relative imports are not used"
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_the_standard_library_only(source: Path) -> None:
    """A bare Python is enough: no file imports what it would have to install."""
    allowed = MAY_IMPORT.get(source.relative_to(ROOT).as_posix(), set())
    foreign = _imported(source) - sys.stdlib_module_names - {"healthpay_core"}
    assert foreign <= allowed


def test_sources_were_found() -> None:
    """The walk above sees the whole package."""
    assert {"handler.py", "decide.py", "contracts.py"} <= {p.name for p in SOURCES}
    assert (ROOT / "py.typed").is_file()


WATCHED = """
import sys, threading
seen = []
def watch(event, args):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.system"):
        seen.append((event, args))
    if event == "open" and isinstance(args[0], str):
        reads_code = args[0].endswith((".py", ".pyc", ".so"))
        if not reads_code or "w" in str(args[1] or ""):
            seen.append((event, args))
sys.dont_write_bytecode = True
sys.addaudithook(watch)
import healthpay_core
assert threading.active_count() == 1, threading.enumerate()
assert "asyncio" not in sys.modules and "healthpay_core.testing" not in sys.modules
assert "hypothesis" not in sys.modules and "pytest" not in sys.modules
assert not seen, seen
"""


def test_importing_does_nothing() -> None:
    """No work at import: no thread, no file, no socket, no process, no test kit."""
    subprocess.run([sys.executable, "-I", "-c", WATCHED], check=True, timeout=60)


WITHOUT = """
import sys
for name in {missing}:
    sys.modules[name] = None
import {modules}
"""
NEEDS_NOTHING = ("", ".model", ".samples", ".simulation", ".stores", ".appends")


@pytest.mark.parametrize(
    ("missing", "parts"),
    [(("pytest", "hypothesis"), NEEDS_NOTHING), (("hypothesis",), (".contracts",))],
    ids=["neither", "no hypothesis"],
)
def test_the_kit_needs_no_more_than_it_says(
    missing: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    """Without the extra there is all but the contracts and what is drawn."""
    modules = ", ".join(f"healthpay_core.testing{part}" for part in parts)
    code = WITHOUT.format(missing=missing, modules=modules)
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)


def test_everything_that_is_public_is_there() -> None:
    """Each name of `__all__` can be imported, and they are sorted."""
    names = healthpay_core.__all__
    assert all(hasattr(healthpay_core, name) for name in names)
    assert len(set(names)) == len(names)
