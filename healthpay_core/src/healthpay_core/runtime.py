"""LocalRuntime: one queue for threads and asyncio alike, one commit a batch."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import Event, Lock
from typing import TYPE_CHECKING

from healthpay_core.fingerprints import fingerprint_of
from healthpay_core.handler import CommandHandler
from healthpay_core.outcome import CommandRequest, Outcome, rejected, unknown
from healthpay_core.refusals import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    NotDone,
    StoreUnavailable,
)

if TYPE_CHECKING:
    import asyncio


class _Ticket:
    """A command in the queue, of a caller that waits in a thread of its own."""

    __slots__ = ("answer", "answered", "request")

    def __init__(self, request: CommandRequest) -> None:
        self.request = request
        self.answer: Outcome | None = None
        self.answered = Event()

    def resolve(self, outcome: Outcome, here: asyncio.AbstractEventLoop | None) -> None:
        """Tell the caller; `here` is the loop that drives, if it is one."""
        self.answer = outcome
        self.answered.set()


class _LoopTicket:
    """A command in the queue, of a caller on an event loop."""

    __slots__ = ("_future", "_loop", "request")

    def __init__(
        self,
        request: CommandRequest,
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[Outcome],
    ) -> None:
        self.request = request
        self._loop = loop
        self._future = future

    def resolve(self, outcome: Outcome, here: asyncio.AbstractEventLoop | None) -> None:
        """As `_Ticket.resolve`."""
        if here is self._loop:
            self._settle(outcome)
            return
        # A loop that was closed meanwhile has nobody left to be told.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Outcome) -> None:
        # A caller that went away has cancelled its future, not its command.
        if not self._future.done():
            self._future.set_result(outcome)


class LocalRuntime:
    """A `CommandPort` in this process: group commit over a `CommandHandler`.

    Callers put their command into one bounded queue. Whoever gets to drive
    takes what is there as one batch, has it decided and committed, and tells
    every caller: on an event loop at the end of its turn, among threads the
    first one that is free. No thread of its own, no hand-over per command.

    A caller that goes away after it submitted does not cancel its command.

    Args:
        handler: Decides and stores.
        capacity: Commands that may wait; a full queue answers
            `StoreUnavailable`.
        max_batch: Commands of one commit, at most.
    """

    def __init__(
        self, handler: CommandHandler, *, capacity: int = 10_000, max_batch: int = 512
    ) -> None:
        if capacity < 1 or max_batch < 1:
            raise ValueError("capacity and max_batch must be at least 1")
        self._handler = handler
        self._capacity = capacity
        self._max_batch = max_batch
        self._queue: deque[_Ticket | _LoopTicket] = deque()
        self._in_flight: dict[str, CommandRequest] = {}
        self._driving = Lock()
        self._entering = Lock()
        self._scheduled: set[asyncio.AbstractEventLoop] = set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Commands that are in the queue or being decided."""
        return len(self._in_flight)

    async def submit(self, request: CommandRequest) -> Outcome:
        """Decide and store on the running event loop.

        Besides the command's own refusals, answers `IdempotencyKeyInUse` while
        the same command is under way (I5), `IdempotencyKeyReused` when it is
        another request (I3), `StoreUnavailable` when the queue is full or closed.
        """
        import asyncio  # Not at the top: importing the library stays cheap.

        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        refused = self._enter(_LoopTicket(request, loop, future))
        # Also for one that is refused: the loop of the other may have stopped.
        self._schedule(loop)
        return await future if refused is None else rejected(request, refused)

    def execute(self, request: CommandRequest) -> Outcome:
        """Decide and store in the calling thread; refusals as of `submit`."""
        ticket = _Ticket(request)
        refused = self._enter(ticket)
        if refused is not None:
            self._drive_if_nobody_does()
            return rejected(request, refused)
        while not ticket.answered.is_set():
            with self._driving:
                if not ticket.answered.is_set():
                    self._drive(None)
        return unknown(request) if ticket.answer is None else ticket.answer

    def close(self) -> None:
        """Take no more commands, finish those that were taken."""
        with self._entering:
            self._closed = True
        left = True
        while left:
            # Having the lock says that no other driver is in the middle of one.
            with self._driving:
                self._drive(None)
                left = bool(self._queue)

    def _enter(self, ticket: _Ticket | _LoopTicket) -> NotDone | None:
        request = ticket.request
        with self._entering:
            running = self._in_flight.get(request.command_id)
            if running is not None:
                if fingerprint_of(running) != fingerprint_of(request):
                    return IdempotencyKeyReused(command_id=request.command_id)
                return IdempotencyKeyInUse(command_id=request.command_id)
            if self._closed or len(self._in_flight) >= self._capacity:
                return StoreUnavailable()
            self._in_flight[request.command_id] = request
            self._queue.append(ticket)
        return None

    def _drive_if_nobody_does(self) -> None:
        """What is in the queue may be of a loop that has stopped meanwhile."""
        if self._driving.acquire(blocking=False):
            try:
                self._drive(None)
            finally:
                self._driving.release()

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop not in self._scheduled:
            self._scheduled = {one for one in self._scheduled if not one.is_closed()}
            self._scheduled.add(loop)
            loop.call_soon(self._drain_on, loop)

    def _drain_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled.discard(loop)
        try:
            with self._driving:
                self._drive(loop)
        finally:
            if self._queue:
                self._schedule(loop)

    def _drive(self, here: asyncio.AbstractEventLoop | None) -> None:
        """Commit one batch of what is there; the caller holds `_driving`.

        `here` is the loop that drives, if it is one.
        """
        queue = self._queue
        batch: list[_Ticket | _LoopTicket] = []
        try:
            while queue and len(batch) < self._max_batch:
                batch.append(queue.popleft())
            if not batch:
                return
            outcomes = self._handler.handle_many([t.request for t in batch])
        except BaseException:
            # A bug must not leave callers waiting for ever, nor tell them
            # "failed" of something that may be stored.
            self._leave(batch)
            for ticket in batch:
                ticket.resolve(unknown(ticket.request), here)
            raise
        self._leave(batch)
        for ticket, outcome in zip(batch, outcomes, strict=True):
            ticket.resolve(outcome, here)

    def _leave(self, batch: list[_Ticket | _LoopTicket]) -> None:
        with self._entering:
            for ticket in batch:
                del self._in_flight[ticket.request.command_id]
