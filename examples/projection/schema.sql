-- One view, in a schema of its own: {schema} is put in by the program.

-- How far the view is. Every writing transaction changes `mark` first: that keeps
-- others out until it ends, and tells the next one whether somebody was there.
CREATE TABLE {schema}.projection (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    mark bigint NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE {schema}.offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (topic, partition)
);

-- Records that could not be applied, with the reason; applied later, they go.
CREATE TABLE {schema}.parked (
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    key bytea,
    value bytea,
    headers jsonb NOT NULL,
    stream text,
    version bigint,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, record_offset)
);

-- Each wallet as it is now. Amounts are minor units of the currency.
CREATE TABLE {schema}.balances (
    wallet_id text PRIMARY KEY,
    version bigint NOT NULL CHECK (version >= 1),
    owner_id text NOT NULL,
    wallet_type text NOT NULL,
    currency text NOT NULL,
    kyc_level text NOT NULL,
    status text NOT NULL,
    balance_minor bigint NOT NULL,
    held_minor bigint NOT NULL,
    available_minor bigint NOT NULL
        GENERATED ALWAYS AS (balance_minor - held_minor) STORED,
    changed_at timestamptz NOT NULL
);
CREATE INDEX ON {schema}.balances (owner_id);

-- Everything that ever moved or held money: rows are added, never changed.
CREATE TABLE {schema}.history (
    wallet_id text NOT NULL,
    version bigint NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    held_minor bigint NOT NULL,
    reason text NOT NULL,
    counter_account text,
    reference text,
    PRIMARY KEY (wallet_id, version)
);
CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history is append-only';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.history
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse();

-- What each UTC day brought, by currency.
CREATE TABLE {schema}.daily_totals (
    day date NOT NULL,
    currency text NOT NULL,
    credited_minor numeric NOT NULL,
    debited_minor numeric NOT NULL,
    movements bigint NOT NULL,
    PRIMARY KEY (day, currency)
);
