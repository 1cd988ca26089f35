"""HealthPay's event store on SQLite."""
