-- The tables of schema.sql, as far as SQLite has what they need.
CREATE TABLE IF NOT EXISTS projection (
    is_only INTEGER PRIMARY KEY CHECK (is_only = 1),
    mark INTEGER NOT NULL
) STRICT;
INSERT INTO projection VALUES (1, 0) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS offsets (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (topic, partition)
) STRICT;

CREATE TABLE IF NOT EXISTS parked (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    record_offset INTEGER NOT NULL,
    key BLOB,
    value BLOB,
    headers TEXT NOT NULL,
    stream TEXT,
    version INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (topic, partition, record_offset)
) STRICT;

CREATE TABLE IF NOT EXISTS balances (
    wallet_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 1),
    owner_id TEXT NOT NULL,
    wallet_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    kyc_level TEXT NOT NULL,
    status TEXT NOT NULL,
    balance_minor INTEGER NOT NULL,
    held_minor INTEGER NOT NULL,
    changed_at TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS history (
    wallet_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    balance_minor INTEGER NOT NULL,
    held_minor INTEGER NOT NULL,
    reason TEXT NOT NULL,
    counter_account TEXT,
    reference TEXT,
    PRIMARY KEY (wallet_id, version)
) STRICT;
CREATE TRIGGER IF NOT EXISTS history_keeps_rows BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
CREATE TRIGGER IF NOT EXISTS history_keeps_values BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;

CREATE TABLE IF NOT EXISTS daily_totals (
    day TEXT NOT NULL,
    currency TEXT NOT NULL,
    credited_minor INTEGER NOT NULL,
    debited_minor INTEGER NOT NULL,
    movements INTEGER NOT NULL,
    PRIMARY KEY (day, currency)
) STRICT;
