"""What a partition holds: its aggregates, its processes, what it has decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from healthpay_core import CommandRequest, Err, StreamCorrupted, StreamId, domain
from healthpay_core.states import ABSENT, Versioned
from healthpay_kafka.journal import Entry, Sent, decode_entry
from healthpay_kafka.orders import Ask, Reply, decode_order
from healthpay_kafka.overlay import Overlay
from healthpay_kafka.places import Places
from healthpay_kafka.receipts import Receipts
from healthpay_kafka.snapshots import (
    CHECKPOINT_KEY,
    Checkpoint,
    Held,
    decode_checkpoint,
    decode_held,
)
from healthpay_wire.cloudevents import decode_structured
from healthpay_wire.envelopes import GENESIS
from healthpay_wire.snapshots import FORMAT

_NOTHING: Final = Held(None, 0, GENESIS)
_NOWHERE: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A process that has begun and not ended, at the place of its root command.

    Attributes:
        root: What was asked.
        sent: Its first step, to be sent again when it takes too long.
        since: The log's time of its beginning, microseconds.
        offset: Where in the journal its beginning is, once it is committed.
        replies: Who waits for the answer.
    """

    root: CommandRequest
    sent: Sent
    since: int
    offset: int = _NOWHERE
    replies: tuple[Reply, ...] = ()


