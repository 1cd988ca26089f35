"""Programs that use HealthPay: each wires the distributions together its own way."""
