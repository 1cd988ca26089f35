"""The SQL of the view; one statement a table and batch."""

from __future__ import annotations

from importlib.resources import files
from typing import Final


def create() -> str:
    """Makes the tables."""
    return (files(__package__) / "schema.sql").read_text(encoding="utf-8")


FIRST_MARK: Final = "INSERT INTO {schema}.projection (mark) VALUES (%s)"
MARK: Final = "SELECT mark FROM {schema}.projection"
TAKE: Final = "UPDATE {schema}.projection SET mark = %s WHERE mark = %s"
OFFSETS: Final = "SELECT topic, partition, next_offset FROM {schema}.offsets"
ADVANCE: Final = """
INSERT INTO {schema}.offsets (topic, partition, next_offset)
SELECT * FROM unnest(%s::text[], %s::int[], %s::bigint[])
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""
VERSIONS: Final = """
SELECT wallet_id, version FROM {schema}.balances WHERE wallet_id = ANY(%s)
"""
BALANCES: Final = """
SELECT wallet_id, version, owner_id, wallet_type, currency, kyc_level, status,
    balance_minor, held_minor, changed_at::text AS changed_at
FROM {schema}.balances WHERE wallet_id = ANY(%s)
"""
PUT_BALANCES: Final = """
INSERT INTO {schema}.balances AS b (wallet_id, version, owner_id, wallet_type,
    currency, kyc_level, status, balance_minor, held_minor, changed_at)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (wallet_id) DO UPDATE SET version = excluded.version,
    kyc_level = excluded.kyc_level, status = excluded.status,
    balance_minor = excluded.balance_minor, held_minor = excluded.held_minor,
    changed_at = excluded.changed_at
"""
ADD_HISTORY: Final = """
INSERT INTO {schema}.history (wallet_id, version, event_id, event_type, occurred_at,
    currency, amount_minor, balance_minor, held_minor, reason, counter_account,
    reference)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::uuid[], %s::text[],
    %s::timestamptz[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::text[], %s::text[], %s::text[])
"""
ADD_TOTALS: Final = """
INSERT INTO {schema}.daily_totals AS t
    (day, currency, credited_minor, debited_minor, movements)
SELECT * FROM unnest(%s::date[], %s::text[], %s::numeric[], %s::numeric[], %s::bigint[])
ON CONFLICT (day, currency) DO UPDATE SET
    credited_minor = t.credited_minor + excluded.credited_minor,
    debited_minor = t.debited_minor + excluded.debited_minor,
    movements = t.movements + excluded.movements
"""
PARKED: Final = """
SELECT topic, partition, record_offset, key, value, headers, reason, stream, version
FROM {schema}.parked ORDER BY topic, partition, record_offset
"""
PARK: Final = """
INSERT INTO {schema}.parked
    (topic, partition, record_offset, key, value, headers, reason, stream, version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
UNPARK: Final = """
DELETE FROM {schema}.parked
WHERE topic = %s AND partition = %s AND record_offset = %s
"""
BEHIND: Final = """
SELECT count(*) FROM {live}.offsets AS live
LEFT JOIN {built}.offsets AS built USING (topic, partition)
WHERE coalesce(built.next_offset, 0) < live.next_offset
"""
