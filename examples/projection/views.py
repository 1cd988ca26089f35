"""The live view and the one that is built beside it; readers see one name."""

from __future__ import annotations

from typing import Final, LiteralString

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from examples.projection import statements
from examples.projection.postgres import PostgresView

_BUILT: Final = "_next"
_OLD: Final = "_old"


class PostgresViews:
    """A `RebuildableView`: a schema for readers, and two that come and go.

    Args:
        connection: In autocommit mode.
        name: The schema that readers use, such as ``healthpay``.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    @property
    def live(self) -> PostgresView:
        """What readers see; made, empty, when it is not there."""
        self._require_live()
        return PostgresView(self._connection, self._name)

    def beside(self) -> PostgresView:
        self._require_live()
        for suffix in (_BUILT, _OLD):
            self._drop(suffix)
        view = PostgresView(self._connection, self._name + _BUILT)
        view.create()
        return view

    def switch_over(self) -> bool:
        with self._connection.transaction():
            # The projection's transaction under way ends first; the next one
            # waits, finds another token, and takes up the new view's offsets.
            self._run("LOCK TABLE {live}.projection IN ACCESS EXCLUSIVE MODE")
            behind = self._connection.execute(self._sql(statements.BEHIND)).fetchone()
            if behind is None or behind[0]:
                return False
            self._run("ALTER SCHEMA {live} RENAME TO {old}")
            self._run("ALTER SCHEMA {built} RENAME TO {live}")
        # Apart from the renaming, for it waits for the old tables' last readers.
        self._drop(_OLD)
        return True

    def _require_live(self) -> None:
        found = self._connection.execute(
            "SELECT 1 FROM pg_namespace WHERE nspname = %s", [self._name]
        ).fetchone()
        if found is None:
            PostgresView(self._connection, self._name).create()

    def _drop(self, suffix: str) -> None:
        name = Identifier(self._name + suffix)
        self._connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))

    def _run(self, text: LiteralString) -> None:
        self._connection.execute(self._sql(text))

    def _sql(self, text: LiteralString) -> Composed:
        names = {"live": "", "built": _BUILT, "old": _OLD}
        return SQL(text).format(
            **{key: Identifier(self._name + end) for key, end in names.items()}
        )
