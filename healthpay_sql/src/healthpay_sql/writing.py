"""The one connection that writes: whether it can be trusted, and why it cannot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from healthpay_core import AppendUnavailable, AppendUnknown
from healthpay_sql.opening import BUSY_TIMEOUT_S, primary_code, reason_of

_CERTAINLY_NOT_STORED: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Errors of COMMIT after which the transaction has left nothing in the file.

Not those of memory: SQLite may run out of it when all is written.
"""

_EPOCHS: Final = 2**32
_IMPATIENT_S: Final = 0.05
"""How long to wait for a lock that was waited for in vain the last time."""


class WritingConnection:
    """Transactions of one writer; the caller holds the store's lock.

    Attributes:
        connection: For the statements of a transaction.

    Args:
        connection: For writing only.
        reopen: Makes a new connection after an error that may have broken this.
    """

    def __init__(
        self, connection: sqlite3.Connection, reopen: Callable[[], sqlite3.Connection]
    ) -> None:
        self.connection: sqlite3.Connection = connection
        self._reopen = reopen
        self._renewals = 0
        self._is_trusted = True
        self._is_patient = True
        self._fault: str | None = None

    def epoch(self) -> int:
        """A number that changes when another process writes.

        SQLite counts for each connection by itself, from the same start.
        """
        row = self.connection.execute("PRAGMA data_version").fetchone()
        return self._renewals * _EPOCHS + int(row[0])

    def begin(self) -> None:
        """Begin to write, on a connection that can be trusted.

        Raises:
            sqlite3.Error: It is not possible; nothing has begun.
        """
        if not self._is_trusted:
            self._renew()
        self.connection.execute("BEGIN IMMEDIATE")
        self._be_patient(True)

    def commit(self) -> AppendUnavailable | AppendUnknown | None:
        """Put what was written on the disk; None when it is there."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._is_trusted = False
            self.roll_back()
            with suppress(sqlite3.Error):
                self._renew()
            if primary_code(error) in _CERTAINLY_NOT_STORED:
                return self.unavailable(error)
            return AppendUnknown(reason=self._remembered(error))
        self._fault = None
        return None

    def roll_back(self) -> None:
        """Undo what has begun, if anything has."""
        with suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def unavailable(self, error: sqlite3.Error) -> AppendUnavailable:
        """The answer after an error before COMMIT, which has stored nothing."""
        if primary_code(error) == sqlite3.SQLITE_BUSY:
            self._be_patient(False)
        return AppendUnavailable(reason=self._remembered(error))

    def fault(self) -> str | None:
        """Why the last append failed, if the next one will too; else None.

        Tries it with a commit that changes nothing, and waits for no lock.
        """
        if self._fault is None:
            return None
        try:
            self._be_patient(False)
            if self._is_trusted:
                self._write_nothing()
            else:
                self._renew()
        except sqlite3.Error as error:
            return self._remembered(error)
        self._fault = None
        return None

    def _renew(self) -> None:
        """A connection whose COMMIT failed is not used again.

        That commit may lie in the log whole, though nobody sees it: the next
        process to recover the log would. The first commit of the new connection
        is written over it, so that it is settled before anything else is said.
        """
        old, self.connection = self.connection, self._reopen()
        old.close()
        self._renewals += 1
        self._set_timeout()
        self._write_nothing()
        self._is_trusted = True

    def _write_nothing(self) -> None:
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            # To set it to what it is writes a page, which nothing else here would.
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            self._is_trusted = False
            self.roll_back()
            raise

    def _remembered(self, error: sqlite3.Error) -> str:
        self._fault = reason_of(error)
        return self._fault

    def _be_patient(self, patient: bool) -> None:
        """Who waited in vain for a lock waits less until there is one."""
        if patient != self._is_patient:
            self._is_patient = patient
            self._set_timeout()

    def _set_timeout(self) -> None:
        wait_s = BUSY_TIMEOUT_S if self._is_patient else _IMPATIENT_S
        self.connection.execute(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
