"""The payment: money from a payer to a merchant, held, captured, refunded."""
