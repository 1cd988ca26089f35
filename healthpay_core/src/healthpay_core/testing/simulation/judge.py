"""Compares what was answered with what is stored and with what was predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from healthpay_core.clock import ManualClock
from healthpay_core.ids import StreamId
from healthpay_core.outcome import (
    CommandRequest,
    Committed,
    Decided,
    Outcome,
    Rejected,
    Unknown,
)
from healthpay_core.ports import EventStore
from healthpay_core.refusals import Fault, Refusal
from healthpay_core.testing.model import (
    Prediction,
    ReferenceModel,
    difference,
)
from healthpay_core.testing.model.model import MONEY_STEPS
from healthpay_core.testing.simulation.agreement import Agreement
from healthpay_core.testing.simulation.coverage import DONE, Coverage
from healthpay_core.testing.simulation.ledger import Ledger, Violation
from healthpay_core.testing.simulation.setting import MAIN


class Judge:
    """Follows the store, command by command.

    Attributes:
        answered: What was decided for good, by command id.
        open: Requests whose callers do not know what became of them.
    """

    def __init__(
        self,
        model: ReferenceModel,
        truth: EventStore,
        ledger: Ledger,
        clock: ManualClock,
        coverage: Coverage,
    ) -> None:
        self.answered: dict[str, Decided] = {}
        self.open: dict[str, CommandRequest] = {}
        self._model, self._truth, self._ledger = model, truth, ledger
        self._clock, self._coverage = clock, coverage
        self._before: dict[str, Prediction] = {}
        self._agreement = Agreement(model, truth, ledger)

    def rival(
        self, request: CommandRequest, rival: CommandRequest, outcome: Outcome
    ) -> None:
        """Judge a command that another handler did right before an append.

        A refusal changes nothing, so that it may be of the moment before.
        """
        before = self._predict(request)
        self.outcomes((rival,), [outcome], ())
        self._before[request.command_id] = before

    def outcomes(
        self,
        requests: Sequence[CommandRequest],
        outcomes: Sequence[Outcome],
        fired: Sequence[str],
    ) -> None:
        """Judge the answers to a batch, `fired` being what went wrong.

        Raises:
            Violation: An answer is not what is stored, or what was predicted.
        """
        if len(outcomes) != len(requests):
            raise Violation("everyone is answered", f"{len(outcomes)} answers")
        self._coverage.commands += len(requests)
        stored = self._truth.outcomes([r.command_id for r in requests])
        caused: dict[str, str] = {}
        # A batch that failed may have decided on what is not stored.
        lenient = bool(fired) and len(requests) > 1
        for request, outcome in zip(requests, outcomes, strict=True):
            record = stored.get(request.command_id)
            decided = None if record is None else record.outcome
            refused = isinstance(outcome, Rejected)
            if refused and not fired and not _is_kept(request, outcome):
                # What is stored is of another command of the batch with its key.
                decided = self.answered.get(request.command_id)
            if request.command_id in self.answered:
                self._again(request, outcome, decided, fired)
            elif decided is not None:
                self._now_stored(request, outcome, decided, fired)
                _note_events(caused, decided)
            else:
                self._not_stored(request, outcome, fired, lenient)
        if self._before:
            self._before.clear()
        self._follow(caused)

    def after_a_crash(self, requests: Sequence[CommandRequest]) -> None:
        """Find out what a process that is gone left behind."""
        stored = self._truth.outcomes([r.command_id for r in requests])
        caused: dict[str, str] = {}
        for request in requests:
            record = stored.get(request.command_id)
            self.open.setdefault(request.command_id, request)
            if record is not None and request.command_id not in self.answered:
                self._decide(request, record.outcome)
                _note_events(caused, record.outcome)
        self._follow(caused)

    def _predict(self, request: CommandRequest) -> Prediction:
        now = self._clock.instant
        today = self._clock.business_day(now)
        return self._model.predict(request, now=now, today=today)

    def _again(
        self,
        request: CommandRequest,
        outcome: Outcome,
        stored: Decided | None,
        fired: Sequence[str],
    ) -> None:
        """A key that was decided before: the same answer, or another's key."""
        answered = self.answered[request.command_id]
        if stored is not answered and stored != answered:
            raise Violation("no acknowledged command lost", _told(request, outcome))
        prediction = self._predict(request)
        reused = prediction.code is not None and not prediction.replayed
        happenings = self._coverage.happenings
        happenings["key reused" if reused else "key retried"] += 1
        if _is_machinery(outcome):
            self._excused(request, outcome, fired)
            return
        self._same(request, prediction, outcome)
        self._coverage.codes[_code(outcome)] += 1
        if not reused:
            if not _says_the_same(outcome, stored):
                raise Violation("none twice", _told(request, outcome))
            if self.open.pop(request.command_id, None) is not None:
                word = "committed" if isinstance(outcome, Committed) else "rejected"
                happenings[f"unknown resolved to {word}"] += 1

    def _now_stored(
        self,
        request: CommandRequest,
        outcome: Outcome,
        stored: Decided,
        fired: Sequence[str],
    ) -> None:
        self._decide(request, stored)
        if isinstance(outcome, Unknown):
            self._excused(request, outcome, fired)
            self.open[request.command_id] = request
        elif not _says_the_same(outcome, stored) or (outcome.replayed and not fired):
            text = f"{_told(request, outcome)}, stored is {_code(stored)}"
            raise Violation("the answer is what is stored", text)
        elif self.open.pop(request.command_id, None) is not None:
            self._coverage.happenings["unknown was never stored"] += 1

    def _decide(self, request: CommandRequest, stored: Decided) -> None:
        """What is stored is what was predicted; the model goes on from there."""
        command = request.command
        cell = (self._model.status(command), type(command).__name__)
        self._coverage.cells[cell] += 1
        self._coverage.codes[_code(stored)] += 1
        prediction = self._predict(request)
        before = self._before.get(request.command_id)
        if (
            before is not None
            and isinstance(stored, Rejected)
            and difference(before, stored) is None
        ):
            # Decided before the rival was: then it is of that moment.
            prediction = before
        prediction = self._model.commit(request, prediction)
        self._same(request, prediction, stored)
        self.answered[request.command_id] = stored

    def _not_stored(
        self,
        request: CommandRequest,
        outcome: Outcome,
        fired: Sequence[str],
        lenient: bool,
    ) -> None:
        if _is_machinery(outcome):
            self._excused(request, outcome, fired)
            if isinstance(outcome, Unknown):
                self.open[request.command_id] = request
            return
        assert isinstance(outcome, Rejected | Committed)
        if _is_kept(request, outcome):
            raise Violation("no acknowledged command lost", _told(request, outcome))
        if lenient:
            return
        command = request.command
        cell = (self._model.status(command), type(command).__name__)
        self._coverage.cells[cell] += 1
        self._coverage.codes[_code(outcome)] += 1
        self._same(request, self._predict(request), outcome)

    def _same(
        self, request: CommandRequest, prediction: Prediction, outcome: Outcome
    ) -> None:
        found = difference(prediction, outcome)
        if found is not None:
            raise Violation("the answer is as predicted", f"{request.command}: {found}")

    def _excused(
        self, request: CommandRequest, outcome: Outcome, fired: Sequence[str]
    ) -> None:
        if not fired:
            unknown = isinstance(outcome, Unknown)
            rule = "unknown resolves" if unknown else "no failure without a fault"
            raise Violation(rule, _told(request, outcome))
        self._coverage.codes[_code(outcome)] += 1

    def _follow(self, caused: dict[str, str]) -> None:
        """The new events are those of the commands, and nothing else is new."""
        ledger = self._ledger
        page = self._truth.feed(ledger.position)
        if not page and not caused:
            return
        touched: set[StreamId] = set()
        for recorded in page:
            envelope = recorded.envelope
            ledger.see(recorded)
            touched.add(envelope.stream)
            if caused.pop(envelope.event_id, None) != envelope.meta.command_id:
                text = f"{envelope.event_type} of no command that was done"
                raise Violation("refusals change nothing", text)
        if caused:
            text = f"{len(caused)} events are not in the feed"
            raise Violation("no acknowledged command lost", text)
        self._coverage.events += len(page)
        ledger.balance()
        for stream in touched:
            self._agreement.of_stream(stream)
        if ledger.in_flight:
            self._in_flight(ledger.in_flight)

    def _in_flight(self, in_flight: Mapping[tuple[str, str], int]) -> None:
        self._agreement.in_flight()
        happenings = self._coverage.happenings
        happenings["money in flight"] += 1
        if any(currency != MAIN for currency, _ in in_flight):
            happenings["money of another currency in flight"] += 1