class Holdings:
    """The state of one partition; a batch's changes are taken over or undone.

    It is what a `Turn` decides on: everything is resident.

    Args:
        fetch: Reads an entry of the journal by its offset.
        places: Where in the journal the decided commands are.
        recent: Entries of the journal that are kept at hand.
    """

    def __init__(
        self,
        fetch: Callable[[int], bytes],
        places: Places | None = None,
        *,
        recent: int = 50_000,
    ) -> None:
        self.receipts: Receipts = Receipts(fetch, places, recent=recent)
        self.pending: Overlay[str, Pending] = Overlay()
        self.changed: set[StreamId] = set()
        self.tail: dict[int, list[Entry]] = {}
        self._aggregates: Overlay[StreamId, Held | bytes] = Overlay()
        self._decided: dict[str, bytes] = {}
        self._tail_batch = _NOWHERE
        self._folded_from = 0
        self._go_on_at: int | None = None
        self._begun: Sequence[int] = ()

    def get(self, stream: StreamId) -> Versioned:
        """The state of an aggregate, as the batch sees it.

        Raises:
            StreamCorrupted: Its snapshot cannot be read.
        """
        held = self.held(stream)
        return ABSENT if held.version == 0 else (held.state, held.version)

    def prepare_more(self, streams: Iterable[StreamId]) -> None:
        """Nothing to do: all is resident."""

    def held(self, stream: StreamId) -> Held:
        """The aggregate with the end of its hash chain.

        Raises:
            StreamCorrupted: Its snapshot cannot be read.
        """
        held = self._aggregates.get(stream)
        if held is None:
            return _NOTHING
        if isinstance(held, bytes):
            # Snapshots are opened when they are first needed.
            held = decode_held(stream, held)
            self._aggregates.committed[stream] = held
        return held

    def hold(self, stream: StreamId, held: Held) -> None:
        """An aggregate as the batch leaves it."""
        self._aggregates[stream] = held

    def decided(self, command_id: str) -> bytes | None:
        """The journal's entry of a command that was decided for good."""
        return self._decided.get(command_id) or self.receipts.get(command_id)

    def decide(self, command_id: str, entry: bytes) -> None:
        """A command that the batch has decided for good."""
        self._decided[command_id] = entry

    def commit(self, places: Mapping[str, int], recorded_at: int) -> None:
        """Take over what the batch did.

        Args:
            places: Where in the journal its entries are, by command id.
            recorded_at: The log's time of its last record, microseconds.
        """
        self.changed.update(self._aggregates.commit())
        for command_id in self.pending.commit():
            pending = self.pending.committed.get(command_id)
            if pending is not None and command_id in places:
                at = places[command_id]
                self.pending.committed[command_id] = replace(pending, offset=at)
        if places:
            self.receipts.keep(self._decided)
            pinned = {i: at for i, at in places.items() if i in self._decided}
            self.receipts.place(pinned, recorded_at, max(places.values()) + 1)
        self._decided = {}

    def undo(self) -> None:
        """Forget what the batch did."""
        self._aggregates.undo()
        self.pending.undo()
        self._decided = {}

    def streams(self) -> Iterator[StreamId]:
        """The aggregates that there are."""
        return iter(self._aggregates.committed)

    def restore_snapshot(self, key: str, value: bytes) -> None:
        """Take a snapshot; it is opened when it is first needed."""
        self._aggregates.committed[StreamId(key)] = value

    def restore_checkpoint(self, value: bytes | None) -> int | None:
        """Take a checkpoint, all snapshots having been read.

        Returns:
            The first entry of the journal that the snapshots may lack. None without
            a checkpoint, or when the snapshots are of another format: then
            everything is made again from the whole journal.
        """
        decoded = None if value is None else decode_checkpoint(value)
        known = None if decoded is None or isinstance(decoded, Err) else decoded.value
        if known is None or known.format != FORMAT:
            self._aggregates.committed.clear()
            return None
        checkpoint: Checkpoint = known
        self._begun = checkpoint.begun
        self._folded_from = checkpoint.journal
        self._go_on_at = checkpoint.commands
        return checkpoint.journal

    def restore_processes(self, start: int) -> None:
        """Take the processes under way that began before where reading starts.

        Raises:
            EntryUnavailable: An entry of the journal cannot be read.
            StreamCorrupted: It is none.
        """
        for offset in self._begun:
            if offset < start:
                self._process(entry_of(self.receipts.fetch(offset)), offset)

    def restore_entry(self, offset: int, value: bytes) -> None:
        """Take an entry of the journal; all that may be asked about, in order.

        Raises:
            StreamCorrupted: It does not continue what is there (R3, A2).
        """
        entry = entry_of(value)
        if offset >= self._folded_from:
            for event in entry.events:
                self._event(event)
        if entry.batch != self._tail_batch:
            self._tail_batch = entry.batch
            kept = {o: e for o, e in self.tail.items() if o >= entry.batch}
            self.tail = kept
        self.tail.setdefault(entry.offset, []).append(entry)
        self._process(entry, offset)
        if entry.pinned:
            self.receipts.keep({entry.command_id: value})
            place = {entry.command_id: offset}
            self.receipts.place(place, entry.recorded_at, offset + 1)

    def park(self, commands: int) -> None:
        """Wait as they are for what others decide, to be taken by `restore_entry`.

        Args:
            commands: The first command that is not committed.
        """
        self.undo()
        self.tail = {}
        self._tail_batch, self._go_on_at = _NOWHERE, commands
        self._folded_from = 0

    def resume_at(self) -> int | None:
        """The offset of the commands topic from which to go on.

        That of the last transaction's first record, whose traces a torn
        transaction may have left incomplete. But nothing before the checkpoint, or
        before where a parked partition was left: that is whole, and not all of it
        has been read (R4). None when nothing was ever decided.
        """
        if self._tail_batch == _NOWHERE:
            return self._go_on_at
        return max(self._tail_batch, self._go_on_at or 0)

    def _process(self, entry: Entry, offset: int) -> None:
        pending = self.pending.committed
        if entry.kind == "concluded":
            pending.pop(entry.command_id, None)
        elif entry.kind == "begun":
            pending[entry.command_id] = pending_of(entry, offset=offset)

    def _event(self, value: bytes) -> None:
        decoded = decode_structured(value)
        if isinstance(decoded, Err):
            raise StreamCorrupted(decoded.error.errors[0].detail)
        recorded = decoded.value.recorded
        stream, sequence = recorded.envelope.stream, recorded.envelope.sequence
        held = self.held(stream)
        if sequence <= held.version:
            return
        if sequence != held.version + 1 or recorded.prev_hash != held.hash:
            raise StreamCorrupted("the journal has a gap", stream, sequence)
        state = domain.evolve(held.state, recorded.envelope.data)
        self._aggregates.committed[stream] = Held(state, sequence, recorded.hash)
        self.changed.add(stream)


def pending_of(entry: Entry, *, offset: int = _NOWHERE) -> Pending:
    """The process of an entry that says that it has begun."""
    assert entry.root is not None
    assert entry.sent is not None
    ask = decode_order(entry.root, None)
    if isinstance(ask, Err) or not isinstance(ask.value, Ask):
        raise StreamCorrupted("the root of a process cannot be read")
    return Pending(
        root=ask.value.request,
        sent=entry.sent,
        since=entry.recorded_at,
        offset=offset,
        replies=() if entry.reply is None else (entry.reply,),
    )


def waiting(pending: Pending, reply: Reply | None) -> Pending:
    """The process, with one more who waits for its answer."""
    if reply is None or reply in pending.replies:
        return pending
    return replace(pending, replies=(*pending.replies, reply))


def is_checkpoint(key: str) -> bool:
    """Whether a record of the snapshots topic is the checkpoint."""
    return key == CHECKPOINT_KEY


def entry_of(value: bytes) -> Entry:
    """The entry of a record of the journal.

    Raises:
        StreamCorrupted: The bytes are none.
    """
    decoded = decode_entry(value)
    if isinstance(decoded, Err):
        raise StreamCorrupted(decoded.error.errors[0].detail)
    return decoded.value
