"""A connection that fails at the moment that counts."""

from __future__ import annotations

import sqlite3


class FailingCommit:
    """A connection whose next COMMIT answers with an error.

    Args:
        real: Does all else.
        code: SQLite's code of the error.
        stores: Whether the transaction is stored all the same.
    """

    def __init__(
        self, real: sqlite3.Connection, code: int, *, stores: bool = False
    ) -> None:
        self._real = real
        self._code = code
        self._stores = stores

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if statement == "COMMIT":
            self._real.execute("COMMIT" if self._stores else "ROLLBACK")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self._code
            raise error
        return self._real.execute(statement, *values)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)
