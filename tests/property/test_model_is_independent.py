"""The reference model owes nothing to the code that it judges."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given

from healthpay_core import CommandRequest, SystemClock, domain
from healthpay_core.payment import rules
from healthpay_core.policy import NO_LIMITS
from healthpay_core.testing import NOW
from healthpay_core.testing import model as model_package
from healthpay_core.testing.command_strategies import COMMANDS
from healthpay_core.testing.histories import adversarial_histories
from healthpay_core.testing.model import PREDICTED, Prediction, ReferenceModel
from healthpay_core.wallet import guards

ROOT = Path(model_package.__file__).parent
TABLES = {
    "healthpay_core.catalogue": {"Code"},
    "healthpay_core.clock": {"BusinessDay"},
    "healthpay_core.currency": {"MINOR_UNIT_DIGITS"},
    "healthpay_core.domain": {"Command"},
    "healthpay_core.ids": {"derive_id"},
    "healthpay_core.outcome": {"CommandRequest", "Committed", "Outcome", "Unknown"},
    "healthpay_core.policy": {"KycLevel", "LimitPolicy", "Limits", "WalletType"},
}
"""What it may take from the core besides commands and events: types and tables."""


def test_it_imports_types_and_tables_only() -> None:
    """E2: neither a decider nor what one is made of is within its reach."""
    sources = sorted(ROOT.glob("*.py"))
    assert len(sources) > 5
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            package, _, last = node.module.rpartition(".")
            names = {alias.name for alias in node.names}
            if last in ("commands", "events", "steps"):
                assert all(name[0].isupper() for name in names), (source, names)
            elif package.startswith("healthpay_core.testing") or last == "model":
                continue
            elif package == "healthpay_core" and last in ("wallet", "payment"):
                assert names <= {"commands", "steps"}, (source, names)
            elif package == "healthpay_core" and last in ("transfer", "medcard"):
                assert names <= {"commands"}, (source, names)
            elif package.startswith("healthpay_core") or last == "healthpay_core":
                assert names <= TABLES[node.module], (source, node.module, names)


def test_it_knows_every_command() -> None:
    """E1: the machine leaves no command out: the model predicts each."""
    assert {kind.__name__ for kind in COMMANDS if kind not in PREDICTED} == set()


def _known(history: tuple[CommandRequest, ...]) -> tuple[CommandRequest, ...]:
    return tuple(asked for asked in history if type(asked.command) in PREDICTED)


def _predictions(history: tuple[CommandRequest, ...]) -> list[Prediction]:
    model, today = ReferenceModel(NO_LIMITS), SystemClock().business_day(NOW)
    found = [model.play(asked, now=NOW, today=today) for asked in history]
    for prediction in found:
        prediction.effect = None
    return found


@given(adversarial_histories(max_size=15))
def test_it_predicts_the_same_without_the_deciders(
    history: tuple[CommandRequest, ...],
) -> None:
    """E2: with every decider broken the model says what it said before."""
    history = _known(history)
    before = _predictions(history)
    with pytest.MonkeyPatch.context() as patch:
        for module in (guards, rules, domain):
            for name, value in vars(module).items():
                if callable(value) and not isinstance(value, type):
                    patch.setattr(module, name, _broken)
        assert _predictions(history) == before


def _broken(*_: object, **__: object) -> None:
    raise AssertionError("the model asked what it judges")
