"""One partition of the log of commands: what follows from its records, in order.

Pure of any client library: records in, records out. What happens here is a function
of the log alone (R2): time is the log's, ids follow from ids, and no other
partition's aggregate is touched. A batch is taken over or undone as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from healthpay_core import (
    CommandRequest,
    Decided,
    Err,
    Ok,
    State,
    derive_id,
    domain,
)
from healthpay_core.fingerprints import fingerprint_of, is_repetition
from healthpay_core.outcome import Rejected, rejected
from healthpay_core.refusals import (
    IdempotencyKeyReused,
    InternalError,
    ValidationFailed,
)
from healthpay_core.slips import after, first, is_process
from healthpay_kafka.aside import Aside
from healthpay_kafka.deciding import Decider, Decision
from healthpay_kafka.draft import Draft
from healthpay_kafka.holdings import Holdings, entry_of, pending_of, waiting
from healthpay_kafka.journal import Entry, Sent
from healthpay_kafka.orders import (
    LARGEST_ASK,
    Ask,
    Conclusion,
    Order,
    Reply,
    StepOrder,
    decode_order,
    encode_order,
    following,
    key_of,
)
from healthpay_kafka.outgoing import Outgoing, TooLarge, fits
from healthpay_kafka.receipts import EntryUnavailable
from healthpay_kafka.records import Arrived, Record
from healthpay_kafka.topics import Topics

_AGAIN_AFTER_US: Final = 30_000_000


class _Unfit(Exception):
    """A record cannot be done, and what was done of its batch is undone."""

    def __init__(self, offset: int, error: Exception) -> None:
        super().__init__(offset)
        self.offset = offset
        self.error = error


class Partition:
    """Decides the commands of one partition.

    Args:
        number: Which one.
        topics: Names and counts.
        decider: Decides a single command on what the partition holds.
        holdings: What it holds, restored.
        writer: The name of this process, for the headers of its records.
        unexpected: Is told what was raised, with the error id of the answer (E5).
    """

    def __init__(
        self,
        number: int,
        *,
        topics: Topics,
        decider: Decider,
        holdings: Holdings,
        writer: str = "",
        unexpected: Callable[[str, BaseException], None] = lambda *_: None,
    ) -> None:
        self.number: int = number
        self.holdings: Holdings = holdings
        self._topics = topics
        self._decider = decider
        self._outgoing = Outgoing(number, topics, writer)
        self._aside = Aside(self._outgoing, unexpected)
        self._unexpected = unexpected
        self._draft = Draft(number, self._outgoing, holdings)
        self._checkpointed = False

    def take(self, batch: Sequence[Arrived]) -> list[Record]:
        """Decide a batch in the log's order.

        Returns:
            What is to be produced in one transaction with the batch's offsets;
            then `commit` or `undo` is to be called.
        """
        unfit: dict[int, Exception] = {}
        while True:
            try:
                return self._taken(batch, unfit)
            except _Unfit as found:
                # It alone is set aside; the others are decided without it.
                self.holdings.undo()
                unfit[found.offset] = found.error

    def commit(self, places: Mapping[str, int]) -> None:
        """The transaction was committed; its entries are at `places`, by command."""
        if self._checkpointed:
            self.holdings.changed.clear()
        self._checkpointed = False
        self.holdings.commit(places, self._draft.arrived.recorded_at)

    def undo(self) -> None:
        """The transaction was aborted: the same batch may be taken again."""
        self._checkpointed = False
        self.holdings.undo()

    def checkpoint(self, journal: int, commands: int) -> list[Record]:
        """Snapshots of what has changed since the last one, and the checkpoint.

        To be asked for before a batch is taken, and produced in its transaction:
        a snapshot never knows more than the transactions before.

        Args:
            journal: The end of the journal as of the last commit.
            commands: The offset of the first command that is not committed.

        Returns:
            Nothing, where one of the records would be too large to be written.
        """
        records = self._outgoing.checkpoint(self.holdings, journal, commands)
        self._checkpointed = all(map(fits, records))
        return records if self._checkpointed else []

    def repeats(self, offset: int) -> bool:
        """Whether a batch from there runs commands of the last transaction again.

        Then it is no place for a checkpoint: a restore reads what was decided since,
        and must find all of the transaction that it runs again (R4).
        """
        return any(offset <= decided for decided in self.holdings.tail)

    def overdue(self, now: int) -> list[Record]:
        """The first steps of processes that have taken too long, to be sent again.

        Args:
            now: The machine's time, microseconds. A machine that is wrong about it
                sends a step once more, which is harmless.
        """
        pending = self.holdings.pending.committed
        # A clock that was ahead, and is right again, must not keep them waiting.
        late = [k for k, p in pending.items() if abs(now - p.since) >= _AGAIN_AFTER_US]
        for key in late:
            pending[key] = replace(pending[key], since=now)
        return [self._outgoing.order(pending[key].sent) for key in late]

    def _taken(
        self, batch: Sequence[Arrived], unfit: Mapping[int, Exception]
    ) -> list[Record]:
        draft = self._draft
        draft.begin(batch[0].offset)
        orders = [decode_order(arrived.value, arrived.headers) for arrived in batch]
        self._look_up(orders)
        for arrived, order in zip(batch, orders, strict=True):
            draft.arrived = arrived
            if arrived.offset in unfit:
                error = unfit[arrived.offset]
                draft.records += self._aside.impossible(
                    arrived, draft.batch, order, error
                )
                continue
            before = len(draft.records)
            try:
                self._one(arrived, order)
            except EntryUnavailable:
                raise
            except Exception as error:
                raise _Unfit(arrived.offset, error) from error
            if any(not fits(record) for record in draft.records[before:]):
                raise _Unfit(arrived.offset, TooLarge())
        return draft.records

    def _look_up(self, orders: Iterable[Ok[Order] | Err[ValidationFailed]]) -> None:
        """Which of them are known, in one question."""
        asked = [order.value for order in orders if isinstance(order, Ok)]
        self.holdings.receipts.look_up(
            order.request.command_id
            for order in asked
            if not isinstance(order, Conclusion)
        )

    def _one(self, arrived: Arrived, order: Ok[Order] | Err[ValidationFailed]) -> None:
        draft, wrong = self._draft, self._wrong(arrived, order)
        if wrong is not None:
            batch = draft.batch
            draft.records += self._aside.malformed(arrived, batch, order, wrong)
            return
        assert isinstance(order, Ok)
        draft.leave_again(self.holdings.tail.get(arrived.offset, ()))
        draft.at_once.append(order.value)
        while draft.at_once:
            self._do(draft.at_once.popleft())

    def _wrong(
        self, arrived: Arrived, order: Ok[Order] | Err[ValidationFailed]
    ) -> ValidationFailed | None:
        """Why a record is not for here, if it is not."""
        if isinstance(order, Err):
            return order.error
        if self._outgoing.place(key_of(order.value)) != self.number:
            # Decided here, its aggregate would be there twice (R1).
            fault = "is in a partition that is not its aggregate's"
            return ValidationFailed.at("", fault)
        if isinstance(order.value, Ask) and len(arrived.value or b"") > LARGEST_ASK:
            return ValidationFailed.at("", f"is larger than {LARGEST_ASK} bytes")
        return None

    def _do(self, order: Order) -> None:
        if isinstance(order, Conclusion):
            self._conclude(order)
        elif isinstance(order, Ask):
            self._ask(order)
        else:
            self._step(order)

    def _ask(self, ask: Ask) -> None:
        request, reply = ask.request, ask.reply
        known = self._known(request.command_id)
        pending = self.holdings.pending.get(request.command_id)
        if known is not None:
            self._answer_again(known, request, reply)
        elif pending is not None:
            if fingerprint_of(pending.root) != fingerprint_of(request):
                self._draft.answer(reply, _reused(request))
                return
            # Who asks again gets the answer too, and what was lost is found.
            self.holdings.pending[request.command_id] = waiting(pending, reply)
            self._draft.send(pending.sent, None)
        elif is_process(request.command) and domain.validate(request.command) is None:
            self._begin(ask)
        else:
            self._decide_alone(ask)

    def _begin(self, ask: Ask) -> None:
        request = ask.request
        travel = first(request, time_limit_s=self._decider.transfer_time_limit_s)
        step = StepOrder(request=travel.request, slip=travel.slip)
        sent = _sent(step)
        root = encode_order(replace(ask, reply=None))
        entry = self._draft.note(
            "begun", request, None, sent=sent, root=root, reply=ask.reply
        )
        self.holdings.pending[request.command_id] = pending_of(entry)
        self._draft.send(sent, step)

    def _decide_alone(self, ask: Ask) -> None:
        decision = self._decide(ask.request)
        if decision is None:
            fault = InternalError(error_id=self._error_id(ask.request))
            outcome = rejected(ask.request, fault)
            # Else it would be decided after all when the batch is run again (R4).
            decision = Decision(outcome=outcome, is_final=False)
        self._draft.note("decided", ask.request, decision)
        self._draft.answer(ask.reply, decision.outcome)

    def _step(self, order: StepOrder) -> None:
        request = order.request
        known = self._known(request.command_id)
        if known is not None and not is_repetition(request, known.fingerprint):
            # Another process has used the id: the same transfer under another key.
            follows = _after(order, _reused(request), None)
            self._draft.send(_sent(follows), follows)
            return
        if known is not None and known.sent is not None:
            self._draft.keep(known)
            self._draft.send(known.sent, None)
            return
        decision = self._decide(request)
        if decision is None:
            # Its process stays pending: it is tried again, and seen in the letters.
            return
        if isinstance(decision.outcome, Rejected):
            # A copy of the step must not be granted what the caller was refused.
            decision = replace(decision, is_final=True)
        state, _ = self.holdings.get(domain.primary_stream(request.command))
        follows = _after(order, decision.outcome, state)
        sent = _sent(follows)
        self._draft.note("decided", request, decision, sent=sent)
        self._draft.send(sent, follows)

    def _conclude(self, order: Conclusion) -> None:
        pending = self.holdings.pending.get(order.command_id)
        if pending is None:
            return
        outcome = order.outcome
        is_final = not isinstance(outcome, Rejected) or outcome.error.pinned
        decision = Decision(outcome=outcome, is_final=is_final)
        self._draft.note("concluded", pending.root, decision)
        self.holdings.pending.remove(order.command_id)
        for reply in pending.replies:
            self._draft.answer(reply, outcome)

    def _known(self, command_id: str) -> Entry | None:
        """What was decided of a command before; of the tail also refusals (R4)."""
        value = self.holdings.decided(command_id)
        if value is not None:
            return entry_of(value)
        for entry in self.holdings.tail.get(self._draft.arrived.offset, ()):
            if entry.command_id == command_id and entry.outcome is not None:
                return entry
        return None

    def _answer_again(
        self, known: Entry, request: CommandRequest, reply: Reply | None
    ) -> None:
        """The first answer again (I4), or that it is another request (I3)."""
        assert known.outcome is not None
        # Of the log's own repetition nobody has had the first answer.
        is_replay = known.offset != self._draft.arrived.offset
        if is_replay and not is_repetition(request, known.fingerprint):
            self._draft.answer(reply, _reused(request))
        else:
            self._draft.answer(reply, replace(known.outcome, replayed=is_replay))

    def _decide(self, request: CommandRequest) -> Decision | None:
        """None when deciding raised: the record is among the dead letters."""
        arrived = self._draft.arrived
        try:
            return self._decider.decide(request, self.holdings, arrived.recorded_at)
        except Exception as error:
            error_id = self._error_id(request)
            self._unexpected(error_id, error)
            reason = f"deciding it raised {type(error).__name__}"
            self._draft.letter(reason, error_id)
            return None

    def _error_id(self, request: CommandRequest) -> str:
        return derive_id(f"{request.command_id}/error/{self._draft.arrived.offset}")


def _after(order: StepOrder, outcome: Decided, state: State | None) -> Order:
    """What follows a step, of which this became."""
    return following(after(order.slip, outcome, state), order.slip.root)


def _sent(order: Order) -> Sent:
    return Sent(key=key_of(order), value=encode_order(order))


def _reused(request: CommandRequest) -> Rejected:
    return rejected(request, IdempotencyKeyReused(command_id=request.command_id))
