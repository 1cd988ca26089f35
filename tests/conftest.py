"""What all tests share: the packages under test are really installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest

import healthpay_core

# From the repository's root an uninstalled `healthpay_core` is an empty namespace
# package, against which every import test would prove nothing.
if getattr(healthpay_core, "__file__", None) is None:
    raise pytest.UsageError("healthpay_core is not installed; see README.md")

FIGURES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know the setting `timeout` also where pytest-timeout is not installed."""
    rounds = "How often the proofs on a broker repeat what they do."
    parser.addoption("--rounds", type=int, default=1, help=rounds)
    if find_spec("pytest_timeout") is None:
        parser.addini("timeout", "Seconds that one test may take; not enforced here.")


@pytest.fixture(scope="session")
def is_soak(pytestconfig: pytest.Config) -> bool:
    """Whether this is the long run, `nox -s soak`."""
    return pytestconfig.pluginmanager.hasplugin("tools.soak")


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Say a figure of what was tested, to be printed at the end of the run."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures that tests told."""
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.line(line)