def _is_kept(request: CommandRequest, outcome: Outcome) -> bool:
    """Whether an answer must be stored: of sagas any refusal is (I6, T6)."""
    if not isinstance(outcome, Rejected):
        return True
    of_saga = isinstance(request.command, MONEY_STEPS)
    return outcome.error.pinned or (of_saga and isinstance(outcome.error, Refusal))


def _is_machinery(outcome: Outcome) -> bool:
    return isinstance(outcome, Unknown) or (
        isinstance(outcome, Rejected)
        and isinstance(outcome.error, Fault)
        and outcome.error.code in ("STORE_UNAVAILABLE", "CONCURRENCY_CONFLICT")
    )


def _says_the_same(outcome: Outcome, stored: Decided | None) -> bool:
    if outcome is stored:
        return True
    if isinstance(outcome, Committed) and isinstance(stored, Committed):
        return outcome.resource == stored.resource and outcome.events == stored.events
    if isinstance(outcome, Rejected) and isinstance(stored, Rejected):
        return outcome.error == stored.error
    return False


def _note_events(caused: dict[str, str], decided: Decided) -> None:
    if isinstance(decided, Committed):
        for event in decided.events:
            caused[event.event_id] = decided.command_id


def _code(outcome: Outcome) -> str:
    if isinstance(outcome, Rejected):
        return outcome.error.code
    return DONE if isinstance(outcome, Committed) else "unknown"


def _told(request: CommandRequest, outcome: Outcome) -> str:
    return f"{request.command} was answered with {_code(outcome)}"
