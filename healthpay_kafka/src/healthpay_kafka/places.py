"""Where in the journal each decided command is: a table on disk, by its id.

It is a copy of what the journal says and may be lost. It is there because ids are
remembered for a month, and a month of them has no place in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

_DAY_US: Final = 86_400_000_000
_CACHE_KIB: Final = 8_192
_SCHEMA: Final = """
CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE ids_0 (id BLOB PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE ids_1 (id BLOB PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
"""


class Places:
    """The places of one partition's decided commands; of one thread at a time.

    Two tables take turns: one for the days of now, one for those before. An id is
    remembered for `days` at least, and for twice as long at most.

    Args:
        file: Where it is; a temporary file of its own when left out.
        days: For how many days of log time an id is remembered, at least 1.

    Raises:
        ValueError: `days` is below 1.
        sqlite3.Error: The file cannot be used.
    """

    def __init__(self, file: Path | None = None, *, days: int = 31) -> None:
        if days < 1:
            raise ValueError("days must be at least 1")
        self._span_us = days * _DAY_US
        self._database = sqlite3.connect(
            file or "", isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(is_kept=file is not None)
        except BaseException:
            self._database.close()
            raise

    @classmethod
    def of_journal(cls, file: Path, journal: str, end: int, *, days: int = 31) -> Self:
        """The table in a file, if it is of this journal; else an empty one there.

        Args:
            file: Where it is kept; its folder must be there.
            journal: The topic's own id, which no other topic of its name has.
            end: Where that journal ends now.
            days: As of the class.

        Raises:
            sqlite3.Error: No file can be made there.
        """
        with suppress(sqlite3.DatabaseError):
            found = cls(file, days=days)
            if found._is_of(journal, end):
                return found
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
            file.with_name(name).unlink(missing_ok=True)
        made = cls(file, days=days)
        made._say(journal=journal)
        return made

    @property
    def end(self) -> int:
        """All that the journal has decided before this offset is in the table."""
        found = self._about("end")
        return found if isinstance(found, int) else 0

    def find(self, ids: Collection[bytes]) -> dict[bytes, int]:
        """The places of those that are known, all of them in one question.

        A statement gives up the interpreter's lock, and has to win it back.
        """
        marks = ",".join("?" * len(ids))
        sql = " UNION ALL ".join(
            f"SELECT id, place FROM ids_{turn} WHERE id IN ({marks})"  # noqa: S608
            for turn in (0, 1)
        )
        return dict(self._database.execute(sql, (*ids, *ids)))

    def add(self, places: Mapping[bytes, int], recorded_at: int, end: int) -> None:
        """Remember places, whole or not at all.

        Args:
            places: By id.
            recorded_at: The log's time of the last of them, microseconds.
            end: All before it is in the table then.
        """
        with self._database as database:
            database.execute("BEGIN")
            if places:
                table = self._table_of(recorded_at // self._span_us)
                sql = f"INSERT OR REPLACE INTO {table} VALUES (?, ?)"  # noqa: S608
                database.executemany(sql, places.items())
            self._say(end=end)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __len__(self) -> int:
        sql = "SELECT (SELECT count(*) FROM ids_0) + (SELECT count(*) FROM ids_1)"
        ((count,),) = self._database.execute(sql)
        return int(count)

    def _prepare(self, *, is_kept: bool) -> None:
        # What a power cut takes away is read again; what is there must be whole.
        mode, sync = ("WAL", "NORMAL") if is_kept else ("OFF", "OFF")
        self._database.execute(f"PRAGMA journal_mode={mode}")
        self._database.execute(f"PRAGMA synchronous={sync}")
        self._database.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        known = self._database.execute("SELECT name FROM sqlite_schema").fetchall()
        if not known:
            self._database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")

    def _table_of(self, span: int) -> str:
        """The table of a span of days, empty if another span's ids were in it."""
        table, name = f"ids_{span % 2}", f"span {span % 2}"
        known = self._about(name)
        if not isinstance(known, int) or known < span:
            # Those are older than anybody need remember.
            self._database.execute(f"DELETE FROM {table}")  # noqa: S608
            self._say(**{name: span})
        return table

    def _is_of(self, journal: str, end: int) -> bool:
        """Whether it is a part of that journal; closed, if not."""
        try:
            is_so = self._about("journal") == journal and self.end <= end
        except sqlite3.DatabaseError:
            is_so = False
        if not is_so:
            self.close()
        return is_so

    def _about(self, name: str) -> object:
        sql = "SELECT value FROM about WHERE name = ?"
        row = self._database.execute(sql, (name,)).fetchone()
        return None if row is None else row[0]

    def _say(self, **facts: str | int) -> None:
        sql = "INSERT OR REPLACE INTO about VALUES (?, ?)"
        self._database.executemany(sql, facts.items())
