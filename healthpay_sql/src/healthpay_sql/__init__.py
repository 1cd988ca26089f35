"""HealthPay's event store on SQLite."""

from healthpay_sql.opening import StoreFileError, Synchronous
from healthpay_sql.store import SqliteEventStore

__all__ = ["SqliteEventStore", "StoreFileError", "Synchronous"]
