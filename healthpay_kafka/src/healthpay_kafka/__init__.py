"""HealthPay's distributed engine on Apache Kafka; an empty room so far."""
