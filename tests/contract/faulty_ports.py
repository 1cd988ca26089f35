"""Runtimes with one fault each, that the contract of a command port must catch."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from healthpay_core import (
    NO_LIMITS,
    ActivateWallet,
    CapturePayment,
    CommandHandler,
    CommandRequest,
    Committed,
    InMemoryEventStore,
    LocalRuntime,
    Outcome,
    PaymentView,
    Rejected,
    TransferFunds,
    new_id,
)
from healthpay_core.outcome import rejected
from healthpay_core.refusals import IdempotencyKeyInUse


class Runtime(LocalRuntime):
    """Without a fault; `again` is another one over the same store."""

    def __init__(self, store: InMemoryEventStore | None = None) -> None:
        self.store = InMemoryEventStore() if store is None else store
        super().__init__(CommandHandler(self.store, policy=NO_LIMITS))

    def again(self) -> Runtime:
        """Another one, after this was closed."""
        self.close()
        return type(self)(self.store)


class ForgetfulPort(Runtime):
    """Gives every command a new id, so that nothing is ever a replay."""

    def execute(self, request: CommandRequest) -> Outcome:
        return super().execute(replace(request, command_id=new_id()))


class ForgetsFingerprints(Runtime):
    """Knows a request again by its id alone."""

    def execute(self, request: CommandRequest) -> Outcome:
        return super().execute(replace(request, fingerprint=b""))


class EffectOfReplays(Runtime):
    """Answers a replay as it should, and does the command again all the same."""

    def execute(self, request: CommandRequest) -> Outcome:
        outcome = super().execute(request)
        if isinstance(outcome, Committed) and outcome.replayed:
            super().execute(replace(request, command_id=new_id()))
        return outcome


class DoesNotSayReplayed(Runtime):
    """Calls a replay a first answer."""

    def execute(self, request: CommandRequest) -> Outcome:
        outcome = super().execute(request)
        if isinstance(outcome, Committed | Rejected):
            return replace(outcome, replayed=False)
        return outcome


class RefusalsTriedAgain(Runtime):
    """Decides anew what was refused."""

    def execute(self, request: CommandRequest) -> Outcome:
        outcome = super().execute(request)
        if isinstance(outcome, Rejected) and outcome.replayed:
            return super().execute(replace(request, command_id=new_id()))
        return outcome


class PinsEverything(Runtime):
    """Answers every request again as it did at first."""

    def __init__(self, store: InMemoryEventStore | None = None) -> None:
        super().__init__(store)
        self.answers: dict[str, Outcome] = {}

    def execute(self, request: CommandRequest) -> Outcome:
        if request.command_id not in self.answers:
            self.answers[request.command_id] = super().execute(request)
        return self.answers[request.command_id]


class CheerfulPort(Runtime):
    """Says "committed" of what was refused, with the last answer it has."""

    last: Outcome | None = None

    def execute(self, request: CommandRequest) -> Outcome:
        outcome = super().execute(request)
        if isinstance(outcome, Committed):
            self.last = outcome
        return outcome if self.last is None else self.last


class SwappedAnswers(Runtime):
    """Gives a caller on an event loop what the one before was told."""

    last: Outcome | None = None

    async def submit(self, request: CommandRequest) -> Outcome:
        outcome = await super().submit(request)
        before, self.last = self.last, outcome
        return before or outcome


class IgnoresVersions(Runtime):
    """Decides whatever version the caller has seen."""

    def execute(self, request: CommandRequest) -> Outcome:
        return super().execute(replace(request, expected_version=None))


class LosesConversations(Runtime):
    """Begins a new conversation with every command."""

    def execute(self, request: CommandRequest) -> Outcome:
        return super().execute(replace(request, correlation_id=None))


class KeysOfThreadsOnly(Runtime):
    """Gives commands of coroutines new ids."""

    async def submit(self, request: CommandRequest) -> Outcome:
        outcome = await super().submit(replace(request, command_id=new_id()))
        return replace(outcome, command_id=request.command_id)


class CancelsWithItsCaller(Runtime):
    """Takes a command out of the queue when its caller goes away."""

    async def submit(self, request: CommandRequest) -> Outcome:
        for _ in range(3):
            await asyncio.sleep(0)
        return await super().submit(request)


class InUseForEver(Runtime):
    """Never lets go of the key of a caller that went away."""

    gone: frozenset[str] = frozenset()

    async def submit(self, request: CommandRequest) -> Outcome:
        try:
            return await super().submit(request)
        except asyncio.CancelledError:
            self.gone |= {request.command_id}
            raise

    def execute(self, request: CommandRequest) -> Outcome:
        if request.command_id in self.gone:
            return rejected(request, IdempotencyKeyInUse(command_id=request.command_id))
        return super().execute(request)


class AnswersBeforeItStores(Runtime):
    """Keeps what it answers in memory only."""

    def again(self) -> Runtime:
        return type(self)()


class KeysLostAtRestart(Runtime):
    """Forgets after a restart which commands it has seen."""

    def again(self) -> Runtime:
        self.store._outcomes.clear()
        self.store._commands.clear()
        return super().again()


class HalfATransfer(Runtime):
    """Books the first three events of a transfer only."""

    def execute(self, request: CommandRequest) -> Outcome:
        outcome = super().execute(request)
        if isinstance(request.command, TransferFunds) and isinstance(
            outcome, Committed
        ):
            return replace(outcome, events=outcome.events[:3])
        return outcome


class KeepsTheRest(Runtime):
    """Captures without letting go of what was not captured."""

    def execute(self, request: CommandRequest) -> Outcome:
        command = request.command
        if isinstance(command, CapturePayment):
            command = replace(command, final=False)
        outcome = super().execute(replace(request, command=command))
        if isinstance(outcome, Committed) and isinstance(outcome.resource, PaymentView):
            captured = outcome.resource.status == "authorized" and isinstance(
                command, CapturePayment
            )
            if captured:
                view = replace(outcome.resource, status="captured")
                return replace(outcome, resource=view)
        return outcome


class ActivatesAtOnce(Runtime):
    """Lets whatever is new be used at once."""

    def execute(self, request: CommandRequest) -> Outcome:
        outcome = super().execute(request)
        wallet_id = getattr(request.command, "wallet_id", None)
        if isinstance(outcome, Committed) and wallet_id is not None:
            again = CommandRequest(command=ActivateWallet(wallet_id=wallet_id))
            activated = super().execute(again)
            return activated if isinstance(activated, Committed) else outcome
        return outcome
