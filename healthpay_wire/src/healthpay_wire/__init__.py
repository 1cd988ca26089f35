"""What HealthPay's domain looks like in bytes: codec, upcasters, hash chain, schemas."""
