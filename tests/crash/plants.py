"""Bugs of a store that the tests of crashes must find, each put in on purpose."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final
from unittest.mock import patch

from healthpay_core import AppendUnavailable, AppendUnknown, CommandHandler
from healthpay_core.outcome import CommandRequest, Outcome, rejected
from healthpay_core.refusals import StoreUnavailable
from healthpay_sql import opening, writer
from healthpay_sql.opening import Synchronous
from healthpay_sql.rows import Row
from healthpay_sql.schema import MIGRATIONS
from healthpay_sql.statements import insert_rows as insert_as_it_was
from healthpay_sql.writing import WritingConnection


def _put(owner: object, name: str, bug: object) -> None:
    patch.object(owner, name, bug).start()


def _never_syncs() -> None:
    """`synchronous = OFF`."""
    original = opening.connect

    def connect(path: Path, synchronous: Synchronous = "FULL") -> sqlite3.Connection:
        connection = original(path, synchronous)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    _put(opening, "connect", connect)


def _answers_before_it_commits() -> None:
    """Each append is committed when the next one begins."""
    begin, commit = WritingConnection.begin, WritingConnection.commit

    def late_begin(self: WritingConnection) -> None:
        if self.connection.in_transaction:
            commit(self)
        begin(self)

    def no_commit(_: WritingConnection) -> None:
        return

    _put(WritingConnection, "begin", late_begin)
    _put(WritingConnection, "commit", no_commit)


def _stores_outcomes_apart() -> None:
    """The commands in one transaction, their events in the next."""
    original = insert_as_it_was

    def insert_rows(
        connection: sqlite3.Connection, table: str, rows: Sequence[Row]
    ) -> None:
        original(connection, table, rows)
        if table == "commands":
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")

    _put(writer, "insert_rows", insert_rows)


def _calls_a_failed_sync_done() -> None:
    """An error of COMMIT is ignored."""
    original = WritingConnection.commit

    def commit(self: WritingConnection) -> None:
        original(self)

    _put(WritingConnection, "commit", commit)


def _denies_what_is_in_doubt() -> None:
    """An I/O error at COMMIT is said to have stored nothing."""
    original = WritingConnection.commit

    def commit(self: WritingConnection) -> AppendUnavailable | None:
        failed = original(self)
        if isinstance(failed, AppendUnknown):
            return AppendUnavailable(reason=failed.reason)
        return failed

    _put(WritingConnection, "commit", commit)


def _forgets_what_is_in_doubt() -> None:
    """Asked again while nothing works, the handler says that nothing was stored."""

    def unavailable(_: CommandHandler, request: CommandRequest) -> Outcome:
        return rejected(request, StoreUnavailable())

    _put(CommandHandler, "_unavailable", unavailable)


def _leaves_the_doubt_in_the_log() -> None:
    """After a failed COMMIT nothing is written over what it left."""

    def nothing(_: WritingConnection) -> None:
        return

    _put(WritingConnection, "_write_nothing", nothing)


def _counts_on_after_a_failure() -> None:
    """Positions and keys that were given to what was not stored are left out."""
    original = writer.Writer._roll_back

    def roll_back(self: writer.Writer) -> None:
        seen = self._seen_version
        original(self)
        self._seen_version = seen

    def commit(self: writer.Writer, touched: object) -> object:
        seen = self._seen_version
        result = commit_as_it_was(self, touched)  # type: ignore[arg-type]
        self._seen_version = seen
        return result

    commit_as_it_was = writer.Writer._commit
    _put(writer.Writer, "_roll_back", roll_back)
    _put(writer.Writer, "_commit", commit)
    _put(WritingConnection, "epoch", lambda _: 1)


def _opens_without_a_commit() -> None:
    """What a killed process had written is believed without being synced.

    The look at whose file it is has to go too: the end of that connection, when it
    is the only one, syncs and empties the log.
    """
    original = opening._migrate

    def migrate(connection: sqlite3.Connection, path: Path, migrations: object) -> None:
        done = connection.execute("PRAGMA user_version").fetchone()[0]
        if done < len(MIGRATIONS):
            original(connection, path, MIGRATIONS)

    _put(opening, "_migrate", migrate)
    _put(opening, "_refuse_foreign", lambda *_: None)


PLANTS: Final[Mapping[str, Callable[[], None]]] = MappingProxyType(
    {
        "never syncs": _never_syncs,
        "answers before it commits": _answers_before_it_commits,
        "stores outcomes apart": _stores_outcomes_apart,
        "calls a failed sync done": _calls_a_failed_sync_done,
        "denies what is in doubt": _denies_what_is_in_doubt,
        "forgets what is in doubt": _forgets_what_is_in_doubt,
        "leaves the doubt in the log": _leaves_the_doubt_in_the_log,
        "counts on after a failure": _counts_on_after_a_failure,
        "opens without a commit": _opens_without_a_commit,
    }
)
"""By name; each changes the classes of the process that it is called in."""
