"""The read side in PostgreSQL: balances, an append-only history, daily totals."""
