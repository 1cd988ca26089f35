"""What HealthPay's domain looks like in bytes."""
