"""The contract of a command port catches each planted fault, by the test named here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from healthpay_core import CommandPort
from healthpay_core.testing.contracts import CommandPortContract
from tests.contract import faulty_ports as faulty


class _RuntimeContract(CommandPortContract):
    kind: type[faulty.Runtime] = faulty.Runtime

    def make_port(self) -> CommandPort:
        return self.kind()

    def reopen_port(self, port: CommandPort) -> CommandPort:
        assert isinstance(port, faulty.Runtime)
        return port.again()


class TestRuntime(_RuntimeContract):
    """Without a fault the runtime that they are planted into keeps all of it."""


_REPLAY: Final = "test_the_same_request_is_answered_again"
_REOPENED: Final = "test_a_reopened_port_knows_what_it_answered"
_GONE: Final = "test_a_caller_that_goes_away_leaves_its_command"
_ONE_KEY: Final = "test_many_with_one_key_have_one_effect"
_IDS: Final = "test_an_answer_names_its_command_and_conversation"

FAULTS: Final[dict[str, tuple[type[faulty.Runtime], tuple[str, ...]]]] = {
    "keys forgotten": (faulty.ForgetfulPort, (_REPLAY, _ONE_KEY, _IDS)),
    "fingerprints forgotten": (
        faulty.ForgetsFingerprints,
        ("test_another_request_under_the_same_id_is_refused",),
    ),
    "replays as new effects": (faulty.EffectOfReplays, (_REPLAY,)),
    "replays not marked": (faulty.DoesNotSayReplayed, (_REPLAY, _ONE_KEY)),
    "refusals decided anew": (
        faulty.RefusalsTriedAgain,
        ("test_a_pinned_refusal_is_answered_again",),
    ),
    "refusals pinned that are not for good": (
        faulty.PinsEverything,
        ("test_an_unpinned_refusal_is_decided_anew", _REPLAY),
    ),
    "refusals called committed": (
        faulty.CheerfulPort,
        ("test_a_refusal_is_an_answer", "test_exactly_the_covered_debits_succeed"),
    ),
    "answers of others": (
        faulty.SwappedAnswers,
        ("test_everyone_gets_their_own_answer", "test_asyncio_gets_the_same_answers"),
    ),
    "versions ignored": (
        faulty.IgnoresVersions,
        ("test_the_expected_version_is_checked",),
    ),
    "conversations lost": (faulty.LosesConversations, (_IDS,)),
    "keys of coroutines ignored": (
        faulty.KeysOfThreadsOnly,
        ("test_coroutines_with_one_key_have_one_effect", _GONE),
    ),
    "cancelled with its caller": (faulty.CancelsWithItsCaller, (_GONE,)),
    "keys in use for ever": (faulty.InUseForEver, (_GONE,)),
    "answered before it is stored": (faulty.AnswersBeforeItStores, (_REOPENED,)),
    "keys lost at a restart": (faulty.KeysLostAtRestart, (_REOPENED,)),
    "half a transfer": (
        faulty.HalfATransfer,
        ("test_a_transfer_moves_money_whole",),
    ),
    "rest of a capture kept": (faulty.KeepsTheRest, ("test_a_payment_goes_its_way",)),
    "new wallets active at once": (
        faulty.ActivatesAtOnce,
        ("test_a_command_is_committed",),
    ),
}
CASES: Final = [
    pytest.param(kind, test, id=f"{name}: {test.removeprefix('test_')}")
    for name, (kind, tests) in FAULTS.items()
    for test in tests
]


@pytest.mark.parametrize(("kind", "test"), CASES)
def test_a_broken_port_is_caught(
    kind: type[faulty.Runtime], test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3, I4, I6, I9, V3, V5, T4, P4: each fault fails the test named for it."""
    monkeypatch.setattr("healthpay_core.testing.appends.PATIENCE_S", 0.2)
    broken: type[faulty.Runtime] = kind

    class Broken(_RuntimeContract):
        kind = broken

    contract = Broken()
    question: Callable[..., None] = getattr(contract, test)
    with pytest.raises(AssertionError):
        question(contract.make_port())
